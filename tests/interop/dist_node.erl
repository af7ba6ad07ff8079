%% What Erlang does with a node of ours: ping, calls, links, monitors, exits, every kind of term, rpc, and a new start.
-module(dist_node).
-export([main/1, refused/1, short_life/1, lives/3]).

main(N) ->
    process_flag(trap_exit, true),
    lists:foreach(fun({Name, Case}) -> check(Name, N, Case) end, cases()),
    io:format("~s: ~b cases are as they should be~n", [node(), length(cases())]),
    halt(0).

%% With another cookie.
refused(N) ->
    pang = net_adm:ping(N),
    [] = nodes(connected),
    {badrpc, nodedown} = rpc:call(N, erlang, node, []),
    halt(0).

%% A peer that comes, is known, and goes without a word.
short_life(N) ->
    pong = net_adm:ping(N),
    link(call(N, crasher, who)),
    erlang:monitor(process, {counter, N}),
    {echo, N} ! {self(), once},
    receive {echo, once} -> ok after 5000 -> halt(1) end,
    erlang:halt(0, [{flush, false}]).

%% One peer that is a new node each time.
lives(_, _, 0) ->
    halt(0);
lives(N, Cookie, Count) ->
    {ok, _} = net_kernel:start(['reborn@127.0.0.1', longnames]),
    erlang:set_cookie(Cookie),
    pong = net_adm:ping(N),
    process_flag(trap_exit, true),
    P = call(N, crasher, who),
    link(P),
    M = erlang:monitor(process, {counter, N}),
    true = is_integer(call(N, counter, get)),
    ok = net_kernel:stop(),
    receive {'EXIT', P, noconnection} -> ok after 5000 -> halt(1) end,
    receive {'DOWN', M, process, {counter, N}, noconnection} -> ok after 5000 -> halt(1) end,
    lives(N, Cookie, Count - 1).

check(Name, N, Case) ->
    try Case(N)
    catch
        C:R:S ->
            io:format("~s: ~ts: ~tp:~tp~n~tp~n", [node(), Name, C, R, S]),
            halt(1)
    end.

