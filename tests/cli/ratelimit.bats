#!/usr/bin/env bats
# ratelimit as its users see it.

load helper

@test "the transcript: ten of ten, then blocked for twelve seconds" {
    transcript <<'END'
$ ratelimit check user42
allowed (remaining=9)
$ ratelimit check user42
allowed (remaining=8)
$ ratelimit check user42
allowed (remaining=7)
$ ratelimit check user42
allowed (remaining=6)
$ ratelimit check user42
allowed (remaining=5)
$ ratelimit check user42
allowed (remaining=4)
$ ratelimit check user42
allowed (remaining=3)
$ ratelimit check user42
allowed (remaining=2)
$ ratelimit check user42
allowed (remaining=1)
$ ratelimit check user42
allowed (remaining=0)
$ ratelimit check user42
blocked (retry_in=12s)
[1]
$ ratelimit check user43
allowed (remaining=9)
END
}

@test "json has its five fields, allowed or not" {
    run ratelimit check user42 --json
    [ "$status" -eq 0 ]
    [ "$(jq -c '[.allowed,.limit,.remaining,.retry_after_ms,.reset_after_ms]' <<<"$output")" = '[true,10,9,0,12000]' ]
    run ratelimit check user42 --cost 10 --json
    [ "$status" -eq 1 ]
    [ "$(jq -c '[.allowed,.limit,.remaining]' <<<"$output")" = '[false,10,9]' ]
    [ "$(jq '.retry_after_ms > 0 and .retry_after_ms <= 12000 and .reset_after_ms <= 12000' <<<"$output")" = true ]
    run ratelimit peek user42 --json
    [ "$(jq -c '[.allowed,.limit,.remaining,.retry_after_ms]' <<<"$output")" = '[true,10,9,0]' ]
}

@test "limits of a request: count, period, burst, cost, algorithm" {
    transcript <<'END'
$ ratelimit check a --limit 2/1h
allowed (remaining=1)
$ ratelimit check a --rate 2/1h
allowed (remaining=0)
$ ratelimit check a --limit 2/1h
blocked (retry_in=30m)
[1]
$ ratelimit check b --limit 2/1h --burst 5 --cost 5
allowed (remaining=0)
$ ratelimit check c --limit 2/1h --algorithm sliding --cost 2
allowed (remaining=0)
$ ratelimit check c --limit 2/1h --algorithm sliding
blocked (retry_in=1h)
[1]
$ ratelimit check d --limit 2/1h --algorithm fixed --cost 2
allowed (remaining=0)
$ ratelimit check d --limit 2/1h --algorithm fixed
blocked (retry_in=1h)
[1]
END
}

@test "peek takes nothing, reset forgets, refund gives back" {
    transcript <<'END'
$ ratelimit peek user42
allowed (remaining=10)
$ ratelimit check user42 --limit 3/1h --cost 3
allowed (remaining=0)
$ ratelimit peek user42
blocked (retry_in=20m)
[1]
$ ratelimit peek user42
blocked (retry_in=20m)
[1]
$ ratelimit refund user42 --cost 2
ok (remaining=2)
$ ratelimit peek user42 --cost 2
allowed (remaining=2)
$ ratelimit refund user42 --cost 100
ok (remaining=3)
$ ratelimit check user42 --limit 3/1h --cost 3
allowed (remaining=0)
$ ratelimit reset user42
ok
$ ratelimit peek user42 --limit 3/1h
allowed (remaining=3)
END
}

@test "several keys: all must allow it, or none is charged" {
    transcript <<'END'
$ ratelimit check user42 ip:10.0.0.1 --limit 3/1h --all
allowed (remaining=2)
$ ratelimit check ip:10.0.0.1 --limit 3/1h --cost 2
allowed (remaining=0)
$ ratelimit check user42 ip:10.0.0.1 --limit 3/1h
blocked (retry_in=20m)
[1]
$ ratelimit peek user42
allowed (remaining=2)
$ ratelimit check ip:10.0.0.1 user42 --limit 3/1h
blocked (retry_in=20m)
[1]
$ ratelimit peek user42
allowed (remaining=2)
END
    transcript <<'END'
$ ratelimit check same same --limit 1/1h
allowed (remaining=0)
$ ratelimit check same same --limit 1/1h
blocked (retry_in=1h)
[1]
END
    run ratelimit check user42 ip:10.0.0.1 --json --limit 3/1h
    [ "$(jq -c '[.keys[] | [.key,.allowed,.remaining]]' <<<"$output")" = '[["user42",true,2],["ip:10.0.0.1",false,0]]' ]
}

