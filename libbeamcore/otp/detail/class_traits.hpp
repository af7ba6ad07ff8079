// What the classes of servers and of state machines have in common, taken apart at compile time:
// their lists of messages, their declared fields, what they show of themselves.
#pragma once

#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "libbeamcore/otp/child_start.hpp"
#include "libbeamcore/otp/detail/gen.hpp"
#include "libbeamcore/otp/server_class.hpp"
#include "libbeamcore/runtime/process.hpp"
#include "libbeamcore/term/fields.hpp"

namespace beam::detail {

template <class R>
struct handler_result {
    using type = R;
    static constexpr bool waits = false;
};
template <class R>
struct handler_result<awaitable<R>> {
    using type = R;
    static constexpr bool waits = true;
};

// NAME_in<T>: the list of messages T::NAME, or an empty one.
#define BEAM_DETAIL_MESSAGE_LIST(name)                     \
    template <class T>                                     \
    constexpr auto name##_of() {                           \
        if constexpr (requires { typename T::name; })      \
            return std::type_identity<typename T::name>{}; \
        else                                               \
            return std::type_identity<messages<>>{};       \
    }                                                      \
    template <class T>                                     \
    using name##_in = typename decltype(name##_of<T>())::type;
BEAM_DETAIL_MESSAGE_LIST(calls)
BEAM_DETAIL_MESSAGE_LIST(casts)
BEAM_DETAIL_MESSAGE_LIST(events)
BEAM_DETAIL_MESSAGE_LIST(infos)
BEAM_DETAIL_MESSAGE_LIST(continues)
BEAM_DETAIL_MESSAGE_LIST(internals)
BEAM_DETAIL_MESSAGE_LIST(timeouts)
#undef BEAM_DETAIL_MESSAGE_LIST

/// An object made in raw memory, destroyed again unless it is kept.
template <class T>
class unfinished {
public:
    template <class... Args>
    explicit unfinished(void* raw, Args&&... args)
        : object_(::new (raw) T(std::forward<Args>(args)...)) {}
    unfinished(const unfinished&) = delete;
    unfinished& operator=(const unfinished&) = delete;
    ~unfinished() {
        if (object_) std::destroy_at(object_);
    }
    T* operator->() const { return object_; }
    T& operator*() const { return *object_; }
    void keep() { object_ = nullptr; }

private:
    T* object_;
};

template <class T>
struct class_traits {
    template <class V>
    static term shown(const V& value) {
        if constexpr (encodable<V>)
            return field_codec<V>::to(value);
        else
            return tuple(atom("opaque"), type_name<V>.text);
    }

    static constexpr bool has_hibernate = requires(T & t) { t.hibernate(); };
    static void hibernate(T& t) {
        if constexpr (has_hibernate) t.hibernate();
    }

    static constexpr bool has_format_status = requires(const T& t, atom why) {
        t.format_status(why);
    }
    || requires(const T& t) { t.format_status(); };
    static term status_of(const T& t, [[maybe_unused]] atom why) {
        if constexpr (requires { t.format_status(why); })
            return t.format_status(why);
        else if constexpr (requires { t.format_status(); })
            return t.format_status();
        return {};
    }

    static term fields_of(const T& t) {
        if constexpr (declared<T>) return field_codec<T>::to(t);
        return tuple(atom("opaque"), class_name<T>());
    }
    // Members that are not declared stay as they are; after an error all do.
    static result<void> set_fields(T& live, const term& fields) {
        if constexpr (declared<T>) {
            term before = field_codec<T>::to(live);
            auto r = field_codec<T>::from(fields, live);
            if (!r) (void)field_codec<T>::from(before, live);
            return r;
        }
        return fail("no_fields", type_name<T>.text);
    }
    // Reads the fields into `made` and lets the class see to the rest by `change(made)`, which
    // gives nothing or result<void>.
    static constexpr bool has_fields = declared<T> && std::default_initializable<T>;
    template <class Change>
    static outcome<void> change_fields(T& made, const term& fields, Change change) {
        if constexpr (has_fields) {
            if (auto r = field_codec<T>::from(fields, made); !r)
                return fail_term(error_term(r.error()));
            if constexpr (std::is_void_v<decltype(change(made))>) {
                change(made);
            } else if (auto r = change(made); !r) {
                return fail_term(error_term(r.error()));
            }
        }
        return {};
    }

    static module_record* module() { return this_module(); }
    static constexpr std::uint64_t fingerprint() {
        if constexpr (declared<T>) return beam::fingerprint<T>();
        return 0;
    }
};

}  // namespace beam::detail
