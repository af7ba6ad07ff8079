%% Supervisors: restart after a kill, starting and stopping many children.
-module(bench_supervisor).
-behaviour(supervisor).
-export([restart/1, children/1]).
-export([init/1]).

init({restart, Who}) ->
    Flags = #{strategy => one_for_one, intensity => 1000000, period => 1},
    {ok, {Flags, [#{id => child, start => {bench_server, start_link, [Who]}}]}};
init(children) ->
    Flags = #{strategy => simple_one_for_one},
    {ok, {Flags, [#{id => child, start => {bench_server, start_link, []}}]}}.

%% From exit(Pid, kill) to the answer of the new child, which makes itself known. A new supervisor
%% every 50 restarts: a supervisor looks through all its restarts of the last second at each one.
restart(Quick) ->
    N = case Quick of true -> 100; false -> 400 end,
    Histogram = bench_time:histogram(),
    restart_rounds(10, bench_time:histogram()),
    restart_rounds(N, Histogram),
    [{"restart_p50", bench_time:percentile(Histogram, 50) / 1000, "us"},
     {"restart_p99", bench_time:percentile(Histogram, 99) / 1000, "us"}].

restart_rounds(0, _) -> ok;
restart_rounds(N, Histogram) ->
    {ok, Supervisor} = supervisor:start_link(?MODULE, {restart, self()}),
    First = receive {up, Pid} -> Pid end,
    restarts(50, First, Histogram),
    stop(Supervisor),
    restart_rounds(N - 1, Histogram).

restarts(0, _, _) -> ok;
restarts(N, Pid, Histogram) ->
    Start = bench_time:now_ns(),
    exit(Pid, kill),
    New = receive {up, P} -> P end,
    _ = gen_server:call(New, get),
    bench_time:record(Histogram, bench_time:now_ns() - Start),
    restarts(N - 1, New, Histogram).

%% 100 000 children under a simple_one_for_one supervisor, then its ordered shutdown.
children(Quick) ->
    N = case Quick of true -> 20000; false -> 100000 end,
    {ok, Supervisor} = supervisor:start_link(?MODULE, children),
    Start = bench_time:per_op(N, fun() -> start(N, Supervisor) end),
    [_, {active, N}, _, _] = supervisor:count_children(Supervisor),
    Stop = bench_time:per_op(N, fun() -> stop(Supervisor) end),
    [{"start_child", Start, "ns"}, {"stop_children", Stop, "ns"}].

start(0, _) -> ok;
start(N, Supervisor) ->
    {ok, _} = supervisor:start_child(Supervisor, []),
    start(N - 1, Supervisor).

stop(Supervisor) ->
    unlink(Supervisor),
    Ref = monitor(process, Supervisor),
    exit(Supervisor, shutdown),
    receive {'DOWN', Ref, process, _, _} -> ok end.
