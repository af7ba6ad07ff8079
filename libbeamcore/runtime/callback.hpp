// callback<R(Args...)>: the one type-erased function object for everything the runtime stores.
//
// What std::move_only_function will be, plus a reference to the module that the stored code came from:
// a timer, a child specification or a dirty job keeps its module mapped. The object is destroyed by the
// module's code, and the module released by libbeamcore's, in that order.
#pragma once

#include <type_traits>
#include <utility>

#include "libbeamcore/runtime/detail/module_ref.hpp"

namespace beam {

template <class Signature>
class callback;

template <class R, class... Args>
class callback<R(Args...)> {
public:
    callback() = default;

    template <class F>
    requires(!std::is_same_v<std::decay_t<F>, callback> &&
             std::is_invocable_r_v<R, std::decay_t<F>&, Args...>)
        callback(F&& f)  // NOLINT: implicit, as std::function
        : object_(new std::decay_t<F>(std::forward<F>(f))),
          invoke_([](void* o, Args... args) -> R {
              return (*static_cast<std::decay_t<F>*>(o))(std::forward<Args>(args)...);
          }),
          destroy_([](void* o) noexcept { delete static_cast<std::decay_t<F>*>(o); }),
          module_(detail::this_module()) {
        detail::retain_module(module_);
    }

    callback(callback&& other) noexcept { swap(other); }
    callback& operator=(callback&& other) noexcept {
        callback(std::move(other)).swap(*this);
        return *this;
    }
    ~callback() {
        if (!object_) return;
        destroy_(object_);
        detail::release_module(module_);
    }

    explicit operator bool() const { return object_ != nullptr; }

    /// Calls the stored function. Calling an empty callback is a bug of the caller.
    R operator()(Args... args) const { return invoke_(object_, std::forward<Args>(args)...); }

    void swap(callback& other) noexcept {
        std::swap(object_, other.object_);
        std::swap(invoke_, other.invoke_);
        std::swap(destroy_, other.destroy_);
        std::swap(module_, other.module_);
    }

private:
    void* object_ = nullptr;
    R (*invoke_)(void*, Args...) = nullptr;
    void (*destroy_)(void*) noexcept = nullptr;
    detail::module_record* module_ = nullptr;
};

}  // namespace beam
