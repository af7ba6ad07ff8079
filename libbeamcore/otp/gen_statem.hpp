// gen_statem: a process that is a state machine (OTP's gen_statem).
//
//     class door : public beam::gen_statem<door> {
//         struct press { int digit; };                       // a cast
//         struct count { using reply = int; };               // a call
//
//     public:
//         struct locked { BEAM_FIELDS(locked) };
//         struct open { BEAM_FIELDS(open) };
//         using states = beam::states<locked, open>;         // the first is the initial state
//         using calls = beam::messages<count>;
//         using casts = beam::messages<press>;
//
//         explicit door(int code) : code_(code) {}
//         beam::transition handle_cast(const locked&, const press& p) {
//             if (p.digit != code_) return keep_state();
//             return next_state(open{}).state_timeout(10s);
//         }
//         beam::transition handle_cast(const open&, const press&) {
//             return keep_state().postpone();
//         }
//         beam::transition handle_state_timeout(const open&, std::int64_t) {
//             return next_state(locked{});
//         }
//         template <class State>
//         int handle_call(const State&, const count&) { return opened_; }   // in every state
//         void handle_enter(const beam::term& old, const open&) { ++opened_; }
//     };
//
// The object is the data; the state lies beside it. OTP's two callback modes are two ways to say what a
// state is:
//
//   states = beam::states<A, B...>   each state is a type (it may hold values), and a handler is chosen
//                                    by it, as by the name of a state function (state_functions)
//   state = V                        one type for all states, say an enum (handle_event_function)
//
// What a class may have (public members). A handler's first argument is the state, const; the event
// comes by reference, or by value if it can be copied. An event that has no handler in the state ends
// the process with `function_clause`, as in OTP.
//
//   calls, casts, infos, internals, timeouts   beam::messages<...>: which types go to which handler
//   handle_call(State, Request)      or (State, Request, from); gives the answer, or a transition
//   handle_cast(State, Message)
//   handle_info(State, Message)      for each of `infos`; exit_message, down_message, timeout_message,
//                                    cancel_timer_message and term need not be listed;
//                                    handle_info(State, message&) gets all others
//   handle_internal(State, Content)  events that an action inserted
//   handle_event_timeout(State, Content)
//   handle_state_timeout(State, Content)
//   handle_timeout(State, const term& name, Content)     for each of `timeouts`, and std::int64_t
//   handle_enter(const term& old, State)   void or enter_result: at the start (old is the state
//                                    itself) and at each change of state (state_enter)
//   terminate(const term& reason)    or (State, reason)
//   hibernate(), format_status(atom why), arguments, BEAM_FIELDS   as gen_server
//   static init(args...)             instead of a constructor: statem_init<T>, or an awaitable of it
//   code_change(vsn, term& state, const term& data, const term& extra)   called on an object filled by
//                                    its fields, giving nothing or result<void>; may change `state`
//
// A handler gives void (keep the state), a transition, or an awaitable of one if it must wait; meanwhile
// nothing else is handled. The order is OTP's: inserted events first, then postponed ones after a
// change of state in the order they came, then time-outs of 0, then the mailbox. A state equal to the one
// before is no change (empty types are equal; others by ==, and without it never).
//
// Started by start_link<T>(...), start<T>, start_monitor<T> (start.hpp). A call of a state machine waits
// for ever unless told otherwise: statem_call.
#pragma once

#include "libbeamcore/otp/detail/statem_traits.hpp"
#include "libbeamcore/otp/start.hpp"
#include "libbeamcore/otp/statem_class.hpp"
#include "libbeamcore/otp/transition.hpp"
#include "libbeamcore/runtime/call.hpp"

namespace beam {

/// call<Request>(machine, infinity{}, fields...): gen_statem:call has no time limit of its own
/// (SM-16).
template <sendable Request, class... Fields>
future<typename Request::reply> statem_call(const server_ref& machine, Fields... fields) {
    return send_request(machine, Request{std::move(fields)...}, infinity{});
}

}  // namespace beam
