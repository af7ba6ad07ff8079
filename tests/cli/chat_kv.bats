#!/usr/bin/env bats
# chatctl where the nodes have a cluster of kv's: rooms are kept in it.

load helper

setup() {
    setup_folders
    export BEAM_NODE=nodeA
}

has_kv() { kv put some thing -q && kv cluster health -q; }
# A field of the room, as that node lists it.
listed() { chatctl list --node "$1" --no-spawn --json | jq -r --arg room "$2" '.rooms[] | select(.room == $room) | '"$3"; }
home_of() { listed "$1" "$2" '.node' | cut -d@ -f1; }
is_kept_in() { [ "$(listed "$1" "$2" .kept)" = "$3" ]; }
has_home_at() { [ "$(home_of "$1" "$2")" = "$3" ]; }
# The nodes that have copies of the room, the one that leads its shard first: nodeA nodeB.
keepers_of() { kv locate "chat/r/{$1}" --json "${@:2}" | jq -r '[.primary] + .replicas | join(" ")'; }
# Those of the three that are not named.
other_than() {
    local node
    for node in nodeA nodeB nodeC; do [[ " $* " == *" $node "* ]] || echo "$node"; done
}
has_messages_in_kv() { [ "$(kv count "chat/m/{$1}")" = "$2" ]; }
has_joined() { chatctl users --node "$1" --no-spawn | grep -q "^$2 in $3$"; }

# Starts `chatctl join ROOM OPTION...`, which writes to the file heard.$1, and waits until node $2 sees it.
joins() {
    chatctl join "$3" --as "at-$1" --node "$1" --no-spawn >"heard.$1" 2>"heard.$1.err" </dev/null 3>&- &
    joiners+=($!)
    eventually has_joined "$2" "at-$1" "$3"
}

@test "a room is in kv: made, used and deleted at any node, and the same at all" {
    eventually has_kv
    transcript <<'END'
$ chatctl create room lobby --node nodeB
room lobby: pid=<...>
$ chatctl create room lobby --node nodeC
2> chatctl: create room lobby failed: room "lobby" exists already; try: chatctl send lobby TEXT
[1]
$ chatctl send lobby one --node nodeA
[lobby] user42: one
$ chatctl send lobby two --node nodeC --as ann
[lobby] ann: two
$ chatctl history lobby --node nodeB
[lobby] user42: one
[lobby] ann: two
$ chatctl crash room lobby --node nodeA
room lobby crashed; supervisor restarted it
$ chatctl history lobby --node nodeC --limit 1
[lobby] ann: two
END
    local node
    for node in nodeA nodeB nodeC; do eventually is_kept_in $node lobby kv; done
    has_messages_in_kv lobby 2
    [ "$(home_of nodeA lobby)" = "$(keepers_of lobby | cut -d' ' -f1)" ]
    transcript <<'END'
$ chatctl delete room lobby --node nodeC
room lobby deleted
$ chatctl send lobby three --node nodeA
2> chatctl: send lobby failed: no room "lobby"; try: chatctl create room lobby
[1]
$ chatctl history lobby --node nodeB
2> chatctl: history lobby failed: no room "lobby"; try: chatctl create room lobby
[1]
$ chatctl delete room lobby --node nodeB
2> chatctl: delete room lobby failed: no room "lobby"; try: chatctl create room lobby
[1]
END
    has_messages_in_kv lobby 0
    transcript <<'END'
$ chatctl create room lobby --node nodeA
room lobby: pid=<...>
$ chatctl history lobby --node nodeB
END
}

