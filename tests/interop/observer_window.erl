%% The Observer window itself, on a screen that nobody sees: it is pointed at a node of ours, each of its pages is opened,
%% and a process's window. A page that gets an answer it does not understand dies, and the window with it.
-module(observer_window).
-export([main/1]).

main(N) ->
    try look(N) of
        Pages -> io:format("observer_window: ~b pages and a process's window are shown~n", [Pages]), halt(0)
    catch
        C:R:S -> io:format("observer_window: ~tp:~tp~n~tp~n", [C, R, S]), halt(1)
    end.

look(N) ->
    pong = net_adm:ping(N),
    Counter = rpc:call(N, erlang, whereis, [counter]),
    true = is_pid(Counter),
    ok = observer:start(),
    Window = until(window, fun() -> whereis(observer) end, fun is_pid/1),
    monitor(process, Window),
    Begun = sys:get_state(Window),
    wx:set_env(env_of(Window)),
    Book = one_in(Begun, fun({wx_ref, _, wxNotebook, _}) -> true; (_) -> false end),
    Nodes = one_in(Begun, fun(L) -> is_list(L) andalso lists:member(N, L) end),
    %% Entries of its menu of nodes begin at 1000.
    Window ! {wx, 1000 + place_of(N, Nodes), Book, [], {wxCommand, command_menu_selected, [], 0, 0}},
    until(node, fun observer_wx:get_active_node/0, fun(A) -> A =:= N end),
    Count = wxNotebook:getPageCount(Book),
    [show(Window, Book, Page) || Page <- lists:seq(0, Count - 1)],
    Window ! {open_link, Counter},
    Opened = until(process_window, fun process_windows/0, fun(L) -> L =/= [] end),
    [_ = sys:get_state(P) || P <- Opened],
    N = observer_wx:get_active_node(),
    receive {'DOWN', _, _, _, Why} -> exit({window, Why}) after 0 -> Count end.

%% It is there when all the processes behind the pages answer again.
show(Window, Book, Page) ->
    wxNotebook:setSelection(Book, Page),
    until(page, fun() -> wxNotebook:getSelection(Book) end, fun(Now) -> Now =:= Page end),
    State = sys:get_state(Window),
    [answers(P) || P <- lists:usort(all_in(State, fun is_pid/1)), is_page(P)],
    io:format("page ~ts~n", [wxNotebook:getPageText(Book, Page)]).

answers(P) ->
    try sys:get_state(P, 10000)
    catch exit:{timeout, _} ->
        exit({does_not_answer, process_info(P, [dictionary, current_stacktrace])})
    end.

is_page(P) ->
    node(P) =:= node() andalso P =/= whereis(observer) andalso starts_in(P, fun(M) -> lists:prefix("observer", M) end).
process_windows() ->
    [P || P <- processes(), starts_in(P, fun(M) -> M =:= "observer_procinfo" end)].
starts_in(P, Is) ->
    case process_info(P, dictionary) of
        {dictionary, D} ->
            case lists:keyfind('$initial_call', 1, D) of
                {_, {M, _, _}} -> Is(atom_to_list(M));
                false -> false
            end;
        undefined -> false
    end.

env_of(Window) ->
    {dictionary, D} = process_info(Window, dictionary),
    [Env] = [V || {K, V} <- D, lists:member(K, ['_wx_env_', '$wx_env', wx_env])],
    Env.

place_of(X, [X | _]) -> 1;
place_of(X, [_ | Rest]) -> 1 + place_of(X, Rest).

one_in(T, Is) -> hd(all_in(T, Is)).
all_in(T, Is) ->
    case Is(T) of
        true -> [T];
        false when is_tuple(T) -> all_in(tuple_to_list(T), Is);
        false when is_map(T) -> all_in(maps:values(T), Is);
        false when is_list(T), T =/= [], is_list(tl(T)) -> all_in(hd(T), Is) ++ all_in(tl(T), Is);
        false -> []
    end.

until(What, Look, Is) -> until(What, Look, Is, erlang:monotonic_time(second) + 30).
until(What, Look, Is, End) ->
    Found = Look(),
    case Is(Found) of
        true -> Found;
        false ->
            erlang:monotonic_time(second) < End orelse exit({not_seen, What, Found}),
            receive {'DOWN', _, _, _, Why} -> exit({window, Why}) after 20 -> until(What, Look, Is, End) end
    end.
