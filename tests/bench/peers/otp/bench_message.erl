%% Processes and plain messages.
-module(bench_message).
-export([spawn_exit/1, ping_pong/1, ring/1, fan_in/1]).

%% Rounds of 10 000 trivial processes; a round ends when the last of them has run.
spawn_exit(Quick) ->
    Batch = 10000,
    Rounds = case Quick of true -> 30; false -> 100 end,
    spawn_round(Batch),
    Ns = bench_time:per_op(Batch * Rounds, fun() -> spawn_rounds(Rounds, Batch) end),
    [{"spawn_exit", Ns, "ns"}].

spawn_rounds(0, _) -> ok;
spawn_rounds(N, Batch) -> spawn_round(Batch), spawn_rounds(N - 1, Batch).

spawn_round(Batch) ->
    Done = atomics:new(1, []),
    Self = self(),
    Body = fun() ->
        case atomics:add_get(Done, 1, 1) of
            Batch -> Self ! done;
            _ -> ok
        end
    end,
    spawn_many(Batch, Body),
    receive done -> ok end.

spawn_many(0, _) -> ok;
spawn_many(N, Body) -> spawn(Body), spawn_many(N - 1, Body).

ping_pong(Quick) ->
    N = case Quick of true -> 300000; false -> 1000000 end,
    Self = self(),
    Ponger = spawn_link(fun() -> receive Pinger -> ponger(Pinger) end end),
    spawn_link(fun() ->
        Ponger ! self(),
        pinger(10000, Ponger),
        Self ! bench_time:per_op(N, fun() -> pinger(N, Ponger) end)
    end),
    receive Ns -> [{"ping_pong", Ns, "ns"}] end.

pinger(0, _) -> ok;
pinger(N, Ponger) ->
    Ponger ! ping,
    receive pong -> pinger(N - 1, Ponger) end.

ponger(Pinger) ->
    receive ping -> Pinger ! pong, ponger(Pinger) end.

%% 503 processes pass one token round.
ring(Quick) ->
    Size = 503,
    Hops = case Quick of true -> 500000; false -> 2000000 end,
    Self = self(),
    Last = spawn_link(fun() -> receive {next, First} -> hop(First, Self) end end),
    First = lists:foldl(fun(_, Next) -> spawn_link(fun() -> hop(Next, Self) end) end,
                        Last, lists:seq(2, Size)),
    Last ! {next, First},
    First ! 10 * Size,
    receive done -> ok end,
    Ns = bench_time:per_op(Hops, fun() -> First ! Hops, receive done -> ok end end),
    [{"ring", Ns, "ns"}].

hop(Next, Main) ->
    receive
        0 -> Main ! done, hop(Next, Main);
        N -> Next ! N - 1, hop(Next, Main)
    end.

%% 8 producers to one consumer, 5 million messages.
fan_in(Quick) ->
    Producers = 8,
    Each = case Quick of true -> 1000000; false -> 5000000 end div Producers,
    Self = self(),
    Consumer = spawn_opt(fun() -> consume(Producers * Each), Self ! done end,
                         [link, {message_queue_data, off_heap}]),
    Pids = [spawn_link(fun() -> receive go -> produce(Each, Consumer) end end)
            || _ <- lists:seq(1, Producers)],
    Ns = bench_time:per_op(Producers * Each, fun() ->
        [P ! go || P <- Pids],
        receive done -> ok end
    end),
    [{"fan_in", Ns, "ns"}].

produce(0, _) -> ok;
produce(N, Consumer) -> Consumer ! N, produce(N - 1, Consumer).

consume(0) -> ok;
consume(N) -> receive _ -> consume(N - 1) end.
