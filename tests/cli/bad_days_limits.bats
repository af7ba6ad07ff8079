#!/usr/bin/env bats
# The bad days of ratelimit, breaker and faultlab: who dies in the middle, clocks that are set, and commands
# that behave badly.

load helper

# -- who dies in the middle -----------------------------------------------------------------------

@test "a check whose runtime dies before it answers is 75, not known to be charged, and never twice" {
    ratelimit check door --limit 1/1h --durable
    ratelimit check door --limit 1/1h --durable --wait --json >"$BEAM_TEST_ROOT/out" 2>"$BEAM_TEST_ROOT/err" 3>&- &
    local waiter=$! code=0
    eventually bash -c "ratelimit peek door --json | jq -e '.retry_after_ms > 3600000'"
    kill -9 "$(node_status os_pid)"
    wait $waiter || code=$?
    [ "$code" -eq 75 ]
    [ ! -s "$BEAM_TEST_ROOT/out" ]
    jq -e '.error.applied == "unknown"' "$BEAM_TEST_ROOT/err"
    # The first one is still spent, and at most the other beside it.
    ratelimit peek door --limit 1/1h --json >"$BEAM_TEST_ROOT/peek" || [ $? -eq 1 ]
    jq -e '.allowed == false and .retry_after_ms > 3000000 and .retry_after_ms <= 7200000' "$BEAM_TEST_ROOT/peek"
}

@test "durable checks get exactly what there is while limiter, keeper, writer and store are killed" {
    local i victims=(ratelimit_limiter ratelimit_writer ratelimit_keeper ratelimit_store)
    ratelimit check shared --limit 20/1h --durable
    for i in $(seq 1 40); do
        ratelimit check shared --limit 20/1h --durable --timeout 30s >"$BEAM_TEST_ROOT/out.$i" 2>"$BEAM_TEST_ROOT/err.$i" 3>&- &
        if [ $((i % 5)) -eq 0 ]; then
            victim=${victims[$((i / 5 % 4))]}
            observer kill "$victim" --write --yes >/dev/null
            eventually observer info "$victim"
        fi
    done
    wait
    cat "$BEAM_TEST_ROOT"/err.*
    # Who was not answered may have been charged; nobody got one too many.
    allowed=$(cat "$BEAM_TEST_ROOT"/out.* | grep -c '^allowed' || true)
    unknown=$(cat "$BEAM_TEST_ROOT"/err.* | grep -c . || true)
    echo "allowed=$allowed unknown=$unknown"
    [ "$allowed" -le 19 ]
    [ $((allowed + unknown)) -ge 19 ]
    kill -9 "$(node_status os_pid)"
    run ratelimit peek shared --limit 20/1h
    echo "$output"
    [ "$status" -eq 1 ]
}

hanging() { [[ $(faultlab list) == "attack $1: hang, 1 fault in "* ]]; }

@test "a durable check whose writer dies before it is on disk is 75, and what it took is given back" {
    local code=0 checker
    ratelimit check kept --limit 10/1h --durable
    faultlab attack --target ratelimit_writer --include-system --fault hang --hold 1h >/dev/null 2>&1 3>&- &
    eventually hanging ratelimit_writer
    ratelimit check kept --limit 10/1h --durable --cost 5 >"$BEAM_TEST_ROOT/out" 2>"$BEAM_TEST_ROOT/err" 3>&- &
    checker=$!
    eventually bash -c '[ "$(ratelimit peek kept)" = "allowed (remaining=4)" ]'
    observer kill ratelimit_writer --write --yes
    wait $checker || code=$?
    [ "$code" -eq 75 ]
    [ ! -s "$BEAM_TEST_ROOT/out" ]
    [ "$(cat "$BEAM_TEST_ROOT/err")" = "ratelimit: check kept failed: a process of the application ended before it answered (it may have been done); try: beamd logs" ]
    [ "$(ratelimit peek kept)" = "allowed (remaining=9)" ]
    faultlab clear >/dev/null
    ratelimit check kept --limit 10/1h --durable
}

# Kills whoever of that name is there, again and again, until the file is gone.
killer() {
    while [ -e "$BEAM_TEST_ROOT/kills" ]; do
        observer kill "$1" --write --yes >/dev/null 2>&1 || true
        eventually observer info "$1"
    done
}

@test "breakers are told, and tell, while the owner of their table is killed" {
    local i
    breaker set serviceA --failures 1000 --window 1h
    touch "$BEAM_TEST_ROOT/kills"
    killer ratelimit_limiter 3>&- &
    for i in $(seq 1 40); do breaker failure serviceA -q || return 1; done
    rm "$BEAM_TEST_ROOT/kills"
    wait
    [ "$(breaker status serviceA --json | jq -c '[.state,.failures,.in_flight]')" = '["closed",40,0]' ]
    [ "$(breaker list)" = "serviceA: closed" ]
    [ "$(node_status restarts)" = 0 ]
}

# -- the wall clock -------------------------------------------------------------------------------

set_clock() { printf '%s\n' "$1" >"$BEAM_TEST_ROOT/clock"; }

# A node whose wall clock is what set_clock says.
start_node_with_clock() {
    set_clock 0
    BEAM_TEST_WALL_CLOCK=$BEAM_TEST_ROOT/clock LD_PRELOAD=$BEAM_BUILD/lib/libwall_clock.so \
        beamd --daemon 3>&-
}

