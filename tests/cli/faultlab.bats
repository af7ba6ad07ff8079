#!/usr/bin/env bats
# faultlab as its users see it.

load helper

# -- the transcripts ------------------------------------------------------------------------------

@test "the transcripts" {
    transcript <<'END'
$ faultlab run --strategy one_for_one
worker A crashed -> restarted
worker B unaffected
$ faultlab run --strategy one_for_all
worker A crashed -> all workers restarted
END
}

@test "rest_for_one restarts those started after the victim, simple_one_for_one nobody else" {
    transcript <<'END'
$ faultlab run --strategy rest_for_one
worker A crashed -> restarted
worker B restarted with it
worker C restarted with it
$ faultlab run --strategy rest_for_one --victim B
worker B crashed -> restarted
worker C restarted with it
worker A unaffected
$ faultlab run --strategy simple_one_for_one --workers 3 --victim B
worker B crashed -> restarted
worker A unaffected
worker C unaffected
END
}

@test "what is said is what was seen: pids and reasons" {
    faultlab run --strategy rest_for_one --victim B --json >"$BEAM_TEST_ROOT/events"
    [ "$(jq -s 'length' "$BEAM_TEST_ROOT/events")" -eq 3 ]
    fault=$(sed -n 2p "$BEAM_TEST_ROOT/events")
    [ "$(jq -r '.workers[] | select(.old_pid != .pid) | .name' <<<"$fault" | tr '\n' ' ')" = "B C " ]
    [ "$(jq -r '.workers[] | select(.old_pid == .pid) | .name' <<<"$fault")" = A ]
    jq -e '.ended and (.reason | contains("faultlab had it crash")) and .recovery_us > 0' <<<"$fault"
    # Three tasks done and two waiting, of B and of C each, as far as C had not done them.
    jq -e '.lost_state >= 6 and .lost_messages >= 2 and .lost_state + .lost_messages == 10' <<<"$fault"
    jq -e '.event == "summary" and .kept and .restarts == 2' <<<"$(sed -n 3p "$BEAM_TEST_ROOT/events")"
}

# -- faults ---------------------------------------------------------------------------------------

@test "every fault has under every strategy the effect that is promised" {
    local strategy fault
    for strategy in one_for_one one_for_all rest_for_one simple_one_for_one; do
        for fault in crash kill hang slow exit-normal storm heap init-fail terminate-hang drop delay; do
            run faultlab run --strategy $strategy --fault $fault --hold 50ms
            echo "$strategy $fault: $output"
            [ "$status" -eq 0 ]
        done
    done
}

@test "faults are named for what they are" {
    transcript <<'END'
$ faultlab run --fault kill
worker A killed -> restarted
worker B unaffected
$ faultlab run --fault hang --hold 60ms
worker A hung for 60ms -> not restarted, answers again
worker B unaffected
$ faultlab run --fault slow --hold 60ms
worker A slowed for 60ms -> not restarted, answers again
worker B unaffected
$ faultlab run --fault exit-normal
worker A exited normally -> restarted
worker B unaffected
$ faultlab run --fault drop --hold 60ms
worker A lost its messages for 60ms -> not restarted, answers again
worker B unaffected
$ faultlab run --fault delay --hold 60ms
worker A had late messages for 60ms -> not restarted, answers again
worker B unaffected
$ faultlab run --fault storm
worker A flooded with messages -> not restarted, answers again
worker B unaffected
$ faultlab run --fault heap
worker A outgrew its heap -> restarted
worker B unaffected
$ faultlab run --fault terminate-hang
worker A hung in terminate -> restarted
worker B unaffected
$ faultlab run --fault init-fail
worker A crashed and could not start again -> supervisor gave up; its parent restarted it and all workers
$ faultlab run --fault init-fail --strategy simple_one_for_one
worker A crashed and could not start again -> supervisor gave up; its parent restarted it without workers
END
}

@test "a hang lasts as long as it should, and the others answer meanwhile" {
    faultlab run --fault hang --hold 300ms --json | sed -n 2p >"$BEAM_TEST_ROOT/event"
    jq -s -e '.[0] | .answered_after_us >= 300000 and .ended == false and .recovery_us == null' "$BEAM_TEST_ROOT/event"
}