@test "when the home is killed another node goes on: nothing that was said is lost or doubled" {
    local keepers left i joiners=()
    eventually has_kv
    chatctl create room lobby
    chatctl send lobby before
    read -ra keepers < <(keepers_of lobby)
    mapfile -t left < <(other_than "${keepers[0]}")
    eventually has_home_at "${left[0]}" lobby "${keepers[0]}"
    joins "${left[0]}" "${left[1]}" lobby
    joins "${left[1]}" "${left[0]}" lobby
    for i in $(seq 1 40); do
        chatctl send lobby "m$i" --as "u$i" --timeout 60s --no-spawn --node "${left[i % 2]}" >"sent.$i" 3>&- &
        [ "$i" -eq 20 ] && kill_node "${keepers[0]}"
    done
    for i in $(seq 1 40); do eventually test -s "sent.$i"; done
    [ "$(cat sent.* | sort | uniq -c | awk '$1 == 1' | wc -l)" -eq 40 ]
    chatctl history lobby --limit 1000 --node "${left[0]}" --no-spawn >whole
    chatctl history lobby --limit 1000 --node "${left[1]}" --no-spawn >other-history
    diff other-history whole
    [ "$(wc -l <whole)" -eq 41 ]
    [ "$(head -1 whole)" = "[lobby] user42: before" ]
    [ "$(sort -u whole | wc -l)" -eq 41 ]
    # Numbers rise by one: no place was given twice.
    [ "$(chatctl history lobby --limit 1000 --node "${left[0]}" --no-spawn --json | jq -c '[.messages[].id] == [range(1; 42)]')" = true ]
    # Who has joined was told each, once, in that order.
    chatctl send lobby last --node "${left[0]}" --no-spawn
    for i in 0 1; do
        eventually grep -q last "heard.${left[i]}"
        grep -v -e '--' "heard.${left[i]}" | diff - <(tail -n +2 whole; echo "[lobby] user42: last")
    done
    kill "${joiners[@]}"
    # It comes back, and knows what the others know.
    [ "$(chatctl history lobby --limit 1000 --node "${keepers[0]}" | wc -l)" -eq 42 ]
}

@test "on the side without a usable copy nothing is said, nothing is told, and it is said why" {
    local keepers left shard joiners=()
    eventually has_kv
    chatctl create room lobby
    chatctl send lobby one
    read -ra keepers < <(keepers_of lobby)
    shard=$(kv locate "chat/r/{lobby}" --json | jq .shard)
    mapfile -t left < <(other_than "${keepers[@]}")
    joins "${left[0]}" "${left[0]}" lobby
    kill_node "${keepers[0]}"
    kill_node "${keepers[1]}"
    transcript <<END
$ chatctl send lobby two --node ${left[0]} --no-spawn
2> chatctl: send lobby failed: shard $shard is unavailable here, nothing was said; try: kv cluster health
[69]
$ chatctl history lobby --node ${left[0]} --no-spawn
2> chatctl: history lobby failed: shard $shard is unavailable here; try: kv cluster health
[69]
$ chatctl delete room lobby --node ${left[0]} --no-spawn
2> chatctl: delete room lobby failed: shard $shard is unavailable here, nothing was deleted; try: kv cluster health
[69]
END
    transcript <<END
$ chatctl send lobby three --node ${keepers[0]}
[lobby] user42: three
$ chatctl history lobby --node ${left[0]}
[lobby] user42: one
[lobby] user42: three
END
    eventually grep -q three "heard.${left[0]}"
    kill "${joiners[@]}"
    cat "heard.${left[0]}"
    [ "$(grep -c two "heard.${left[0]}")" = 0 ]
}

# Two nodes by hand, n1 and n2, whose shards take writes only with both copies in sync.
two_careful_nodes() {
    local node
    ERL_EPMD_PORT=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    export ERL_EPMD_PORT BEAM_NO_SPAWN=1
    for node in n1 n2; do starts_careful $node; done
    kv cluster init --node n1@127.0.0.1 --nodes n1,n2 --shards 4 --min-isr 2
    eventually kv cluster health -q --node n1@127.0.0.1
}
starts_careful() {
    beamd --daemon --node "$1@127.0.0.1" --dist --dist-join n1@127.0.0.1,n2@127.0.0.1 --app chat --app kv 3>&-
}
# Whether the shard of that room refuses writes.
takes_nothing() {
    local code=0
    kv put "{$1}" x --node "$2" --timeout 2s || code=$?
    [ $code -eq 69 ]
}