@test "run returns the command's code, and 75 when it is refused" {
    transcript <<'END'
$ ratelimit run job --limit 3/1h -- sh -c 'echo out; echo err >&2; exit 7'
out
2> err
[7]
$ ratelimit run job --limit 3/1h -- true
$ ratelimit run job --limit 3/1h -- no-such-program
2> ratelimit: run job failed: cannot execute no-such-program: No such file or directory
[127]
$ ratelimit run job --limit 3/1h -- true
2> ratelimit: run job failed: it is blocked for 20m; try: ratelimit run job --wait -- true
[75]
$ ratelimit run other -- sh -c 'kill -TERM $$'
[143]
$ echo in | ratelimit run other -- cat
in
$ ratelimit run other -- printf '%s\n' --limit list
--limit
list
END
}

@test "who waits is served in the order of arrival, and who cannot be in time is told at once" {
    local i
    ratelimit check door --limit 1/300ms
    for i in 1 2 3; do
        (ratelimit check door --limit 1/300ms --wait && echo "$i" >>"$BEAM_TEST_ROOT/order") >/dev/null 3>&- &
        # It is in the queue when the door is taken for so much longer.
        eventually bash -c "ratelimit peek door --json | jq -e '.reset_after_ms > $i * 300 - 250'"
    done
    wait
    [ "$(tr '\n' ' ' <"$BEAM_TEST_ROOT/order")" = "1 2 3 " ]
    transcript <<'END'
$ ratelimit check slow --limit 1/1h
allowed (remaining=0)
$ ratelimit check slow --limit 1/1h --wait=30s
blocked (retry_in=1h)
[1]
$ ratelimit check slow --limit 1/1h --wait --timeout 5s
blocked (retry_in=1h)
[1]
END
}

@test "who stops waiting gives its place back" {
    ratelimit check door --limit 1/1h
    ratelimit check door --limit 1/1h --wait >"$BEAM_TEST_ROOT/out" 2>&1 3>&- &
    local waiter=$!
    eventually bash -c "ratelimit peek door --json | jq -e '.retry_after_ms > 3600000'"
    kill -9 $waiter
    eventually bash -c "ratelimit peek door --json | jq -e '.retry_after_ms <= 3600000'"
}

@test "named rules are changed while they count, and what is spent stays spent in proportion" {
    transcript <<'END'
$ ratelimit check alice --rule api
2> ratelimit: check alice failed: no rule "api"; try: ratelimit rule set api --limit 100/m
[1]
$ ratelimit rule set api --limit 10/1h
rule api: 10/h
$ ratelimit check alice --rule api --cost 5
allowed (remaining=5)
$ ratelimit peek alice
allowed (remaining=10)
$ ratelimit rule set api --limit 100/1h
rule api: 100/h
$ ratelimit peek alice --rule api
allowed (remaining=50)
$ ratelimit rule set api --limit 60/1h --inherit keep
rule api: 60/h
$ ratelimit peek alice --rule api
allowed (remaining=10)
$ ratelimit rule set api --limit 5/1h --burst 7 --inherit reset
rule api: 5/h, bucket of 7
$ ratelimit peek alice --rule api
allowed (remaining=7)
$ ratelimit rule set web --limit 1/1h --algorithm sliding --durable
rule web: 1/h, sliding window
$ ratelimit rule list
api: 5/h, bucket of 7 inherit=reset blocked=0
web: 1/h, sliding window durable inherit=scale blocked=0
$ ratelimit rule rm api
rule api deleted
$ ratelimit rule delete api
2> ratelimit: rule delete api failed: no rule "api"; try: ratelimit rule list
[1]
$ ratelimit rule set default --limit 3/1h
rule default: 3/h
$ ratelimit check bob
allowed (remaining=2)
END
}