@test "what is dropped is lost and counted, what is delayed comes late and is not" {
    faultlab run --fault drop --hold 200ms --json | sed -n 2p >"$BEAM_TEST_ROOT/event"
    jq -s -e '.[0] | .as_promised and .lost_messages == 2 and .lost_state == 0 and .answered_after_us >= 200000' \
        "$BEAM_TEST_ROOT/event"
    faultlab run --fault delay --hold 200ms --json | sed -n 2p >"$BEAM_TEST_ROOT/event"
    jq -s -e '.[0] | .as_promised and .lost_messages == 0 and .answered_after_us >= 50000' "$BEAM_TEST_ROOT/event"
    # Again and again into the same ones: what the one before did is over, or late, and nobody is blamed.
    faultlab run --fault drop --hold 20ms --count 10 --seed 3 --json | tail -n 1 | jq -e '.kept and .lost_messages == 20'
    faultlab run --fault delay --hold 100ms --count 10 --seed 3 --json | tail -n 1 | jq -e '.kept and .lost_messages == 0'
}

@test "faults that are none of faultlab's say what to use instead: exit 2" {
    transcript <<'END'
$ faultlab run --fault partition --no-spawn
2> faultlab: --fault partition failed: it is between nodes, and a tree of faultlab lives in one; try: faultlab run --fault drop
[2]
$ faultlab run --fault clock --no-spawn
2> faultlab: --fault clock failed: time-outs and limits count on the monotonic clock, which nobody can set; try: faultlab run -- 'NAME=faketime -f +1h CMD'
[2]
$ faultlab attack --target x --fault disk-full --no-spawn
2> faultlab: --fault disk-full failed: a full disk is its file system's, and all who write there have it; try: a program whose folder is a small one: mount -t tmpfs -o size=1M tmpfs FOLDER
[2]
$ faultlab attack --target x --fault drop --no-spawn
2> faultlab: --fault drop failed: it is one of kill, crash, hang, slow
[2]
$ faultlab run --fault drop -- 'a=sleep 1'
2> faultlab: --fault drop failed: for programs it is one of crash, kill, hang, slow, exit-normal
[2]
END
    echo '{"method":"run","params":{"fault":"clock"}}' | faultlab batch >answer || [ $? -eq 2 ]
    grep -q 'monotonic clock' answer
}

@test "a worker that will not stop is killed by its supervisor" {
    [ "$(faultlab run --fault terminate-hang --json | sed -n 2p | jq -r .reason)" = killed ]
}

@test "the restart type decides who comes back" {
    transcript <<'END'
$ faultlab run --restart transient --fault exit-normal --strategy one_for_all
worker A exited normally -> not restarted
worker B unaffected
$ faultlab run --restart transient
worker A crashed -> restarted
worker B unaffected
$ faultlab run --restart temporary --strategy one_for_all
worker A crashed -> not restarted
worker B unaffected
END
}

@test "more restarts than the intensity allows: the supervisor gives up, and its parent restarts it" {
    transcript <<'END'
$ faultlab run --intensity 0
worker A crashed -> supervisor gave up; its parent restarted it and all workers
$ faultlab run --count 2 --victim A
worker A crashed -> restarted
worker B unaffected
worker A crashed -> supervisor gave up; its parent restarted it and all workers
faults=2 as_promised=2 restarts=3 gave_up=1 ...
$ faultlab run --count 2 --victim A --intensity 2
worker A crashed -> restarted
worker B unaffected
worker A crashed -> restarted
worker B unaffected
faults=2 as_promised=2 restarts=2 gave_up=0 ...
END
}

@test "hundreds of faults: every one as promised, with the times of recovery" {
    faultlab run --strategy rest_for_one --workers 5 --count 300 --intensity 10000 --seed 1 --json |
        tail -n 1 >"$BEAM_TEST_ROOT/summary"
    jq -s -e '.[0] | .kept and .faults == 300 and .as_promised == 300' "$BEAM_TEST_ROOT/summary"
    jq -s -e '.[0] | .recovery_p50_us > 0 and .recovery_p50_us <= .recovery_p99_us and .recovery_p99_us <= .recovery_max_us' \
        "$BEAM_TEST_ROOT/summary"
}

@test "what did not behave as promised is said, and exit 1" {
    run faultlab run --within 0
    echo "$output"
    [ "$status" -eq 1 ]
    [[ $output == *"not as promised: "* ]]
}

