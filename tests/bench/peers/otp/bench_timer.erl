%% Timers: setting and cancelling a million, and how late they fire.
-module(bench_timer).
-export([timers/1, timer_late/1]).

%% Delays of one to two minutes, so that none fires meanwhile.
timers(Quick) ->
    N = case Quick of true -> 200000; false -> 1000000 end,
    Self = self(),
    Delays = [60000 + (I * 7919) rem 60000 || I <- lists:seq(1, N)],
    Start = bench_time:now_ns(),
    Refs = [erlang:send_after(D, Self, fired) || D <- Delays],
    Set = bench_time:now_ns(),
    cancel(Refs),
    End = bench_time:now_ns(),
    [{"timer_set", (Set - Start) / N, "ns"}, {"timer_cancel", (End - Set) / N, "ns"}].

cancel([]) -> ok;
cancel([Ref | Refs]) ->
    true = is_integer(erlang:cancel_timer(Ref)),
    cancel(Refs).

%% 10 000 timers spread over one second: from when each was due to when its owner has the message.
timer_late(_Quick) ->
    Idle = late(),
    Loops = [spawn_link(fun() -> bench_fair:loop(0) end) || _ <- [1, 2]],
    Loaded = late(),
    [begin unlink(P), exit(P, kill) end || P <- Loops],
    [{"timer_late_p99", Idle, "us"}, {"timer_late_p99_loops", Loaded, "us"}].

late() ->
    Histogram = bench_time:histogram(),
    N = 10000,
    [begin
         Delay = 1 + (I * 7919) rem 1000,
         Due = bench_time:now_ns() + Delay * 1000000,
         erlang:send_after(Delay, self(), {due, Due})
     end || I <- lists:seq(1, N)],
    [receive {due, Due} -> bench_time:record(Histogram, bench_time:now_ns() - Due) end
     || _ <- lists:seq(1, N)],
    bench_time:percentile(Histogram, 99) / 1000.
