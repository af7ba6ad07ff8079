#!/usr/bin/env bats
# chatctl on several nodes, started by hand: a room is found from each of them, and moves when its node dies.

load helper

# Three nodes, called a, b and c, with an EPMD of their own.
three_nodes() {
    local node other
    ERL_EPMD_PORT=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    export ERL_EPMD_PORT BEAM_NO_SPAWN=1
    for node in a b c; do
        beamd --daemon --node "$node@127.0.0.1" --dist --app chat 3>&-
        for other in a b c; do
            [ "$other" \< "$node" ] && beamd connect "$other@127.0.0.1" --node "$node@127.0.0.1"
        done
    done
    return 0
}

# chatctl at that node.
at() { chatctl "${@:2}" --node "$1@127.0.0.1"; }

# Where the room lives, and how many nodes hold it, as that node has it.
home_of() { at "$1" list --json | jq -r --arg room "$2" '.rooms[] | select(.room == $room) | .node' | cut -d@ -f1; }
copies_of() { at "$1" list --json | jq -r --arg room "$2" '.rooms[] | select(.room == $room) | .copies | length'; }
lives_at() { [ "$(home_of "$1" "$2")" = "$3" ]; }
is_held_by() { [ "$(copies_of "$1" "$2")" = "$3" ]; }
has_joined() { at "$1" users | grep -q "^$2 in $3$"; }

# The runtime and its parent die at once; nothing of them is left to answer.
kill_node() {
    local parent runtime
    parent=$(node_status parent_pid --node "$1@127.0.0.1")
    runtime=$(node_status os_pid --node "$1@127.0.0.1")
    kill -9 "$parent" "$runtime"
    eventually has_ended "$runtime"
    rm -f "$XDG_RUNTIME_DIR/beamcore/$1@127.0.0.1".{sock,lock}
}

