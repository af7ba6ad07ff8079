#!/usr/bin/env bats
# kv as its users see it.
# shellcheck disable=SC2154  # stderr: bats sets it

bats_require_minimum_version 1.5.0
load helper
load kv_helper

@test "the transcripts, on a fresh machine" {
    transcript <<'END'
$ kv put user:42 "active" --node nodeA
ok
$ kv get user:42 --node nodeB
"active" (replica)
$ kv get user:42 --node nodeA
"active" (primary)
$ kv get user:42 --node nodeC
"active" (remote)
$ kv cluster status
nodes: [nodeA,nodeB,nodeC]
shards: 64
replication: 2
$ kv locate user:42
shard 42: primary=nodeA replicas=nodeB
$ kv cluster nodes
nodeA: up in primaries=22 copies=43
nodeB: up in primaries=21 copies=43
nodeC: up in primaries=21 copies=42
END
    eventually is_healthy
}

@test "a key that is not there is a no: nothing on stdout, exit 1" {
    transcript <<'END'
$ kv get nobody
2> kv: get nobody failed: no such key; try: kv put nobody VALUE
[1]
$ kv ttl nobody
2> kv: ttl nobody failed: no such key; try: kv put nobody VALUE
[1]
$ kv expire nobody --ttl 10s
2> kv: expire nobody failed: no such key; try: kv put nobody VALUE
[1]
END
}

@test "compare and swap, counters, what must not be there yet" {
    transcript <<'END'
$ kv put door open --if-absent
ok
$ kv put door shut --if-absent
2> kv: put door failed: it has version 2; try: kv get door
[1]
$ kv cas door shut --expect open
ok
$ kv cas door shut --expect open
2> kv: cas door failed: it has another value; try: kv get door
[1]
$ kv cas door open
2> kv: cas door failed: expect or expect_version is missing
[2]
$ kv get door --node nodeC --primary --raw
shut
$ kv incr visits
1
$ kv incr visits --by 41
42
$ kv incr visits --by -2
40
$ kv incr door
2> kv: incr door failed: its value is not a decimal number; try: kv get door
[1]
$ kv delete door
ok
$ kv get door
2> kv: get door failed: no such key; try: kv put door VALUE
[1]
END
}

@test "a value keeps its bytes, whatever they are" {
    head -c 100000 /dev/urandom >random
    kv put bytes - <random
    kv get bytes --raw | cmp - random
    kv get bytes --raw --node nodeC | cmp - random
    printf 'line\n' | kv put text -
    [ "$(kv get text)" = '"line\n" (remote)' ] || [ "$(kv get text)" = '"line\n" (primary)' ] ||
        [ "$(kv get text)" = '"line\n" (replica)' ]
}

@test "a key with a ttl goes when that is over, and is told until then" {
    kv put short gone --ttl 1s
    kv put long kept --ttl 1h
    [ "$(kv ttl long)" = 1h ]
    [ "$(kv put forever x)" = ok ]
    [ "$(kv ttl forever)" = none ]
    is_gone() { ! kv get short -q 2>/dev/null; }
    eventually is_gone
    kv expire long --ttl 10s
    [ "$(kv ttl long)" = 10s ]
}

@test "a transaction is all or nothing, on keys of one shard" {
    kv transaction <<'END'
{"op":"put","key":"{cart}:items","value":"3"}
{"op":"incr","key":"{cart}:total","by":30}
END
    [ "$(kv get '{cart}:total' --raw)" = 30 ]
    run -1 kv transaction <<'END'
{"op":"incr","key":"{cart}:total","by":5}
{"op":"put","key":"{cart}:items","value":"4","if_absent":true}
END
    [ "$(kv get '{cart}:total' --raw)" = 30 ]
    run -2 --separate-stderr kv transaction <<'END'
{"op":"put","key":"a","value":"1"}
{"op":"put","key":"b","value":"1"}
END
    [[ $stderr == *"keys of one shard"*"{tag}"* ]]
    run -65 kv transaction <<<'nonsense'
}

