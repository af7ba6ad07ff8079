#!/usr/bin/env bats
# presence as its users see it.

load helper

# The default cluster, up: its first start takes what a command may take.
start_cluster() { presence health --node nodeA >/dev/null; }

is_offline() { [ "$(presence status "$@")" = offline ]; }
is_online() { presence status "$@" -q; }
all_are_up() { [ "$(presence nodes --node "${1:-nodeA}" --json | jq '[.nodes[] | select(.state == "up")] | length')" = 3 ]; }

# A stream in the background; what it prints is in FILE. end_stream ends it.
start_stream() {
    local file=$1
    shift
    "$@" >"$file" 2>"$file.errors" 3>&- &
    stream=$!
}
end_stream() { kill "$stream"; wait "$stream" || [ $? -gt 128 ]; }
has_lines() { [ "$(wc -l <"$1")" -ge "$2" ]; }

@test "the transcript: a login on one node is seen on another, at once" {
    transcript <<'END'
$ presence login user42 --node nodeA
ok
$ presence status user42 --node nodeB
online (via nodeA)
END
}

@test "three nodes, started by naming one: all see all, and who is away is offline with exit 1" {
    transcript <<'END'
$ presence login ann
ok
$ presence login bob --node nodeB --status "at lunch"
ok
$ presence login eve --node nodeC --topic work
ok
$ presence list --node nodeC
ann (via nodeA)
bob (via nodeB): at lunch
eve (via nodeC)
$ presence list work --node nodeB
eve (via nodeC)
$ presence list nowhere
$ presence status bob
online (via nodeB): at lunch
$ presence status dora --node nodeC
offline
[1]
$ presence status bob -q
$ presence status dora -q
[1]
$ presence logout bob --node nodeC
ok
$ presence status bob --node nodeA
offline
[1]
$ presence health --node nodeB
healthy (nodes=3 sessions=2)
END
}

@test "sessions: the newest stands for its user, a second login renews and changes, one is ended by name" {
    transcript <<'END'
$ presence login ann --status "at the desk" --session desk
ok
$ presence login ann --node nodeB --session phone
ok
$ presence status ann --node nodeC
online (via nodeB)
$ presence login ann --status "in a meeting" --session desk
ok
$ presence status ann --node nodeC
online (via nodeA): in a meeting
$ presence logout ann --session desk --node nodeC
ok
$ presence status ann --node nodeC
online (via nodeB)
$ presence logout ann --session desk
2> presence: logout ann failed: ann has no session "desk"; try: presence status ann --json
[1]
$ presence kick ann
ann kicked (sessions=1)
$ presence kick ann
2> presence: kick ann failed: "ann" is not here; try: presence login ann
[1]
$ presence logout ann
2> presence: logout ann failed: "ann" is not here; try: presence login ann
[1]
END
}

@test "json: status with all sessions, list, nodes, health" {
    presence login ann --meta '{"mood":"good","n":[1,2]}' --topic work --ttl 10m
    presence login ann --node nodeB --session phone --status busy
    run presence status ann --node nodeC --json
    [ "$(jq -c '[.user,.online,.via,.status,(.sessions | length)]' <<<"$output")" = '["ann",true,"nodeB","busy",2]' ]
    [ "$(jq -c '.sessions[0] | [.session,.via,.topic,.status,.listens,.meta]' <<<"$output")" = \
        '["default","nodeA","work",null,false,{"mood":"good","n":[1,2]}]' ]
    [ "$(jq -c '.sessions[1] | [.session,.via,.topic,.status]' <<<"$output")" = '["phone","nodeB",null,"busy"]' ]
    [ "$(jq '.since_ms == .sessions[0].since_ms and (.since_ms / 1000 | fabs) <= (now + 1)' <<<"$output")" = true ]
    run presence status nobody --json
    [ "$status" -eq 1 ]
    [ "$(jq -c '[.user,.online,.sessions]' <<<"$output")" = '["nobody",false,[]]' ]
    [ "$(presence list --json | jq -c '[.users[] | [.user, (.sessions | length)]]')" = '[["ann",2]]' ]
    [ "$(presence list empty --json)" = '{"users":[]}' ]
    run presence nodes --node nodeB --json
    [ "$(jq -c '[.nodes[].name] | [.[0], (.[1:] | sort)]' <<<"$output")" = '["nodeB",["nodeA","nodeC"]]' ]
    [ "$(jq -c '[.nodes[] | select(.name == "nodeA") | .state, .entries, .missing]' <<<"$output")" = '["up",2,0]' ]
    [ "$(presence health --json | jq -c '[.healthy,.up,.down,.sessions,.digest_mismatches]')" = '[true,3,[],2,0]' ]
    presence nodes | grep -Eqx 'nodeB: up entries=1 version=[0-9]+ last_heard=[0-9]+m?s incarnation=[0-9a-f]+'
}