@test "a schedule that fails is shrunk to what is enough" {
    # When db dies web ends too, which nobody promised; faults of web and log do no harm.
    cat >web <<'END'
until db=$(cat db.pid 2>/dev/null) && kill -0 "$db" 2>/dev/null; do sleep 0.01; done
echo ready
while kill -0 "$db" 2>/dev/null; do sleep 0.01; done
exit 1
END
    victims=$(faultlab run --fault kill --count 6 --seed 5 --dry-run -- 'db=x' 'web=x' 'log=x' | grep -c ' db$')
    [ "$victims" -ge 1 ] && [ "$victims" -le 5 ]
    run faultlab run --fault kill --count 6 --seed 5 --intensity 100 --grace 50ms --shrink -- \
        'db=echo $$ >db.pid; exec sleep 7071' 'web=. ./web' 'log=exec sleep 7072'
    echo "$output"
    [ "$status" -eq 1 ]
    [[ $output == *$'\n'"shrunk: 1 of 6 faults fails ("*" more runs)"$'\n'"at 0s: kill db"$'\n'"faults="* ]]
    # Nothing to shrink.
    run faultlab run --count 3 --intensity 9 --seed 2 --shrink --json
    [ "$status" -eq 0 ]
    [[ $output != *shrunk* ]]
    run faultlab run --within 0 --count 4 --victim A --intensity 9 --shrink --json
    [ "$status" -eq 1 ]
    jq -s -e '.[-2] | .event == "shrunk" and .of == 4 and (.faults | length) == 1' <<<"$output"
    no_program "sleep 707"
}

# -- seeds, rates, plans --------------------------------------------------------------------------

@test "the same seed gives the same schedule, and the run follows it" {
    faultlab run --count 20 --seed 7 --workers 5 --dry-run >"$BEAM_TEST_ROOT/one"
    faultlab run --count 20 --seed 7 --workers 5 --dry-run | diff "$BEAM_TEST_ROOT/one" -
    faultlab run --count 20 --seed 8 --workers 5 --dry-run >"$BEAM_TEST_ROOT/two"
    run diff -q "$BEAM_TEST_ROOT/one" "$BEAM_TEST_ROOT/two"
    [ "$status" -eq 1 ]
    faultlab run --count 20 --seed 7 --workers 5 --intensity 100 --json |
        jq -r 'select(.event == "fault") | "at 0s: crash worker " + .worker' | diff "$BEAM_TEST_ROOT/one" -
    faultlab run --for 2s --rate 10/s --seed 7 --dry-run >"$BEAM_TEST_ROOT/times"
    faultlab run --for 2s --rate 10/s --seed 7 --dry-run | diff "$BEAM_TEST_ROOT/times" -
    [ "$(wc -l <"$BEAM_TEST_ROOT/times")" -gt 10 ]
}

@test "a seed that faultlab chose is on stderr, and gives the same again" {
    faultlab run --count 5 --dry-run >"$BEAM_TEST_ROOT/one" 2>"$BEAM_TEST_ROOT/err"
    seed=$(sed -n 's/^faultlab: seed=\([0-9]*\)$/\1/p' "$BEAM_TEST_ROOT/err")
    [ -n "$seed" ]
    faultlab run --count 5 --dry-run --seed "$seed" 2>&1 | diff "$BEAM_TEST_ROOT/one" -
}

@test "a probability of 0 does nothing, of 100% everything" {
    transcript <<'END'
$ faultlab run --count 10 --rate 0% --seed 1
faults=0 as_promised=0 restarts=0 gave_up=0 lost_messages=0 lost_state=0
$ faultlab run --for 10s --rate 0% --seed 1 --dry-run
END
    [ "$(faultlab run --count 10 --rate 100% --seed 1 --dry-run | wc -l)" -eq 10 ]
    some=$(faultlab run --count 100 --rate 50% --seed 1 --dry-run | wc -l)
    [ "$some" -gt 20 ] && [ "$some" -lt 80 ]
}

@test "a dry run does nothing: there is not even a tree" {
    transcript <<'END'
$ faultlab run --victim B --dry-run
at 0s: crash worker B
END
    [ -z "$(faultlab list)" ]
}

# -- reports --------------------------------------------------------------------------------------

