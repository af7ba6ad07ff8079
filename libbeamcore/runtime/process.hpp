// Processes as coroutines: `process`, `awaitable<T>` and `self`.
//
// A process is a coroutine that returns `process` and takes `self` first, and its arguments by value:
//
//     beam::process echo(beam::self self) {
//         for (;;) {
//             ping m = co_await self.receive<ping>();
//             beam::send(m.from, pong{m.n});
//         }
//     }
//
// It suspends only at co_await. An exception that leaves it is its exit reason, and nobody else's
// trouble. Not to be written on g++ 12 (it destroys the temporary twice): co_await with an aggregate or a
// capturing lambda built in the same expression; every function here is shaped so that the obvious call
// is right.
#pragma once

#include <chrono>
#include <coroutine>
#include <exception>
#include <functional>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/runtime/exit.hpp"
#include "libbeamcore/runtime/fwd.hpp"
#include "libbeamcore/runtime/message.hpp"
#include "libbeamcore/runtime/timeout.hpp"
#include "libbeamcore/term/pid.hpp"
#include "libbeamcore/term/ref.hpp"

namespace beam {

namespace detail {

struct timer_slot;

/// What a suspended process waits for. The scheduler asks `ready` after each batch of signals. The commonest
/// ends of waiting it sees by itself: a message of the one type `type`, an answer with the number `id`;
/// what it saw is left in `found`.
struct waiter {
    bool (*ready)(waiter*, process_block*) = nullptr;
    const type_descriptor* type = nullptr;
    std::uint64_t id = 0;
    signal* found = nullptr;
    bool ask_at_once = false;  // ready has something to do before the first signal: a timer to set
};

BEAM_EXPORT process_block* current_or_null() noexcept;
/// The running process; throws std::logic_error naming the fix when called from a plain thread.
BEAM_EXPORT process_block* current();

BEAM_EXPORT void suspend_in(process_block* pb, waiter* w, std::coroutine_handle<> h) noexcept;
BEAM_EXPORT void resume_next(std::coroutine_handle<> h) noexcept;
BEAM_EXPORT void coroutine_failed(process_block* pb) noexcept;
BEAM_EXPORT void coroutine_done(process_block* pb) noexcept;

/// The non-template part of every receive.
class BEAM_EXPORT receive_base : public waiter {
public:
    using match_fn = bool (*)(receive_base*, message&);

    /// `type`: the only type that can match, or null; compared before `match` is asked.
    receive_base(process_block* pb, const type_descriptor* type, match_fn match, timeout limit,
                 bool from_mark)
        : from_mark_(from_mark),
          pb_(pb),
          match_(match),
          limit_ns_(limit.is_infinite() ? -1 : limit.duration().count()) {
        this->ready = &receive_base::check;
        this->type = type;
        this->ask_at_once = limit_ns_ >= 0;
        if (!limit.is_valid()) refuse_limit();
    }
    receive_base(const receive_base&) = delete;
    receive_base& operator=(const receive_base&) = delete;
    ~receive_base() {
        if (found || timer_) abandon();
    }

    bool await_ready();
    void await_suspend(std::coroutine_handle<> h) noexcept { suspend_in(pb_, this, h); }

protected:
    /// The message found, or an empty one after a time-out.
    message finish() {
        if (timer_) stop_timer();
        return message(std::exchange(found, nullptr));
    }

private:
    static bool check(waiter* w, process_block* pb);
    bool scan();
    bool scan_slowly();
    bool look_again(bool time_left);
    void stop_timer();
    void abandon() noexcept;
    [[noreturn]] static void refuse_limit();