@test "who acts: --as, BEAM_USER, else user42; a command of a user renews his leases, on any node" {
    transcript <<'END'
$ presence login --node beam
ok
$ presence status --node beam
online (via beam)
$ presence status user42 --node beam
online (via beam)
$ presence status --as ann --node beam
offline
[1]
$ BEAM_USER=ann presence login --node beam
ok
$ presence status ann --node beam
online (via beam)
$ presence logout --as ann --node beam
ok
$ presence list --node beam
user42 (via beam)
END
}

@test "a lease ends when its time is over, and is renewed by the user's commands" {
    start_cluster
    presence login short --ttl 1s
    presence login kept --ttl 3s
    eventually is_offline short --node nodeB
    local until=$((SECONDS + 5))
    while [ $SECONDS -lt $until ]; do presence nodes --as kept --node nodeB >/dev/null; done
    is_online kept --node nodeC
    eventually is_offline kept --node nodeC
}

@test "watch prints who is here, comes, changes and goes, one a line, flushed" {
    start_cluster
    presence login ann
    start_stream "$HOME/all" presence watch --node nodeC
    eventually grep -qx 'here ann/default (via nodeA)' "$HOME/all"
    start_stream "$HOME/work" presence watch work --node nodeB --changes --count 2 --json
    local work=$stream
    presence login bob --node nodeB --status hello
    presence login bob --node nodeB --status "hello again"
    presence login eve --session phone
    presence logout ann --node nodeB
    eventually has_lines "$HOME/all" 5
    diff - "$HOME/all" <<'END'
here ann/default (via nodeA)
join bob/default (via nodeB): hello
update bob/default (via nodeB): hello again
join eve/phone (via nodeA)
leave ann/default (via nodeA)
END
    # In a topic: only who is there. It ends by itself.
    until ! is_running "$work"; do
        presence login dan --topic work --node nodeA
        presence logout dan --node nodeA
    done
    wait "$work"
    [ "$(jq -r '[.event,.user,.topic] | join(" ")' "$HOME/work")" = $'join dan work\nleave dan work' ]
}

@test "watch ends by itself: --count, --for, --until-idle" {
    start_cluster
    presence login ann
    [ "$(presence watch --count 1)" = "here ann/default (via nodeA)" ]
    [ "$(presence watch --for 300ms)" = "here ann/default (via nodeA)" ]
    [ "$(presence watch --until-idle=300ms)" = "here ann/default (via nodeA)" ]
}

@test "a watcher who reads slowly is told in the end how it is, and not all that was" {
    presence login ann --node beam
    mkfifo "$HOME/pipe"
    presence watch --changes --json --node beam >"$HOME/pipe" 3>&- &
    local watcher=$!
    exec 4<"$HOME/pipe"  # and nobody reads
    local i
    for i in 1 2 3; do
        seq 10000 | jq -c --arg i "$i" '{method: "login", params: {user: "bob", status: "\($i) \(.)"}}' |
            presence batch --node beam >/dev/null
    done
    presence login eve --node beam
    local line last=''
    while IFS= read -r -t 20 line <&4; do
        last=$line
        [[ $line == *'"user":"eve"'* ]] && break
    done
    exec 4<&-
    [ "$(jq -r '[.event,.user] | join(" ")' <<<"$last")" = "join eve" ]
    kill "$watcher" 2>/dev/null || true
    wait "$watcher" || true
}

