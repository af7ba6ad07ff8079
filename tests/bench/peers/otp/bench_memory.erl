%% Resident memory of idle processes.
-module(bench_memory).
-export([process_bytes/1, gen_server_bytes/1]).

process_bytes(Quick) ->
    N = count(Quick),
    Self = self(),
    Ran = atomics:new(1, []),
    Body = fun() ->
        case atomics:add_get(Ran, 1, 1) of
            N -> Self ! all_ran;
            _ -> ok
        end,
        receive stop -> ok end
    end,
    Before = resident(),
    spawn_many(N, Body),
    receive all_ran -> ok end,
    [{"process_bytes", (resident() - Before) / N, "B"}].

gen_server_bytes(Quick) ->
    N = count(Quick),
    Before = resident(),
    start_many(N),
    [{"gen_server_bytes", (resident() - Before) / N, "B"}].

count(true) -> 200000;
count(false) -> 1000000.

spawn_many(0, _) -> ok;
spawn_many(N, Body) -> spawn(Body), spawn_many(N - 1, Body).

start_many(0) -> ok;
start_many(N) ->
    {ok, _} = gen_server:start(bench_server, none, []),
    start_many(N - 1).

resident() ->
    erlang:garbage_collect(),
    {ok, Status} = file:read_file("/proc/self/status"),
    {match, [Kb]} = re:run(Status, "VmRSS:\\s+(\\d+) kB", [{capture, all_but_first, list}]),
    list_to_integer(Kb) * 1024.
