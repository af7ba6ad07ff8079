%% What rpc, etop and observer ask of a node, asked of ours and of a real one: answers have the same form.
-module(dist_tools).
-export([main/2, top/2]).

main(N, Real) ->
    process_flag(trap_exit, true),
    await(Real, 100),
    lists:foreach(fun({Name, Case}) -> check(Name, N, Real, Case) end, cases()),
    io:format("~s: ~b cases are as they should be~n", [node(), length(cases())]),
    halt(0).

%% etop, without tracing, for two intervals; what it prints goes to a file.
top(N, File) ->
    {ok, Out} = file:open(File, [write]),
    group_leader(Out, self()),
    spawn(fun() ->
        group_leader(Out, self()),
        etop:start([{node, N}, {output, text}, {tracing, off}, {interval, 1}, {lines, 50}])
    end),
    await_lines(File, "Load:", 3, 300),
    _ = etop:stop(),
    ok = file:close(Out),
    halt(0).

await_lines(File, _, _, 0) -> exit({no_output, File});
await_lines(File, Text, Count, Tries) ->
    {ok, B} = file:read_file(File),
    case length(binary:matches(B, list_to_binary(Text))) >= Count of
        true -> ok;
        false -> receive after 100 -> await_lines(File, Text, Count, Tries - 1) end
    end.

rpc_server(N) ->
    {rex, N} ! {self(), {call, erlang, node, [], group_leader()}},
    receive {rex, Value} -> Value after 5000 -> exit(server_call) end.

await(Node, 0) -> exit({not_there, Node});
await(Node, Tries) ->
    case net_adm:ping(Node) of
        pong -> ok;
        pang -> receive after 100 -> await(Node, Tries - 1) end
    end.

check(Name, N, Real, Case) ->
    try Case(N, Real)
    catch
        C:R:S ->
            io:format("~s: ~ts: ~tp:~tp~n~tp~n", [node(), Name, C, R, S]),
            halt(1)
    end.