@test "listen is a session as long as it lives, and ends with kill -9, logout and kick" {
    start_cluster
    start_stream "$HOME/ear" presence listen ann --node nodeB --status listening
    eventually is_online ann --node nodeC
    [ "$(presence status ann --node nodeC)" = "online (via nodeB): listening" ]
    [ "$(presence status ann --json | jq -c '[.sessions[] | .listens]')" = '[true]' ]
    kill -9 "$stream"
    wait "$stream" || true
    eventually is_offline ann --node nodeC

    start_stream "$HOME/ear" presence listen ann --node nodeB --session ear
    eventually is_online ann --node nodeC
    run presence listen ann --node nodeB --session ear
    [ "$status" -eq 1 ]
    [ "$output" = 'presence: listen ann failed: session "ear" of ann is there already; try: presence logout ann --session ear' ]
    presence logout ann --node nodeC
    wait "$stream"

    start_stream "$HOME/ear" presence listen ann --node nodeB
    eventually is_online ann --node nodeC
    presence kick ann --node nodeA
    run wait "$stream"
    [ "$status" -eq 1 ]
    [ "$(cat "$HOME/ear.errors")" = "presence: listen ann failed: the session was ended by presence kick; try: presence listen ann" ]
    is_offline ann --node nodeA
}

@test "a runtime is killed: it comes back empty, the others' users stay, and who listens is here again" {
    start_cluster
    presence login ann --node nodeA
    presence login eve --node nodeC
    start_stream "$HOME/ear" presence listen bob --node nodeC
    eventually is_online bob --node nodeA
    kill -9 "$(node_status os_pid --node nodeC)"
    eventually is_offline eve --node nodeA
    eventually is_offline eve --node nodeC
    eventually all_are_up nodeA
    eventually all_are_up nodeC
    [ "$(presence status ann --node nodeC)" = "online (via nodeA)" ]
    eventually is_online bob --node nodeA
    presence login eve --node nodeC
    [ "$(presence status eve --node nodeB)" = "online (via nodeC)" ]
    end_stream
}

@test "a node is killed and does not come back: its users are hidden within 6 s, health says so" {
    start_cluster
    presence login ann --node nodeA
    presence login eve --node nodeC
    is_online eve --node nodeB
    local parent child killed
    parent=$(node_status parent_pid --node nodeC) child=$(node_status os_pid --node nodeC)
    killed=$(date +%s%N)
    kill -9 "$parent" "$child"
    # Told not to start nodes, the tools let it be dead.
    eventually is_offline eve --node nodeA --no-spawn
    eventually is_offline eve --node nodeB --no-spawn
    [ $((($(date +%s%N) - killed) / 1000000)) -lt 6000 ]
    transcript <<'END'
$ presence status ann --node nodeB --no-spawn
online (via nodeA)
$ presence health --node nodeA --no-spawn
degraded (down=nodeC)
[1]
END
    rm "$XDG_RUNTIME_DIR/beamcore/nodeC.sock"  # whose parent was killed too
}

@test "nodes started by hand, connected by hand, and one that is stopped in good order" {
    local name
    export ERL_EPMD_PORT
    ERL_EPMD_PORT=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    for name in left right; do
        beamd --daemon --node "$name@127.0.0.1" --dist --app presence 3>&-
    done
    presence login early --node right@127.0.0.1
    beamd connect right@127.0.0.1 --node left@127.0.0.1
    eventually is_online early --node left@127.0.0.1
    transcript <<'END'
$ presence login ann --node left@127.0.0.1
ok
$ presence status ann --node right@127.0.0.1
online (via left)
$ beamd stop --node right@127.0.0.1
right@127.0.0.1: stopped
$ presence status early --node left@127.0.0.1
offline
[1]
$ presence status ann --node left@127.0.0.1
online (via left)
END
}

@test "parts of the application are killed again and again: the sessions are there" {
    local part
    presence login ann --node beam --topic work --status busy
    presence login bob --node beam
    for part in presence_tracker presence_tracker.0 presence_sessions presence_session_sup; do
        faultlab attack --target "$part" --fault kill --count 3 --rate 10/s --node beam
        eventually is_online bob --node beam
        eventually is_online ann --node beam
        [ "$(presence status ann --node beam)" = "online (via beam): busy" ]
        [ "$(presence list work --node beam)" = "ann (via beam): busy" ]
    done
    presence login eve --node beam
    [ "$(presence health --node beam)" = "healthy (nodes=1 sessions=3)" ]
    [ "$(node_status restarts --node beam)" = 0 ]
}

@test "a node with a session does not leave when it is idle; when its lease is over, it does" {
    export BEAM_IDLE_EXIT=50ms
    presence login ann --ttl 2s --node beam
    local pid before=${EPOCHREALTIME/./}
    pid=$(beamd status --node beam --json | jq .parent_pid)
    eventually has_ended "$pid"
    # Without the objection it would have been gone after 50 ms.
    [ $((${EPOCHREALTIME/./} - before)) -gt 1500000 ]
}

