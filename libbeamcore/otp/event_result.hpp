// What an event handler's functions may say besides an answer: to go, to be replaced, to hibernate.
//
// OTP's tuples are these values: `remove_handler` is `remove_handler{}`, `{swap_handler, Args1, S, H2, Args2}`
// is `gen_event::swap_to<H2>(args1, args2...)`, `{ok, S, hibernate}` is `then::hibernate()`. The state is the
// object itself. One of them that is thrown counts as returned, as in Erlang.
#pragma once

#include <optional>
#include <type_traits>
#include <utility>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/otp/callback_result.hpp"
#include "libbeamcore/otp/detail/event_object.hpp"
#include "libbeamcore/term/term.hpp"

namespace beam {

/// The handler is to go: terminate(remove_handler) is called.
struct BEAM_EXPORT remove_handler {};

/// Another handler is to take this one's place; made by gen_event::swap_to.
class BEAM_EXPORT handler_swap {
public:
    handler_swap(term arguments, detail::event_key to, detail::event_maker make)
        : arguments_(std::move(arguments)), to_(std::move(to)), make_(std::move(make)) {}

    [[nodiscard]] const term& arguments() const { return arguments_; }
    [[nodiscard]] const detail::event_key& to() const { return to_; }
    [[nodiscard]] detail::event_maker& make() { return make_; }

private:
    term arguments_;
    detail::event_key to_;
    detail::event_maker make_;
};

/// What handle_event and handle_info may return instead of void.
class BEAM_EXPORT event_result {
public:
    event_result() = default;
    /// then::hibernate(); any other `then` says nothing to a manager.
    event_result(const then& next)  // NOLINT: implicit
        : hibernates_(next.what() == then::kind::hibernate) {}
    event_result(beam::remove_handler) : removes_(true) {}         // NOLINT: implicit
    event_result(handler_swap other) : swap_(std::move(other)) {}  // NOLINT: implicit

    [[nodiscard]] bool hibernates() const { return hibernates_; }
    [[nodiscard]] bool removes() const { return removes_; }
    [[nodiscard]] std::optional<handler_swap>& swap() { return swap_; }

private:
    bool hibernates_ = false;
    bool removes_ = false;
    std::optional<handler_swap> swap_;
};

/// What a handler's handle_call may return instead of the answer. Reply is the request's `reply`.
template <class Reply>
class event_call_result {
public:
    using value_type = std::conditional_t<std::is_void_v<Reply>, detail::unit, Reply>;

    template <class V>
    requires(std::is_convertible_v<V&&, value_type> &&
             !std::is_same_v<std::remove_cvref_t<V>, event_call_result>)
        event_call_result(V&& value, event_result next = {})  // NOLINT: implicit
        : value_(std::forward<V>(value)), next_(std::move(next)) {}
    /// The answer of a request whose reply is void.
    event_call_result(event_result next = {})  // NOLINT: implicit
        requires(std::is_void_v<Reply>)
        : value_(), next_(std::move(next)) {}

    [[nodiscard]] value_type& value() { return value_; }
    [[nodiscard]] event_result& next() { return next_; }

private:
    value_type value_;
    event_result next_;
};

/// The last argument of the constructor (or init) of a handler that takes another one's place: what the
/// other's terminate gave; `error` if there was no such handler, `{'EXIT', Reason}` if it threw.
struct swapped {
    term from_old;
};

}  // namespace beam
