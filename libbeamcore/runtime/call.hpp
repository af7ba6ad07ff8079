// Requests and their answers: what gen_server:call, cast, send_request and gen:reply are made of.
//
// A request is a message and a monitor in one signal, and its answer ends both; a caller has no monitor
// to set up or take down, and an answer finds its waiter without looking through the mailbox. A late
// answer is dropped (it meets no waiting request), as with OTP's alias.
#pragma once

#include <chrono>
#include <coroutine>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/runtime/detail/unit.hpp"
#include "libbeamcore/runtime/process.hpp"
#include "libbeamcore/runtime/send.hpp"
#include "libbeamcore/runtime/server_ref.hpp"
#include "libbeamcore/term/fields.hpp"
#include "libbeamcore/term/outcome.hpp"

namespace beam {

/// Whom to answer: the caller and the request's reference. A value; may be kept and sent on.
struct from {
    pid to;
    ref tag;
    /// Of a caller outside (another node, or one who wrote the request as a term): what its answer must be marked with.
    term caller_tag{};
    BEAM_FIELDS(from, to, tag, caller_tag)
};

namespace detail {

/// One outstanding request, known to its process by address; lies in the future.
class BEAM_EXPORT pending : public waiter {
public:
    /// `what` names the request in failures; null: they are told as the bare reason.
    pending(const server_ref& to, timeout limit, const char* what);
    pending(pending&& other) noexcept;
    pending& operator=(pending&&) = delete;
    ~pending();

    bool await_ready();
    void await_suspend(std::coroutine_handle<> h) noexcept { suspend_in(pb_, this, h); }

    /// Sends `s`, whose payload is the request.
    void start(signal* s);
    /// The answer; or why there is none, as a reason term `{Why, {gen_server, call, [Server, Request,
    /// Timeout]}}`.
    outcome<message> finish();
    /// Whether the answer, or the failure, is here. Never waits.
    bool is_settled();
    /// For an answer that comes from elsewhere than a process: nothing is sent.
    from begin_answer();
    /// Another limit, before the first wait.
    void set_limit(timeout limit) { limit_ = limit; }
    /// After a wait: it ended because the limit had passed.
    [[nodiscard]] bool has_timed_out() const { return timed_out_; }

    // The same without looking for signals.
    [[nodiscard]] bool was_settled() const { return found || settled_; }

    // For signal handling; the answer is in `found`, the request's number in `id`.
    pending* next_ = nullptr;
    term failure_;
    bool settled_ = false;

private:
    static bool check(waiter* w, process_block* pb);
    void unhook() noexcept;
    void start_afar(signal* s);

    process_block* pb_ = nullptr;
    server_ref to_;
    timeout limit_;
    const char* what_;
    timer_slot* timer_ = nullptr;
    std::uint64_t timer_id_ = 0;
    bool timed_out_ = false;
    bool afar_ = false;  // the server is of another node, and monitored there
};

/// Waits until one of the requests is settled or `limit` has passed, and leaves them as they are. Keep
/// them, and where they lie, meanwhile.
class BEAM_EXPORT pending_wait : public waiter {
public:
    pending_wait(pending* request, timeout limit) : pending_wait({&one_, 1}, limit) {
        one_ = request;
    }
    pending_wait(std::span<pending* const> requests, timeout limit);
    pending_wait(const pending_wait&) = delete;
    pending_wait& operator=(const pending_wait&) = delete;
    ~pending_wait();

    bool await_ready();
    void await_suspend(std::coroutine_handle<> h) noexcept { suspend_in(pb_, this, h); }
    /// True: one is settled, so that its finish() has something to give.
    bool await_resume();

private:
    static bool check(waiter* w, process_block* pb);
    [[nodiscard]] bool is_over() const;

    pending* one_ = nullptr;
    std::span<pending* const> requests_;
    process_block* pb_;
    timeout limit_;
    timer_slot* timer_ = nullptr;
    std::uint64_t timer_id_ = 0;
    bool timed_out_ = false;
};

inline constexpr std::size_t request_header = sizeof(request_signal),
                             reply_header = sizeof(reply_signal);
/// A request with room for a value of that type behind it, which is not constructed.
[[nodiscard]] inline signal* allocate_request(const type_descriptor* type, signal_layout layout) {
    return make_carrier<request_signal>(signal_kind::request, type, layout);
}
/// The same for an answer.
[[nodiscard]] inline signal* allocate_reply(const type_descriptor* type, signal_layout layout) {
    return make_carrier<reply_signal>(signal_kind::reply, type, layout);
}
inline signal* allocate_reply(const type_descriptor* type) {
    return allocate_reply(type, layout_of(reply_header, type->size, type->align));
}
/// A request that came as a term, `{'$gen_call', {Caller, Tag}, Request}`, to the calling process: as if `Caller` had
/// made it. The content is moved out of `request`.
[[nodiscard]] BEAM_EXPORT message request_of_term(const pid& caller, term tag, message request);
/// An answer that is not of type `wanted`, as that: a term of another node, read.
[[nodiscard]] BEAM_EXPORT bool read_answer(message& m, const type_descriptor* wanted);
/// Takes a signal of allocate_reply, or an ordinary message that becomes one.
BEAM_EXPORT void reply_with(const from& to, signal* s) noexcept;

template <class Reply>
Reply reply_value(message m) {
    if constexpr (std::is_void_v<Reply>) {
        return;
    } else {
        if (!m.is<Reply>() && !read_answer(m, descriptor_of<Reply>())) {
            raise(tuple(atom("bad_reply"), m.to_term()));
        }
        return m.take<Reply>();
    }
}

}  // namespace detail

/// Whom to answer if `m` is a request; nothing for an ordinary message (a cast, an info).
[[nodiscard]] BEAM_EXPORT std::optional<from> request_from(const message& m);

namespace detail {
/// For behaviours: `m` is being handled by the calling process from now on. If the process dies before
/// the request is answered its caller is told why.
BEAM_EXPORT void begin_request(process_block* pb, const message& m) noexcept;
/// The handler has returned. An unanswered request stays known, so that its caller is told of a later
/// death, until somebody answers it.
BEAM_EXPORT void end_request(process_block* pb) noexcept;
}  // namespace detail

/// The answer to a request that is on its way. `co_await` gives the value, or exits the caller with
/// `{Reason, {gen_server, call, ...}}`; `co_await std::move(f).outcome()` gives the reason as a value.
/// Dropped, the request goes on and its answer is lost. Belongs to the process that made it: move-only,
/// not sendable.
template <class Reply>
class [[nodiscard]] future {
public:
    using value_type = Reply;

