#!/usr/bin/env bats
# What dies, and what is missing: the runtime, its parent, the socket; and what clients see of it.

load helper

# COUNT clients that send one message each to room general, all at once. wait_for_senders waits for them.
start_senders() {
    local i
    senders=()
    for i in $(seq 1 "$1"); do
        chatctl send general "m$i" --as "u$i" --timeout 60s >"$BEAM_TEST_ROOT/sent.$i" \
            2>"$BEAM_TEST_ROOT/refused.$i" 3>&- &
        senders+=($!)
    done
}

# All were told that their message is kept, and each is kept once.
all_sent_once() {
    local pid bad=0
    for pid in "${senders[@]}"; do wait "$pid" || bad=1; done
    [ $bad -eq 0 ] || { cat "$BEAM_TEST_ROOT"/refused.*; return 1; }
    cat "$BEAM_TEST_ROOT"/sent.* | sort >"$BEAM_TEST_ROOT/acknowledged"
    chatctl history general --limit 1000 | sort | diff "$BEAM_TEST_ROOT/acknowledged" -
    [ "$(wc -l <"$BEAM_TEST_ROOT/acknowledged")" -eq ${#senders[@]} ]
}

some_sent() { grep -qs . "$BEAM_TEST_ROOT"/sent.*; }

# Joins room general as $1; what it prints goes to joined.$1.
start_joiner() {
    chatctl join general --as "$1" >"$BEAM_TEST_ROOT/joined.$1" 2>"$BEAM_TEST_ROOT/join_ended.$1" 3>&- &
}

has_joined() { chatctl users | grep -qx "$1 in general"; }

@test "a runtime killed by SIGKILL and by SIGSEGV under load: clients wait, nothing is lost or twice" {
    chatctl create room general
    local signal
    for signal in KILL SEGV; do
        rm -f "$BEAM_TEST_ROOT"/sent.*
        chatctl delete room general && chatctl create room general
        start_senders 40
        eventually some_sent
        kill -"$signal" "$(node_status os_pid)"
        all_sent_once
    done
    [ "$(node_status restarts)" -eq 2 ]
    beamd logs | grep -q 'starts: crashed: killed by signal 9'
    beamd logs | grep -q 'starts: crashed: killed by signal 11'
}

@test "a parent killed under load: its runtime ends too, the next tool starts another node" {
    chatctl create room general
    start_joiner bob
    local joiner=$! parent child
    eventually has_joined bob
    parent=$(node_status parent_pid) child=$(node_status os_pid)
    start_senders 20
    eventually some_sent
    kill -9 "$parent"
    eventually has_ended "$child"
    all_sent_once
    [ "$(node_status parent_pid)" != "$parent" ]
    [ "$(node_status restarts)" -eq 0 ]
    # Who had joined came back by itself, was told, and has all that was kept, each message once.
    chatctl send general last
    eventually grep -q last "$BEAM_TEST_ROOT/joined.bob"
    kill $joiner
    wait $joiner || true
    grep -qx '\[general\] -- the node restarted --' "$BEAM_TEST_ROOT/joined.bob"
    [ "$(grep -c ': m' "$BEAM_TEST_ROOT/joined.bob")" -eq 20 ]
    [ -z "$(grep ': m' "$BEAM_TEST_ROOT/joined.bob" | sort | uniq -d)" ]
}

@test "a parent killed while nobody asks: stale socket and free lock are no obstacle" {
    chatctl create room general
    local child
    child=$(node_status os_pid)
    kill -9 "$(node_status parent_pid)"
    eventually has_ended "$child"
    [ -S "$XDG_RUNTIME_DIR/beamcore/beam.sock" ]
    transcript <<'END'
$ beamd status
beam: not running
[1]
$ beamd doctor | grep ' node: '
warning: node: beam is not running; its stale socket will be replaced by the next start
$ chatctl list --no-spawn
2> chatctl: list failed: no node "beam" is running, and none may be started; try: beamd --daemon --node beam
[69]
$ chatctl list
general: pid=<0...> users=0 messages=0
END
}

@test "socket, lock and their folder deleted while the node runs: made anew, still one node" {
    chatctl create room general
    local folder=$XDG_RUNTIME_DIR/beamcore pid
    pid=$(node_status os_pid)
    rm "$folder/beam.sock"
    eventually test -S "$folder/beam.sock"
    [ "$(node_status os_pid)" = "$pid" ]
    rm "$folder/beam.lock"
    eventually test -e "$folder/beam.lock"
    [ "$(node_status os_pid)" = "$pid" ]
    mv "$folder" "$folder.gone" && rm -r "$folder.gone"
    eventually test -S "$folder/beam.sock"
    [ "$(node_status os_pid)" = "$pid" ]
    [ "$(stat -c %a "$folder")" = 700 ]
    beamd logs | grep -q 'the socket was deleted: made anew'
    beamd logs | grep -q 'the lock file was deleted: made anew'
    transcript <<'END'
$ chatctl list
general: pid=<0...> users=0 messages=0
$ beamd stop
beam: stopped
END
}

@test "files that an earlier node, or nobody, left in the way" {
    local folder=$XDG_RUNTIME_DIR/beamcore
    mkdir -m 700 "$folder"
    # A pid in a lock means nothing, whoever has it now; a socket nobody listens on is replaced.
    echo $$ >"$folder/beam.lock" && echo $$ >"$folder/beam.pid"
    socat -u OPEN:/dev/null "UNIX-LISTEN:$folder/beam.sock,unlink-close=0" &
    eventually test -S "$folder/beam.sock"
    socat -u OPEN:/dev/null "UNIX-CONNECT:$folder/beam.sock"
    wait $!
    chatctl create room general
    beamd stop
    echo "no socket" >"$folder/beam.sock"
    transcript <<'END'
$ chatctl list
general: pid=<0...> users=0 messages=0
$ beamd stop
beam: stopped
$ mkdir $XDG_RUNTIME_DIR/beamcore/beam.sock; chatctl list; rmdir $XDG_RUNTIME_DIR/beamcore/beam.sock
2> chatctl: list failed: cannot start the node "beam": cannot listen: .../beam.sock: Is a directory; try: beamd doctor --node beam
$ rm $XDG_RUNTIME_DIR/beamcore/beam.lock; mkdir $XDG_RUNTIME_DIR/beamcore/beam.lock; chatctl list
2> chatctl: list failed: cannot open .../beam.lock: Is a directory; try: beamd doctor
[73]
$ rmdir $XDG_RUNTIME_DIR/beamcore/beam.lock; ln -s elsewhere $XDG_RUNTIME_DIR/beamcore/beam.lock; chatctl list
2> chatctl: list failed: .../beam.lock is a symbolic link; try: rm .../beam.lock
[77]
END
    rm "$folder/beam.lock"
    [ ! -e "$folder/elsewhere" ]
}

@test "a runtime that does not run: tools wait until their time is over and replace nothing" {
    chatctl create room general
    local child
    child=$(node_status os_pid)
    kill -STOP "$child"
    transcript <<'END'
$ chatctl list --timeout 300ms
2> chatctl: list failed: no answer in time (it may have been done); try: beamd status --node beam
[75]
$ beamd restart --timeout 300ms
2> beamd: restart failed: the node "beam" has not restarted yet; try: beamd logs --node beam
[75]
$ beamd stop --timeout 300ms
2> beamd: stop failed: the node "beam" has not stopped yet; try: beamd logs --node beam
[75]
END
    [ "$(pgrep -c -f -- "beamd-runtime .*$BEAM_TEST_ROOT" || true)" -le 1 ]
    kill -CONT "$child"
    eventually beamd stop
}

@test "a restart under fifty who have joined: no message twice, none lost that was acknowledged" {
    chatctl create room general
    local i pid joiners=()
    for i in $(seq 1 50); do
        start_joiner "j$i"
        joiners+=($!)
    done
    # shellcheck disable=SC2016
    eventually bash -c '[ $(chatctl users | wc -l) -eq 50 ]'
    start_senders 30
    eventually some_sent
    transcript <<<$'$ beamd restart\nbeam: restarted'
    all_sent_once
    transcript <<<$'$ beamd restart\nbeam: restarted'
    # One that has not come back by then would find no room.
    # shellcheck disable=SC2016
    eventually bash -c '[ $(chatctl users | wc -l) -eq 50 ]'
    chatctl delete room general
    for pid in "${joiners[@]}"; do wait "$pid" || { cat "$BEAM_TEST_ROOT"/join_ended.*; return 1; }; done
    for i in $(seq 1 50); do
        grep -v -e ' -- .* --$' "$BEAM_TEST_ROOT/joined.j$i" | sort | diff "$BEAM_TEST_ROOT/acknowledged" -
        grep -qx '\[general\] -- the node restarted --' "$BEAM_TEST_ROOT/joined.j$i"
    done
    [ "$(node_status restarts)" -eq 2 ]
}

@test "stop while a tool streams: the stream ends with 75 and says why" {
    chatctl create room general
    start_joiner bob
    local joiner=$! code=0
    eventually has_joined bob
    transcript <<<$'$ beamd stop\nbeam: stopped'
    wait $joiner || code=$?
    [ $code -eq 75 ]
    [ "$(cat "$BEAM_TEST_ROOT/join_ended.bob")" = "chatctl: join general failed: the node is stopping" ]
    [ ! -s "$BEAM_TEST_ROOT/joined.bob" ]
}

@test "a runtime that dies at once again and again: pauses, then the parent gives up with 70" {
    chatctl create room general
    chatctl send general kept
    beamd stop
    local store=$XDG_STATE_HOME/beamcore/beam/chat/data.mdb code=0
    cp "$store" "$BEAM_TEST_ROOT/copy"
    beamd --app chat >/dev/null 2>"$BEAM_TEST_ROOT/log" 3>&- &
    local parent=$!
    beamd await
    # What it needs is broken behind its back, so that no runtime can start any more.
    printf 'no store' | dd of="$store" bs=4096 seek=0 conv=notrunc status=none
    printf 'no store' | dd of="$store" bs=4096 seek=1 conv=notrunc status=none
    truncate -s 8192 "$store"
    kill -9 "$(node_status os_pid)" || true  # it may have died of that
    wait $parent || code=$?
    [ $code -eq 70 ]
    [ "$(grep -o 'the next runtime starts in [0-9]*ms' "$BEAM_TEST_ROOT/log" | tr -dc '0-9\n' | xargs)" = \
        "100 200 400 800" ]
    grep -q 'end of node beam: gave up: the runtime died 6 times within 10000ms, at last: chat does not start: ' \
        "$BEAM_TEST_ROOT/log"
    # The next tool starts a node, which lives without the application that cannot.
    transcript <<'END'
$ chatctl list
2> chatctl: list failed: chat does not start: .../chat/data.mdb: ...; see .../beam.log; try: restore that file from a copy, or move it away (its contents are lost)
[74]
$ beamd ping
pong
END
    cp "$BEAM_TEST_ROOT/copy" "$store"
    transcript <<'END'
$ chatctl history general
[general] user42: kept
END
}

@test "two nodes side by side know nothing of each other" {
    transcript <<'END'
$ chatctl create room general --node one
room general: pid=<0...>
$ chatctl create room general --node two
room general: pid=<0...>
$ chatctl send general first --node one
[general] user42: first
$ chatctl history general --node two
$ beamd stop --node one
one: stopped
$ chatctl history general --node two
$ BEAM_NODE=one chatctl history general
[general] user42: first
$ XDG_RUNTIME_DIR=$HOME XDG_STATE_HOME=$HOME chatctl list --node one
$ XDG_RUNTIME_DIR=$HOME XDG_STATE_HOME=$HOME beamd stop --node one
one: stopped
$ beamd doctor --node one | grep "other nodes"
ok: other nodes: two
END
}

@test "batch goes on through a restart and a crash: each line answered once, in order" {
    chatctl create room general
    mkfifo "$BEAM_TEST_ROOT/requests"
    chatctl batch <"$BEAM_TEST_ROOT/requests" >"$BEAM_TEST_ROOT/answers" 3>&- &
    local batch=$! feed i
    exec {feed}>"$BEAM_TEST_ROOT/requests"
    answers_are() { [ "$(wc -l <"$BEAM_TEST_ROOT/answers")" -eq "$1" ]; }
    ask() { printf '{"id":%d,"method":"history","params":{"room":"general"}}\n' "$@" >&"$feed"; }
    ask 1
    eventually answers_are 1
    beamd restart
    ask 2
    eventually answers_are 2
    # In the midst of many.
    ask $(seq 3 500) &
    beamd restart
    wait $!
    ask $(seq 501 1000) &
    kill -9 "$(node_status os_pid)"
    wait $!
    exec {feed}>&-
    wait $batch
    jq -c 'select(.result).id' "$BEAM_TEST_ROOT/answers" | diff - <(seq 1000)
}

# With jemalloc's own number memory that goes from thread to thread comes anew from the system each time.
@test "a runtime's jemalloc has an arena for eight cores" {
    local runtime="$BEAM_BUILD/libexec/beamcore/beamd-runtime"
    ldd "$runtime" | grep -q jemalloc || skip "built without jemalloc"
    run env MALLOC_CONF=stats_print:true "$runtime"
    [ "$status" -eq 2 ]
    [[ $output == *"opt.narenas: $((1 + ($(nproc) - 1) / 8))"* ]]
    run env MALLOC_CONF=stats_print:true,narenas:3 "$runtime"
    [[ $output == *"opt.narenas: 3"* ]]
}
