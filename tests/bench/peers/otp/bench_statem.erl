%% gen_statem: calls, in the callback mode state_functions.
-module(bench_statem).
-behaviour(gen_statem).
-export([statem_call/1]).
-export([callback_mode/0, init/1, ready/3]).

callback_mode() -> state_functions.
init(none) -> {ok, ready, 0}.
ready({call, From}, get, Count) -> {keep_state_and_data, [{reply, From, Count}]}.

statem_call(Quick) ->
    N = case Quick of true -> 300000; false -> 1000000 end,
    {ok, Machine} = gen_statem:start_link(?MODULE, none, []),
    calls(10000, Machine),
    [{"statem_call", bench_time:per_op(N, fun() -> calls(N, Machine) end), "ns"}].

calls(0, _) -> ok;
calls(N, Machine) ->
    _ = gen_statem:call(Machine, get),
    calls(N - 1, Machine).