@test "create at one node, send at another, join at a third" {
    three_nodes
    at a create room general
    at c join general --count 3 --as carol >"$BEAM_TEST_ROOT/joined" 3>&- &
    local joiner=$!
    eventually has_joined b carol general
    transcript <<'END'
$ chatctl send general "hello" --node b@127.0.0.1
[general] user42: hello
$ chatctl send general "hello yourself" --as ann --node a@127.0.0.1
[general] ann: hello yourself
$ chatctl history general --node c@127.0.0.1
[general] user42: hello
[general] ann: hello yourself
END
    wait $joiner
    [ "$(cat "$BEAM_TEST_ROOT/joined")" = "[general] user42: hello
[general] ann: hello yourself" ]
}

@test "every node lists all rooms, and says where they are" {
    three_nodes
    local node
    at a create room ra
    at b create room rb
    at c create room rc
    for node in a b c; do
        # Known at once, and held by all three.
        [ "$(at $node list --json | jq -r '[.rooms[] | .room + "=" + .node] | join(" ")')" = \
            "ra=a@127.0.0.1 rb=b@127.0.0.1 rc=c@127.0.0.1" ]
        [ "$(at $node list | cut -d: -f1 | tr '\n' ' ')" = "ra rb rc " ]
        [ "$(copies_of $node ra)" = 3 ]
    done
    run at b create room ra
    [ "$status" -eq 1 ]
    at c delete room ra
    run at a send ra hello
    [ "$status" -eq 1 ]
    [[ $output == *'no room "ra"'* ]]
}

@test "members of all nodes are in one room" {
    three_nodes
    local node
    at a create room general
    for node in a b c; do
        at $node join general --as "at-$node" >"$BEAM_TEST_ROOT/joined.$node" 3>&- &
        eventually has_joined a "at-$node" general
    done
    for node in a b c; do
        [ "$(at $node users)" = "at-a in general
at-b in general
at-c in general" ]
    done
    [ "$(at c users --json | jq -c '.users[1].nodes')" = '["b@127.0.0.1"]' ]
    at b send general hello
    for node in a b c; do eventually grep -q hello "$BEAM_TEST_ROOT/joined.$node"; done
    at a delete room general
    wait
    for node in a b c; do
        [ "$(cat "$BEAM_TEST_ROOT/joined.$node")" = "[general] user42: hello
[general] -- the room was deleted --" ]
    done
}

@test "a crash of the room is seen from every node, and it stays where it is" {
    three_nodes
    at a create room general
    at c join general --count 4 >"$BEAM_TEST_ROOT/joined" 3>&- &
    local joiner=$!
    eventually has_joined a user42 general
    at b send general one
    transcript <<'END'
$ chatctl crash room general --node b@127.0.0.1
room general crashed; supervisor restarted it
END
    [ "$(home_of b general)" = a ]
    eventually grep -q restarted "$BEAM_TEST_ROOT/joined"
    at b send general two
    wait $joiner
    [ "$(cat "$BEAM_TEST_ROOT/joined")" = "[general] user42: one
[general] -- the room crashed and was restarted --
[general] user42: two" ]
}

@test "the room moves when its node is killed: history is there, members go on" {
    three_nodes
    at a create room general
    local node joiners=()
    for node in b c; do
        at $node join general --as "at-$node" >"$BEAM_TEST_ROOT/joined.$node" 3>&- &
        joiners+=($!)
        eventually has_joined a "at-$node" general
    done
    at a send general "before"
    for node in b c; do eventually grep -q before "$BEAM_TEST_ROOT/joined.$node"; done
    kill_node a
    # At once: the answer comes when the room has moved.
    SECONDS=0
    [ "$(at b send general after)" = "[general] user42: after" ]
    [ $SECONDS -le 5 ]
    [ "$(at c history general)" = "[general] user42: before
[general] user42: after" ]
    local home
    home=$(home_of b general)
    [ "$(home_of c general)" = "$home" ]
    for node in b c; do
        eventually grep -q after "$BEAM_TEST_ROOT/joined.$node"
        [ "$(cat "$BEAM_TEST_ROOT/joined.$node")" = "[general] user42: before
[general] -- the room moved to $home@127.0.0.1 --
[general] user42: after" ]
    done
    kill "${joiners[@]}"
    # The node that died comes back: the room stays, and is held there again.
    beamd --daemon --node a@127.0.0.1 --dist --app chat 3>&-
    for node in b c; do beamd connect "$node@127.0.0.1" --node a@127.0.0.1; done
    eventually is_held_by a general 3
    [ "$(home_of a general)" = "$home" ]
    [ "$(at a history general | wc -l)" -eq 2 ]
}

@test "a planned stop hands its rooms over at once" {
    three_nodes
    at a create room general
    at a send general kept
    beamd stop --node a@127.0.0.1
    SECONDS=0
    [ "$(at b send general after)" = "[general] user42: after" ]
    [ $SECONDS -le 2 ]
    [ "$(at c history general)" = "[general] user42: kept
[general] user42: after" ]
}

@test "a room outlives two of its three nodes" {
    three_nodes
    at a create room general
    at a send general one
    kill_node a
    at b send general two
    eventually is_held_by b general 2
    local home other
    home=$(home_of b general)
    [ "$home" = b ] && other=c || other=b
    kill_node "$home"
    [ "$(at "$other" send general three)" = "[general] user42: three" ]
    [ "$(at "$other" history general)" = "[general] user42: one
[general] user42: two
[general] user42: three" ]
}

@test "one room made at two nodes at the same moment is one room" {
    three_nodes
    local i node made
    for i in $(seq 1 10); do
        for node in a b c; do
            at $node create room "room$i" >"$BEAM_TEST_ROOT/made.$node" 2>&1 3>&- &
        done
        wait
        made=$(cat "$BEAM_TEST_ROOT"/made.* | grep -c "^room room$i: pid=<" || true)
        echo "room$i: made $made times"
        [ "$made" -eq 1 ]
    done
    for node in a b c; do [ "$(at $node list | wc -l)" -eq 10 ]; done
}

@test "sixty senders lose nothing while the room's node is killed" {
    three_nodes
    at a create room general
    local i node
    for i in $(seq 1 60); do
        node=b
        [ $((i % 2)) -eq 0 ] && node=c
        at $node send general "m$i" --as "u$i" --timeout 60s >"$BEAM_TEST_ROOT/sent.$i" 3>&- &
        [ "$i" -eq 30 ] && kill_node a
    done
    wait
    [ "$(cat "$BEAM_TEST_ROOT"/sent.* | sort | uniq -c | awk '$1 == 1' | wc -l)" -eq 60 ]
    at b history general --limit 1000 >"$BEAM_TEST_ROOT/history"
    at c history general --limit 1000 | diff - "$BEAM_TEST_ROOT/history"
    [ "$(wc -l <"$BEAM_TEST_ROOT/history")" -eq 60 ]
    [ "$(sort -u "$BEAM_TEST_ROOT/history" | wc -l)" -eq 60 ]
}

@test "rooms that two nodes made while they did not know each other become one when they meet" {
    ERL_EPMD_PORT=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    export ERL_EPMD_PORT BEAM_NO_SPAWN=1
    local node
    for node in a b; do
        beamd --daemon --node "$node@127.0.0.1" --dist --app chat 3>&-
        at $node create room general
        at $node send general "said at $node"
    done
    beamd connect b@127.0.0.1 --node a@127.0.0.1
    both_have_all() {
        local n
        for n in a b; do
            [ "$(at $n history general | sort)" = "[general] user42: said at a
[general] user42: said at b" ] || return 1
        done
        [ "$(home_of a general)" = "$(home_of b general)" ]
    }
    eventually both_have_all
    eventually is_held_by a general 2
    [ "$(at a history general)" = "$(at b history general)" ]
    [ "$(at a list | wc -l)" -eq 1 ]
}
