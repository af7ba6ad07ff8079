#!/usr/bin/env bats
# The default cluster: nodeA, nodeB and nodeC, which start, live and leave together.
load helper

# The names that NODE is connected with, as one line.
connected() { beamd nodes --json --node "$1" | jq -r '[.peers[] | select(.state == "up").name] | sort | join(" ")'; }
is_connected() { [ "$(connected "$1")" = "$2" ]; }
node_pid() { beamd status --json --node "$1" | jq .os_pid; }
starts_of() { grep -c 'start of node' "$XDG_STATE_HOME/beamcore/$1.log"; }
runs() { beamd status -q --node "$1"; }
is_gone() { ! runs "$1"; }
# To ask would be to be a client.
has_left() { [ ! -e "$XDG_RUNTIME_DIR/beamcore/$1.sock" ]; }
applications() { beamd status --json --node "$1" | jq -r '[.applications[].name] | sort | join(" ")'; }
runs_application() { [ "$(applications "$1")" = "$2" ]; }

# Nodes that are not of the default cluster: an EPMD of this test's, and a cookie.
among_strangers() {
    export ERL_EPMD_PORT=$((10000 + RANDOM % 20000))
    (umask 077 && printf 'SECRET' >"$HOME/.erlang.cookie")
}

@test "who names one node gets three, joined, and all run the application" {
    transcript <<'END'
$ chatctl create room general --node nodeB
room general: pid=<...>
$ beamd nodes --node nodeC | sort
nodeA@127.0.0.1 up...
nodeB@127.0.0.1 up...
nodeC@127.0.0.1 (this node)
END
    is_connected nodeA 'nodeB@127.0.0.1 nodeC@127.0.0.1'
    is_connected nodeB 'nodeA@127.0.0.1 nodeC@127.0.0.1'
    for node in nodeA nodeB nodeC; do
        [ "$(applications "$node")" = chat ]
        [ "$(stat -c %a "$XDG_RUNTIME_DIR/beamcore/$node.dist")" = 600 ]
    done
    [ "$(stat -c %a "$XDG_RUNTIME_DIR/beamcore/cluster.cookie")" = 400 ]
    [ "$(beamd nodes --json --node nodeA | jq -r '.peers[].found_by' | sort -u)" = folder ]
}

@test "the environment names one as well, and a node of another name is alone" {
    BEAM_NODE=nodeA chatctl list
    runs nodeC
    chatctl list
    [[ $(beamd nodes 2>&1) == *'this node does not talk to other nodes'* ]]
}

@test "no EPMD is asked or served" {
    ERL_EPMD_PORT=1 chatctl list --node nodeA
    [ "$(grep -c epmd "$XDG_STATE_HOME/beamcore/nodeA.log")" = 0 ]
}

@test "ten tools at once, each naming any of them: each node is started once" {
    local pids=() names=(nodeA nodeB nodeC)
    for i in 0 1 2 3 4 5 6 7 8 9; do
        chatctl list -q --timeout 60s --node "${names[i % 3]}" 3>&- &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid"; done
    for node in "${names[@]}"; do [ "$(starts_of "$node")" = 1 ]; done
    is_connected nodeA 'nodeB@127.0.0.1 nodeC@127.0.0.1'
}

@test "a runtime that is killed comes back by itself, joins again and runs the applications again" {
    chatctl list --node nodeA
    before=$(node_pid nodeB)
    kill -9 "$before"
    eventually is_connected nodeB 'nodeA@127.0.0.1 nodeC@127.0.0.1'
    [ "$(node_pid nodeB)" != "$before" ]
    eventually is_connected nodeA 'nodeB@127.0.0.1 nodeC@127.0.0.1'
    eventually runs_application nodeB chat
}

@test "stop ends one node, and naming any of them starts it again" {
    chatctl list --node nodeA
    beamd stop --node nodeA
    is_gone nodeA
    runs nodeB
    runs nodeC
    [ ! -e "$XDG_RUNTIME_DIR/beamcore/nodeA.dist" ]
    eventually is_connected nodeC nodeB@127.0.0.1
    [[ $(beamd nodes --node nodeC) == *'nodeA@127.0.0.1 down'* ]]
    chatctl list --node nodeC
    is_connected nodeC 'nodeA@127.0.0.1 nodeB@127.0.0.1'
    [ "$(starts_of nodeB)" = 1 ]
    eventually runs_application nodeA chat
}

# Holds the lock of a node that was killed, as that does until it has ended, and lets go when another node starts.
hold_lock_until_start_of() {
    flock "$XDG_RUNTIME_DIR/beamcore/$1.lock" bash -c "
        touch held
        until [ \$(grep -c 'start of node' '$XDG_STATE_HOME/beamcore/$2.log') -gt $3 ]
        do :; done"
}

