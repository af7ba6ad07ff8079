%% The External Term Format: a map of 1 KB as a user's record would be, and a list of 10,000 integers of 1 to 32 bits.
-module(bench_etf).
-export([map/1, list/1]).

map(Quick) -> measure("map", record(), count(Quick, 300000)).
list(Quick) -> measure("list", integers(), count(Quick, 3000)).

count(true, N) -> N div 3;
count(false, N) -> N.

%% etf_bench.cpp has the same.
record() ->
    #{id => 4711000123, user => <<"ann.example">>, name => <<"Ann Margaret Example">>,
      email => <<"ann.example@example.org">>, phone => <<"+49 30 123456789">>, city => <<"Springfield">>,
      street => <<"12 Long Road, Building 3">>, zip => <<"10115">>, country => de, state => <<"Berlin">>,
      role => admin, theme => dark, language => en_gb, created => 1717763400, updated => 1717769999,
      last_seen => 1717763400000, visits => 4242, balance => 1234.5, score => 98, active => true,
      verified => true, level => gold, tags => [early, newsletter, two_factor], limits => {100, 1000, 10000},
      source => <<"newsletter-2024-06-autumn-campaign">>, agent => <<"Mozilla/5.0 X11 Linux x86_64 rv:127.0">>,
      referrer => <<"https://www.example.org/landing/page?campaign=autumn&source=mail">>,
      token => <<"7f3c0a9e5b1d48c2a6e4f08d9b7c5a3120f1e2d3c4b5a69788796a5b4c3d2e1f">>,
      address => <<"192.0.2.17">>, time_zone => <<"Europe/Berlin">>,
      note => <<"Wants to be called in the afternoon only, and prefers letters to mail.">>,
      last_order => <<"Came back because the house has no number: write the floor too.">>}.

integers() -> integers(1, 10000).

integers(_, 0) -> [];
integers(X0, N) ->
    X = (X0 * 1664525 + 1013904223) band 16#ffffffff,
    Size = X bsr ((X bsr 9) band 31),
    [case (X bsr 8) band 1 of 1 -> -Size; 0 -> Size end | integers(X, N - 1)].

%% In the form of the distribution, atoms in UTF-8.
measure(What, Term, N) ->
    Bytes = term_to_binary(Term, [{minor_version, 2}]),
    Term = binary_to_term(Bytes),
    [{"etf_encode_" ++ What, timed(fun encode/2, Term, N), "ns"},
     {"etf_decode_" ++ What, timed(fun decode/2, Bytes, N), "ns"}].

timed(Repeat, On, N) ->
    Repeat(On, N div 10 + 1),
    Start = erlang:monotonic_time(nanosecond),
    Repeat(On, N),
    (erlang:monotonic_time(nanosecond) - Start) / N.

encode(_, 0) -> ok;
encode(Term, N) ->
    _ = term_to_binary(Term, [{minor_version, 2}]),
    encode(Term, N - 1).

decode(_, 0) -> ok;
decode(Bytes, N) ->
    _ = binary_to_term(Bytes),
    decode(Bytes, N - 1).