@test "bad input gets a clear error and exit 2, and the node goes on" {
    transcript <<'END'
$ presence login ann --node beam --ttl soon
2> presence: --ttl soon failed: not a duration, as 30s, 10m or 1h30m
[2]
$ presence login ann --node beam --ttl 0
2> presence: login ann failed: a lease lasts longer than 0
[2]
$ presence login ann --node beam --ttl 1000d
2> presence: login ann failed: a lease lasts at most a year
[2]
$ presence login ann --node beam --meta '{'
2> presence: --meta { failed: not a JSON object, as {"mood":"good"}
[2]
$ presence login ann --node beam --meta '[1]'
2> presence: --meta [1] failed: not a JSON object, as {"mood":"good"}
[2]
$ presence login " ann" --node beam
2> presence: login  ann failed: the user's name begins or ends with a space
[2]
$ presence login ann --topic "" --node beam
2> presence: --topic failed: its value is empty
[2]
$ presence status ann --node beam
offline
[1]
$ presence login ann --node nowhere --no-spawn
2> presence: login ann failed: no node "nowhere" is running, and none may be started; try: beamd --daemon --node nowhere
[69]
END
    run presence login "$(head -c 256 /dev/zero | tr '\0' x)" --node beam
    [ "$status" -eq 2 ]
    [[ $output == *"the user's name has 256 bytes, at most 255 are allowed"* ]]
    run presence login $'bell\a' --node beam
    [ "$status" -eq 2 ]
    [[ $output == *"control characters"* ]]
    run presence login ann --status $'two\nlines' --node beam
    [ "$status" -eq 2 ]
    run presence login ann --meta "{\"x\":\"$(head -c 5000 /dev/zero | tr '\0' x)\"}" --node beam
    [ "$status" -eq 2 ]
    [[ $output == *"the meta has "*" bytes, at most 4096 are allowed"* ]]
    run presence kick --node beam
    [ "$status" -eq 2 ]
    run presence satus --node beam
    [ "$status" -eq 2 ]
    [[ $output == *status* ]]
    presence login ann --node beam
}

@test "the hundred and first session of a user is refused with 75" {
    seq 100 | jq -c '{method: "login", params: {user: "ann", session: "s\(.)"}}' | presence batch --node beam >"$HOME/answers"
    [ "$(jq -s '[.[] | select(.result.session)] | length' "$HOME/answers")" = 100 ]
    transcript <<'END'
$ presence login ann --node beam
2> presence: login ann failed: ann has 100 sessions already; try: presence logout ann
[75]
$ presence logout ann --node beam
ok
$ presence login ann --node beam
ok
END
}

@test "batch, --watch, and what is not repeated" {
    run presence batch --node beam <<'END'
{"method":"status","params":{"user":"ann"},"id":1}
{"method":"login","params":{"user":7},"id":2}
{"method":"login","params":{"user":"bob","meta":[]},"id":3}
END
    [ "$status" -eq 2 ]
    [ "$(jq -c '[.id,.result.online,.error.kind]' <<<"$output")" = $'[1,false,null]\n[2,null,"bad_params"]\n[3,null,"bad_params"]' ]
    presence login ann --node beam
    run timeout 20 bash -c "presence status ann --node beam --watch=50ms | head -3"
    [ "$output" = $'online (via beam)\nonline (via beam)\nonline (via beam)' ]
    local command
    for command in "login ann" "logout ann" "kick ann" "watch" "listen ann"; do
        # shellcheck disable=SC2086
        run presence $command --node beam --watch
        [ "$status" -eq 2 ]
        [[ $output == "presence: --watch failed: "*"; try: presence --help" ]]
    done
}

@test "help begins with two examples" {
    run presence --help
    [ "$status" -eq 0 ]
    [ "${lines[0]}" = Examples: ]
    [ "${lines[1]}" = "  presence login user42 --node nodeA" ]
    [ "${lines[2]}" = "  presence status user42 --node nodeB" ]
}

@test "a list of many users is printed whole" {
    seq 1000 | jq -c '{method: "login", params: {user: "u\(10000 + .)"}}' | presence batch --node beam >/dev/null
    [ "$(presence list --node beam | sort -u | wc -l)" = 1000 ]
    [ "$(presence list --node beam --json | jq '.users | length')" = 1000 ]
    [ "$(presence list --node beam | head -1)" = "u10001 (via beam)" ]
}