@test "a shadow rule blocks nobody, and counts who would be" {
    transcript <<'END'
$ ratelimit rule set api --limit 1/1h --shadow
rule api: 1/h
$ ratelimit check alice --rule api
allowed (remaining=0)
$ ratelimit check alice --rule api
allowed (remaining=0)
$ ratelimit rule list
api: 1/h shadow inherit=scale blocked=1
END
    [ "$(ratelimit check alice --rule api --json | jq -c '[.allowed,.shadow,.would_block]')" = '[true,true,true]' ]
}

@test "explain shows the bucket and what comes next" {
    transcript <<'END'
$ ratelimit check user42 --limit 4/1h --cost 2
allowed (remaining=2)
$ ratelimit explain user42
key: user42
rule: default
limit: 4/h
spent: 2
remaining: 2
full_in: 30m
next: allowed (remaining=1)
next: allowed (remaining=0)
next: blocked (retry_in=15m)
$ ratelimit explain nobody --next 1
key: nobody
rule: default
limit: 10/2m
spent: 0
remaining: 10
full_in: 0s
next: allowed (remaining=9)
END
}

@test "simulate tells what a limit says to times, without a node" {
    transcript <<'END'
$ printf '0\n0.5\n1m\n61.5 2\n# a comment\n1h\n' | ratelimit simulate --limit 2/1m --no-spawn
0 allowed (remaining=1)
0.5 allowed (remaining=0)
1m allowed (remaining=1)
61.5 blocked (retry_in=29s)
1h allowed (remaining=1)
4 allowed, 1 blocked
$ printf '5\n4\n' | ratelimit simulate --limit 2/1m
5 allowed (remaining=1)
2> ratelimit: line 2 failed: it is earlier than the line before
[65]
$ echo soon | ratelimit simulate --limit 2/1m
2> ratelimit: line 1 failed: neither a time, as 12.5 or 1m30s, nor one with a cost behind it
[65]
$ echo 1 9 | ratelimit simulate --limit 2/1m
2> ratelimit: line 1 failed: a cost of 9 never fits into 2
[65]
$ ratelimit simulate --limit nonsense
2> ratelimit: simulate failed: "nonsense" is not a rate such as 10/2m or 100/s
[2]
END
    [ ! -e "$XDG_RUNTIME_DIR/beamcore/beam.sock" ]
    [ "$(printf '0\n0\n' | ratelimit simulate --limit 1/1m --json | jq -sc '[.[0].allowed,.[1].retry_after_ms,.[2].total_blocked]')" = '[true,60000,1]' ]
}

@test "wrong input of every kind is exit 2, says why, and the node goes on" {
    transcript <<'END'
$ ratelimit check
2> ratelimit: check failed: KEY is missing; try: ratelimit check --help
[2]
$ ratelimit check a --limit ten
2> ratelimit: check a failed: "ten" is not a rate such as 10/2m or 100/s
[2]
$ ratelimit check a --limit 0/s
2> ratelimit: check a failed: the count in "0/s" must be at least 1
[2]
$ ratelimit check a --limit 10/500d
2> ratelimit: check a failed: the period of a limit is 1us to 366d
[2]
$ ratelimit check a --limit 2000000000/d
2> ratelimit: check a failed: the count of a limit is 1 to 1000000000
[2]
$ ratelimit check a --cost 11
2> ratelimit: check a failed: a cost of 11 never fits into 10
[2]
$ ratelimit check a --cost -1
2> ratelimit: --cost -1 failed: not a whole number, as 10
[2]
$ ratelimit check a --burst 0
2> ratelimit: check a failed: a burst is at least 1
[2]
$ ratelimit check a --limit 5/s --burst 6 --algorithm fixed
2> ratelimit: check a failed: only a bucket has a burst, a window has none
[2]
$ ratelimit check a --algorithm leaky
2> ratelimit: check a failed: no algorithm "leaky"; there are bucket, sliding and fixed
[2]
$ ratelimit check a --wait=soon
2> ratelimit: --wait soon failed: not a duration, as 250ms, 10s or 1m30s
[2]
$ ratelimit rule set api
2> ratelimit: rule set api failed: a new rule needs --limit, as in 100/m
[2]
$ ratelimit rule set api --limit 1/s --inherit all
2> ratelimit: rule set api failed: --inherit is scale, keep or reset, not "all"
[2]
$ ratelimit check ''
2> ratelimit: check ... failed: the key is empty
[2]
$ ratelimit check a --watch
2> ratelimit: --watch failed: it repeats what only tells, and "check a" does more; try: ratelimit --help
[2]
END
    run ratelimit check "$(head -c 2000 /dev/zero | tr '\0' x)"
    [ "$status" -eq 2 ]
    run ratelimit check $'bell\a'
    [ "$status" -eq 2 ]
    transcript <<'END'
$ ratelimit check größe
allowed (remaining=9)
$ ratelimit check 'a key with spaces'
allowed (remaining=9)
END
    [ "$(node_status restarts)" = 0 ]
}