@test "with too few copies in sync what is said is refused and shown to nobody; what was said is told" {
    two_careful_nodes
    local home other=n2@127.0.0.1 shard joiners=()
    chatctl create room lobby --node $other
    chatctl send lobby one --node $other
    shard=$(kv locate "chat/r/{lobby}" --node $other --json | jq .shard)
    home=$(listed $other lobby .node)
    [ "$home" != $other ] || other=n1@127.0.0.1
    joins "$home" "$home" lobby
    kill_node $other
    eventually takes_nothing lobby "$home"
    transcript <<END
$ chatctl send lobby two --node $home
2> chatctl: send lobby failed: shard $shard is unavailable here, nothing was said; try: kv cluster health
[69]
$ chatctl create room other --timeout 8s --node $home
2> chatctl: create room other failed: shard ... is unavailable here, nothing was created; try: kv cluster health
[69]
$ chatctl history lobby --node $home
[lobby] user42: one
END
    rm -f "$XDG_RUNTIME_DIR/beamcore/$other".{sock,lock}
    starts_careful ${other%@*}
    eventually kv cluster health -q --node "$home"
    transcript <<END
$ chatctl send lobby three --node $home
[lobby] user42: three
$ chatctl history lobby --node $other
[lobby] user42: one
[lobby] user42: three
END
    eventually grep -q three "heard.$home"
    kill "${joiners[@]}"
    [ "$(cat "heard.$home")" = "[lobby] user42: three" ]
}

@test "rooms that were on disks as kv got its cluster are in kv, with their numbers, and those disks may go" {
    local n node
    chatctl create room lobby
    chatctl create room attic --node nodeB
    chatctl create room gone --node nodeC
    for n in 1 2 3; do
        chatctl send lobby "message $n"
        chatctl send attic "message $n" --node nodeC
        chatctl send gone "message $n"
    done
    chatctl delete room gone
    is_kept_in nodeA lobby disk
    eventually has_kv
    for node in nodeA nodeB nodeC; do
        eventually is_kept_in $node lobby kv
        eventually is_kept_in $node attic kv
    done
    has_messages_in_kv lobby 3
    has_messages_in_kv attic 3
    has_messages_in_kv gone 0
    kill_node nodeB
    transcript <<'END'
$ chatctl history lobby --node nodeA --no-spawn
[lobby] user42: message 1
[lobby] user42: message 2
[lobby] user42: message 3
$ chatctl history attic --node nodeC --no-spawn
[attic] user42: message 1
[attic] user42: message 2
[attic] user42: message 3
$ chatctl send attic "message 4" --node nodeA --no-spawn
[attic] user42: message 4
$ chatctl history gone --node nodeC --no-spawn
2> chatctl: history gone failed: no room "gone"; try: chatctl create room gone
[1]
END
    [ "$(chatctl history attic --node nodeC --no-spawn --json | jq -c '[.messages[].id]')" = "[1,2,3,4]" ]
    # A node that comes back adds nothing.
    [ "$(chatctl history attic --node nodeB | wc -l)" -eq 4 ]
}

@test "what somebody else has written under a room's keys ends no room" {
    eventually has_kv
    chatctl create room lobby
    chatctl send lobby one
    kv put "chat/r/{junk}" junk
    transcript <<'END'
$ chatctl send lobby two
[lobby] user42: two
$ chatctl history lobby
[lobby] user42: one
[lobby] user42: two
END
    run chatctl send junk hello
    [ "$status" -eq 70 ]
    [[ $output == *bad_record* ]]
    [ "$(node_status restarts)" = 0 ]
}

@test "a node that never had kv does not start it for rooms" {
    chatctl create room lobby --node alone
    is_kept_in alone lobby disk
    beamd status --node alone --json | jq -e '[.applications[].name] | index("kv") == null'
}
