#!/usr/bin/env bats
# breaker as its users see it.

load helper

# Kills the process of breaker $1.
kill_breaker() {
    local pid
    pid=$(observer processes --filter "breaker $1" --json | jq -r '.processes[0].pid // ""')
    [ -n "$pid" ]
    observer kill "$pid" --write --yes
}

@test "the transcript: five failures open it for thirty seconds" {
    transcript <<'END'
$ breaker status serviceA
state: closed
$ breaker failure serviceA
state: closed
$ breaker failure serviceA
state: closed
$ breaker failure serviceA
state: closed
$ breaker failure serviceA
state: closed
$ breaker failure serviceA
state: open (cooldown=30s)
$ breaker status serviceA
state: open (cooldown=30s)
[1]
END
}

@test "a name never seen has nothing against it, and asking creates nothing" {
    transcript <<'END'
$ breaker status serviceA
state: closed
$ breaker list
END
    [ "$(breaker status serviceA --json | jq -c '[.known,.state,.name]')" = '[false,"closed","serviceA"]' ]
    breaker success serviceA
    [ "$(breaker status serviceA --json | jq -c '[.known,.calls,.failures]')" = '[true,1,0]' ]
}

@test "run guards a command: its code, and 75 without running it when open" {
    transcript <<'END'
$ breaker run serviceA -- sh -c 'echo out; exit 3'
out
[3]
$ breaker run serviceA -- true
$ breaker run serviceA -- false
[1]
$ breaker run serviceA -- false
[1]
$ breaker run serviceA -- false
[1]
$ breaker status serviceA
state: closed
$ breaker run serviceA -- false
[1]
$ breaker status serviceA
state: open (cooldown=30s)
[1]
$ breaker run serviceA -- touch ran
2> breaker: run serviceA failed: the breaker is open for 30s; try: breaker status serviceA
[75]
$ ls
$ breaker run serviceB -- no-such-program
2> breaker: run serviceB failed: cannot execute no-such-program: No such file or directory
[127]
$ breaker run serviceB -- printf '%s\n' --slow status
--slow
status
END
    [ "$(breaker status serviceA --json | jq -c '[.reason,.opened,.total_rejected,.in_flight]')" = '["exit 1",1,1,0]' ]
    [ "$(breaker status serviceB --json | jq -c '[.calls,.failures,.in_flight]')" = '[1,0,0]' ]
}

@test "a command that takes too long is ended, 75, and a failure" {
    transcript <<'END'
$ breaker run serviceA --timeout 100ms -- sleep 600
2> breaker: run serviceA failed: sleep took longer than 100ms; try: breaker status serviceA
[75]
END
    [ "$(breaker status serviceA --json | jq -c '[.failures,.slow]')" = '[1,0]' ]
    # It ignores SIGTERM and has a child: both are gone.
    run breaker run serviceA --timeout 100ms -- sh -c 'trap "" TERM; echo $$ >leader; sleep 600 & echo $! >child; wait; wait'
    [ "$status" -eq 75 ]
    eventually has_ended "$(cat leader)"
    eventually has_ended "$(cat child)"
}

@test "a slow command is a failure, also while it still runs" {
    breaker set serviceA --failures 2/1m
    breaker run serviceA --slow 20ms -- sleep 0.05
    [ "$(breaker status serviceA --json | jq -c '[.failures,.slow]')" = '[1,1]' ]
    mkfifo gate
    breaker run serviceA --slow 20ms -- sh -c 'read -r line <gate' 3>&- &
    local runner=$!
    eventually bash -c '! breaker status serviceA -q'
    echo go >gate
    wait $runner
    [ "$(breaker status serviceA --json | jq -c '[.state,.reason]')" = '["open","a call takes too long"]' ]
}