@test "a restart of the node opens the gate, but not for what is durable" {
    ratelimit rule set kept --limit 3/1h --durable
    ratelimit check a --rule kept --cost 2
    ratelimit check b --limit 3/1h --cost 2 --durable
    ratelimit check c --limit 3/1h --cost 2
    kill -9 "$(node_status os_pid)"
    transcript <<'END'
$ ratelimit check a --rule kept --cost 2
blocked (retry_in=20m)
[1]
$ ratelimit check b --limit 3/1h --cost 2
blocked (retry_in=20m)
[1]
$ ratelimit check c --limit 3/1h --cost 2
allowed (remaining=1)
END
    beamd stop
    transcript <<'END'
$ ratelimit peek a --rule kept
allowed (remaining=1)
$ ratelimit refund a --rule kept
ok (remaining=2)
$ ratelimit reset b
ok
END
    beamd stop
    transcript <<'END'
$ ratelimit peek a --rule kept
allowed (remaining=2)
$ ratelimit peek b --limit 3/1h
allowed (remaining=3)
END
}

@test "a hundred at once get exactly what there is, while the tables' owner and heir are killed" {
    local i
    ratelimit check shared --limit 40/1h
    for i in $(seq 1 100); do
        ratelimit check shared --limit 40/1h --timeout 30s >"$BEAM_TEST_ROOT/out.$i" 2>&1 3>&- &
        if [ $((i % 10)) -eq 0 ]; then
            observer kill ratelimit_limiter --write --yes >/dev/null
            eventually observer info ratelimit_limiter
        elif [ $((i % 10)) -eq 5 ]; then
            observer kill ratelimit_keeper --write --yes >/dev/null
            eventually observer info ratelimit_keeper
        fi
    done
    wait
    [ "$(cat "$BEAM_TEST_ROOT"/out.* | grep -c '^allowed')" -eq 39 ]
    [ "$(cat "$BEAM_TEST_ROOT"/out.* | grep -c '^blocked')" -eq 61 ]
    [ "$(node_status restarts)" = 0 ]
}

@test "requests as on the socket" {
    ratelimit peek user42
    if command -v socat >/dev/null; then
        run bash -c 'printf "%s\n" "{\"id\":1,\"method\":\"ratelimit.check\",\"params\":{\"key\":\"user42\",\"limit\":\"5/m\"}}" |
            socat - UNIX-CONNECT:"$(beamd socket)" | jq -c "[.result.allowed,.result.remaining]"'
        [ "$output" = "[true,4]" ]
    fi
    run bash -c 'printf "%s\n" "{\"method\":\"check\",\"params\":{\"key\":\"other\"}}" "{\"method\":\"peek\",\"params\":{\"key\":7}}" | ratelimit batch'
    [ "$status" -eq 2 ]
    [ "$(jq -sc '[.[0].result.remaining,.[1].error.exit // .[1].error.data.exit]' <<<"$output")" = '[9,2]' ]
}
