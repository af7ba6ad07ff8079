// agent: a process that holds one value, and functions that others have run on it (Elixir's Agent).
//
//     auto counter = beam::agent::start_link([] { return 0; });
//     co_await beam::agent::update<int>(*counter, [](int& n) { ++n; });
//     int n = co_await beam::agent::get<int>(*counter, [](int n) { return n; });
//
//     using words = std::map<std::string, int>;
//     co_await beam::agent::update<words>(a, [](words& w, std::string k) { ++w[k]; }, word);
//
// A function is called with the state and with the arguments behind it, in the agent's process, one at a
// time: what takes long there keeps others waiting. It runs in the module it comes from, which stays mapped
// meanwhile. It cannot wait. What it throws ends the agent with that reason, of which its caller is told.
//
// State is named at each call and must be the type that the agent was started with, in the same module (or
// one of those that all modules share: int, std::string, term, ...). Otherwise nothing is run, and the caller
// exits with `{{bad_reply, {agent_refusal, #{asked => _, holds => _}}}, Stack}`.
//
// Calls exit their caller with `{Reason, {gen_server, call, _}}`: `noproc`, `timeout` after 5 s (the agent
// finishes the function and lives), the reason of the agent's end. The functions whose names end in _within
// take another limit. `co_await std::move(call).outcome()` gives the reason as a value.
#pragma once

#include <type_traits>
#include <utility>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/otp/child_start.hpp"
#include "libbeamcore/otp/detail/agent_class.hpp"
#include "libbeamcore/otp/gen_server.hpp"
#include "libbeamcore/otp/start_result.hpp"
#include "libbeamcore/runtime/send.hpp"

namespace beam::agent {

/// Starts an agent whose state is what `f()` gives, linked to the caller. `f` runs as the new process, inside
/// the start. Options as of a gen_server. Error: `{already_started, Pid}`; what `f` threw, `{Exception, Stack}`.
template <class State = void, class F>
[[nodiscard]] outcome<pid> start_link(const server_options& options, F f) {
    return started_pid(
        detail::start_agent<detail::state_of_start<State, F>>(options, true, std::move(f)));
}
template <class State = void, class F>
[[nodiscard]] outcome<pid> start_link(F f) {
    return start_link<State>(server_options(), std::move(f));
}

/// The same without a link.
template <class State = void, class F>
[[nodiscard]] outcome<pid> start(const server_options& options, F f) {
    return started_pid(
        detail::start_agent<detail::state_of_start<State, F>>(options, false, std::move(f)));
}
template <class State = void, class F>
[[nodiscard]] outcome<pid> start(F f) {
    return start<State>(server_options(), std::move(f));
}

/// The start of an agent as a child of a supervisor; `f` is called at each start.
template <class State = void, class F>
[[nodiscard]] child_start child(server_options options, F f) {
    auto start = [options = std::move(options), f = std::move(f)] {
        return detail::start_agent<detail::state_of_start<State, const F>>(options, true, f);
    };
    return child_start(std::move(start)).described(detail::agent_name(), atoms::undefined);
}
template <class State = void, class F>
[[nodiscard]] child_start child(F f) {
    return child<State>(server_options(), std::move(f));
}

/// What `f(const State&, args...)` gives.
template <class State, class F, class... Args>
[[nodiscard]] auto get_within(timeout limit, const server_ref& agent, F f, Args... args) {
    detail::check_agent_function<F>();
    auto call = detail::bind_agent_call(std::move(f), std::move(args)...);
    return detail::ask_agent<detail::agent_result<const State, F, Args...>, State>(
        agent, limit, "agent::get", &detail::agent_answer<const State, decltype(call)>,
        std::move(call));
}
template <class State, class F, class... Args>
[[nodiscard]] auto get(const server_ref& agent, F f, Args... args) {
    return get_within<State>(default_call_timeout, agent, std::move(f), std::move(args)...);
}

/// Has `f(State&, args...)` change the state, or return the next one.
template <class State, class F, class... Args>
[[nodiscard]] future<void> update_within(timeout limit, const server_ref& agent, F f,
                                         Args... args) {
    detail::check_agent_function<F>();
    auto call = detail::bind_agent_call(std::move(f), std::move(args)...);
    return detail::ask_agent<void, State>(agent, limit, "agent::update",
                                          &detail::agent_update<State, decltype(call)>,
                                          std::move(call));
}
template <class State, class F, class... Args>
[[nodiscard]] future<void> update(const server_ref& agent, F f, Args... args) {
    return update_within<State>(default_call_timeout, agent, std::move(f), std::move(args)...);
}

/// Has `f(State&, args...)` change the state, and gives what it returns.
template <class State, class F, class... Args>
[[nodiscard]] auto get_and_update_within(timeout limit, const server_ref& agent, F f,
                                         Args... args) {
    detail::check_agent_function<F>();
    auto call = detail::bind_agent_call(std::move(f), std::move(args)...);
    return detail::ask_agent<detail::agent_result<State, F, Args...>, State>(
        agent, limit, "agent::get_and_update", &detail::agent_answer<State, decltype(call)>,
        std::move(call));
}
template <class State, class F, class... Args>
[[nodiscard]] auto get_and_update(const server_ref& agent, F f, Args... args) {
    return get_and_update_within<State>(default_call_timeout, agent, std::move(f),
                                        std::move(args)...);
}

/// As update, without waiting for it; to an unknown or dead agent too. A function for another type of state is
/// logged and dropped.
template <class State, class F, class... Args>
void cast(const server_ref& agent, F f, Args... args) {
    auto call = detail::bind_agent_call(std::move(f), std::move(args)...);
    using function = decltype(call);
    detail::agent_request request{descriptor_of<State>(), &detail::agent_cast<State, function>,
                                  detail::agent_function(std::move(call), detail::this_module())};
    detail::cast_message(agent, message::make(std::move(request)).release());
}

/// Ends the agent and waits until it is gone. As beam::stop.
[[nodiscard]] BEAM_EXPORT awaitable<void> stop(server_ref agent, term reason = atoms::normal,
                                               timeout limit = infinity{});

}  // namespace beam::agent