@test "a tool that is killed while its command runs is a failure, and its place is free" {
    breaker set serviceA --failures 1 --cooldown 1ms
    breaker failure serviceA
    eventually bash -c '[ "$(breaker status serviceA --json | jq -r .state)" = half_open ]'
    breaker set serviceA --cooldown 1h
    breaker run serviceA -- sh -c 'echo $$ >runs; exec sleep 600' 3>&- &
    local runner=$!
    eventually bash -c '[ "$(breaker status serviceA --json | jq .probes_in_flight)" = 1 ]'
    eventually test -s runs
    run breaker allow serviceA
    [ "$status" -eq 1 ]
    [ "$output" = "blocked (probes=1)" ]
    kill -9 $runner
    eventually bash -c '[ "$(breaker status serviceA --json | jq -r .state)" = open ]'
    [ "$(breaker status serviceA --json | jq -c '[.reason,.probes_in_flight]')" = "[\"a call's process died\",0]" ]
    kill "$(cat runs)"
}

@test "report from outside: allow gives a permit, success and failure name it" {
    transcript <<'END'
$ breaker allow serviceA
allowed (permit=1)
$ breaker allow serviceA
allowed (permit=2)
$ breaker failure serviceA --permit 2 --reason 'no route'
state: closed
$ breaker success serviceA --permit 1
state: closed
$ breaker success serviceA --permit 1
2> breaker: success serviceA failed: no permit 1 is out: it has ended, or its time was over; try: breaker allow serviceA
[1]
$ breaker set serviceA --failures 1
state: closed
$ breaker allow serviceA
allowed (permit=3)
$ breaker failure serviceA
state: open (cooldown=30s)
$ breaker allow serviceA
blocked (retry_in=30s)
[1]
END
}

@test "permits that are not heard of expire as failures" {
    breaker set serviceA --failures 1 --permit-time 50ms
    breaker allow serviceA
    eventually bash -c '! breaker status serviceA -q'
    [ "$(breaker status serviceA --json | jq -r .reason)" = "a call was not heard of" ]
}

@test "half open after the cooldown: a probe that fails opens it again, one that succeeds closes it" {
    breaker set serviceA --failures 1 --cooldown 20ms..1h
    breaker failure serviceA
    eventually bash -c '[ "$(breaker status serviceA)" = "state: half_open" ]'
    breaker run serviceA -- false || true
    [ "$(breaker status serviceA --json | jq .opened)" = 2 ]
    eventually bash -c '[ "$(breaker status serviceA)" = "state: half_open" ]'
    transcript <<'END'
$ breaker run serviceA -- true
$ breaker status serviceA
state: closed
END
}

@test "in its ramp a breaker that has just closed refuses most calls, and says so" {
    breaker set serviceA --failures 1 --cooldown 20ms --ramp 1h
    breaker failure serviceA
    eventually bash -c '[ "$(breaker status serviceA)" = "state: half_open" ]'
    breaker run serviceA -- true
    transcript <<'END'
$ breaker status serviceA
state: closed
$ breaker run serviceA -- true
$ breaker run serviceA -- true
2> breaker: run serviceA failed: the breaker has closed, and lets 10% of the calls through until its ramp is over; try: breaker status serviceA
[75]
$ breaker allow serviceA
blocked (share=10%)
[1]
END
    # It goes on in the process that is started when this one dies, and so does its end.
    kill_breaker serviceA
    [ "$(breaker allow serviceA)" = "blocked (share=10%)" ]
    breaker reset serviceA
    kill_breaker serviceA
    transcript <<'END'
$ breaker allow serviceA
allowed (permit=...)
$ breaker set serviceA --ramp 0
2> breaker: set serviceA failed: --ramp 0: it must be longer than 0, or off
[2]
END
    [ "$(breaker status serviceA --json | jq -c '[.share_percent, .settings.ramp_ms]')" = '[100,3600000]' ]
}