cases() ->
    [{"rpc", fun(N, _) ->
          N = rpc:call(N, erlang, node, []),
          true = is_pid(rpc:call(N, erlang, whereis, [counter])),
          undefined = rpc:call(N, erlang, whereis, [nobody]),
          true = lists:member(counter, rpc:call(N, erlang, registered, [])),
          N = erpc:call(N, erlang, apply, [erlang, node, []]),
          N = erpc:call(N, fun erlang:node/0),
          {[N, N], []} = rpc:multicall([N, N], erlang, node, []),
          {badrpc, {'EXIT', {badarg, _}}} = rpc:call(N, erlang, whereis, ["counter"]),
          "127.0.0.1" = rpc:call(N, net_adm, localhost, []),
          [{interop, _, "1"}] = rpc:call(N, application, which_applications, [])
      end},
     {"rex", fun(N, _) ->
          N = rpc:block_call(N, erlang, node, []),
          N = rpc_server(N),
          {badrpc, {'EXIT', {undef, _}}} = rpc:block_call(N, os, cmd, ["ls"]),
          {rex, N} ! {self(), features_request},
          receive {features_reply, N, [erpc]} -> ok after 5000 -> exit(features) end,
          {[N], []} = rpc:sbcast([N], echo, {self(), sent}),
          receive {echo, sent} -> ok after 5000 -> exit(sbcast) end,
          {[], [N]} = rpc:sbcast([N], nobody, x),
          true = rpc:cast(N, erlang, exit, [self(), cast]),
          receive {'EXIT', _, cast} -> ok after 5000 -> exit(cast) end,
          K = rpc:async_call(N, erlang, node, []),
          N = rpc:yield(K)
      end},
     {"user and logger_proxy", fun(N, _) ->
          User = rpc:call(N, erlang, whereis, [user]),
          ok = io:format(User, "hello from ~s ~p~n", ["erlang", 42]),
          ok = io:put_chars(User, "plain\n"),
          eof = io:get_line(User, "> "),
          {error, enotsup} = io:getopts(User),
          {error, enotsup} = io:columns(User),
          {logger_proxy, N} ! {log, error, "~p", [logged], #{pid => self(), gl => User}}
      end},
     {"system", fun(N, Real) ->
          same_keys(N, Real, erlang, memory, []),
          Ours = rpc:call(N, observer_backend, sys_info, []),
          [true = lists:keymember(K, 1, Ours) orelse {missing, K}
           || {K, _} <- rpc:call(Real, observer_backend, sys_info, []), K =/= atom_used],
          [true = same_type(V, proplists:get_value(K, Ours)) orelse {type, K}
           || {K, V} <- rpc:call(Real, observer_backend, sys_info, []), K =/= ets_limit, K =/= thread_pool_size],
          "25" = proplists:get_value(otp_release, Ours),
          [same_form(N, Real, erlang, system_info, [I])
           || I <- [process_count, schedulers, wordsize, otp_release, version, dirty_cpu_schedulers,
                    {wordsize, internal}]],
          [same_form(N, Real, erlang, statistics, [I])
           || I <- [reductions, runtime, wall_clock, run_queue, io, garbage_collection]]
      end},
     {"etop's row for each process", fun(N, Real) ->
          {O, R} = {collected(N), collected(Real)},
          9 = tuple_size(O),
          9 = tuple_size(R),
          {[T1 | _], [T2 | _]} = {element(9, O), element(9, R)},
          true = shape(setelement(5, T1, a)) =:= shape(setelement(5, T2, a)),
          true = element(3, O) >= length(element(9, O)),
          [{total, _}, {processes, _}, {ets, _}, {atom, _}, {code, _}, {binary, _}] = element(8, O),
          [{1, _, _} | _] = element(5, O)
      end},
     {"observer: processes", fun(N, Real) ->
          {module, observer_backend} = rpc:call(N, code, ensure_loaded, [observer_backend]),
          true = rpc:call(N, erlang, function_exported, [observer_backend, procs_info, 1]),
          P = spawn_link(N, observer_backend, procs_info, [self()]),
          Rows = receive {procs_info, P, Procs} -> Procs after 5000 -> exit(procs) end,
          receive {'EXIT', P, normal} -> ok after 5000 -> exit('end') end,
          true = lists:keymember(counter, 5, Rows),
          [] = rpc:call(N, observer_backend, get_port_list, []),
          true = rpc:call(N, erlang, function_exported, [observer_backend, get_socket_list, 0]),
          [] = rpc:call(N, observer_backend, get_socket_list, []),
          Keys = fun(At) -> lists:sort(proplists:get_keys(rpc:call(At, observer_backend, socket_info, []))) end,
          true = Keys(N) =:= Keys(Real)
      end},
     {"sys by rpc", fun(N, Real) ->
          Shape = fun(At, P) ->
              {status, P, {module, gen_server}, [_, running, _, _, [{header, _}, {data, _}, {data, [{"State", _}]} | _]]} =
                  rpc:call(At, sys, get_status, [P, 200])
          end,
          _ = Shape(N, rpc:call(N, erlang, whereis, [counter])),
          _ = Shape(Real, rpc:call(Real, erlang, whereis, [kernel_sup])),
          _ = rpc:call(N, sys, get_state, [counter]),
          ok = rpc:call(N, sys, suspend, [counter]),
          {'EXIT', {timeout, _}} = (catch gen_server:call({counter, N}, get, 50)),
          ok = rpc:call(N, sys, resume, [{counter, N}, infinity]),
          {badrpc, {'EXIT', {noproc, {sys, get_status, [nobody, 200]}}}} = rpc:call(N, sys, get_status, [nobody, 200]),
          {badrpc, {'EXIT', {noproc, {sys, get_status, [nobody, 200]}}}} = rpc:call(Real, sys, get_status, [nobody, 200])
      end},
     {"observer: one process", fun(N, Real) ->
          Ours = rpc:call(N, erlang, whereis, [counter]),
          Theirs = rpc:call(Real, erlang, whereis, [kernel_sup]),
          Items = [binary, catchlevel, current_function, error_handler, garbage_collection, group_leader,
                   heap_size, initial_call, last_calls, links, memory, message_queue_len, monitored_by,
                   monitors, priority, reductions, registered_name, sequential_trace_token, stack_size,
                   status, suspending, total_heap_size, trace, trap_exit],
          A = rpc:call(N, erlang, process_info, [Ours, Items]),
          B = rpc:call(Real, erlang, process_info, [Theirs, Items]),
          Items = [K || {K, _} <- A],
          [true = same_type(V, W) orelse {item, K, V, W} || {{K, V}, {K, W}} <- lists:zip(A, B)],
          {registered_name, counter} = rpc:call(N, erlang, process_info, [Ours, registered_name]),
          {messages, []} = rpc:call(N, erlang, process_info, [Ours, messages]),
          {dictionary, D} = rpc:call(N, erlang, process_info, [Ours, dictionary]),
          true = is_list(D),
          {current_stacktrace, S} = rpc:call(N, erlang, process_info, [Ours, current_stacktrace]),
          true = is_list(S),
          {counter, init, 1} = rpc:call(N, proc_lib, translate_initial_call, [Ours]),
          Attributes = rpc:call(N, counter, module_info, [attributes]),
          {behaviour, [gen_server]} = lists:keyfind(behaviour, 1, Attributes),
          %% As observer takes it apart.
          {status, Ours, {module, gen_server},
           [_, running, _, _, [{header, "Status for generic server counter"}, {data, First}, {data, Second}]]} =
              sys:get_status(Ours, 200),
          [{"Status", running}, {"Parent", _}, {"Logged events", []}] = First,
          [{"State", #{}}] = Second,
          %% A supervisor is a gen_server.
          {status, _, {module, gen_server}, _} = sys:get_status({interop_sup, N}, 1000),
          true = rpc:call(N, erlang, garbage_collect, [Ours]),
          Doomed = rpc:call(N, erlang, whereis, [crasher]),
          M = erlang:monitor(process, Doomed),
          true = rpc:call(N, erlang, exit, [Doomed, kill]),
          receive {'DOWN', M, process, Doomed, killed} -> ok after 5000 -> exit(kill) end,
          undefined = rpc:call(N, erlang, process_info, [Doomed, Items])
      end},
     {"observer: charts", fun(N, Real) ->
          [true = lists:foldl(
               fun(_, Last) ->
                   receive {stats, 1, Times, {{input, I}, {output, O}}, Memory} ->
                       [true = is_integer(X) || X <- [I, O]],
                       [{_, _, _} | _] = Times,
                       true = lists:keymember(total, 1, Memory),
                       Last
                   after 5000 -> exit(charts)
                   end
               end, start_charts(Node), [1, 2]) || Node <- [N, Real]]
      end},
     {"observer: applications", fun(N, _) ->
          {ok, S} = rpc:call(N, appmon_info, start_link2, [self(), self(), []]),
          link(S),
          gen_server:cast(S, {self(), app_ctrl, N, true, []}),
          receive {delivery, S, app_ctrl, N, [{Master, interop, {interop, [_ | _], "1"}}]} when is_pid(Master) -> ok
          after 5000 -> exit(app_ctrl) end,
          gen_server:cast(S, {self(), app, interop, true, []}),
          receive {delivery, S, app, interop, {[_ | _] = Root, Ps, Edges, []}} ->
              5 = length(Ps),
              [true = lists:member({"interop_sup", C}, Edges) || C <- ["echo", "counter", "crasher"]],
              true = lists:member({Root, "interop_sup"}, Edges)
          after 5000 -> exit(app) end,
          gen_server:cast(S, {self(), app, unheard_of, true, []}),
          receive {delivery, S, app, unheard_of, {[], [], [], []}} -> ok after 5000 -> exit(none) end,
          unlink(S),
          exit(S, kill)
      end},
     {"observer: tables", fun(N, Real) ->
          Ask = [ets, [{sys_hidden, true}, {unread_hidden, true}]],
          Ours = rpc:call(N, observer_backend, get_table_list, Ask),
          true = is_list(Ours),
          [Theirs | _] = rpc:call(Real, observer_backend, get_table_list, [ets, [{sys_hidden, false}, {unread_hidden, false}]]),
          Keys = lists:sort([K || {K, _} <- Theirs]),
          [Keys = lists:sort([K || {K, _} <- T]) || T <- Ours]
      end},
     {"observer: log view", fun(N, _) ->
          [{interop, _, _}] = rpc:block_call(N, application, which_applications, [])
      end}].

collected(N) ->
    P = spawn_link(N, observer_backend, etop_collect, [self()]),
    Info = receive {P, I} -> I after 5000 -> exit({no_info, N}) end,
    receive {'EXIT', P, normal} -> Info after 5000 -> exit({no_end, N}) end.

start_charts(N) ->
    P = spawn_link(N, observer_backend, fetch_stats, [self(), 100]),
    spawn_link(fun() -> receive after 600 -> P ! exit end end),
    true.

same_keys(N, Real, M, F, A) ->
    [true = lists:keymember(K, 1, rpc:call(N, M, F, A)) || {K, _} <- rpc:call(Real, M, F, A)].

same_form(N, Real, M, F, A) ->
    {O, R} = {rpc:call(N, M, F, A), rpc:call(Real, M, F, A)},
    case shape(O) =:= shape(R) of
        true -> ok;
        false -> exit({other_form, M, F, A, O, R})
    end.

same_type(A, B) -> type(A) =:= type(B).

shape(T) when is_tuple(T) -> [shape(E) || E <- tuple_to_list(T)];
shape(T) -> type(T).

type(T) when is_integer(T) -> integer;
type(T) when is_atom(T) -> atom;
type(T) when is_list(T) -> list;
type(T) when is_pid(T) -> pid;
type(T) when is_tuple(T) -> tuple;
type(_) -> other.