@test "a node that was killed a moment ago, and still holds its lock, is started with the others" {
    chatctl list --node nodeA
    for node in nodeA nodeB nodeC; do kill_node "$node"; done
    hold_lock_until_start_of nodeC nodeA "$(starts_of nodeA)" 3>&- &
    holder=$!
    eventually test -e held
    chatctl list --node nodeA
    wait "$holder"
    runs nodeC
}

@test "with --no-spawn a node that is there answers, whoever else is missing" {
    chatctl list --node nodeA
    beamd stop --node nodeC
    chatctl list --node nodeA --no-spawn
    is_gone nodeC
    transcript <<'END'
$ chatctl list --node nodeC --no-spawn
2> chatctl: list failed: no node "nodeC" is running, and none may be started; try: beamd --daemon --node nodeC
[69]
END
}

@test "two clusters side by side: each its own, also where a file leads to the other" {
    chatctl list --node nodeA
    first=$(node_pid nodeA)
    mkdir -m 700 "$BEAM_TEST_ROOT/run2" "$BEAM_TEST_ROOT/state2"
    theirs() { XDG_RUNTIME_DIR=$BEAM_TEST_ROOT/run2 XDG_STATE_HOME=$BEAM_TEST_ROOT/state2 "$@"; }
    theirs chatctl create room theirs --node nodeA
    [ "$(theirs node_pid nodeA)" != "$first" ]
    [ -z "$(chatctl list --node nodeB)" ]
    beamd stop --node nodeC
    cp "$BEAM_TEST_ROOT/run2/beamcore/nodeC.dist" "$XDG_RUNTIME_DIR/beamcore/"
    chatctl list --node nodeB
    is_connected nodeB 'nodeA@127.0.0.1 nodeC@127.0.0.1'
    theirs is_connected nodeB 'nodeA@127.0.0.1 nodeC@127.0.0.1'
    for node in nodeA nodeB nodeC; do theirs beamd stop --node "$node"; done
}

@test "a file that stayed behind, of whatever contents, does no harm" {
    mkdir -m 700 "$XDG_RUNTIME_DIR/beamcore"
    printf 'nodeA@127.0.0.1=127.0.0.1:1\n' >"$XDG_RUNTIME_DIR/beamcore/nodeA.dist"
    head -c 5000 /dev/urandom >"$XDG_RUNTIME_DIR/beamcore/nodeB.dist"
    ln -s /nowhere "$XDG_RUNTIME_DIR/beamcore/nodeC.dist"
    chatctl list --node nodeC
    is_connected nodeC 'nodeA@127.0.0.1 nodeB@127.0.0.1'
}

@test "a cookie that others can read, or that is none, is a clear error" {
    mkdir -m 700 "$XDG_RUNTIME_DIR/beamcore"
    touch "$XDG_RUNTIME_DIR/beamcore/cluster.cookie"
    chmod 600 "$XDG_RUNTIME_DIR/beamcore/cluster.cookie"
    transcript <<END
$ chatctl list --node nodeB
2> chatctl: list failed: cannot start the node "nodeA": $XDG_RUNTIME_DIR/beamcore/cluster.cookie is empty; try: remove it
[69]
END
    printf 'SECRET' >"$XDG_RUNTIME_DIR/beamcore/cluster.cookie"
    chmod 644 "$XDG_RUNTIME_DIR/beamcore/cluster.cookie"
    transcript <<END
$ chatctl list --node nodeB
2> chatctl: list failed: cannot start the node "nodeA": others have access to $XDG_RUNTIME_DIR/beamcore/cluster.cookie; try: chmod 600 $XDG_RUNTIME_DIR/beamcore/cluster.cookie
[69]
END
    chmod 600 "$XDG_RUNTIME_DIR/beamcore/cluster.cookie"
    chatctl list --node nodeB
}

@test "one that cannot start is said by its name, and the others run on" {
    chatctl list --node nodeA
    beamd stop --node nodeC
    mkdir "$XDG_RUNTIME_DIR/beamcore/nodeC.sock"
    transcript <<'END'
$ chatctl list --node nodeA
2> chatctl: list failed: cannot start the node "nodeC": cannot listen: ...
[69]
END
    runs nodeA
    chatctl list --node nodeA --no-spawn
    rmdir "$XDG_RUNTIME_DIR/beamcore/nodeC.sock"
    chatctl list --node nodeA
}

