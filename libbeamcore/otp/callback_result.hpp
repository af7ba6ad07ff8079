// What a behaviour's callback may say besides an answer: what to do next, or to stop.
//
// OTP's tuples are these values: `{reply, R, S, 5000}` is `{r, then::timeout(5s)}`, `{noreply, S}` is
// `noreply{}`, `{stop, Reason, Reply, S}` is `{stop{reason}, reply}`. The state is the object itself. A
// valid one that is thrown counts as returned, as in Erlang; another value thrown is a bad return value.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/otp/start_result.hpp"
#include "libbeamcore/runtime/call.hpp"
#include "libbeamcore/runtime/message.hpp"
#include "libbeamcore/runtime/timeout.hpp"
#include "libbeamcore/term/term.hpp"

namespace beam {

/// Stop the process with this reason; terminate is called first.
struct BEAM_EXPORT stop_with {
    term reason = atoms::normal;
};

/// No answer now; the caller goes on waiting until somebody calls reply().
struct BEAM_EXPORT noreply {};

/// What a process does after a callback. The default: take the next message.
class BEAM_EXPORT then {
public:
    enum class kind : std::uint8_t { receive, timeout, hibernate, go_on };

    then() = default;

    /// handle_info(timed_out) if no message arrives within `limit`. Any message cancels it.
    static then timeout(beam::timeout limit) {
        then t;
        if (limit.is_infinite()) return t;
        t.kind_ = kind::timeout;
        t.ns_ = limit.duration().count();
        return t;
    }
    /// The process is to hold as little as it can until its next message: its hibernate() is called, if
    /// it has one.
    static then hibernate() {
        then t;
        t.kind_ = kind::hibernate;
        return t;
    }
    /// handle_continue(what) before anything in the mailbox.
    template <sendable T>
    static then continue_with(T what) {
        then t;
        t.kind_ = kind::go_on;
        t.content_ = message::make(std::move(what));
        return t;
    }

    [[nodiscard]] kind what() const { return kind_; }
    [[nodiscard]] std::int64_t limit_ns() const { return ns_; }
    [[nodiscard]] message take_content() { return std::move(content_); }

private:
    kind kind_ = kind::receive;
    std::int64_t ns_ = 0;
    message content_;
};

/// What comes to handle_info when then::timeout() has passed.
struct timed_out {
    BEAM_FIELDS(timed_out)
};

/// What handle_cast, handle_info and handle_continue may return instead of void.
class BEAM_EXPORT cast_result {
public:
    cast_result() = default;
    cast_result(noreply, then next = {}) : next_(std::move(next)) {}         // NOLINT: implicit
    cast_result(then next) : next_(std::move(next)) {}                       // NOLINT: implicit
    cast_result(stop_with s) : stop_(true), reason_(std::move(s.reason)) {}  // NOLINT: implicit

    [[nodiscard]] bool stops() const { return stop_; }
    [[nodiscard]] term& reason() { return reason_; }
    [[nodiscard]] then& next() { return next_; }

private:
    then next_;
    bool stop_ = false;
    term reason_;
};

/// What handle_call may return instead of the answer. Reply is the request's `reply`.
template <class Reply>
class call_result {
public:
    using value_type = std::conditional_t<std::is_void_v<Reply>, detail::unit, Reply>;

    /// `{reply, Value, S}` and with what comes after.
    template <class V>
    requires(std::is_convertible_v<V&&, value_type> &&
             !std::is_same_v<std::remove_cvref_t<V>, call_result>)
        call_result(V&& value, then next = {})  // NOLINT: implicit
        : value_(std::forward<V>(value)), next_(std::move(next)) {}
    /// The answer of a request whose reply is void.
    call_result(then next = {})  // NOLINT: implicit
        requires(std::is_void_v<Reply>)
        : value_(std::in_place), next_(std::move(next)) {}
    /// `{noreply, S}`
    call_result(noreply, then next = {}) : next_(std::move(next)) {}  // NOLINT: implicit
    /// `{stop, Reason, S}`: the caller exits with Reason.
    call_result(stop_with s) : stop_(true), reason_(std::move(s.reason)) {}  // NOLINT: implicit
    /// `{stop, Reason, Reply, S}`: terminate runs, then the answer is sent.
    call_result(stop_with s, value_type value)
        : value_(std::move(value)), stop_(true), reason_(std::move(s.reason)) {}

    [[nodiscard]] bool stops() const { return stop_; }
    [[nodiscard]] term& reason() { return reason_; }
    [[nodiscard]] std::optional<value_type>& value() { return value_; }
    [[nodiscard]] then& next() { return next_; }

private:
    std::optional<value_type> value_;
    then next_;
    bool stop_ = false;
    term reason_;
};

/// What a class's static `init(args...)` gives: the new object (and what comes first), ignore or stop.
template <class T>
class init_result {
public:
    init_result(T state, then next = {})  // NOLINT: implicit
        : state_(std::move(state)), next_(std::move(next)) {}
    init_result(beam::ignore) : reason_(atoms::normal) {}                      // NOLINT: implicit
    init_result(stop_with s) : failed_(true), reason_(std::move(s.reason)) {}  // NOLINT: implicit

    [[nodiscard]] bool is_failure() const { return failed_; }
    [[nodiscard]] std::optional<T>& state() { return state_; }
    [[nodiscard]] term& reason() { return reason_; }
    [[nodiscard]] then& next() { return next_; }

private:
    std::optional<T> state_;
    then next_;
    bool failed_ = false;
    term reason_;
};

}  // namespace beam
