%% Two nodes over loopback; dist_bench.cpp does the same. This is main@127.0.0.1, peer@127.0.0.1 runs already.
-module(bench_dist).
-behaviour(gen_server).
-export([all/1, pings_only/1, peer/0, init/1, handle_call/3, handle_cast/2]).

-define(PEER, 'peer@127.0.0.1').

peer() ->
    {ok, _} = gen_server:start({local, counter}, ?MODULE, [], []),
    register(echo, spawn(fun echo/0)),
    register(sink, spawn(fun sink/0)),
    receive never -> ok end.

init([]) -> {ok, 0}.
handle_call(get, _, N) -> {reply, N, N};
handle_call(who, _, N) -> {reply, self(), N}.
handle_cast(_, N) -> {noreply, N}.

echo() -> receive {From, What} -> From ! What, echo() end.
sink() ->
    receive
        {From, What} when is_pid(From) -> From ! What, sink();
        _ -> sink()
    end.

all(Quick) ->
    connect(100),
    Of = fun(Full, Small) -> case Quick of true -> Small; false -> Full end end,
    [{"dist_ping_pong", ping_pong(Of(50000, 10000)), "ns"},
     {"dist_call", calls(Of(50000, 10000)), "ns"},
     {"dist_small", flood(Of(2000000, 300000), {small, 1, ok}), "ns"},
     {"dist_1mb", flood(Of(1000, 200), binary:copy(<<"x">>, 1 bsl 20)) / 1000, "us"},
     {"dist_small_beside_large_p99", small_beside_large(Of(5000, 1000)), "ms"},
     {"dist_node_death", node_death(Of(50000, 10000)), "ms"}].

pings_only(Quick) ->
    connect(100),
    [{"dist_erl_ping_pong", ping_pong(case Quick of true -> 10000; false -> 50000 end), "ns"}].

connect(0) -> exit(no_peer);
connect(N) ->
    case net_adm:ping(?PEER) =:= pong andalso rpc:call(?PEER, erlang, whereis, [sink]) of
        P when is_pid(P) -> ok;
        _ -> timer:sleep(100), connect(N - 1)
    end.

timed(N, F) ->
    F(N div 10),
    Start = erlang:monotonic_time(nanosecond),
    F(N),
    (erlang:monotonic_time(nanosecond) - Start) / N.

ping_pong(N) -> timed(N, fun pings/1).
pings(0) -> ok;
pings(N) ->
    {echo, ?PEER} ! {self(), pong},
    receive pong -> pings(N - 1) end.

calls(N) -> timed(N, fun call/1).
call(0) -> ok;
call(N) -> gen_server:call({counter, ?PEER}, get), call(N - 1).

flood(N, What) ->
    Start = erlang:monotonic_time(nanosecond),
    sends(N, What),
    {sink, ?PEER} ! {self(), done},
    receive done -> ok end,
    (erlang:monotonic_time(nanosecond) - Start) / N.
sends(0, _) -> ok;
sends(N, What) -> {sink, ?PEER} ! What, sends(N - 1, What).

small_beside_large(N) ->
    Large = spawn(fun() -> large(binary:copy(<<"x">>, 1 bsl 20), 0) end),
    Times = lists:sort([one_ping() || _ <- lists:seq(1, N)]),
    exit(Large, kill),
    lists:nth(N * 99 div 100, Times) / 1.0e6.

large(B, Open) ->
    {sink, ?PEER} ! {self(), B},
    case Open + 1 of
        4 -> receive B -> large(B, 3) end;
        More -> large(B, More)
    end.

one_ping() ->
    Start = erlang:monotonic_time(nanosecond),
    {echo, ?PEER} ! {self(), pong},
    receive pong -> erlang:monotonic_time(nanosecond) - Start end.

node_death(N) ->
    Self = self(),
    There = gen_server:call({counter, ?PEER}, who),
    [spawn(fun() -> concerned(Self, There) end) || _ <- lists:seq(1, N)],
    [receive ready -> ok end || _ <- lists:seq(1, N)],
    Pid = rpc:call(?PEER, os, getpid, []),
    one_ping(),
    Start = erlang:monotonic_time(nanosecond),
    os:cmd("kill -9 " ++ Pid),
    [receive told -> ok end || _ <- lists:seq(1, N)],
    (erlang:monotonic_time(nanosecond) - Start) / 1.0e6.

concerned(Main, There) ->
    process_flag(trap_exit, true),
    link(There),
    erlang:monitor(process, There),
    Main ! ready,
    receive {'EXIT', There, _} -> ok end,
    receive {'DOWN', _, process, There, _} -> ok end,
    Main ! told.
