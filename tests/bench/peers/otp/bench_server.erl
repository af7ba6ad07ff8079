%% gen_server: calls and casts.
-module(bench_server).
-behaviour(gen_server).
-export([call/1, cast/1, call_1000x1000/1, call_full_mailbox/1]).
-export([start_link/0, start_link/1]).
-export([init/1, handle_call/3, handle_cast/2]).

start_link() -> gen_server:start_link(?MODULE, none, []).

%% Tells Who as soon as it serves.
start_link(Who) -> gen_server:start_link(?MODULE, {tell, Who}, []).

init({tell, Who}) -> Who ! {up, self()}, {ok, 0};
init(none) -> {ok, 0}.

handle_call(get, _From, Count) -> {reply, Count, Count}.
handle_cast(increment, Count) -> {noreply, Count + 1}.

call(Quick) ->
    N = case Quick of true -> 300000; false -> 1000000 end,
    {ok, Server} = start_link(),
    calls(10000, Server),
    [{"call", bench_time:per_op(N, fun() -> calls(N, Server) end), "ns"}].

calls(0, _) -> ok;
calls(N, Server) ->
    _ = gen_server:call(Server, get),
    calls(N - 1, Server).

%% A flood of casts; it ends when the server has handled the last of them.
cast(Quick) ->
    N = case Quick of true -> 300000; false -> 1000000 end,
    {ok, Server} = start_link(),
    casts(10000, Server),
    10000 = gen_server:call(Server, get, infinity),
    Ns = bench_time:per_op(N, fun() ->
        casts(N, Server),
        Total = 10000 + N,
        Total = gen_server:call(Server, get, infinity)
    end),
    [{"cast", Ns, "ns"}].

casts(0, _) -> ok;
casts(N, Server) ->
    gen_server:cast(Server, increment),
    casts(N - 1, Server).

%% 1000 callers, each calls every one of 1000 servers, beginning at its own.
call_1000x1000(Quick) ->
    Size = 1000,
    Rounds = case Quick of true -> 300; false -> 1000 end,
    Servers = list_to_tuple([element(2, start_link()) || _ <- lists:seq(1, Size)]),
    Self = self(),
    Callers = [spawn_link(fun() ->
                   receive go -> call_round(Rounds, I, Servers) end,
                   Self ! done
               end) || I <- lists:seq(1, Size)],
    Ns = bench_time:per_op(Size * Rounds, fun() ->
        [C ! go || C <- Callers],
        [receive done -> ok end || _ <- Callers]
    end),
    [{"call_1000x1000", Ns, "ns"}].

call_round(0, _, _) -> ok;
call_round(N, I, Servers) ->
    _ = gen_server:call(element(I, Servers), get, infinity),
    call_round(N - 1, I rem tuple_size(Servers) + 1, Servers).

%% Calls of a process in whose mailbox 100 000 messages wait.
call_full_mailbox(Quick) ->
    N = case Quick of true -> 100000; false -> 500000 end,
    {ok, Server} = start_link(),
    [self() ! {waiting, I} || I <- lists:seq(1, 100000)],
    calls(1000, Server),
    [{"call_full_mailbox", bench_time:per_op(N, fun() -> calls(N, Server) end), "ns"}].