    future(const server_ref& to, timeout limit, detail::signal* request, const char* what)
        : pending_(to, limit, what) {
        pending_.start(request);
    }
    future(future&&) noexcept = default;

    bool await_ready() { return pending_.await_ready(); }
    void await_suspend(std::coroutine_handle<> h) noexcept { pending_.await_suspend(h); }
    Reply await_resume() {
        auto answer = pending_.finish();
        if (!answer) exit(std::move(answer.error()));
        return detail::reply_value<Reply>(*std::move(answer));
    }

    struct outcome_awaiter {
        detail::pending* pending;
        bool await_ready() { return pending->await_ready(); }
        void await_suspend(std::coroutine_handle<> h) noexcept { pending->await_suspend(h); }
        beam::outcome<Reply> await_resume() {
            auto answer = pending->finish();
            if (!answer) return fail_term(std::move(answer.error()));
            if constexpr (std::is_void_v<Reply>) {
                return {};
            } else {
                return detail::reply_value<Reply>(*std::move(answer));
            }
        }
    };
    /// The same without exiting: the reason term on failure.
    [[nodiscard]] outcome_awaiter outcome() & { return {&pending_}; }
    [[nodiscard]] outcome_awaiter outcome() && { return {&pending_}; }

    /// Waits until the answer (or the news that there is none) is here, but no longer than `limit`, and
    /// says whether it is; the request goes on (gen_server:wait_response). Then outcome() does not wait.
    [[nodiscard]] detail::pending_wait wait_for(timeout limit) {
        return detail::pending_wait(&pending_, limit);
    }

private:
    detail::pending pending_;
};

/// Sends `request` and gives the future of its answer (gen_server:send_request, or call when awaited at
/// once). `Request::reply` names the answer's type. The limit counts from the first wait. Failures:
/// `noproc`, `timeout`, `calling_self`, `{nodedown, Node}`, `mailbox_full`, or the server's exit
/// reason.
template <sendable Request>
future<typename Request::reply> send_request(const server_ref& to, Request request,
                                             timeout limit = default_call_timeout) {
    constexpr auto layout =
        detail::layout_of(detail::request_header, sizeof(Request), alignof(Request));
    auto* s = detail::allocate_request(descriptor_of<Request>(), layout);
    ::new (s->payload()) Request(std::move(request));
    return future<typename Request::reply>(to, limit, s, descriptor_of<Request>()->name);
}

/// `co_await call<put>(server, key, value)`: builds the request from its fields inside, so that no
/// temporary stands in the co_await expression.
template <sendable Request, class... Fields>
future<typename Request::reply> call(const server_ref& to, Fields... fields) {
    return send_request(to, Request{std::move(fields)...});
}
/// The same with a limit in the second place.
template <sendable Request, class... Fields>
future<typename Request::reply> call(const server_ref& to, timeout limit, Fields... fields) {
    return send_request(to, Request{std::move(fields)...}, limit);
}

/// Sends and forgets (gen_server:cast): an ordinary message, to an unknown or dead server too.
template <sendable Message, class... Fields>
void cast(const server_ref& to, Fields... fields) {
    detail::cast_message(to, message::make(Message{std::move(fields)...}).release());
}

/// Answers a request, from any process (gen_server:reply). The first answer counts.
template <class Reply>
requires(!std::is_void_v<Reply>) void reply(const from& to, Reply value) {
    constexpr auto layout = detail::layout_of(detail::reply_header, sizeof(Reply), alignof(Reply));
    auto* s = detail::allocate_reply(descriptor_of<Reply>(), layout);
    ::new (s->payload()) Reply(std::move(value));
    detail::reply_with(to, s);
}
/// Passes on a message as the answer.
inline void reply(const from& to, message value) {
    detail::reply_with(to, value.release());
}
/// Answers a request whose reply is void.
inline void reply(const from& to) {
    reply(to, detail::unit{});
}

}  // namespace beam