@test "nobody has asked for long: all leave together, and not while one has a client" {
    BEAM_IDLE_EXIT=300ms chatctl create room general --node nodeB
    chatctl join general --node nodeB --for 1s >"$BEAM_TEST_ROOT/joined" 3>&- &
    joiner=$!
    eventually grep -q 'has clients' "$XDG_STATE_HOME/beamcore/nodeA.log"
    runs nodeA
    runs nodeC
    wait "$joiner"
    for node in nodeA nodeB nodeC; do eventually has_left "$node"; done
    grep -q 'as the cluster leaves' "$XDG_STATE_HOME"/beamcore/node?.log
}

@test "a member that was started by hand joins, and stays when the others leave" {
    beamd --daemon --node nodeB
    [ "$(connected nodeB)" = '' ]
    BEAM_IDLE_EXIT=500ms chatctl list --node nodeA
    is_connected nodeB 'nodeA@127.0.0.1 nodeC@127.0.0.1'
    [ "$(starts_of nodeB)" = 1 ]
    eventually has_left nodeA
    eventually has_left nodeC
    runs nodeB
    [ "$(connected nodeB)" = '' ]
}

@test "nodes join by a list, with their addresses and without an EPMD's help" {
    among_strangers
    beamd --daemon --dist --node one@127.0.0.1
    beamd --daemon --dist --dist-join one@127.0.0.1 --node two@127.0.0.1
    eventually is_connected two@127.0.0.1 one@127.0.0.1
    BEAM_DIST_JOIN=one@127.0.0.1,two@127.0.0.1,nobody@127.0.0.1=127.0.0.1:1 \
        beamd --daemon --dist --dist-tick 1s --dist-hidden --node three@127.0.0.1
    eventually is_connected three@127.0.0.1 'one@127.0.0.1 two@127.0.0.1'
    nobody_is_down() { beamd nodes --node three@127.0.0.1 | grep -q 'nobody@127.0.0.1 [a-z]* (.*refused)'; }
    eventually nobody_is_down
    is_connected one@127.0.0.1 'three@127.0.0.1 two@127.0.0.1'
    beamd stop --node one@127.0.0.1
    eventually is_connected three@127.0.0.1 two@127.0.0.1
    beamd --daemon --dist --node one@127.0.0.1
    eventually is_connected three@127.0.0.1 'one@127.0.0.1 two@127.0.0.1'
    for node in one two three; do beamd stop --node $node@127.0.0.1; done
}

@test "nodes join by a name of the DNS" {
    among_strangers
    beamd --daemon --dist --node web@127.0.0.1
    mkdir -p "$XDG_CONFIG_HOME/beamcore"
    printf '[beamd]\ndist_dns = "web@localhost"\n' >"$XDG_CONFIG_HOME/beamcore/config.toml"
    beamd --daemon --dist --node other@127.0.0.1
    eventually is_connected other@127.0.0.1 web@127.0.0.1
    [ "$(beamd nodes --json --node other@127.0.0.1 | jq -r '.peers[] | select(.state == "up").found_by')" = dns ]
    for node in web other; do beamd stop --node $node@127.0.0.1; done
}

@test "what --dist-... cannot mean is refused before anything starts" {
    transcript <<'END'
$ beamd --dist --node a@127.0.0.1 --dist-join b
2> beamd: --dist-join b failed: "b" is no node's name: name@host
[2]
$ beamd --dist --node a@127.0.0.1 --dist-join b@h=1
2> beamd: --dist-join b@h=1 failed: "b@h=1" has no address as 10.0.0.1:9100
[2]
$ beamd --dist --node a@127.0.0.1 --dist-dns a:b
2> beamd: --dist-dns a:b failed: "a:b" has no port behind the colon
[2]
$ beamd --dist --node a@127.0.0.1 --dist-tick 5
2> beamd: --dist-tick 5 failed: not a duration, as 60s
[2]
$ beamd --dist --node a@127.0.0.1 --dist-port 70000
2> beamd: --dist-port 70000 failed: not a port, 1 to 65535
[2]
$ BEAM_DIST_HIDDEN=maybe beamd --dist --node a@127.0.0.1
2> beamd: BEAM_DIST_HIDDEN maybe failed: neither 1 nor 0
[2]
$ beamd --dist-port 4000
2> beamd: start beam failed: what --dist-... says is for a node that has --dist; try: beamd --dist --node NAME@127.0.0.1
[2]
END
    mkdir -p "$XDG_CONFIG_HOME/beamcore"
    printf '[beamd]\ndist_tick = "soon"\n' >"$XDG_CONFIG_HOME/beamcore/config.toml"
    transcript <<'END'
$ beamd --dist --node a@127.0.0.1
2> beamd: .../beamcore/config.toml:2: dist_tick soon failed: not a duration, as 60s
[78]
END
}