@test "--json is one object a line, and --quiet says it with the exit code" {
    faultlab run --count 3 --intensity 9 --json --seed 2 | jq -s -e 'map(.event) == ["started", "fault", "fault", "fault", "summary"]'
    transcript <<'END'
$ faultlab run --quiet
$ faultlab run --quiet --within 0
[1]
END
}

junit_counts() {
    python3 -c 'import sys, xml.etree.ElementTree as e
r = e.parse(sys.argv[1]).getroot()
print(r.tag, len(r.findall("testsuite/testcase")), len(r.findall("testsuite/testcase/failure")), r[0].get("tests"), r[0].get("failures"))' "$1"
}

@test "--junit writes a report that can be read, over an older one" {
    head -c 100000 /dev/zero >report.xml
    faultlab run --count 3 --intensity 9 --seed 2 --junit report.xml
    [ "$(junit_counts report.xml)" = "testsuites 3 0 3 0" ]
    run faultlab run --within 0 --junit report.xml
    [ "$status" -eq 1 ]
    [ "$(junit_counts report.xml)" = "testsuites 1 1 1 1" ]
    transcript <<'END'
$ faultlab run --junit /nowhere/report.xml
2> faultlab: --junit /nowhere/report.xml failed: No such file or directory
[73]
END
}

nothing_runs() { [ -z "$(faultlab list)" ]; }

# -- bad input ------------------------------------------------------------------------------------

@test "bad input is a usage error that says what is wrong, and starts nothing" {
    transcript <<'END'
$ faultlab run --strategy one_for_none --no-spawn
2> faultlab: --strategy one_for_none failed: it is one of one_for_one, one_for_all, rest_for_one, simple_one_for_one, did you mean "one_for_one"?
[2]
$ faultlab run --fault explode --no-spawn
2> faultlab: --fault explode failed: it is one of crash, kill, hang, slow, exit-normal, storm, heap, init-fail, terminate-hang, drop, delay
[2]
$ faultlab run --rate 10 percent --no-spawn
2> faultlab: percent failed: a program is NAME=COMMAND; try: faultlab run -- 'web=python3 -m http.server'
[2]
$ faultlab run --rate often --no-spawn
2> faultlab: --rate often failed: neither a probability, as 10%, nor a rate, as 3/s or 10/2m
[2]
$ faultlab run --for 3 --no-spawn
2> faultlab: --for 3 failed: a duration needs a unit, as in 3s
[2]
$ faultlab run --period 1500ms --no-spawn
2> faultlab: --period 1500ms failed: a supervisor counts in whole seconds
[2]
$ faultlab run --ready-port 80 --no-spawn
2> faultlab: --ready-port failed: it is for programs, and there are none; try: faultlab run --ready-port ... -- 'NAME=COMMAND'
[2]
$ faultlab run --workers -1 --no-spawn
2> faultlab: --workers -1 failed: not a whole number, as 10
[2]
$ faultlab run --workers 0
2> faultlab: --workers 0 failed: it is from 1 to 1000
[2]
$ faultlab run --workers 1001
2> faultlab: --workers 1001 failed: it is from 1 to 1000
[2]
$ faultlab run --count 100001 --seed 1
2> faultlab: --count 100001 failed: it is from 1 to 100000
[2]
$ faultlab run --count 0 --seed 1
2> faultlab: --count 0 failed: it is from 1 to 100000
[2]
$ faultlab run --for 1h --rate 1000000000/s --seed 1
2> faultlab: --for failed: more than 100000 faults: at most that many are planned; try: a lower --rate, or --count
[2]
$ faultlab run --victim Z
2> faultlab: --victim Z failed: no such worker: there are A, B
[2]
$ faultlab run --intensity 10001
2> faultlab: --intensity 10001 failed: it is from 0 to 10000
[2]
$ faultlab run --period 0
2> faultlab: --period 0 failed: it is from 1 to 86400
[2]
$ faultlab run --for 25h --seed 1
2> faultlab: --for failed: it is from 0 to 1d
[2]
$ faultlab run --watch
2> faultlab: --watch failed: it repeats what only tells, and "run" does more; try: faultlab --help
[2]
END
    [ "$(node_status restarts)" = 0 ]
}

