%% Monitors and links when processes die.
-module(bench_exit).
-export([monitor_down/1, hub_death/1]).

%% Monitor a waiting process, kill it, receive its DOWN; one after the other.
monitor_down(Quick) ->
    Batch = 10000,
    Rounds = case Quick of true -> 5; false -> 20 end,
    kill_all(idle(Batch)),
    Ns = lists:sum([begin
                        Pids = idle(Batch),
                        bench_time:per_op(Batch, fun() -> kill_all(Pids) end)
                    end || _ <- lists:seq(1, Rounds)]),
    [{"monitor_down", Ns / Rounds, "ns"}].

%% N processes that have all run and wait.
idle(N) ->
    Self = self(),
    Pids = [spawn(fun() -> Self ! ready, receive stop -> ok end end) || _ <- lists:seq(1, N)],
    [receive ready -> ok end || _ <- Pids],
    Pids.

kill_all([]) -> ok;
kill_all([Pid | Pids]) ->
    Ref = monitor(process, Pid),
    exit(Pid, kill),
    receive {'DOWN', Ref, process, _, killed} -> kill_all(Pids) end.

%% A hub linked to 100 000 processes is killed; over when the DOWN of each has come.
hub_death(Quick) ->
    N = case Quick of true -> 20000; false -> 100000 end,
    Pids = idle(N),
    Self = self(),
    Hub = spawn(fun() ->
        [link(P) || P <- Pids],
        Self ! linked,
        receive stop -> ok end
    end),
    receive linked -> ok end,
    [monitor(process, P) || P <- Pids],
    Start = bench_time:now_ns(),
    exit(Hub, kill),
    downs(N),
    %% A smaller --quick hub is reported as if it had 100 000 links.
    [{"hub_death", (bench_time:now_ns() - Start) / 1000000 * (100000 / N), "ms"}].

downs(0) -> ok;
downs(N) -> receive {'DOWN', _, process, _, _} -> downs(N - 1) end.
