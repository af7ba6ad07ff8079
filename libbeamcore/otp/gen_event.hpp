// gen_event: a process, the manager, to which handlers of events are added and from which they are taken.
//
//     struct line_written {
//         std::string text;
//     };
//
//     class line_counter : public beam::gen_event_handler<line_counter> {
//         struct get_count { using reply = int; };
//
//     public:
//         using events = beam::messages<line_written>;
//         using calls = beam::messages<get_count>;
//
//         void handle_event(const line_written&) { ++count_; }
//         int handle_call(get_count) { return count_; }
//
//         BEAM_FIELDS(line_counter, count_)
//
//     private:
//         int count_ = 0;
//     };
//
//     auto manager = beam::gen_event::start_link();
//     auto added = co_await beam::gen_event::add_handler<line_counter>(*manager);
//     beam::gen_event::notify<line_written>(*manager, "hello");
//
// What a class may have (public members; all but the constructor may be left out):
//
//   events, calls, infos             beam::messages<...>: which types go to which function
//   handle_event(const Event&)       gives nothing, or event_result; so does handle_info
//   handle_call(Request)             gives the answer, or event_call_result<reply>
//   handle_info(const Message&)      for each of `infos`; exit_message, down_message, timeout_message,
//                                    cancel_timer_message and term need not be listed
//   terminate(const term& why)       gives nothing, or the term that delete_handler gives and a swap passes
//                                    on. why: the arguments of delete_handler or of a swap; `stop` (the
//                                    manager ends); `remove_handler`; `{stop, Reason}` (who added it supervised
//                                    has died); `{error, {'EXIT', Reason}}` or `{error, Value}` (it threw)
//   hibernate(), format_status(why), code_change(vsn, state, extra), static init(args...), BEAM_FIELDS
//                                    as those of a gen_server (gen_server.hpp)
//
// An event goes to all handlers that list its type, the newest first; one object, which none of them can
// change. What nobody lists is dropped. A handler that throws is taken out and reported, and nothing else
// happens to the manager and the other handlers. Handlers run in the manager's process and cannot wait.
// The manager traps exits; stop(), its parent's death and sys::terminate end it, each handler first.
//
// Adding a handler whose id is there already adds a second one, as in OTP: requests find the newest.
// Requests exit their caller with `{noproc, _}` if there is no such manager, and wait for ever except call().
#pragma once

#include <type_traits>
#include <utility>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/otp/child_start.hpp"
#include "libbeamcore/otp/detail/event_traits.hpp"
#include "libbeamcore/otp/gen_server.hpp"
#include "libbeamcore/runtime/send.hpp"