@test "the wall clock set an hour forth and back: no gate opens, no breaker closes, no schedule slips" {
    local offset before
    start_node_with_clock
    ratelimit check spent --limit 10/2h --cost 10
    ratelimit check kept --limit 10/2h --cost 10 --durable
    ratelimit check swept --limit 10/2h --algorithm sliding --cost 10
    ratelimit check window --limit 10/2h --algorithm fixed --cost 10
    breaker set serviceA --failures 1 --cooldown 2h
    breaker failure serviceA
    for offset in 3600 -3600 0; do
        set_clock "$offset"
        # It is seen: who trips a breaker is written down by the wall clock.
        breaker trip "probe$offset" -q --for 10m
        before=$(date +%s)
        breaker status "probe$offset" --json |
            jq -e ".opened_at_ms / 1000 - $before - ($offset) | . > -60 and . < 60"
        faultlab run --count 3 --for 100ms --seed 1 --intensity 9 -q
        transcript <<'END'
$ ratelimit peek spent
blocked (retry_in=12m)
[1]
$ ratelimit peek swept
blocked (retry_in=2h)
[1]
$ ratelimit peek window
blocked (retry_in=2h)
[1]
$ breaker status serviceA
state: open (cooldown=2h)
[1]
END
        # By the next runtime, too.
        kill -9 "$(node_status os_pid)"
        [ "$(ratelimit peek kept --limit 10/2h)" = "blocked (retry_in=12m)" ]
        [ "$(breaker status "probe$offset" --json | jq -c '[.state, .cooldown_ms > 500000, .cooldown_ms <= 600000]')" = '["open",true,true]' ]
        ratelimit check spent --limit 10/2h --cost 10
        ratelimit check swept --limit 10/2h --algorithm sliding --cost 10
        ratelimit check window --limit 10/2h --algorithm fixed --cost 10
        breaker failure serviceA
    done
}

# -- commands that behave badly -------------------------------------------------------------------

# What both wrappers must stand: the words given are one of them, up to the command.
stands_bad_commands() {
    local i code runner
    # It forks and ends: its end is what counts, and what it left behind is let be, as by env(1).
    "$@" -- sh -c 'sleep 7101 >/dev/null 2>&1 & echo $! >forked; exit 6' || code=$?
    [ "$code" -eq 6 ]
    is_running "$(cat forked)"
    kill "$(cat forked)"
    # It floods its output: all of it comes, and it is stopped where nobody reads.
    [ "$("$@" -- sh -c 'yes | head -c 50000000' | wc -c)" -eq 50000000 ]
    [ "$(
        set +e
        "$@" -- yes | head -n 1
        echo "${PIPESTATUS[0]}"
    )" = $'y\n141' ]
    # It ignores SIGTERM, which the tool passes on: the tool waits for it, and gives its code.
    mkfifo gate
    "$@" -- sh -c 'trap "" TERM; echo $$ >runs; read -r line <gate; exit 5' 3>&- &
    runner=$!
    eventually test -s runs
    kill -TERM $runner
    is_running "$(cat runs)" && is_running $runner
    echo go >gate
    code=0
    wait $runner || code=$?
    [ "$code" -eq 5 ]
    # One that does not ignore it ends with it, and the tool says so.
    "$@" -- sh -c 'echo $$ >runs2; exec sleep 7102' 3>&- &
    runner=$!
    eventually test -s runs2
    kill -TERM $runner
    code=0
    wait $runner || code=$?
    [ "$code" -eq 143 ]
    # It exits 0 at once, for ever.
    for i in $(seq 1 50); do "$@" -- true || return 1; done
}

@test "ratelimit run: a command that forks, floods, ignores SIGTERM, or exits 0 at once for ever" {
    stands_bad_commands ratelimit run job --limit 1000000/s
    # For ever is as long as the limit allows.
    local code=0 n=0
    while [ $n -lt 20 ]; do
        ratelimit run loop --limit 10/1h -- true 2>/dev/null || code=$?
        [ $code -eq 0 ] || break
        n=$((n + 1))
    done
    [ $n -eq 10 ] && [ $code -eq 75 ]
}

@test "breaker run: a command that forks, floods, ignores SIGTERM, or exits 0 at once for ever" {
    breaker set job --failures 100
    stands_bad_commands breaker run job
    # Nothing of them is left: four failed (6, 141, 5, 143), and no call is under way.
    [ "$(breaker status job --json | jq -c '[.state,.failures,.calls,.in_flight]')" = '["closed",4,55,0]' ]
}

# -- faultlab killed in the middle ----------------------------------------------------------------

nothing_runs() { [ -z "$(faultlab list)" ]; }

@test "faultlab killed -9 in an attack of many faults: no further one" {
    chatctl create room general
    faultlab attack --target 'room *' --rate 20/s --for 1h >"$BEAM_TEST_ROOT/hits" 2>/dev/null 3>&- &
    local runner=$!
    eventually grep -q restarted "$BEAM_TEST_ROOT/hits"
    kill -9 $runner
    eventually nothing_runs
    before=$(chatctl list)
    ratelimit check pause --limit 1/300ms -q
    ratelimit check pause --limit 1/300ms --wait -q # as many more would have been hit meanwhile
    [ "$before" = "$(chatctl list)" ]
    chatctl send general "still here"
}

@test "a script killed -9 while it holds a process: it goes on at once" {
    chatctl create room general
    printf 'hang room general for 1h\nrun echo $$ >held; exec sleep 7111\n' >hold.faults
    faultlab script hold.faults >/dev/null 2>&1 3>&- &
    local runner=$!
    eventually test -s held
    run chatctl send general "in vain" --timeout 200ms
    [ "$status" -eq 75 ]
    kill -9 $runner
    eventually nothing_runs
    [ "$(chatctl send general back --timeout 10s)" = "[general] user42: back" ]
    # The command that it ran is not faultlab's to end, as a shell that is killed leaves its own.
    is_running "$(cat held)"
    kill "$(cat held)"
}