@test "by hand: trip, reset, disable and enable, and who did it when" {
    transcript <<'END'
$ breaker trip serviceA --for 1h --as alice
state: open (cooldown=1h, by=alice, since=...)
$ breaker status serviceA
state: open (cooldown=1h, by=alice, since=...)
[1]
$ breaker trip serviceA --as alice --reason 'maintenance'
state: open (until=reset, by=alice, since=...)
$ breaker allow serviceA
blocked (until=reset)
[1]
$ breaker run serviceA -- true
2> breaker: run serviceA failed: the breaker is open until it is reset; try: breaker reset serviceA
[75]
$ breaker reset serviceA
state: closed
$ breaker disable serviceA --as bob
state: disabled (by=bob, since=...)
$ breaker status serviceA
state: disabled (by=bob, since=...)
$ breaker trip serviceA
2> breaker: trip serviceA failed: it is disabled; try: breaker enable serviceA
[1]
$ for i in 1 2 3 4 5 6; do breaker run serviceA -- false; done; breaker status serviceA
state: disabled (by=bob, since=...)
$ breaker enable serviceA
state: closed
$ breaker enable serviceA
2> breaker: enable serviceA failed: it is not disabled; try: breaker status serviceA
[1]
END
    breaker trip serviceA
    [ "$(breaker status serviceA --json | jq -r .by)" = "$(id -un)" ]
}

@test "settings are changed while it works, and impossible ones are refused with exit 2" {
    run breaker status serviceA --all-nodes
    [ "$status" -eq 2 ] # a breaker is its node's own
    transcript <<'END'
$ breaker set serviceA --failures 5/10s --rate 50% --min-calls 10 --cooldown 30s --probes 1
state: closed
$ breaker set serviceA
2> breaker: set serviceA failed: nothing is set; try: breaker set --help
[2]
$ breaker set serviceA --failures off --rate off
2> breaker: set serviceA failed: with neither --failures nor --rate it never opens
[2]
$ breaker set serviceA --probes 0
2> breaker: set serviceA failed: without a probe it never closes again
[2]
$ breaker set serviceA --window 10 --failures 11
2> breaker: set serviceA failed: 11 failures are never among the last 10 calls
[2]
$ breaker set serviceA --cooldown 10m..30s
2> breaker: set serviceA failed: the longest cooldown is not the longer one
[2]
$ breaker set serviceA --slow soon
2> breaker: set serviceA failed: --slow soon: not a duration, as 250ms, 10s or 1m30s
[2]
$ breaker set serviceA --probes many
2> breaker: --probes many failed: not a whole number, as 10
[2]
END
    [ "$(breaker status serviceA --json | jq -c '.settings | [.failures,.window_ms,.rate_percent*10,.min_calls,.cooldown_ms,.probes]')" = '[5,10000,500,10,30000,1]' ]
    breaker set serviceA --cooldown 30s..10m --jitter 20% --slow 1s
    [ "$(breaker status serviceA --json | jq -c '.settings | [.failures,.cooldown_ms,.cooldown_max_ms,.jitter_percent*10,.slow_ms]')" = '[5,30000,600000,200,1000]' ]
}

@test "settings and what was done by hand survive the node, states that came by themselves do not" {
    breaker set serviceA --failures 1 --cooldown 1h
    breaker failure serviceA
    breaker trip serviceB --for 1h --as alice
    breaker disable serviceC --as bob
    kill -9 "$(node_status os_pid)"
    transcript <<'END'
$ breaker list
serviceA: closed
serviceB: open (cooldown=1h, by=alice, since=...)
serviceC: disabled (by=bob, since=...)
$ breaker failure serviceA
state: open (cooldown=1h)
$ breaker delete serviceA
breaker serviceA deleted
$ breaker delete serviceA
2> breaker: delete serviceA failed: no breaker "serviceA"; try: breaker list
[1]
$ breaker failure serviceA
state: closed
END
}

