// transition: what a state machine does after an event (what a handler of gen_statem gives).
//
// OTP's tuples are these values: `{next_state, open, Data, [{state_timeout, 10000, close}]}` is
// `next_state(open{}).state_timeout(10s, close{})`, `{keep_state_and_data, [postpone]}` is
// `keep_state().postpone()`, `{stop_and_reply, R, [{reply, From, V}]}` is
// `transition(stop_with{R}).reply(From, V)`. Actions count in the order in which they are added.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/otp/callback_result.hpp"
#include "libbeamcore/otp/detail/any_value.hpp"
#include "libbeamcore/runtime/call.hpp"
#include "libbeamcore/runtime/message.hpp"
#include "libbeamcore/runtime/timeout.hpp"
#include "libbeamcore/term/term.hpp"

namespace beam {

/// Where an event comes from. Each has handlers of its own: see gen_statem.hpp.
enum class event_type : std::uint8_t {
    call,           ///< a request; its caller waits
    cast,           ///< a message of a type in `casts`
    info,           ///< any other message
    internal,       ///< inserted by an action
    event_timeout,  ///< no event came for that long
    state_timeout,  ///< the state has not changed for that long
    timeout,        ///< a time-out with a name
};

/// When a time-out is due: after a time, at a time of monotonic_time() (`{abs, true}`), or never.
class time_limit {
public:
    time_limit(beam::timeout after)  // NOLINT: implicit
        : ns_(after.is_infinite() ? never : after.duration().count()) {}
    template <class Rep, class Period>
    time_limit(std::chrono::duration<Rep, Period> after)
        : time_limit(beam::timeout(after)) {}  // NOLINT
    time_limit(infinity) : ns_(never) {}       // NOLINT: implicit
    [[nodiscard]] static time_limit at(std::chrono::nanoseconds monotonic) {
        time_limit t = monotonic;
        t.absolute_ = true;
        return t;
    }

    [[nodiscard]] bool is_never() const { return ns_ == never; }
    [[nodiscard]] bool is_absolute() const { return absolute_; }
    [[nodiscard]] std::int64_t ns() const { return ns_; }

private:
    static constexpr std::int64_t never = INT64_MAX;
    std::int64_t ns_;
    bool absolute_ = false;
};

/// `{state_timeout, cancel}`: stops one that runs.
struct cancel_running {};
/// `{state_timeout, update, Content}`: another content for one that runs, whose time stays. If none
/// runs it is due now.
struct update_running {};

namespace detail {

/// One action. What its fields mean depends on `what`.
struct transition_action {
    enum class kind : std::uint8_t { reply, next_event, set, cancel, update };
    kind what = kind::reply;
    event_type type = event_type::internal;  // of the event, or which time-out
    time_limit limit = infinity{};
    from to{};  // of a reply; the caller of an inserted call
    term name{};
    message content{};
};

/// The actions that an enter call may have too. Each gives the object it is called on.
template <class Result>
class common_actions {
public:
    /// Answers a request, before anything else is done. The value's type is to be exactly the
    /// request's `reply`.
    template <sendable T>
    Result&& reply(const from& to, T value) {
        return add(
            {transition_action::kind::reply, {}, infinity{}, to, {}, made(std::move(value))});
    }
    Result&& reply(const from& to) { return reply(to, unit{}); }

    /// `(limit, content)`: handle_event_timeout(State, content) if no event comes until then.
    /// `(limit)`: the content is `limit` in milliseconds, a std::int64_t. `(cancel_running{})`;
    /// `(update_running{}, content)`.
    template <class... How>
    Result&& event_timeout(How... how) {
        return timer(event_type::event_timeout, {}, std::move(how)...);
    }
    /// The same for handle_state_timeout(State, content), if the state does not change until then.
    /// Set in a transition it belongs to the new state.
    template <class... How>
    Result&& state_timeout(How... how) {
        return timer(event_type::state_timeout, {}, std::move(how)...);
    }
    /// The same for handle_timeout(State, name, content). It goes on over events and changes of
    /// state. Setting one of the same name replaces it.
    template <class... How>
    Result&& timeout(term name, How... how) {
        return timer(event_type::timeout, std::move(name), std::move(how)...);
    }

    /// The process is to hold as little as it can until the next event: the class's hibernate() is
    /// called.
    Result&& hibernate() {
        hibernates_ = true;
        return me();
    }

    [[nodiscard]] bool hibernates() const { return hibernates_; }
    [[nodiscard]] std::vector<transition_action>& actions() { return actions_; }

protected:
    Result&& add(transition_action a) {
        actions_.push_back(std::move(a));
        return me();
    }
    template <class T>
    static message made(T value) {
        return message::make(std::move(value));
    }

private:
    using kind = transition_action::kind;

