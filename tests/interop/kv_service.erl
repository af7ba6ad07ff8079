%% What other code asks kv, from a real Erlang node: gen_server:call({kv, Node}, Request).
-module(kv_service).
-export([main/1]).

main(N) ->
    lists:foreach(fun({Name, Case}) ->
        try Case(fun(R) -> gen_server:call({kv, N}, R, 20000) end)
        catch
            C:E:S ->
                io:format("kv_service: ~ts: ~tp:~tp~n~tp~n", [Name, C, E, S]),
                halt(1)
        end
    end, cases()),
    io:format("kv_service: ~b cases are as they should be~n", [length(cases())]),
    halt(0).

cases() ->
    [{"put and get", fun(Ask) ->
          {ok, #{version := V}} = Ask({put, <<"user:42">>, <<"active">>}),
          {ok, #{value := <<"active">>, version := V, ttl_ms := undefined, from := From}} = Ask({get, <<"user:42">>}),
          true = lists:member(From, [<<"primary">>, primary]),
          {ok, #{value := <<"active">>}} = Ask({get, <<"user:42">>, #{primary => true}}),
          {ok, #{value := <<"active">>}} = Ask({get, <<"user:42">>, #{stale => true, timeout_ms => 500}}),
          {error, not_found} = Ask({get, <<"nobody">>})
      end},
     {"bytes are bytes", fun(Ask) ->
          Bytes = crypto_free_bytes(),
          {ok, _} = Ask({put, <<0, 255>>, Bytes}),
          {ok, #{value := Bytes}} = Ask({get, <<0, 255>>}),
          {ok, _} = Ask({put, <<"empty">>, <<>>}),
          {ok, #{value := <<>>}} = Ask({get, <<"empty">>}),
          Large = binary:copy(<<"x">>, 1 bsl 20),
          {ok, _} = Ask({put, <<"large">>, Large}),
          {ok, #{value := Large}} = Ask({get, <<"large">>})
      end},
     {"options of a change", fun(Ask) ->
          {ok, #{version := V}} = Ask({put, <<"o">>, <<"1">>, #{if_absent => true}}),
          {error, {conflict, <<"version ", _/binary>>}} = Ask({put, <<"o">>, <<"2">>, #{if_absent => true}}),
          {ok, #{version := W}} = Ask({put, <<"o">>, <<"2">>, #{expect_version => V}}),
          true = W > V,
          {error, {conflict, _}} = Ask({put, <<"o">>, <<"3">>, #{expect_version => V}}),
          {error, {conflict, <<"another value">>}} = Ask({put, <<"o">>, <<"3">>, #{expect => <<"1">>}}),
          {ok, _} = Ask({put, <<"o">>, <<"3">>, #{expect => <<"2">>, ttl_ms => 60000}}),
          {ok, #{value := <<"3">>, ttl_ms := Left}} = Ask({get, <<"o">>}),
          true = Left > 50000 andalso Left =< 60000,
          {ok, _} = Ask({expire, <<"o">>, #{}}),
          {ok, #{ttl_ms := undefined}} = Ask({get, <<"o">>}),
          {ok, _} = Ask({expire, <<"o">>, #{ttl_ms => 1000}}),
          {error, not_found} = Ask({expire, <<"nobody">>, #{ttl_ms => 1000}}),
          {error, {conflict, _}} = Ask({erase, <<"o">>, #{expect => <<"x">>}}),
          {ok, _} = Ask({erase, <<"o">>}),
          {ok, _} = Ask({erase, <<"o">>}),
          {error, not_found} = Ask({erase, <<"o">>, #{expect => <<"x">>}}),
          {error, not_found} = Ask({get, <<"o">>})
      end},
     {"counters", fun(Ask) ->
          {ok, #{value := 1}} = Ask({incr, <<"n">>, 1}),
          {ok, #{value := 42}} = Ask({incr, <<"n">>, 41}),
          {ok, #{value := -58}} = Ask({incr, <<"n">>, -100, #{}}),
          {error, {conflict, <<"not a number">>}} = Ask({incr, <<"user:42">>, 1}),
          {ok, _} = Ask({put, <<"n">>, <<"9223372036854775807">>}),
          {error, {conflict, <<"out of range">>}} = Ask({incr, <<"n">>, 1})
      end},
     {"transactions", fun(Ask) ->
          Both = fun(Absent) -> [#{op => <<"put">>, key => <<"{c}a">>, value => <<"1">>, if_absent => Absent},
                                 #{op => <<"incr">>, key => <<"{c}n">>, by => 5}] end,
          {ok, #{version := _}} = Ask({transaction, Both(true)}),
          {error, {conflict, _}} = Ask({transaction, Both(true)}),
          {ok, #{value := <<"5">>}} = Ask({get, <<"{c}n">>}),
          {ok, _} = Ask({transaction, Both(false), #{timeout_ms => 5000}}),
          {error, {bad_argument, <<"the keys are not of one shard">>}} =
              Ask({transaction, [#{key => <<"a">>, value => <<>>}, #{key => <<"user:42">>, value => <<>>}]}),
          {error, {bad_argument, _}} = Ask({transaction, []}),
          {error, {bad_argument, _}} = Ask({transaction, [nonsense]}),
          {error, {bad_argument, _}} = Ask({transaction, [#{op => <<"put">>, key => <<"{c}a">>}]})
      end},
     {"bad arguments", fun(Ask) ->
          {error, {bad_argument, <<"a key is not empty">>}} = Ask({put, <<>>, <<"v">>}),
          {error, {bad_argument, _}} = Ask({put, binary:copy(<<"k">>, 1025), <<"v">>}),
          {error, {bad_argument, _}} = Ask({put, <<"k">>, binary:copy(<<"v">>, (1 bsl 20) + 1)}),
          {error, {bad_argument, _}} = Ask({put, <<"k">>, <<"v">>, #{ttl_ms => 0}}),
          {error, {bad_argument, _}} = Ask({put, <<"k">>, <<"v">>, #{ttl_ms => soon}}),
          {error, {bad_argument, _}} = Ask({put, <<"k">>, <<"v">>, #{if_absent => true, expect => <<"x">>}}),
          {error, {bad_argument, _}} = Ask({put, <<"k">>, <<"v">>, nonsense}),
          {error, {bad_argument, _}} = Ask({get, <<>>}),
          {error, {bad_argument, _}} = Ask({get, <<"k">>, #{timeout_ms => -1}}),
          {error, not_found} = Ask({get, <<"k">>})
      end},
     {"what is no request ends nobody", fun(Ask) ->
          Before = Ask({incr, <<"{alive}">>, 1}),
          {ok, #{value := 1}} = Before,
          lists:foreach(fun(R) -> {error, {bad_argument, _}} = Ask(R) end, [nonsense, {put, <<"k">>}, {get, 7}]),
          {ok, #{value := 2}} = Ask({incr, <<"{alive}">>, 1})
      end},
     {"many at once", fun(Ask) ->
          Me = self(),
          Keys = [integer_to_binary(I) || I <- lists:seq(1, 200)],
          [spawn_link(fun() -> {ok, _} = Ask({put, <<"many", K/binary>>, K}), Me ! {done, K} end) || K <- Keys],
          [receive {done, K} -> ok after 20000 -> exit({late, K}) end || K <- Keys],
          [{ok, #{value := K}} = Ask({get, <<"many", K/binary>>}) || K <- Keys]
      end}].

crypto_free_bytes() -> list_to_binary(lists:seq(0, 255)).
