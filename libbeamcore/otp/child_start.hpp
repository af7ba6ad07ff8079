// child_start: how a supervisor starts a child, each time again.
//
// `child<counter>(args...)` makes one. For a class of an application module that declares its arguments
// (`using arguments = std::tuple<int, std::string>;`) it keeps names and terms only: each start looks the
// class up in the node's module table and so makes the current version of it, and no old code is held.
// Otherwise it keeps the arguments and the code that was given.
#pragma once

#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/otp/fwd.hpp"
#include "libbeamcore/otp/start_result.hpp"
#include "libbeamcore/runtime/callback.hpp"
#include "libbeamcore/runtime/detail/module_ref.hpp"
#include "libbeamcore/runtime/process.hpp"
#include "libbeamcore/term/descriptor.hpp"
#include "libbeamcore/term/fields.hpp"

namespace beam {

namespace detail {

struct child_start_data;

/// The behaviour that T belongs to. Each behaviour specialises it, with a static member template
/// `start_link(Args...)` that gives start_result, or awaitable<start_result> when T's init must wait.
template <class T>
struct behaviour;

template <class R>
inline constexpr bool is_waiting_start = std::is_same_v<R, awaitable<start_result>>;

/// A class's name without its namespaces: what appups and module tables call it.
BEAM_EXPORT atom class_atom(const char* qualified_name);

template <class T>
atom class_name() {
    static const atom name = class_atom(type_name<T>.text);
    return name;
}

template <class Tuple>
struct all_encodable;
template <class... Ts>
struct all_encodable<std::tuple<Ts...>>
    : std::bool_constant<((encodable<Ts> && std::default_initializable<Ts>)&&...)> {};

/// T says which arguments its start takes, and they can be kept as terms.
template <class T>
concept named_arguments = requires {
    typename T::arguments;
}
&&all_encodable<typename T::arguments>::value;

template <class... Ts>
term arguments_term(const std::tuple<Ts...>& args) {
    return std::apply(
        [](const auto&... a) { return list_of(std::vector<term>{field_codec<Ts>::to(a)...}); },
        args);
}

}  // namespace detail

/// A start that can be repeated. A value: copies share one immutable description, so copying counts up.
class BEAM_EXPORT child_start {
public:
    child_start() noexcept = default;

    /// From a function object of no arguments that starts a process linked to its caller and gives
    /// start_result or awaitable<start_result>.
    template <class F>
    requires(!std::is_same_v<std::remove_cvref_t<F>, child_start> &&
             std::is_invocable_v<std::remove_cvref_t<F>&>)
        child_start(F&& f)  // NOLINT: implicit, as callback
        : child_start(make(std::forward<F>(f))) {}

    /// A class of the module table, with its arguments as a list.
    static child_start of_class(atom application, atom name, term arguments);
    /// From a function that makes a start of a list of arguments: what is started may be given more
    /// arguments than these (with_arguments). See child_of_terms.
    static child_start of_arguments(callback<child_start(const term&)> make, atom name,
                                    term arguments);

    /// The same start with these arguments (a list) in place of its own. One that does not keep its arguments
    /// as terms takes none: starting it fails with `{'EXIT', {undef, _}}`.
    [[nodiscard]] child_start with_other_arguments(term arguments) const;
    /// The same start with more arguments, in front of its own and behind them (lists). Otherwise as
    /// with_other_arguments, if there are any.
    [[nodiscard]] child_start with_arguments(const term& before, const term& behind) const;

    child_start(const child_start& other) noexcept;
    child_start(child_start&& other) noexcept : data_(std::exchange(other.data_, nullptr)) {}
    child_start& operator=(child_start other) noexcept {
        std::swap(data_, other.data_);
        return *this;
    }
    ~child_start();

    explicit operator bool() const noexcept { return data_ != nullptr; }

    /// True if a start must be awaited: use start_waiting(). For a class of the module table the answer
    /// is that of the current version.
    [[nodiscard]] bool waits() const;
    /// Starts the child, linked to the calling process. What the start throws is the error
    /// `{'EXIT', Reason}`, as from a supervisor's `catch apply(...)`. Only if !waits().
    [[nodiscard]] start_result start() const;
    /// The same, whichever kind of start it is.
    [[nodiscard]] awaitable<start_result> start_waiting() const;

    /// `{Class, start_link, Arguments}`, for reports and child specifications. Arguments that have no
    /// terms are `undefined`.
    [[nodiscard]] term mfa() const;
    /// Those arguments.
    [[nodiscard]] term arguments() const;
    /// The class's name; `undefined` for a plain function.
    [[nodiscard]] atom class_name() const;

    /// Names what a plain function starts. For making; the description is shared afterwards.
    [[nodiscard]] child_start described(atom name, term arguments) &&;

private:
    explicit child_start(detail::child_start_data* data) noexcept : data_(data) {}

    static child_start from_callback(callback<start_result()> start);
    static child_start from_callback(callback<awaitable<start_result>()> start);
    template <class F>
    static child_start make(F&& f) {
        using result = std::invoke_result_t<std::remove_cvref_t<F>&>;
        static_assert(
            std::is_convertible_v<result, start_result> || detail::is_waiting_start<result>,
            "a child's start gives start_result or awaitable<start_result>");
        if constexpr (detail::is_waiting_start<result>)
            return from_callback(callback<awaitable<start_result>()>(std::forward<F>(f)));
        else
            return from_callback(callback<start_result()>(std::forward<F>(f)));
    }

    detail::child_start_data* data_ = nullptr;
};

/// How to start a T with these arguments. Arguments are copied at each start.
template <class T, class... Args>
[[nodiscard]] child_start child(Args... args) {
    if constexpr (detail::named_arguments<T>) {
        using arguments = typename T::arguments;
        static_assert(std::is_constructible_v<arguments, Args&&...>,
                      "these are not the arguments that the class declares");
        if (detail::module_record* module = detail::this_module()) {
            arguments kept(std::move(args)...);
            return child_start::of_class(atom(module->name), detail::class_name<T>(),
                                         detail::arguments_term(kept));
        }
    }
    using kept = std::tuple<Args...>;
    term shown = atoms::undefined;
    if constexpr (detail::all_encodable<kept>::value) shown = detail::arguments_term(kept(args...));
    auto start = [kept = std::tuple<Args...>(std::move(args)...)]() {
        return std::apply([](const auto&... a) { return detail::behaviour<T>::start_link(a...); },
                          kept);
    };
    return child_start(std::move(start)).described(detail::class_name<T>(), std::move(shown));
}

}  // namespace beam
