// gen_server: a process that serves requests with an object's member functions.
//
//     class counter : public beam::gen_server<counter> {
//         struct get_count { using reply = int; };
//         struct increment_by { int amount; };
//
//     public:
//         static beam::future<int> get(beam::pid p) { return beam::call<get_count>(p); }
//         static void increment(beam::pid p, int n) { beam::cast<increment_by>(p, n); }
//
//         using calls = beam::messages<get_count>;
//         using casts = beam::messages<increment_by>;
//
//         explicit counter(int initial) : count_(initial) {}
//         int handle_call(get_count) { return count_; }
//         void handle_cast(increment_by m) { count_ += m.amount; }
//
//         BEAM_FIELDS(counter, count_)
//
//     private:
//         int count_ = 0;
//     };
//
//     beam::outcome<beam::pid> p = beam::start_link<counter>(0);
//
// What a class may have (public members; all but the constructor may be left out):
//
//   calls, casts, infos, continues   beam::messages<...>: which types go to which handler
//   handle_call(Request)             or (Request, from); gives the answer, or call_result<reply>;
//                                    handle_call(message, from) gets all others, which else end the server
//                                    (`function_clause`, as in OTP), and answers by reply()
//   handle_cast(Message)             gives nothing, or cast_result; so do the next two
//   handle_info(Message)             for each of `infos`; exit_message, down_message, timeout_message,
//                                    cancel_timer_message, timed_out and term need not be listed;
//                                    handle_info(message) gets all others, which are else logged and
//                                    dropped
//   handle_continue(What)
//   terminate(const term& reason)    only if the class stops, or traps exits and its parent dies
//   hibernate()                      gives back what can be had again
//   format_status(atom why)          a term to show instead of the state; why: `normal`, `terminate`
//   code_change(vsn, state, extra)   terms. A member, called on an object filled by its fields, giving
//                                    nothing or result<void>; or static, giving result<T>
//   static init(args...)             instead of a constructor: init_result<T> (ignore, stop_with, a time-out,
//                                    a continue), or an awaitable of it
//   arguments                        std::tuple of the start's arguments: see child_start.hpp
//   BEAM_FIELDS(T, ...)              the state's fields, for sys and upgrades; without them the process
//                                    can only be restarted
//
// A handler that must wait gives awaitable<R> of what it would give; meanwhile nothing else is handled.
// The constructor (or init) runs as the new process, inside the start; its exception is the start's
// error. What a handler throws ends the process: terminate is called, a report logged, and callers that
// wait are told.
#pragma once

#include <optional>
#include <type_traits>
#include <utility>

#include "libbeamcore/otp/callback_result.hpp"
#include "libbeamcore/otp/detail/server_traits.hpp"
#include "libbeamcore/otp/server_class.hpp"
#include "libbeamcore/otp/start.hpp"
#include "libbeamcore/otp/start_result.hpp"
#include "libbeamcore/runtime/call.hpp"

namespace beam {

namespace detail {
/// `{Why, Server}` from a failed request.
[[nodiscard]] BEAM_EXPORT term response_error(const term& call_failure);
}  // namespace detail

/// The answer to a request sent before, or `{Why, Server}`; nothing when `limit` has passed. The request
/// goes on, and may be waited for again.
template <class Reply>
[[nodiscard]] awaitable<std::optional<outcome<Reply>>> wait_response(future<Reply>& request,
                                                                     timeout limit) {
    bool settled = co_await request.wait_for(limit);
    if (!settled) co_return std::nullopt;
    outcome<Reply> answer = co_await request.outcome();
    if (!answer) answer = fail_term(detail::response_error(answer.error()));
    co_return answer;
}

/// The same, giving the request up when `limit` has passed: an answer that comes later is dropped.
template <class Reply>
[[nodiscard]] awaitable<std::optional<outcome<Reply>>> receive_response(future<Reply> request,
                                                                        timeout limit) {
    std::optional<outcome<Reply>> answer = co_await wait_response(request, limit);
    co_return answer;
}

}  // namespace beam
