%% A mesh of two Erlang nodes, o1 and o2, and two of ours, b1 and b2: seen by a hidden node that asks each of them.
-module(dist_mesh).
-export([main/1]).

-define(LIMIT, 60000).

main(Phase) ->
    try
        phase(Phase),
        io:format("~s: as it should be~n", [Phase]),
        halt(0)
    catch
        C:R:S ->
            io:format("~s: ~tp:~tp~n~tp~n", [Phase, C, R, S]),
            [io:format("  ~s: ~tp~n", [N, catch {ask(N, erlang, nodes, []), ask(N, global, registered_names, []),
                                                   ask(N, pg, get_members, [room])}]) || N <- all()],
            halt(1)
    end.

node_named(Name) -> list_to_atom(Name ++ "@127.0.0.1").
all() -> [node_named(N) || N <- ["o1", "o2", "b1", "b2"]].
ours(N) -> hd(atom_to_list(N)) =:= $b.

ask(N, M, F, A) ->
    case rpc:call(N, M, F, A, ?LIMIT) of
        {badrpc, Why} -> exit({N, {M, F, A}, Why});
        Value -> Value
    end.

%% Until it holds: the whole test is bounded by whoever runs it.
until(What, Claim) -> until(What, Claim, erlang:monotonic_time(millisecond) + ?LIMIT).
until(What, Claim, End) ->
    case catch Claim() of
        true -> ok;
        Other ->
            case erlang:monotonic_time(millisecond) > End of
                true -> exit({What, Other});
                false -> receive after 20 -> until(What, Claim, End) end
            end
    end.

%% All see each other, and global says so.
complete(Nodes) ->
    [until({complete, N}, fun() -> lists:sort(ask(N, erlang, nodes, [])) =:= lists:sort(Nodes -- [N]) end) || N <- Nodes],
    [ok = ask(N, global, sync, []) || N <- Nodes],
    ok.

%% Who could have lost somebody would have by now: another round of the protocol has gone by.
stays_complete(Nodes) ->
    complete(Nodes),
    [yes = ask(N, global, register_name, [{round, N}, idle(N)]) || N <- Nodes],
    [seen_by_all({round, N}, Nodes) || N <- Nodes],
    [ask(N, global, unregister_name, [{round, N}]) || N <- Nodes],
    complete(Nodes).

seen_by_all(Name, Nodes) ->
    Pid = ask(hd(Nodes), global, whereis_name, [Name]),
    [until({Name, N}, fun() -> P = ask(N, global, whereis_name, [Name]), is_pid(P) andalso P =:= until_same(Name, Nodes) end) || N <- Nodes],
    Pid.
until_same(Name, Nodes) ->
    case lists:usort([ask(N, global, whereis_name, [Name]) || N <- Nodes]) of
        [P] -> P;
        Several -> {several, Several}
    end.

gone_for_all(Name, Nodes) ->
    [until({gone, Name, N}, fun() -> ask(N, global, whereis_name, [Name]) =:= undefined end) || N <- Nodes].

members(Count, Nodes) ->
    [until({members, N}, fun() -> length(ask(N, pg, get_members, [room])) =:= Count end) || N <- Nodes].

%% A process there that has no global name yet.
idle(N) ->
    case ours(N) of
        true ->
            Named = [ask(N, global, whereis_name, [X]) || X <- ask(N, global, registered_names, [])],
            hd([P || P <- [ask(N, erlang, whereis, [X]) || X <- [counter, crasher, interop_sup]], not lists:member(P, Named)]);
        false -> ask(N, erlang, spawn, [timer, sleep, [infinity]])
    end.

connect(A, B) -> true = ask(node_named(A), net_kernel, connect_node, [node_named(B)]).

phase(begins) ->
    connect("o1", "b1"), connect("b2", "o2"), connect("o1", "o2"),
    complete(all()),
    [begin
         Pid = case ours(N) of true -> ask(N, erlang, whereis, [echo]); false -> idle(N) end,
         yes = ask(N, global, register_name, [{name, N}, Pid]),
         ok = ask(N, pg, join, [room, Pid])
     end || N <- all()],
    [seen_by_all({name, N}, all()) || N <- all()],
    [no = ask(N, global, register_name, [{name, M}, idle(N)]) || N <- all(), M <- all()],
    [[{name, _}, {name, _}, {name, _}, {name, _}] = ask(N, global, registered_names, []) || N <- all()],
    members(4, all()),
    %% What is sent to a name arrives.
    Echo = ask(node_named("o1"), global, whereis_name, [{name, node_named("b2")}]),
    Echo ! {self(), hello},
    receive {echo, hello} -> ok after ?LIMIT -> exit(no_echo) end;