@test "--timeout ends a run, and its tree with it" {
    run faultlab run --fault hang --hold 1h --timeout 300ms
    echo "$output"
    [ "$status" -eq 75 ]
    eventually nothing_runs
}

@test "a thousand workers are no trouble" {
    [ "$(faultlab run --workers 1000 --strategy one_for_all)" = "worker A crashed -> all workers restarted" ]
}

# -- programs -------------------------------------------------------------------------------------

# Whether a program of this test, and not of another run of it, begins with these words.
is_program() {
    local pid
    for pid in $(pgrep -f "^$1"); do
        if grep -qzsF -- "$BEAM_TEST_ROOT" "/proc/$pid/environ"; then return 0; fi
    done
    return 1
}
no_program() { ! is_program "$1"; }

@test "programs are killed for real, and restarted as the strategy says" {
    transcript <<'END'
$ faultlab run --fault kill -- 'web=exec sleep 7011' 'db=exec sleep 7012'
web killed -> restarted
db unaffected
$ faultlab run --fault crash --strategy one_for_all -- 'web=exec sleep 7011' 'db=exec sleep 7012'
web crashed -> all programs restarted
$ faultlab run --fault exit-normal --strategy rest_for_one --victim db -- 'web=exec sleep 7011' 'db=exec sleep 7012'
db asked to exit -> restarted
web unaffected
$ faultlab run --fault exit-normal --restart transient -- 'web=exec sleep 7011' 'db=exec sleep 7012'
web asked to exit -> not restarted
db unaffected
$ faultlab run --fault hang --hold 200ms -- 'web=exec sleep 7011' 'db=exec sleep 7012'
web stopped for 200ms -> not restarted, answers again
db unaffected
$ faultlab run --fault slow --hold 200ms -- 'web=exec sleep 7011'
web slowed for 200ms -> not restarted, answers again
END
    no_program "sleep 701"
}

@test "a program runs in the folder and with the environment of who typed it" {
    mkdir here && cd here
    COLOUR=blue faultlab run --ready-line 'blue here$' --fault kill -- 'web=echo $COLOUR $(basename "$PWD"); exec sleep 7013'
}

@test "a program is ready by a line, a port or a command" {
    faultlab run --fault kill --ready-line '^up [0-9]+$' -- 'web=echo up 12; exec sleep 7021'
    faultlab run --fault kill --ready-cmd '[ -e up ]' -- 'web=rm -f up; sleep 0.1; touch up; exec sleep 7021'
    server='import socket, time
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("127.0.0.1", 0))
port = s.getsockname()[1]
s.close()
print(port)'
    port=$(python3 -c "$server")
    faultlab run --fault kill --ready-port "$port" -- "web=exec python3 -m http.server $port --bind 127.0.0.1"
    transcript <<'END'
$ faultlab run --ready-line never --ready-within 200ms -- 'web=echo hello; exec sleep 7021'
2> faultlab: run web=echo hello; exec sleep 7021 failed: the tree does not start: web not ready within 200ms, its last line: hello
[1]
END
    no_program "sleep 7021"
    # Bytes of any kind in it do not keep it from being said.
    transcript <<'END'
$ faultlab run --ready-line never --ready-within 200ms -- 'web=printf "\377bad\033[31m\n"; exec sleep 7022'
2> faultlab: run ... failed: the tree does not start: web not ready within 200ms, its last line: \xffbad\e[31m
[1]
END
    no_program "sleep 7022"
}