    Result&& timer(event_type which, term name, time_limit limit) {
        const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(
            std::chrono::nanoseconds(limit.ns()));
        return timer(which, std::move(name), limit, std::int64_t(ms.count()));
    }
    template <sendable T>
    Result&& timer(event_type which, term name, time_limit limit, T content) {
        return add({kind::set, which, limit, from(), std::move(name), made(std::move(content))});
    }
    Result&& timer(event_type which, term name, cancel_running) {
        return add({kind::cancel, which, infinity{}, {}, std::move(name), {}});
    }
    template <sendable T>
    Result&& timer(event_type which, term name, update_running, T content) {
        return add(
            {kind::update, which, infinity{}, {}, std::move(name), made(std::move(content))});
    }
    Result&& me() { return static_cast<Result&&>(*this); }

    std::vector<transition_action> actions_;
    bool hibernates_ = false;
};

}  // namespace detail

/// What a handler gives: keep the state, go to another, or stop; and actions. Move-only, and no
/// aggregate, so that it may stand in a co_return. Made by next_state(), keep_state() and
/// repeat_state() of gen_statem, or from stop_with.
class BEAM_EXPORT transition : public detail::common_actions<transition> {
public:
    enum class kind : std::uint8_t { keep, next, repeat, stop };

    /// Keeps the state.
    transition() = default;
    /// Stops; replies are sent before terminate is called.
    transition(stop_with s)
        : kind_(kind::stop), reason_(std::move(s.reason)) {}  // NOLINT: implicit
    [[nodiscard]] static transition repeat() {
        transition t;
        t.kind_ = kind::repeat;
        return t;
    }
    template <sendable State>
    [[nodiscard]] static transition to(State state) {
        transition t;
        t.kind_ = kind::next;
        t.state_ = detail::any_value::make(std::move(state));
        return t;
    }

    /// The event is kept, and handled again after the next change of state.
    transition&& postpone() {
        postpones_ = true;
        return std::move(*this);
    }
    /// Inserts an event before all that wait; several in the order in which they are added. Which
    /// handler gets it: that of `type`, an internal event's being handle_internal.
    template <sendable T>
    transition&& next_event(event_type type, T content) {
        return add({detail::transition_action::kind::next_event,
                    type,
                    infinity{},
                    {},
                    {},
                    made(std::move(content))});
    }
    /// Inserts an internal event.
    template <sendable T>
    transition&& next_event(T content) {
        return next_event(event_type::internal, std::move(content));
    }
    /// Inserts a call, to be answered to `caller`.
    template <sendable Request>
    transition&& next_call(const from& caller, Request request) {
        return add({detail::transition_action::kind::next_event,
                    event_type::call,
                    infinity{},
                    caller,
                    {},
                    made(std::move(request))});
    }

    [[nodiscard]] kind what() const { return kind_; }
    [[nodiscard]] bool postpones() const { return postpones_; }
    [[nodiscard]] detail::any_value& state() { return state_; }
    [[nodiscard]] term& reason() { return reason_; }

private:
    kind kind_ = kind::keep;
    bool postpones_ = false;
    detail::any_value state_;
    term reason_;
};

/// What an enter call gives: only what leaves the state as it is.
class BEAM_EXPORT enter_result : public detail::common_actions<enter_result> {
public:
    enter_result() = default;
    enter_result(stop_with s) : stops_(true), reason_(std::move(s.reason)) {}  // NOLINT: implicit

    [[nodiscard]] bool stops() const { return stops_; }
    [[nodiscard]] term& reason() { return reason_; }

private:
    bool stops_ = false;
    term reason_;
};

/// What a class's static `init(args...)` gives: the data, the first state and actions (SM-20);
/// ignore, or stop.
template <class T>
class statem_init {
public:
    statem_init(T data, transition first) : data_(std::move(data)), first_(std::move(first)) {}
    statem_init(beam::ignore) : reason_(atoms::normal) {}                      // NOLINT: implicit
    statem_init(stop_with s) : failed_(true), reason_(std::move(s.reason)) {}  // NOLINT: implicit

    [[nodiscard]] bool is_failure() const { return failed_; }
    [[nodiscard]] std::optional<T>& data() { return data_; }
    [[nodiscard]] transition& first() { return first_; }
    [[nodiscard]] term& reason() { return reason_; }

private:
    std::optional<T> data_;
    transition first_;
    bool failed_ = false;
    term reason_;
};

}  // namespace beam
