#!/usr/bin/env bats
# kv as its users see it.
# shellcheck disable=SC2154  # stderr: bats sets it

bats_require_minimum_version 1.5.0
load helper

is_healthy() { kv cluster health --node "${1:-nodeA}" -q; }
copies_of() { kv cluster nodes --node "$1" --json | jq ".nodes[] | select(.node == \"$2\") | .copies"; }
has_copies() { [ "$(copies_of "$1" "$2")" -gt 0 ]; }
has_none() { [ "$(copies_of "$1" "$2")" -eq 0 ]; }
state_of() { kv cluster nodes --node "$1" --json | jq -r ".nodes[] | select(.node == \"$2\") | .state"; }

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

# The cursor that a watch begins with.
watch_begins_at() { kv watch --json --until-idle "$@" | jq -r .cursor | head -1; }

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

@test "a node leaves with nothing lost, stays out, and joins again; the last one stays" {
    export ERL_EPMD_PORT
    ERL_EPMD_PORT=$((10000 + RANDOM % 20000))
    local nodes=n1@127.0.0.1,n2@127.0.0.1,n3@127.0.0.1 i cursor
    for i in 1 2 3; do beamd --daemon --node "n$i@127.0.0.1" --dist --dist-join "$nodes"; done
    export BEAM_NODE=n1@127.0.0.1
    kv cluster init --nodes n1,n2 --shards 16
    for i in $(seq 20); do kv put "key$i" "value$i" -q; done
    cursor=$(watch_begins_at)
    run -1 --separate-stderr kv cluster leave --node n3@127.0.0.1
    [[ $stderr == *"this node is none of the cluster's"* ]]
    kv cluster join --node n3@127.0.0.1
    eventually has_copies n1@127.0.0.1 n3

    [ "$(kv cluster leave --node n2@127.0.0.1)" = ok ]
    [ "$(state_of n1@127.0.0.1 n2)" = removed ]
    [ "$(copies_of n1@127.0.0.1 n2)" = 0 ]
    eventually is_healthy n1@127.0.0.1
    for i in $(seq 20); do [ "$(kv get "key$i" --raw --node n2@127.0.0.1)" = "value$i" ]; done
    beamd stop --node n2@127.0.0.1
    beamd --daemon --node n2@127.0.0.1 --dist --dist-join "$nodes"
    [ "$(kv get key1 --raw --node n2@127.0.0.1)" = value1 ]
    [ "$(state_of n1@127.0.0.1 n2)" = removed ]

    kv cluster join --node n2@127.0.0.1
    [ "$(state_of n1@127.0.0.1 n2)" = in ]
    eventually has_copies n1@127.0.0.1 n2
    eventually is_healthy n1@127.0.0.1
    kv cluster leave --node n3@127.0.0.1
    kv cluster leave --node n2@127.0.0.1
    run -1 --separate-stderr kv cluster leave
    [[ $stderr == *"no other node is there to take the copies that this one has; it stays"* ]]
    for i in $(seq 20); do [ "$(kv get "key$i" --raw)" = "value$i" ]; done

    # Of another cluster, too: it knows nothing of the first.
    for i in 1 2 3; do beamd stop --node "n$i@127.0.0.1"; done
    mv "$XDG_STATE_HOME/beamcore/kv.cluster" "$XDG_STATE_HOME/beamcore/old.cluster"
    beamd --daemon --node n3@127.0.0.1 --dist
    kv cluster init --node n3@127.0.0.1 --shards 16
    run -1 kv get key1 --node n3@127.0.0.1
    kv put key1 other --node n3@127.0.0.1
    [ "$(kv count --node n3@127.0.0.1)" = 1 ]
    run -1 --separate-stderr kv watch --from "$cursor" --node n3@127.0.0.1
    [[ $stderr == *"that cursor is of another cluster"* ]]
    beamd stop --node n3@127.0.0.1
}

# Values of 20 keys, as they were written.
has_all_keys() {
    local i
    for i in $(seq 20); do [ "$(kv get "key$i" --raw --timeout 20s "$@")" = "value$i" ] || return 1; done
}