    bool from_mark_;  // these two lie in what is left of waiter's last word
    bool timed_out_ = false;
    process_block* pb_;
    match_fn match_;
    signal** cursor_ = nullptr;
    timer_slot* timer_ = nullptr;
    union {
        std::int64_t limit_ns_;   // until the timer is set
        std::uint64_t timer_id_;  // from then on
    };
};
static_assert(sizeof(receive_base) == 80, "most of what an idle process holds");

struct never {};  // no message has this type: a receive of it only times out

template <class... Ts>
bool match_types(receive_base*, message& m) {
    return (m.is<Ts>() || ...);
}
template <class... Ts>
const type_descriptor* only_type() {
    if constexpr (sizeof...(Ts) == 1)
        return descriptor_of<Ts...>();
    else
        return nullptr;
}
inline bool match_any(receive_base*, message&) {
    return true;
}

template <class... Ts>
using one_of = std::conditional_t<sizeof...(Ts) == 1, std::tuple_element_t<0, std::tuple<Ts...>>,
                                  std::variant<Ts...>>;

template <class... Ts>
one_of<Ts...> take_one_of(message m) {
    if constexpr (sizeof...(Ts) == 1) {
        return m.take<Ts...>();
    } else {
        std::optional<std::variant<Ts...>> v;
        (void)((m.is<Ts>() ? (v.emplace(std::in_place_type<Ts>, m.take<Ts>()), true) : false) ||
               ...);
        return *std::move(v);
    }
}

template <class... Ts>
class typed_receive : public receive_base {
public:
    explicit typed_receive(process_block* pb)
        : receive_base(pb, only_type<Ts...>(), &match_types<Ts...>, infinity{}, false) {}
    one_of<Ts...> await_resume() { return take_one_of<Ts...>(finish()); }
};

template <class... Ts>
class timed_receive : public receive_base {
public:
    timed_receive(process_block* pb, timeout limit)
        : receive_base(pb, only_type<Ts...>(), &match_types<Ts...>, limit, false) {}
    std::optional<one_of<Ts...>> await_resume() {
        message m = finish();
        if (!m) return std::nullopt;
        return take_one_of<Ts...>(std::move(m));
    }
};

template <class T, class Predicate>
class filtered_receive : public receive_base {
public:
    filtered_receive(process_block* pb, Predicate p, timeout limit, bool from_mark)
        : receive_base(pb, nullptr, &matches, limit, from_mark), predicate_(std::move(p)) {}
    std::optional<T> await_resume() {
        message m = finish();
        if (!m) return std::nullopt;
        return m.take<T>();
    }

private:
    static bool matches(receive_base* r, message& m) {
        const T* value = m.get_if<T>();
        return value && static_cast<filtered_receive*>(r)->predicate_(*value);
    }
    Predicate predicate_;
};

class any_receive : public receive_base {
public:
    any_receive(process_block* pb, timeout limit)
        : receive_base(pb, nullptr, &match_any, limit, false) {}
    /// Empty only after a time-out.
    message await_resume() { return finish(); }
};

struct BEAM_EXPORT yield_awaiter : waiter {
    explicit yield_awaiter(process_block* p);
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> h) noexcept;
    void await_resume() const noexcept {}

private:
    process_block* pb_;
};

}  // namespace detail

/// The calling process, as it sees itself. A cheap handle; valid in that process only, and not to be sent
/// (send a pid).
class self {
public:
    explicit self(detail::process_block* pb) : pb_(pb) {}

    [[nodiscard]] BEAM_EXPORT beam::pid id() const;
    operator beam::pid() const { return id(); }  // NOLINT: implicit
    [[nodiscard]] BEAM_EXPORT runtime& node() const;

    /// Waits for the first message of one of the types (selective receive: others stay, in order). With
    /// one type gives it, with several a std::variant.
    template <class T, class... Ts>
    [[nodiscard]] auto receive() const {
        return detail::typed_receive<T, Ts...>(pb_);
    }
    /// Waits for the first message of any type.
    [[nodiscard]] auto receive() const { return detail::any_receive(pb_, infinity{}); }

    /// As receive<T...>(), giving nothing when `limit` has passed (`after` in Erlang). A limit of 0 looks
    /// once through the mailbox. Nothing is consumed by a time-out. An invalid limit exits with the error
    /// `timeout_value`.
    template <class T, class... Ts>
    [[nodiscard]] auto receive_for(timeout limit) const {
        return detail::timed_receive<T, Ts...>(pb_, limit);
    }
    [[nodiscard]] auto receive_for(timeout limit) const { return detail::any_receive(pb_, limit); }

    /// Waits for the first T for which `predicate(const T&)` holds; nothing when `limit` has passed. What
    /// the predicate captures must be trivially destructible (a ref, a pid, a number, `&`).
    template <class T, class Predicate>
    [[nodiscard]] auto receive_if(Predicate predicate, timeout limit = infinity{}) const {
        static_assert(std::is_trivially_destructible_v<Predicate>,
                      "capture only trivially destructible values in a receive predicate: g++ 12 "
                      "destroys temporaries in co_await expressions twice");
        return detail::filtered_receive<T, Predicate>(pb_, std::move(predicate), limit, false);
    }
    /// As receive_if, looking only at what arrived after mark_mailbox(): constant time in front of a long
    /// mailbox, for a reply that carries a reference made after the mark.
    template <class T, class Predicate>
    [[nodiscard]] auto receive_marked_if(Predicate predicate, timeout limit = infinity{}) const {
        static_assert(std::is_trivially_destructible_v<Predicate>);
        return detail::filtered_receive<T, Predicate>(pb_, std::move(predicate), limit, true);
    }
    /// Remembers the end of the mailbox. One mark a process; a later call moves it.
    BEAM_EXPORT void mark_mailbox() const;

    /// The first message already here, or an empty one. Never waits.
    [[nodiscard]] BEAM_EXPORT message try_receive() const;

