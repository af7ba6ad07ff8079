%% The OTP side of scripts/bench: `bench_main` runs one group of benchmarks and prints a line of
%% JSON for each figure. Groups and their figures are listed in tests/bench/figures.txt.
-module(bench_main).
-export([main/1]).

main([Group | Options]) ->
    Quick = lists:member("--quick", Options),
    %% As in production with reports switched off: the peers' crash reports are off as well.
    logger:set_primary_config(level, none),
    %% A fresh process: the one that runs -run is init's, with its own flags and links.
    {_, Ref} = spawn_opt(fun() -> run(Group, Quick) end, [monitor]),
    receive
        {'DOWN', Ref, process, _, normal} ->
            halt(0);
        {'DOWN', Ref, process, _, Reason} ->
            io:format(standard_error, "bench ~s: ~p~n", [Group, Reason]),
            halt(1)
    end.

run(Group, Quick) ->
    Run = group(Group),
    [print(Figure) || Figure <- Run(Quick)].

group("spawn_exit") -> fun bench_message:spawn_exit/1;
group("ping_pong") -> fun bench_message:ping_pong/1;
group("ring") -> fun bench_message:ring/1;
group("fan_in") -> fun bench_message:fan_in/1;
group("call") -> fun bench_server:call/1;
group("cast") -> fun bench_server:cast/1;
group("call_1000x1000") -> fun bench_server:call_1000x1000/1;
group("call_full_mailbox") -> fun bench_server:call_full_mailbox/1;
group("timers") -> fun bench_timer:timers/1;
group("timer_late") -> fun bench_timer:timer_late/1;
group("restart") -> fun bench_supervisor:restart/1;
group("children") -> fun bench_supervisor:children/1;
group("monitor_down") -> fun bench_exit:monitor_down/1;
group("hub_death") -> fun bench_exit:hub_death/1;
group("statem_call") -> fun bench_statem:statem_call/1;
group("process_bytes") -> fun bench_memory:process_bytes/1;
group("gen_server_bytes") -> fun bench_memory:gen_server_bytes/1;
group("ets_insert") -> fun bench_ets:insert/1;
group("ets_lookup") -> fun bench_ets:lookup/1;
group("ets_update_counter") -> fun bench_ets:update_counter/1;
group("ets_ordered_insert") -> fun bench_ets:ordered_insert/1;
group("ets_ordered_lookup") -> fun bench_ets:ordered_lookup/1;
group("ets_lookup_2p") -> fun bench_ets:lookup_2p/1;
group("ets_mixed_2p") -> fun bench_ets:mixed_2p/1;
group("ets_update_counter_2p") -> fun bench_ets:update_counter_2p/1;
group("ets_set_bytes") -> fun bench_ets:set_bytes/1;
group("ets_ordered_bytes") -> fun bench_ets:ordered_bytes/1;
group("etf_map") -> fun bench_etf:map/1;
group("etf_list") -> fun bench_etf:list/1;
group("dist") -> fun bench_dist:all/1;
group("dist_erl") -> fun bench_dist:pings_only/1;
group("fair") -> fun bench_fair:eight_loops/1;
group("fair_2") -> fun bench_fair:two_loops/1;
group(Other) -> exit({no_such_group, Other}).

print({Name, Value, Unit}) ->
    io:format("{\"bench\":\"~s\",\"subject\":\"otp\",\"value\":~.2f,\"unit\":\"~s\","
              "\"better\":\"lower\"}~n", [Name, float(Value), Unit]).