cases() ->
    [{"ping", fun(N) ->
          pong = net_adm:ping(N),
          [N] = nodes(connected)
      end},
     {"calls", fun(N) ->
          A = call(N, counter, get),
          B = call(N, counter, {increment_by, 5}),
          B = A + 5,
          gen_server:cast({counter, N}, {increment_by, 2}),
          C = call(N, counter, get),
          C = B + 2,
          P = call(N, counter, who),
          N = node(P),
          C = gen_server:call(P, get)
      end},
     {"calls that fail", fun(N) ->
          {timeout, _} = failure(fun() -> gen_server:call({counter, N}, slow, 100) end),
          {noproc, _} = failure(fun() -> gen_server:call({nobody, N}, get) end),
          P = call(N, crasher, who),
          M = erlang:monitor(process, P),
          {function_clause, _} = element(1, failure(fun() -> gen_server:call(P, unheard_of) end)),
          receive {'DOWN', M, process, P, {function_clause, _}} -> ok after 5000 -> exit(no_down) end,
          await_new(N, P),
          {[{N, _}], ['x@127.0.0.1']} = gen_server:multi_call([N, 'x@127.0.0.1'], counter, get),
          {[], [N]} = gen_server:multi_call([N], nobody, get)
      end},
     {"requests of one process stay in order", fun(N) ->
          Self = self(),
          [{echo, N} ! {Self, I} || I <- lists:seq(1, 50000)],
          [receive {echo, I} -> ok after 10000 -> exit({lost, I}) end || I <- lists:seq(1, 50000)]
      end},
     {"large messages keep their place among small ones", fun(N) ->
          B = binary:copy(<<"0123456789">>, 500000),
          Sent = [case I rem 5 of 0 -> {I, B}; _ -> I end || I <- lists:seq(1, 20)],
          [{echo, N} ! {self(), T} || T <- Sent],
          [receive {echo, Got} -> Got = T after 20000 -> exit(lost) end || T <- Sent]
      end},
     {"every kind of term", fun(N) -> [T = echo(N, T) || T <- terms()] end},
     {"-0.0 keeps its sign", fun(N) -> <<1:1, _:63>> = <<(echo(N, -0.0)):64/float>> end},
     {"a fun comes back as itself", fun(N) ->
          X = 17,
          F = echo(N, fun(Y) -> X + Y end),
          20 = F(3)
      end},
     {"monitors", fun(N) ->
          P = call(N, crasher, who),
          ByName = erlang:monitor(process, {crasher, N}),
          ByPid = erlang:monitor(process, P),
          Gone = erlang:monitor(process, P),
          true = erlang:demonitor(Gone, [flush]),
          {crasher, N} ! {crash, {why, [1, "2", <<3>>]}},
          receive {'DOWN', ByName, process, {crasher, N}, {why, [1, "2", <<3>>]}} -> ok after 5000 -> exit(name) end,
          receive {'DOWN', ByPid, process, P, {why, _}} -> ok after 5000 -> exit(pid) end,
          receive {'DOWN', Gone, _, _, _} -> exit(gone) after 0 -> ok end,
          Dead = erlang:monitor(process, P),
          receive {'DOWN', Dead, process, P, noproc} -> ok after 5000 -> exit(dead) end,
          Unknown = erlang:monitor(process, {nobody, N}),
          receive {'DOWN', Unknown, process, {nobody, N}, noproc} -> ok after 5000 -> exit(unknown) end,
          await_new(N, P)
      end},
     {"links", fun(N) ->
          P = call(N, crasher, who),
          link(P),
          {crasher, N} ! {crash, boom},
          receive {'EXIT', P, boom} -> ok after 5000 -> exit(link) end,
          link(P),
          receive {'EXIT', P, noproc} -> ok after 5000 -> exit(dead) end,
          Q = await_new(N, P),
          link(Q),
          unlink(Q),
          M = erlang:monitor(process, Q),
          exit(Q, kill),
          receive {'DOWN', M, process, Q, killed} -> ok after 5000 -> exit(kill) end,
          receive {'EXIT', Q, _} -> exit(unlinked) after 0 -> ok end,
          %% One of ours that dies takes its linked peer along.
          R = await_new(N, Q),
          Watch = erlang:monitor(process, R),
          spawn(fun() -> link(R), exit(together) end),
          receive {'DOWN', Watch, process, R, together} -> ok after 5000 -> exit(together) end,
          await_new(N, R)
      end},
     {"sys and supervisor", fun(N) ->
          State = sys:get_state({counter, N}),
          Count = call(N, counter, get),
          true = lists:member(Count, maps:values(State)),
          {status, P, {module, _}, [_, running, _, _, _]} = sys:get_status({counter, N}),
          ok = sys:suspend({counter, N}),
          {timeout, _} = failure(fun() -> gen_server:call({counter, N}, get, 100) end),
          ok = sys:resume({counter, N}),
          Count = call(N, counter, get),
          Children = supervisor:which_children({interop_sup, N}),
          {counter, P, worker, [_]} = lists:keyfind(counter, 1, Children),
          [{specs, 3}, {active, 3}, {supervisors, 0}, {workers, 3}] = supervisor:count_children({interop_sup, N}),
          {ok, #{id := counter, restart := permanent}} = supervisor:get_childspec({interop_sup, N}, counter),
          ok = supervisor:terminate_child({interop_sup, N}, counter),
          {ok, Q} = supervisor:restart_child({interop_sup, N}, counter),
          Q = call(N, counter, who)
      end},
     {"rpc, erpc and spawn find what is exported, and nothing else", fun(N) ->
          {badrpc, {'EXIT', {undef, [{os, cmd, ["ls"], []}]}}} = rpc:call(N, os, cmd, ["ls"]),
          {exception, undef, [{m, f, [1], []}]} =
              try erpc:call(N, m, f, [1]) catch error:E -> E end,
          P = spawn(N, m, f, []),
          N = node(P)
      end},
     {"a connection that was closed is made again", fun(N) ->
          M = erlang:monitor(process, {counter, N}),
          monitor_node(N, true),
          true = erlang:disconnect_node(N),
          receive {'DOWN', M, process, {counter, N}, noconnection} -> ok after 5000 -> exit(down) end,
          receive {nodedown, N} -> ok after 5000 -> exit(nodedown) end,
          pong = net_adm:ping(N),
          true = is_integer(call(N, counter, get))
      end},
     {"bursts from many processes", fun(N) ->
          Self = self(),
          Ps = [spawn_link(fun() ->
                    [begin
                         {echo, N} ! {self(), {Id, I}},
                         receive {echo, {Id, I}} -> ok after 20000 -> exit(lost) end
                     end || I <- lists:seq(1, 100)],
                    Self ! {done, Id}
                end) || Id <- lists:seq(1, 200)],
          [receive {done, Id} -> ok after 20000 -> exit(slow) end || Id <- lists:seq(1, length(Ps))],
          [receive {'EXIT', P, normal} -> ok end || P <- Ps]
      end}].

terms() ->
    [0, 1, -1, 255, 256, -2147483648, 2147483648, 1 bsl 62, -(1 bsl 62), 1 bsl 64, -(1 bsl 200), 1 bsl 4000,
     1.5, 0.0, 1.0e300, a, '', 'with space', 'grün', list_to_atom(lists:duplicate(255, $x)),
     "text", [], [1 | 2], [[], [[]]], lists:seq(1, 300), lists:duplicate(70000, 7), lists:seq(1, 100000),
     <<>>, <<"bytes">>, <<5:3>>, <<1, 2, 3:4>>, {}, {1}, list_to_tuple(lists:seq(1, 300)),
     #{}, #{a => 1, 1 => b, 1.0 => c, "s" => [#{}]}, maps:from_list([{I, I * I} || I <- lists:seq(1, 100)]),
     self(), make_ref(), hd(erlang:ports()), fun lists:map/2,
     lists:foldl(fun(_, T) -> [T] end, [], lists:seq(1, 100000)),
     lists:foldl(fun(_, T) -> {T} end, [], lists:seq(1, 100000))].

call(N, Name, Request) -> gen_server:call({Name, N}, Request).

echo(N, T) ->
    {echo, N} ! {self(), T},
    receive {echo, U} -> U after 10000 -> exit({no_echo, T}) end.

failure(F) ->
    try F() of V -> exit({no_failure, V}) catch exit:R -> R end.

%% The supervisor starts another one; the call finds it, or finds nobody yet.
await_new(N, Old) ->
    try call(N, crasher, who) of
        Old -> await_new(N, Old);
        New -> New
    catch
        exit:_ -> await_new(N, Old)
    end.