@test "list tells all, in order, or those of a state" {
    breaker success b
    breaker success a
    breaker trip c --as alice
    transcript <<'END'
$ breaker list
a: closed
b: closed
c: open (until=reset, by=alice, since=...)
$ breaker list --state open
c: open (until=reset, by=alice, since=...)
$ breaker list --state closed
a: closed
b: closed
END
    [ "$(breaker list --json | jq -c '[.breakers[] | .name]')" = '["a","b","c"]' ]
    run breaker list --state ajar
    [ "$status" -eq 2 ]
}

@test "watch prints changes as JSON lines, also through a crash of the node" {
    breaker watch --count 4 >"$BEAM_TEST_ROOT/watched" 3>&- &
    local watcher=$!
    eventually grep -q watching "$BEAM_TEST_ROOT/watched"
    breaker trip serviceA
    eventually grep -q '"to":"open"' "$BEAM_TEST_ROOT/watched"
    kill -9 "$(node_status os_pid)"
    eventually bash -c "[ \"\$(grep -c watching '$BEAM_TEST_ROOT/watched')\" = 2 ]"
    breaker reset serviceA
    wait $watcher
    [ "$(jq -sc '[.[] | select(.to) | [.name,.from,.to]]' "$BEAM_TEST_ROOT/watched")" = '[["serviceA","closed","open"],["serviceA","open","closed"]]' ]
}

@test "watch runs a command for each that opens, beside the watching" {
    # The first one hangs until the second one has run.
    breaker watch --on-open 'line=$(cat); echo to stderr; [ -e first ] || { touch first; until [ -e second ]; do sleep 0.01; done; }; touch second; echo "$line" >>opened' \
        --count 4 >watched 2>said 3>&- &
    local watcher=$!
    eventually grep -q watching watched
    breaker trip serviceA
    eventually test -e first
    breaker reset serviceA
    breaker trip serviceB
    wait $watcher
    [ "$(jq -sc 'map([.name,.from,.to]) | sort' opened)" = '[["serviceA","closed","open"],["serviceB","closed","open"]]' ]
    [ "$(sort -u said)" = "to stderr" ]
    run grep -c "to stderr" watched
    [ "$output" = 0 ]
    # One that reads nothing, or fails, or is none, is no matter.
    breaker watch --on-open 'exit 3' --count 2 -q 3>&- &
    watcher=$!
    breaker watch --on-open no-such-command --count 2 >watched2 2>said2 3>&- &
    local other=$!
    eventually grep -q watching watched2
    until ! is_running $watcher && ! is_running $other; do breaker trip serviceC -q; done
    wait $watcher
    wait $other
}

@test "a command goes on when the node dies, and its code is the tool's" {
    mkfifo gate
    breaker run serviceA -- sh -c 'echo up >runs; read -r line <gate; exit 9' 2>said 3>&- &
    local runner=$! code=0
    eventually test -s runs
    kill -9 "$(node_status os_pid)"
    eventually breaker status serviceA
    echo go >gate
    wait $runner || code=$?
    [ "$code" -eq 9 ]
}

@test "a breaker's process that is killed is there again, in its state" {
    breaker set serviceA --failures 1 --cooldown 1h
    breaker failure serviceA
    kill_breaker serviceA
    eventually bash -c '[ "$(breaker status serviceA)" = "state: open (cooldown=1h)" ]'
}

@test "names that are none are refused with exit 2, and the node goes on" {
    run breaker status ""
    [ "$status" -eq 2 ]
    run breaker failure $'bell\a'
    [ "$status" -eq 2 ]
    [[ $output == *"control characters"* ]]
    run breaker failure "$(head -c 5000 /dev/zero | tr '\0' x)"
    [ "$status" -eq 2 ]
    run breaker trip x --for never
    [ "$status" -eq 2 ]
    run breaker trip x --for 400d
    [ "$status" -eq 2 ]
    run breaker failure x --watch
    [ "$status" -eq 2 ]
    [ "$(breaker failure größe)" = "state: closed" ]
    [ "$(node_status restarts)" = 0 ]
}