@test "the file that decides who leads is deleted: nodes serve, start nothing anew, and give it back what it had" {
    local folder=$XDG_STATE_HOME/beamcore/kv.cluster node i
    for i in $(seq 20); do kv put "key$i" "value$i" -q; done
    eventually is_healthy
    run -1 --separate-stderr kv cluster recover --coordinator-lost
    [[ $stderr == *"the coordinator that nodeA asks has a cluster"* ]]
    rm "$folder"/cluster.mdb*
    has_all_keys --node nodeB
    knows_it() { run -1 kv cluster health && [[ $output == *"the coordinator has lost its data: kv"* ]]; }
    eventually knows_it
    [ "$(kv cluster recover --coordinator-lost)" = "recovered shards=64 from stores=3" ]
    has_all_keys --node nodeC
    eventually is_healthy
    kv put key1 value1

    for node in nodeA nodeB nodeC; do kill_node "$node"; done
    rm "$folder"/cluster.mdb*
    run -69 --separate-stderr kv get key1 --timeout 15s
    [[ $stderr == *"the coordinator has lost its data"*"recover --coordinator-lost"* ]]
    kill_node nodeB
    run -1 --separate-stderr kv cluster recover --coordinator-lost --no-spawn
    [[ $stderr == *"nodeB did not answer, and may have what no other store has"*"nothing was changed"* ]]
    # It starts nodeB, too.
    eventually kv cluster recover --coordinator-lost --node nodeB
    has_all_keys --node nodeB
    eventually is_healthy
    kv put key1 again --node nodeC
    [ "$(kv get key1 --raw --node nodeA)" = again ]
}

# A real one, whose data is in etcd/: `start_etcd PORT`.
start_etcd() {
    etcd --data-dir "$HOME/etcd" --listen-client-urls "http://127.0.0.1:$1" \
        --advertise-client-urls "http://127.0.0.1:$1" --listen-peer-urls "http://127.0.0.1:$(($1 + 1))" \
        >>etcd.log 2>&1 3>&- &
    etcd_pid=$!
    answers() { curl -s "http://127.0.0.1:$1/v3/kv/range" -d '{"key":"eA=="}' >/dev/null; }
    eventually answers "$1"
}

@test "etcd is wiped: what the stores hold is put into it, and who did not hear of it begins anew" {
    command -v etcd >/dev/null || skip "etcd is missing"
    export ERL_EPMD_PORT BEAM_KV_COORDINATOR
    ERL_EPMD_PORT=$((10000 + RANDOM % 10000))
    local nodes=n1@127.0.0.1,n2@127.0.0.1,n3@127.0.0.1 port=$((20000 + RANDOM % 10000)) i pids
    BEAM_KV_COORDINATOR=http://127.0.0.1:$port
    start_etcd "$port"
    for i in 1 2 3; do beamd --daemon --node "n$i@127.0.0.1" --dist --dist-join "$nodes"; done
    export BEAM_NODE=n1@127.0.0.1
    kv cluster init --nodes n1,n2,n3 --shards 16
    for i in $(seq 20); do kv put "key$i" "value$i" -q; done
    eventually is_healthy n1@127.0.0.1

    # A node is paused, so it hears nothing of all this.
    mapfile -t pids < <(beamd status --node n3@127.0.0.1 --json | jq '.parent_pid, .os_pid')
    kill -STOP "${pids[@]}"
    kill -9 "$etcd_pid"
    wait "$etcd_pid" || true
    rm -r "$HOME/etcd"
    start_etcd "$port"
    is_refused() {
        run -1 --separate-stderr kv cluster recover --coordinator-lost --timeout 30s
        [[ $stderr == *"n3 did not answer"* ]]
    }
    eventually is_refused
    kv cluster recover --coordinator-lost --accept-data-loss
    has_all_keys --node n2@127.0.0.1
    kill -CONT "${pids[@]}"
    eventually is_healthy n1@127.0.0.1
    has_all_keys --node n3@127.0.0.1
    [ "$(kv cluster status --json --node n3@127.0.0.1 | jq -c .nodes)" = '["n1","n2","n3"]' ]
    for i in 1 2 3; do beamd stop --node "n$i@127.0.0.1"; done
    kill -9 "$etcd_pid"
}