@test "a program that cannot be started, or has nothing to say, is an error" {
    transcript <<'END'
$ faultlab run -- 'web=no-such-program'
2> faultlab: run web=no-such-program failed: the tree does not start: web exited with 127 before it was ready, its last line: ...not found
[1]
$ faultlab run -- 'web='
2> faultlab: program web failed: its command is empty
[2]
$ faultlab run -- '=sleep 1'
2> faultlab: =sleep 1 failed: a program is NAME=COMMAND; try: faultlab run -- 'web=python3 -m http.server'
[2]
$ faultlab run -- 'a=sleep 1' 'a=sleep 2'
2> faultlab: program a failed: there are two of that name
[2]
$ faultlab run --fault heap -- 'a=sleep 1'
2> faultlab: --fault heap failed: for programs it is one of crash, kill, hang, slow, exit-normal
[2]
$ faultlab run --strategy simple_one_for_one -- 'a=sleep 1'
2> faultlab: --strategy simple_one_for_one failed: its children are made from one specification, and programs have one each; try: faultlab run --strategy one_for_one -- 'NAME=CMD'
[2]
$ faultlab run --ready-line '(' -- 'a=sleep 1'
2> faultlab: --ready-line ( failed: not an extended regular expression
[2]
END
}

@test "bad day: a program exits 0 at once for ever, and is given up" {
    transcript <<'END'
$ faultlab run -- 'web=exit 0'
2> faultlab: run web=exit 0 failed: the tree does not start: web exited with 0 before it was ready
[1]
END
    # At first it lives, then it does not any more.
    run faultlab run --fault kill --count 2 --victim web -- 'web=[ -e died ] && exit 0; touch died; exec sleep 7031'
    echo "$output"
    [ "$status" -eq 1 ]
    [[ $output == *"web killed -> supervisor gave up, and so did its parent"* ]]
    [[ $output == *"web exited with 0 before it was ready without a fault"* ]]
}

@test "bad day: a program that ignores SIGTERM, forks and floods its output leaves nobody" {
    faultlab run --fault kill --grace 100ms -- 'web=trap "" TERM; sleep 7041 & sleep 7042 & yes flood7044' 'db=exec sleep 7043'
    no_program "sleep 704"
    no_program "yes flood7044"
    faultlab run --fault exit-normal --grace 100ms --within 300ms -- 'web=trap "" TERM; sleep 7041 & while :; do sleep 7042; done' || code=$?
    [ "$code" -eq 1 ] # asked to exit it does not
    no_program "sleep 704"
}

# Waits for what was started in the background, and compares its exit code.
ends_with() {
    local code=0
    # shellcheck disable=SC2031
    wait "$runner" || code=$?
    [ "$code" -eq "$1" ] || { echo "exit $code, not $1"; return 1; }
}

# A run of programs in the background that waits for a fault which never comes.
start_programs() {
    env --default-signal=INT faultlab run --fault kill --count 1 --for 1h --seed 3 --grace 200ms -- \
        'web=trap "" TERM; sleep 7051 & while :; do sleep 7052; done' 'db=exec sleep 7053' >"$BEAM_TEST_ROOT/ran" 2>&1 3>&- &
    runner=$!
    eventually is_program "sleep 7051"
    eventually is_program "sleep 7052"
    eventually is_program "sleep 7053"
}

@test "no program is left when faultlab is killed, interrupted or cleared" {
    start_programs
    kill -9 $runner
    eventually no_program "sleep 705"
    start_programs
    kill -INT $runner
    ends_with 130
    eventually no_program "sleep 705"
    start_programs
    [[ $(faultlab list) == "run one_for_one: kill, 0 faults in "* ]]
    [[ $(faultlab clear) == "cleared run one_for_one: kill, 0 faults in "* ]]
    no_program "sleep 705"
    ends_with 1
    [ -z "$(faultlab list)" ]
}

@test "no program is left when the node is killed, with its parent too" {
    start_programs
    kill -9 "$(node_status os_pid)"
    eventually no_program "sleep 705"
    ends_with 75
    start_programs
    # shellcheck disable=SC2046
    kill -9 $(node_status 'os_pid, .parent_pid')
    eventually no_program "sleep 705"
    ends_with 75
    rm -f "$XDG_RUNTIME_DIR"/beamcore/*.sock
}

@test "no program is left of a start that was cut short" {
    faultlab run --ready-line never --ready-within 1h -- 'web=exec sleep 7061' >/dev/null 2>&1 3>&- &
    runner=$!
    eventually is_program "sleep 7061"
    kill -9 $runner
    eventually no_program "sleep 7061"
    eventually nothing_runs
}

# -- attack ---------------------------------------------------------------------------------------

@test "an attack kills a room of a living node, and says that it came back" {
    chatctl create room general
    chatctl send general kept
    before=$(chatctl list)
    transcript <<'END'
$ faultlab attack --target 'room general'
room general killed -> restarted (pid=<0...>)
$ faultlab attack --target 'room general' --fault crash
room general crashed -> restarted (pid=<0...>)
$ chatctl history general
[general] user42: kept
END
    [ "$before" != "$(chatctl list)" ]
}

@test "an attack is bounded by count and time, and repeats with its seed" {
    chatctl create room a
    chatctl create room b
    chatctl create room c
    faultlab attack --target 'room *' --count 5 --for 300ms --seed 4 --json >"$BEAM_TEST_ROOT/hits"
    [ "$(jq -s 'map(select(.event == "hit")) | length' "$BEAM_TEST_ROOT/hits")" -eq 5 ]
    jq -s -e 'last | .kept and .hits == 5 and .back == 5' "$BEAM_TEST_ROOT/hits"
    faultlab attack --target 'room *' --count 5 --for 300ms --seed 4 --dry-run --json |
        jq -r '.faults[].name' >"$BEAM_TEST_ROOT/planned"
    jq -r 'select(.event == "hit") | .name' "$BEAM_TEST_ROOT/hits" | diff - "$BEAM_TEST_ROOT/planned"
    run faultlab attack --target 'room *' --rate 0% --for 1h --seed 1
    [ "$status" -eq 0 ] && [ "$output" = "faults=0 back=0" ]
}

@test "a dry run of an attack lists its victims and touches none" {
    chatctl create room general
    before=$(chatctl list)
    transcript <<'END'
$ faultlab attack --target 'room *' --dry-run --seed 1
victim: room general (<0...>)
at 0s: kill room general
END
    [ "$before" = "$(chatctl list)" ]
}

@test "whom nobody knows is a no, and system processes are refused" {
    chatctl create room general
    transcript <<'END'
$ faultlab attack --target 'room nowhere'
2> faultlab: attack failed: no process "room nowhere" in any supervision tree; try: observer tree
[1]
$ faultlab attack --target node_events
2> faultlab: attack failed: "node_events" is the node's own, or what an application stands on; try: faultlab attack --include-system --target 'node_events'
[77]
$ faultlab attack --target chat_sup
2> faultlab: attack failed: "chat_sup" is the node's own, or what an application stands on; try: faultlab attack --include-system --target 'chat_sup'
[77]
$ faultlab attack --target faultlab_leases --dry-run
2> ... "faultlab_leases" is the node's own, or what an application stands on; ...
[77]
$ faultlab attack --target node_events --include-system
node_events killed -> restarted (pid=<0...>)
$ faultlab attack --target ''
2> faultlab: --target failed: its value is empty
[2]
$ faultlab attack --target x --fault heap
2> faultlab: --fault heap failed: it is one of kill, crash, hang, slow
[2]
END
}

@test "a victim that does not come back is a no; a lease that is killed takes all with it" {
    start_programs
    transcript <<'END'
$ faultlab attack --target 'run one_for_one' --include-system --within 50ms
run one_for_one killed -> not restarted
[1]
END
    eventually no_program "sleep 705"
    ends_with 1
    [ -z "$(faultlab list)" ]
}

hanging() { [[ $(faultlab list) == "attack room general: $1, 1 fault in "* ]]; }

@test "a hang is over when its time is, and others go on meanwhile" {
    chatctl create room general
    chatctl create room other
    faultlab attack --target 'room general' --fault hang --hold 1h >/dev/null 2>&1 3>&- &
    runner=$!
    eventually hanging hang
    run chatctl send general "in vain" --timeout 300ms
    [ "$status" -eq 75 ]
    chatctl send other meanwhile
    kill -9 $runner
    [ "$(chatctl send general back)" = "[general] user42: back" ]
    eventually nothing_runs
    transcript <<'END'
$ faultlab attack --target 'room general' --fault hang --hold 50ms
room general hung for ...ms -> goes on
$ faultlab attack --target 'room general' --fault slow --hold 50ms
room general slowed for ...ms -> goes on
$ chatctl send general here
[general] user42: here
END
}

@test "an attack is undone by Ctrl-C and by clear" {
    chatctl create room general
    env --default-signal=INT faultlab attack --target 'room general' --fault hang --hold 1h >/dev/null 2>&1 3>&- &
    runner=$!
    eventually hanging hang
    kill -INT $runner
    ends_with 130
    chatctl send general "after Ctrl-C"
    faultlab attack --target 'room general' --fault slow --hold 1h >/dev/null 2>&1 3>&- &
    runner=$!
    eventually hanging slow
    [[ $(faultlab clear) == "cleared attack room general: slow, 1 fault in "* ]]
    ends_with 1
    [ "$(observer processes --filter 'room general' --json | jq -r '.processes[0].status')" = waiting ]
    chatctl send general "after clear"
}

# -- script ---------------------------------------------------------------------------------------

@test "a script of faults and expectations, of processes and of the node" {
    cat >outage.faults <<'END'
# rooms heal
run chatctl create room general
at 50ms kill room general
expect chatctl send general one within 5s

hang room general for 1h
expect not chatctl send general two --timeout 200ms
END
    cat >node.faults <<'END'
crash node beam
expect chatctl history general within 5s
kill beam
expect chatctl history general | grep -q one within 5s
END
    transcript <<'END'
$ faultlab script outage.faults
outage.faults:2: run chatctl create room general -> ok
outage.faults:3: at 50ms kill room general -> ok
outage.faults:4: expect chatctl send general one within 5s -> ok
outage.faults:6: hang room general for 1h -> ok
outage.faults:7: expect not chatctl send general two --timeout 200ms -> ok
$ chatctl send general "it was undone"
[general] user42: it was undone
$ faultlab script node.faults
node.faults:1: crash node beam -> ok
node.faults:2: expect chatctl history general within 5s -> ok
node.faults:3: kill beam -> ok
node.faults:4: expect chatctl history general | grep -q one within 5s -> ok
END
    [ "$(node_status restarts)" = 2 ]
}

@test "a script ends at the first broken expectation: exit 1" {
    transcript <<'END'
$ printf 'run true\nexpect false within 100ms\nrun touch not-reached\n' | faultlab script -
-:1: run true -> ok
-:2: expect false within 100ms -> broken: exited with 1, still after 100ms
[1]
$ printf 'expect not true\n' | faultlab script -
-:1: expect not true -> broken: it succeeds
[1]
$ printf 'kill room nowhere\n' | faultlab script -
-:1: kill room nowhere -> broken: no process "room nowhere" in any supervision tree
[1]
$ printf 'kill node nowhere\n' | faultlab script -
-:1: kill node nowhere -> broken: no node "nowhere" is running, and none may be started
[1]
$ printf 'run exit 3\n' | faultlab script - --quiet
[1]
END
    [ ! -e not-reached ]
    printf 'expect false\n' | faultlab script - --json >events || true
    jq -s -e '.[0].line == 1 and .[0].ok == false and .[1].kept == false' events
}

@test "a check is run throughout a script" {
    transcript <<'END'
$ printf 'run touch broken\nrun true\n' | faultlab script - --check '[ ! -e broken ]'
-:1: run touch broken -> ok
-:2: run true -> broken: the check exited with 1
[1]
$ printf 'run rm broken\nat 1100ms run true\n' | faultlab script - --check 'echo >>checks'
-:1: run rm broken -> ok
-:2: at 1100ms run true -> ok
END
    [ "$(wc -l <checks)" -ge 4 ]
}

@test "a script that cannot be read names the file and the line: exit 65" {
    transcript <<'END'
$ printf 'run true\nkil room x\n' >bad.faults; faultlab script bad.faults
2> faultlab: bad.faults:2 failed: no such step: "kil", did you mean "kill"?; try: man faultlab
[65]
$ echo 'at 2 kill x' | faultlab script -
2> faultlab: -:1 failed: "2" is no time, as 250ms, 2s or 1m30s; try: man faultlab
[65]
$ faultlab script nowhere.faults
2> faultlab: script nowhere.faults failed: No such file or directory
[74]
$ printf 'run true\n' | faultlab script - --dry-run
-:1: run true
END
}

# -- the conventions ------------------------------------------------------------------------------

@test "help begins with two examples, and a mistyped command names the nearest" {
    [ "$(faultlab --help | sed -n 2,3p | grep -c '^  faultlab ')" -eq 2 ]
    [ "$(faultlab run --help | sed -n 2,3p | grep -c '^  faultlab ')" -eq 2 ]
    [ "$(faultlab attack --help | sed -n 2,3p | grep -c '^  faultlab ')" -eq 2 ]
    transcript <<'END'
$ faultlab atack
2> faultlab: atack failed: no such command, did you mean "attack"?; try: faultlab --help
[2]
$ faultlab run --no-spawn
2> faultlab: run failed: no node "beam" is running, and none may be started; try: beamd --daemon --node beam
[69]
END
}