namespace beam {

/// What the process that added a handler supervised is sent when the handler has gone:
/// `{gen_event_EXIT, Handler, Reason}`. Reason: `normal` (deleted, or by its own wish), `shutdown` (the
/// manager ends), `{swapped, NewHandler, Supervisor or false}`, `{'EXIT', R}` or the value that it threw.
struct gen_event_exit {
    term handler;  ///< `Class` or `{Class, Id}`
    term reason;
    BEAM_FIELDS(gen_event_exit, handler, reason)
};

namespace detail {

template <class... Args>
inline constexpr bool starts_with_id = false;
template <class First, class... Rest>
inline constexpr bool starts_with_id<First, Rest...> =
    std::is_same_v<std::remove_cvref_t<First>, gen_event::id>;

BEAM_EXPORT future<outcome<void>> ask_add(const server_ref& manager, event_key key,
                                          event_maker make, bool supervised);
BEAM_EXPORT future<outcome<term>> ask_delete(const server_ref& manager, event_key key,
                                             term arguments);
BEAM_EXPORT future<outcome<void>> ask_swap(const server_ref& manager, event_key old, term arguments,
                                           event_key key, event_maker make, bool supervised);
BEAM_EXPORT future<event_answer> ask_handler(const server_ref& manager, event_key key,
                                             module_record* sender, message request, timeout limit);

template <class Reply>
awaitable<outcome<Reply>> answer_of(future<event_answer> asked) {
    event_answer a = co_await asked;
    if (a.failure) co_return fail_term(std::move(*a.failure));
    if constexpr (std::is_void_v<Reply>)
        co_return outcome<void>();
    else
        co_return reply_value<Reply>(std::move(a.value));
}

template <class T, class... Args>
future<outcome<void>> add(const server_ref& manager, event_key key, bool supervised, Args... args) {
    return ask_add(manager, std::move(key), event_maker_of<T>(std::move(args)...), supervised);
}

template <class T, class... Args>
future<outcome<void>> swap_in(const server_ref& manager, event_key old, term arguments,
                              bool supervised, Args... args) {
    auto with_key = [&](event_key key, auto... rest) {
        return ask_swap(manager, std::move(old), std::move(arguments), std::move(key),
                        event_swapper_of<T>(std::move(rest)...), supervised);
    };
    if constexpr (starts_with_id<Args...>) {
        return [&](gen_event::id id, auto... rest) {
            return with_key(event_key_of<T>(id), std::move(rest)...);
        }(std::move(args)...);
    } else {
        return with_key(event_key_of<T>(), std::move(args)...);
    }
}

}  // namespace detail

namespace gen_event {

/// Starts a manager without handlers; options as of a gen_server. Error: `{already_started, Pid}`.
[[nodiscard]] BEAM_EXPORT outcome<pid> start_link(const server_options& options = {});
[[nodiscard]] BEAM_EXPORT outcome<pid> start(const server_options& options = {});
[[nodiscard]] BEAM_EXPORT outcome<spawned> start_monitor(const server_options& options = {});
/// The start of a manager as a child of a supervisor.
[[nodiscard]] BEAM_EXPORT child_start child(server_options options = {});

/// Ends the manager: terminate(stop) of each handler first. As beam::stop.
[[nodiscard]] BEAM_EXPORT awaitable<void> stop(server_ref manager, term reason = atoms::normal,
                                               timeout limit = infinity{});

/// An event for all handlers. Never waits. A name that nobody has: raises `badarg`.
template <sendable E>
void notify(const server_ref& manager, E event) {
    beam::send(manager, std::move(event));
}
/// The same, building the event from its fields.
template <sendable E, class... Fields>
void notify(const server_ref& manager, Fields... fields) {
    beam::send(manager, E{std::move(fields)...});
}

/// Gives back when all handlers have seen it.
template <sendable E>
[[nodiscard]] future<void> sync_notify(const server_ref& manager, E event) {
    constexpr auto layout =
        beam::detail::layout_of(beam::detail::request_header, sizeof(E), alignof(E));
    auto* s = beam::detail::allocate_request(descriptor_of<E>(), layout);
    ::new (s->payload()) E(std::move(event));
    return future<void>(manager, infinity{}, s, descriptor_of<E>()->name);
}
/// The same, building the event inside: `co_await gen_event::sync_notify<line_written>(m, "text")`.
template <sendable E, class... Fields>
[[nodiscard]] future<void> sync_notify(const server_ref& manager, Fields... fields) {
    return sync_notify(manager, E{std::move(fields)...});
}

/// Adds a T, made of these arguments in the manager's process. Error: the reason for which init says it
/// cannot be, `ignore`, or `{'EXIT', Reason}` if its constructor threw.
template <event_handler_class T, class... Args>
requires(!beam::detail::starts_with_id<Args...>)
    [[nodiscard]] future<outcome<void>> add_handler(const server_ref& manager, Args... args) {
    return beam::detail::add<T>(manager, beam::detail::event_key_of<T>(), false,
                                std::move(args)...);
}
template <event_handler_class T, class... Args>
[[nodiscard]] future<outcome<void>> add_handler(const server_ref& manager, id which, Args... args) {
    return beam::detail::add<T>(manager, beam::detail::event_key_of<T>(which), false,
                                std::move(args)...);
}

/// The same, and handler and caller know of each other's end: the manager links itself with the caller (for
/// good, as in OTP). When the handler goes the caller is sent gen_event_exit; when the caller dies the
/// handler goes, with terminate({stop, Reason}).
template <event_handler_class T, class... Args>
requires(!beam::detail::starts_with_id<Args...>)
    [[nodiscard]] future<outcome<void>> add_sup_handler(const server_ref& manager, Args... args) {
    return beam::detail::add<T>(manager, beam::detail::event_key_of<T>(), true, std::move(args)...);
}
template <event_handler_class T, class... Args>
[[nodiscard]] future<outcome<void>> add_sup_handler(const server_ref& manager, id which,
                                                    Args... args) {
    return beam::detail::add<T>(manager, beam::detail::event_key_of<T>(which), true,
                                std::move(args)...);
}

/// Takes a handler out and gives what terminate(arguments) gave, or `ok` if it has none. Error:
/// `module_not_found`; `{'EXIT', Reason}` if terminate threw.
template <event_handler_class T>
[[nodiscard]] future<outcome<term>> delete_handler(const server_ref& manager,
                                                   term arguments = atoms::ok) {
    return beam::detail::ask_delete(manager, beam::detail::event_key_of<T>(), std::move(arguments));
}
template <event_handler_class T>
[[nodiscard]] future<outcome<term>> delete_handler(const server_ref& manager, id which,
                                                   term arguments = atoms::ok) {
    return beam::detail::ask_delete(manager, beam::detail::event_key_of<T>(which),
                                    std::move(arguments));
}

/// A handler by its class, or by class and id.
template <event_handler_class T>
[[nodiscard]] beam::detail::event_key handler() {
    return beam::detail::event_key_of<T>();
}
template <event_handler_class T>
[[nodiscard]] beam::detail::event_key handler(term id) {
    return {beam::detail::class_name<T>(), std::move(id)};
}

/// Puts a New, made of args... (an id may come in front) and beam::swapped, in the place of another one:
/// that one's terminate(arguments) gives what `swapped` holds. The old one goes in any case; the new one
/// comes in any case, also if there was no old one. Who supervised the old one supervises the new one.
/// Error: as add_handler.
///
///     co_await gen_event::swap_handler<file_log>(manager, gen_event::handler<early_log>(), atom("flush"), path);
template <event_handler_class New, class... Args>
[[nodiscard]] future<outcome<void>> swap_handler(const server_ref& manager,
                                                 beam::detail::event_key old, term arguments,
                                                 Args... args) {
    return beam::detail::swap_in<New>(manager, std::move(old), std::move(arguments), false,
                                      std::move(args)...);
}
/// The same, and the caller supervises the new one (see add_sup_handler).
template <event_handler_class New, class... Args>
[[nodiscard]] future<outcome<void>> swap_sup_handler(const server_ref& manager,
                                                     beam::detail::event_key old, term arguments,
                                                     Args... args) {
    return beam::detail::swap_in<New>(manager, std::move(old), std::move(arguments), true,
                                      std::move(args)...);
}

/// For a handler that wants another one in its place: `return gen_event::swap_to<file_log>(arguments, path);`
template <event_handler_class New, class... Args>
requires(!beam::detail::starts_with_id<Args...>) [[nodiscard]] handler_swap
    swap_to(term arguments, Args... args) {
    return handler_swap(std::move(arguments), beam::detail::event_key_of<New>(),
                        beam::detail::event_swapper_of<New>(std::move(args)...));
}
template <event_handler_class New, class... Args>
[[nodiscard]] handler_swap swap_to(term arguments, id which, Args... args) {
    return handler_swap(std::move(arguments), beam::detail::event_key_of<New>(which),
                        beam::detail::event_swapper_of<New>(std::move(args)...));
}

/// Sends a request to one handler; awaited, gives its answer. Error: `bad_module` (no such handler, or it
/// lists no such request); `{'EXIT', Reason}`, or the value thrown, if it threw, and has been taken out. Exits
/// the caller if there is no manager or `limit` has passed.
template <event_handler_class T, sendable Request>
[[nodiscard]] awaitable<outcome<typename Request::reply>> send_request(
    const server_ref& manager, Request request, timeout limit = default_call_timeout) {
    return beam::detail::answer_of<typename Request::reply>(beam::detail::ask_handler(
        manager, beam::detail::event_key_of<T>(), beam::detail::this_module(),
        message::make(std::move(request)), limit));
}
template <event_handler_class T, sendable Request>
[[nodiscard]] awaitable<outcome<typename Request::reply>> send_request(
    const server_ref& manager, id which, Request request, timeout limit = default_call_timeout) {
    return beam::detail::answer_of<typename Request::reply>(beam::detail::ask_handler(
        manager, beam::detail::event_key_of<T>(which), beam::detail::this_module(),
        message::make(std::move(request)), limit));
}

/// The same, building the request from its fields: `co_await gen_event::call<line_counter, get_count>(m)`.
template <event_handler_class T, sendable Request, class... Fields>
requires(!beam::detail::starts_with_id<Fields...>)
    [[nodiscard]] awaitable<outcome<typename Request::reply>> call(const server_ref& manager,
                                                                   Fields... fields) {
    return send_request<T>(manager, Request{std::move(fields)...});
}
template <event_handler_class T, sendable Request, class... Fields>
[[nodiscard]] awaitable<outcome<typename Request::reply>> call(const server_ref& manager, id which,
                                                               Fields... fields) {
    return send_request<T>(manager, std::move(which), Request{std::move(fields)...});
}

/// The handlers, the newest first: a list of `Class` and `{Class, Id}`.
[[nodiscard]] BEAM_EXPORT future<term> which_handlers(const server_ref& manager);

}  // namespace gen_event

}  // namespace beam

BEAM_EXPORTED_DESCRIPTOR(beam::gen_event_exit);
