#!/usr/bin/env bats
# Clusters of kv that nodes leave, and whose coordinator loses its data.
# shellcheck disable=SC2154  # stderr: bats sets it
# shellcheck disable=SC2030,SC2031  # each test is a subshell, and sets its own environment

bats_require_minimum_version 1.5.0
load helper
load kv_helper

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
    [ "$(kv cluster join --wait --node n3@127.0.0.1)" = ok ]
    has_copies n3@127.0.0.1 n3
    [ "$(kv cluster rebalance --node n3@127.0.0.1)" = balanced ]
    run -2 kv cluster rebalance --wait --watch

    # One that is drained takes part already: it is to be taken back.
    [ "$(kv cluster drain n3@127.0.0.1 --wait)" = ok ]
    has_none n1@127.0.0.1 n3
    run -75 --separate-stderr kv cluster join --wait --node n3@127.0.0.1
    [[ $stderr == *"n3 is draining"* ]]
    [ "$(kv cluster rejoin n3 --wait)" = ok ]

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
    is_taken_in() { [ "$(state_of n1@127.0.0.1 n2)" = in ]; }
    eventually is_taken_in
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

@test "the file that decides who leads is deleted: nodes serve, start nothing anew, and give it back what it had" {
    local folder=$XDG_STATE_HOME/beamcore/kv.cluster node i
    for i in $(seq 20); do kv put "key$i" "value$i" -q; done
    eventually is_healthy
    run -1 --separate-stderr kv cluster recover --coordinator-lost
    [[ $stderr == *"the coordinator that nodeA asks has a cluster"* ]]
    rm "$folder"/cluster.mdb*
    has_all_keys --node nodeB
    knows_it() { run -1 kv cluster health && [[ $output == *"the coordinator has lost its data: "*"kv cluster recover --coordinator-lost"* ]]; }
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
    # The others may be on their way yet.
    lacks_node_b() {
        run -1 --separate-stderr kv cluster recover --coordinator-lost --no-spawn &&
            [[ $stderr == *" nodeB did not answer, and may have what no other store has"*"nothing was changed"* ]]
    }
    eventually lacks_node_b
    # It starts nodeB, too.
    eventually kv cluster recover --coordinator-lost --node nodeB
    has_all_keys --node nodeB
    eventually is_healthy
    kv put key1 again --node nodeC
    [ "$(kv get key1 --raw --node nodeA)" = again ]
}

@test "what others have now goes from a node's disk, also of one that was away, and it is filled again when it is back" {
    export BEAM_KV_ERASE_AFTER=300ms
    local i node
    for i in $(seq 20); do kv put "key$i" "value$i" -q; done
    eventually is_healthy
    [ "$(on_disk nodeC)" -gt 0 ]
    [ "$(kv cluster drain nodeC --wait)" = ok ]
    has_none nodeA nodeC
    [ "$(kv cluster rebalance --wait)" = balanced ]
    eventually has_only_its_copies nodeC
    [ "$(on_disk nodeC)" -eq 0 ]
    kill_node nodeC
    [ "$(on_disk nodeC)" -eq 0 ]
    has_all_keys --node nodeC

    kv cluster rejoin nodeC
    eventually has_copies nodeA nodeC
    eventually is_healthy
    for node in nodeA nodeB nodeC; do eventually has_only_its_copies "$node"; done
    # It leads what it was given, and has what the others give up.
    kv cluster drain nodeA
    eventually has_none nodeB nodeA
    eventually is_healthy nodeB
    kill_node nodeA
    has_all_keys --node nodeC
    kv put key1 value1 --node nodeC
    eventually has_only_its_copies nodeA
    [ "$(on_disk nodeA)" -eq 0 ]
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
    stop_etcd
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
    stop_etcd
}

@test "two of three nodes are gone for good: their shards are given up only when that is accepted" {
    local i node
    for i in $(seq 20); do kv put "key$i" "value$i" -q; done
    eventually is_healthy
    run -0 kv cluster recover
    [ "$output" = "nothing to recover" ]
    for node in nodeB nodeC; do
        kill_node "$node"
        rm -r "$XDG_STATE_HOME/beamcore/$node"
    done
    export BEAM_NO_SPAWN=1
    # Those of nodeB and nodeC. Alone in all of them or not, by the time that it was killed.
    says_who_is_down() {
        run -1 --separate-stderr kv cluster recover
        [[ $stderr == *"21 shards have all current copies on "*"nodeC, which "*" down; to recover them loses what only these have; try: start one"* ]]
    }
    eventually says_who_is_down
    [[ $(kv cluster recover --accept-data-loss) == "recovered shards=21, given up: "*nodeC ]]
    # What nodeA had is there, what it had no copy of is gone, and all is written again.
    for i in $(seq 20); do
        run kv get "key$i" --raw --node nodeA
        [ "$output" = "value$i" ] || [[ $output == *"no such key"* ]]
    done
    for i in $(seq 20); do kv put "key$i" "value$i" -q; done
    unset BEAM_NO_SPAWN
    has_all_keys --node nodeB
    eventually is_healthy
    has_all_keys --node nodeC
}
