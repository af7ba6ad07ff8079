%% Latency of others while processes loop without end.
-module(bench_fair).
-export([eight_loops/1, two_loops/1, loop/1]).

eight_loops(Quick) -> fair(8, "", Quick).
two_loops(Quick) -> fair(2, "_2", Quick).

loop(N) -> loop(N + 1).

fair(Count, Suffix, Quick) ->
    {PingMs, SleepMs} = case Quick of true -> {2000, 1000}; false -> {10000, 3000} end,
    Loops = [spawn_link(fun() -> loop(0) end) || _ <- lists:seq(1, Count)],
    Ponger = spawn_link(fun ponger/0),
    Pings = measure(Ponger, PingMs, fun() -> ok end),
    Sleeps = measure(Ponger, SleepMs, fun() -> receive after 1 -> ok end end),
    [begin unlink(P), exit(P, kill) end || P <- [Ponger | Loops]],
    [{"fair_p99" ++ Suffix, bench_time:percentile(Pings, 99) / 1000, "us"},
     {"fair_max" ++ Suffix, bench_time:max(Pings) / 1000, "us"},
     {"fair_sleep" ++ Suffix, bench_time:percentile(Sleeps, 50) / 1000, "us"}].

%% A process of its own pings for Ms; Before comes before each ping and belongs to its time.
measure(Ponger, Ms, Before) ->
    Histogram = bench_time:histogram(),
    Self = self(),
    spawn_link(fun() ->
        pings(Ponger, bench_time:now_ns() + Ms * 1000000, Before, Histogram),
        Self ! measured
    end),
    receive measured -> Histogram end.

pings(Ponger, End, Before, Histogram) ->
    Start = bench_time:now_ns(),
    Before(),
    Ponger ! self(),
    receive pong -> ok end,
    Now = bench_time:now_ns(),
    bench_time:record(Histogram, Now - Start),
    Now < End andalso pings(Ponger, End, Before, Histogram).

ponger() ->
    receive Pinger -> Pinger ! pong, ponger() end.