@test "bad input is refused with what is wrong about it" {
    run -2 --separate-stderr kv put "$(head -c 1025 /dev/zero | tr '\0' k)" x
    [[ $stderr == *"the key has 1025 bytes; at most 1024 are allowed"* ]]
    run -2 --separate-stderr kv put '' x
    [[ $stderr == *"a key is not empty"* ]]
    head -c 1048577 /dev/zero >large
    run -2 --separate-stderr kv put big - <large
    [[ $stderr == *"more than the 1 MiB"* ]]
    run -2 --separate-stderr kv put k v --ttl soon
    [[ $stderr == *"not a duration"* ]]
}

@test "a node is killed: writes go on at once, and it is back with all it should have" {
    kv put user:42 before
    kill_node nodeA
    kv put user:42 after --node nodeB --no-spawn
    [ "$(kv get user:42 --node nodeC --no-spawn)" = '"after" (remote)' ]
    run -1 kv cluster health --node nodeB --no-spawn
    [[ $output == *"nodes down: nodeA"* ]]
    [ "$(kv get user:42 --node nodeA --primary --raw)" = after ]
    eventually is_healthy
}

@test "all nodes are killed: what was acknowledged is there" {
    for i in $(seq 20); do kv put "key$i" "value$i" -q; done
    for node in nodeA nodeB nodeC; do kill_node "$node"; done
    for i in $(seq 20); do [ "$(kv get "key$i" --raw)" = "value$i" ]; done
}

@test "a node that lost its disk is filled again" {
    for i in $(seq 20); do kv put "key$i" "value$i" -q; done
    eventually is_healthy
    kill_node nodeB
    rm -r "$XDG_STATE_HOME/beamcore/nodeB/kv"
    for i in $(seq 20); do [ "$(kv get "key$i" --node nodeB --raw)" = "value$i" ]; done
    eventually has_copies nodeA nodeB
    eventually is_healthy
    kill_node nodeA
    kill_node nodeC
    for i in $(seq 20); do [ "$(kv get "key$i" --node nodeB --raw --timeout 20s)" = "value$i" ]; done
}

@test "a cluster is made of nodes that were started for it; one drains, one joins" {
    export ERL_EPMD_PORT
    ERL_EPMD_PORT=$((10000 + RANDOM % 20000))
    nodes=n1@127.0.0.1,n2@127.0.0.1,n3@127.0.0.1
    for i in 1 2 3; do beamd --daemon --node "n$i@127.0.0.1" --dist --dist-join "$nodes"; done
    export BEAM_NODE=n1@127.0.0.1
    run -69 --separate-stderr kv get x --timeout 4s
    [[ $stderr == *"this node is in no cluster; try: kv cluster init --help"* ]]
    run -2 --separate-stderr kv cluster init --nodes n1,n2 --out-after 999ms
    [[ $stderr == *"out-after is between 1s and 30d"* ]]
    run -2 kv cluster init --nodes n1,n2 --out-after soon
    kv cluster init --nodes n1,n2 --shards 16 --out-after 2s
    [ "$(kv cluster status --json | jq .out_after_ms)" = 2000 ]
    run -1 kv cluster init --nodes n1
    for i in $(seq 20); do kv put "key$i" "value$i" -q; done
    [ "$(kv get key1 --node n3@127.0.0.1 --raw)" = value1 ]
    kv cluster join --node n3@127.0.0.1
    eventually has_copies n1@127.0.0.1 n3
    kv cluster drain n2
    eventually has_none n1@127.0.0.1 n2
    [ "$(state_of n1@127.0.0.1 n2)" = draining ]
    eventually is_healthy n1@127.0.0.1
    beamd stop --node n2@127.0.0.1
    for i in $(seq 20); do [ "$(kv get "key$i" --raw)" = "value$i" ]; done
    beamd stop --node n1@127.0.0.1
    beamd stop --node n3@127.0.0.1
}

@test "a watch goes on from its cursor, and refuses one that nobody was given" {
    local cursor
    kv put user:1 before
    cursor=$(watch_begins_at)
    kv put user:1 one
    kv put user:2 two
    [ "$(kv watch --from "$cursor" --count 2 --json | jq -r .value | sort | xargs)" = "one two" ]
    run -2 --separate-stderr kv watch --from "${cursor:0:40}"
    [[ $stderr == *"that is no cursor of a watch with this prefix"* ]]
    run -2 kv watch --from nonsense
    run -2 kv watch '{tag}' --from "$cursor"
}