    /// Lets others run.
    [[nodiscard]] auto yield() const { return detail::yield_awaiter(pb_); }
    /// Sleeps; messages stay in the mailbox meanwhile.
    [[nodiscard]] auto sleep_for(timeout limit) const {
        return detail::timed_receive<detail::never>(pb_, limit);
    }
    /// Charges work done in between to this process (erlang:bump_reductions/1). True: time to yield.
    BEAM_EXPORT bool bump_reductions(int n) const;

    /// Whether exit signals become exit_message (process_flag(trap_exit)). Gives the previous value.
    BEAM_EXPORT bool trap_exit(bool on) const;

    [[nodiscard]] detail::process_block* block() const { return pb_; }

private:
    detail::process_block* pb_;
};

/// The process this code runs in. A bug (std::logic_error) from a plain thread.
[[nodiscard]] inline self this_process() {
    return self(detail::current());
}

/// The return type of a process's coroutine. Handed to spawn and to nobody else.
class [[nodiscard]] process {
public:
    struct promise_type {
        detail::process_block* block = nullptr;

        static void* operator new(std::size_t n) { return detail::allocate(n); }
        static void operator delete(void* p, std::size_t n) noexcept { detail::deallocate(p, n); }

        process get_return_object() noexcept {
            return process(std::coroutine_handle<promise_type>::from_promise(*this));
        }
        std::suspend_always initial_suspend() const noexcept { return {}; }
        struct final_awaiter {
            bool await_ready() const noexcept { return false; }
            void await_suspend(std::coroutine_handle<promise_type> h) const noexcept {
                detail::coroutine_done(h.promise().block);
            }
            void await_resume() const noexcept {}
        };
        final_awaiter final_suspend() const noexcept { return {}; }
        void return_void() const noexcept {}
        void unhandled_exception() const noexcept { detail::coroutine_failed(block); }
    };
    using handle = std::coroutine_handle<promise_type>;

    explicit process(handle h) : handle_(h) {}
    process(process&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    process& operator=(process&&) = delete;
    ~process() {
        if (handle_) handle_.destroy();
    }
    [[nodiscard]] handle release() { return std::exchange(handle_, nullptr); }

private:
    handle handle_;
};

namespace detail {

struct awaitable_promise_base {
    std::coroutine_handle<> continuation;
    std::exception_ptr failure;  // from the throw to the rethrow in the same process, never stored

    static void* operator new(std::size_t n) { return allocate(n); }
    static void operator delete(void* p, std::size_t n) noexcept { deallocate(p, n); }

    std::suspend_always initial_suspend() const noexcept { return {}; }
    struct final_awaiter {
        bool await_ready() const noexcept { return false; }
        template <class P>
        void await_suspend(std::coroutine_handle<P> h) const noexcept {
            resume_next(h.promise().continuation);
        }
        void await_resume() const noexcept {}
    };
    final_awaiter final_suspend() const noexcept { return {}; }
    void unhandled_exception() noexcept { failure = std::current_exception(); }
};

template <class T>
struct awaitable_promise : awaitable_promise_base {
    std::optional<T> value;
    awaitable<T> get_return_object() noexcept;
    template <class U>
    void return_value(U&& v) {
        value.emplace(std::forward<U>(v));
    }
    T result() {
        if (failure) std::rethrow_exception(std::exchange(failure, nullptr));
        return *std::move(value);
    }
};

template <>
struct awaitable_promise<void> : awaitable_promise_base {
    awaitable<void> get_return_object() noexcept;
    void return_void() const noexcept {}
    void result() {
        if (failure) std::rethrow_exception(std::exchange(failure, nullptr));
    }
};

}  // namespace detail

/// A function of a process that waits: `beam::awaitable<int> ask(...)`, used as `co_await ask(...)`. Lazy;
/// runs in the caller's process, as a plain call would. Also what a handler that must wait returns.
template <class T = void>
class [[nodiscard]] awaitable {
public:
    using promise_type = detail::awaitable_promise<T>;
    using handle = std::coroutine_handle<promise_type>;

    explicit awaitable(handle h) : handle_(h) {}
    awaitable(awaitable&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    awaitable& operator=(awaitable&& other) noexcept {
        std::swap(handle_, other.handle_);
        return *this;
    }
    ~awaitable() {
        if (handle_) handle_.destroy();
    }

    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> caller) noexcept {
        handle_.promise().continuation = caller;
        detail::resume_next(handle_);
    }
    T await_resume() { return handle_.promise().result(); }

private:
    handle handle_;
};

namespace detail {
template <class T>
awaitable<T> awaitable_promise<T>::get_return_object() noexcept {
    return awaitable<T>(std::coroutine_handle<awaitable_promise<T>>::from_promise(*this));
}
inline awaitable<void> awaitable_promise<void>::get_return_object() noexcept {
    return awaitable<void>(std::coroutine_handle<awaitable_promise<void>>::from_promise(*this));
}
}  // namespace detail

}  // namespace beam