phase(names) ->
    [B1, O2] = [node_named(N) || N <- ["b1", "o2"]],
    %% Registered anew from the other side, and given back by a third.
    New = idle(B1),
    yes = ask(O2, global, re_register_name, [moving, New]),
    New = seen_by_all(moving, all()),
    yes = ask(B1, global, re_register_name, [moving, Other = idle(O2)]),
    Other = seen_by_all(moving, all()),
    ask(node_named("b2"), global, unregister_name, [moving]),
    gone_for_all(moving, all()),
    %% Owners that die: ours, and theirs.
    [begin
         exit(ask(N, global, whereis_name, [{name, N}]), kill),
         gone_for_all({name, N}, all())
     end || N <- [B1, O2]],
    members(2, all()),
    %% A process twice in a group, and out of it again.
    [begin
         P = case ours(N) of true -> ask(N, erlang, whereis, [counter]); false -> idle(N) end,
         ok = ask(N, pg, join, [room, [P, P]]),
         members(4, all()),
         ok = ask(N, pg, leave, [room, P]),
         members(3, all()),
         ok = ask(N, pg, leave, [room, P]),
         members(2, all()),
         not_joined = ask(N, pg, leave, [room, P])
     end || N <- all()],
    %% Scopes have nothing to do with each other: nobody shares this one.
    ok = ask(B1, pg, join, [lonely, room, ask(B1, erlang, whereis, [counter])]),
    members(2, all()),
    %% Locks of theirs hold on our nodes, and the names can still be read.
    O1 = node_named("o1"),
    Self = self(),
    {Holder, Mon} = spawn_monitor(fun() ->
        Self ! {locked, global:set_lock({resource, me}, all(), 0)},
        receive after infinity -> ok end
    end),
    receive {locked, true} -> ok end,
    false = ask(O1, global, set_lock, [{resource, other}, [B1], 0]),
    false = ask(O1, global, set_lock, [{resource, other}, all(), 0]),
    exit(Holder, kill),
    receive {'DOWN', Mon, _, _, killed} -> ok end,
    until(free, fun() -> ask(O1, global, set_lock, [{resource, other}, all(), 0]) end),
    complete(all());

phase(one_is_killed) -> % b2, just now: it is started again by its parent
    Left = all() -- [node_named("b2")],
    gone_for_all({name, node_named("b2")}, Left),
    members(1, Left),
    stays_complete(Left);

phase(it_is_back) ->
    connect("b2", "b1"),
    complete(all()),
    B2 = node_named("b2"),
    Echo = ask(B2, erlang, whereis, [echo]),
    yes = ask(B2, global, register_name, [{name, B2}, Echo]),
    ok = ask(B2, pg, join, [room, Echo]),
    Echo = seen_by_all({name, B2}, all()),
    members(2, all());

phase(theirs_is_killed) -> % o2
    Left = all() -- [node_named("o2")],
    [until({left, N}, fun() -> not lists:member(node_named("o2"), ask(N, erlang, nodes, [])) end) || N <- Left],
    members(2, Left), % its own died before
    stays_complete(Left);

phase(theirs_is_back) ->
    connect("b1", "o2"),
    complete(all()),
    O2 = node_named("o2"),
    P = idle(O2),
    yes = ask(O2, global, register_name, [{name, O2}, P]),
    ok = ask(O2, pg, join, [room, P]),
    P = seen_by_all({name, O2}, all()),
    members(3, all());

%% Two nodes with the same name registered meet: a0 is before all others, z9 behind them.
phase(clash) ->
    [A0, Z9, B1] = [node_named(N) || N <- ["a0", "z9", "b1"]],
    Ours = ask(B1, erlang, whereis, [crasher]),
    yes = ask(B1, global, register_name, [clash, Ours]),
    Theirs = ask(Z9, erlang, spawn, [timer, sleep, [infinity]]),
    yes = ask(Z9, global, register_name, [clash, Theirs]),
    true = ask(Z9, net_kernel, connect_node, [B1]),
    complete([Z9 | all()]),
    until(kept, fun() -> Ours =:= until_same(clash, [Z9 | all()]) end),
    until(killed, fun() -> not ask(Z9, erlang, is_process_alive, [Theirs]) end),
    %% Now with one that goes before ours.
    Third = ask(A0, erlang, spawn, [timer, sleep, [infinity]]),
    yes = ask(A0, global, register_name, [clash, Third]),
    true = ask(A0, net_kernel, connect_node, [Z9]),
    complete([A0, Z9 | all()]),
    until(kept, fun() -> Third =:= until_same(clash, [A0, Z9 | all()]) end),
    until(killed, fun() -> ask(B1, erlang, whereis, [crasher]) =/= Ours end),
    ask(A0, init, stop, []),
    ask(Z9, init, stop, []),
    complete(all());

phase(disconnect) ->
    [O1, B1] = [node_named(N) || N <- ["o1", "b1"]],
    true = ask(O1, erlang, disconnect_node, [B1]),
    until(no_overlap, fun() -> overlaps() =:= [] end),
    [connect(A, B) || A <- ["o1", "o2", "b1", "b2"], B <- ["o1", "o2", "b1", "b2"], A =/= B],
    stays_complete(all());

phase(one_leaves) -> % b1, told to stop
    Left = all() -- [node_named("b1")],
    [until({left, N}, fun() -> not lists:member(node_named("b1"), ask(N, erlang, nodes, [])) end) || N <- Left],
    stays_complete(Left).

%% Pairs that are apart, and somebody who is connected with both.
overlaps() ->
    See = [{N, ask(N, erlang, nodes, [])} || N <- all()],
    [{X, Y, Z} || {X, Xs} <- See, Y <- all(), Z <- all(), Y < Z, lists:member(Y, Xs), lists:member(Z, Xs),
                  not lists:member(Y, proplists:get_value(Z, See))].
