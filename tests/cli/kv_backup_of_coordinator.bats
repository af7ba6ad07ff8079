#!/usr/bin/env bats
# kv, whose coordinator is given an older backup: an etcd that is restored, an older copy of the file.
# shellcheck disable=SC2154  # stderr: bats sets it
# shellcheck disable=SC2030,SC2031  # each test is a subshell, and sets its own environment

bats_require_minimum_version 1.5.0
load helper
load kv_helper

# The record of a key's shard, as a node knows it: `record_of KEY NODE`.
record_of() { kv locate "$1" --json --node "$2" | jq -c '[.shard, .epoch, .primary]'; }

@test "an older copy of the file that decides who leads: nobody believes it, and it is mended" {
    local folder=$XDG_STATE_HOME/beamcore/kv.cluster i node before
    for i in $(seq 20); do kv put "key$i" old -q; done
    eventually is_healthy
    cp "$folder/cluster.mdb" backup.mdb
    # What comes now is on two nodes only, and the third is in sync of nothing.
    export BEAM_NO_SPAWN=1
    kill_node nodeB
    is_without_b() { [ "$(copies_of nodeA nodeB)" = 0 ]; }
    eventually is_without_b
    for i in $(seq 20); do kv put "key$i" "value$i" -q; done
    before=$(record_of key1 nodeA)
    for node in nodeA nodeC; do kill_node "$node"; done
    rm "$folder"/cluster.mdb*
    cp backup.mdb "$folder/cluster.mdb"

    # All are started at once, so nodeB among them, which knows nothing later than the copy.
    unset BEAM_NO_SPAWN
    run -69 --separate-stderr kv get key1 --node nodeB --timeout 15s
    [[ $stderr == *"the coordinator has an earlier state of the cluster, from a backup perhaps: "* ]]
    [[ $stderr == *" is at epoch "*" has seen "*"kv cluster recover --coordinator-lost"* ]]
    for node in nodeA nodeB nodeC; do
        run -69 --separate-stderr kv cluster status --node "$node" --no-spawn
        [[ $stderr == *"the coordinator has an earlier state of the cluster"*"kv cluster recover --coordinator-lost"* ]]
        beamd logs --node "$node" >"log.$node"
        grep -q "an earlier state of the cluster: was it restored from a backup?" "log.$node"
    done
    run -69 --separate-stderr kv cluster health --no-spawn
    [[ $stderr == *"the coordinator has an earlier state of the cluster"* ]]
    run -69 kv put key1 wrong --node nodeB --no-spawn --timeout 2s
    [ "$(kv cluster recover --coordinator-lost)" = "recovered shards=64 from stores=3" ]
    for node in nodeA nodeB nodeC; do has_all_keys --node "$node"; done
    eventually is_healthy
    [ "$(record_of key1 nodeB | jq '.[1] > 1000000')" = true ]
    [ "$before" != "$(record_of key1 nodeA)" ]
    kv put key1 again --node nodeC
    [ "$(kv get key1 --raw --node nodeA)" = again ]
}

@test "an etcd that is restored from a backup: who runs serves on, who is started does not, and it is mended" {
    command -v etcd >/dev/null || skip "etcd is missing"
    export ERL_EPMD_PORT BEAM_KV_COORDINATOR
    ERL_EPMD_PORT=$((10000 + RANDOM % 10000))
    local nodes=n1@127.0.0.1,n2@127.0.0.1,n3@127.0.0.1 port=$((20000 + RANDOM % 10000)) i
    BEAM_KV_COORDINATOR=http://127.0.0.1:$port
    start_etcd "$port"
    for i in 1 2 3; do beamd --daemon --node "n$i@127.0.0.1" --dist --dist-join "$nodes"; done
    export BEAM_NODE=n1@127.0.0.1
    kv cluster init --nodes n1,n2,n3 --shards 16
    for i in $(seq 20); do kv put "key$i" old -q; done
    eventually is_healthy n1@127.0.0.1
    stop_etcd
    cp -r "$HOME/etcd" etcd.backup
    start_etcd "$port"
    eventually is_healthy n1@127.0.0.1

    kill_node n3@127.0.0.1
    is_without_3() { [ "$(copies_of n1@127.0.0.1 n3)" = 0 ]; }
    eventually is_without_3
    for i in $(seq 20); do kv put "key$i" "value$i" -q; done
    stop_etcd
    rm -r "$HOME/etcd"
    mv etcd.backup "$HOME/etcd"
    start_etcd "$port"

    sees_an_earlier_state() {
        run -1 kv cluster health
        [[ $output == *"the coordinator has an earlier state of the cluster"*"kv cluster recover --coordinator-lost"* ]]
    }
    eventually sees_an_earlier_state
    kv cluster status | grep "the coordinator has an earlier state of the cluster"
    has_all_keys
    kv put key1 value1
    beamd --daemon --node n3@127.0.0.1 --dist --dist-join "$nodes"
    run -69 --separate-stderr kv cluster status --node n3@127.0.0.1
    [[ $stderr == *"the coordinator has an earlier state of the cluster"*" has seen "* ]]
    has_all_keys --node n2@127.0.0.1

    [ "$(kv cluster recover --coordinator-lost)" = "recovered shards=16 from stores=3" ]
    for i in 1 2 3; do has_all_keys --node "n$i@127.0.0.1"; done
    eventually is_healthy n1@127.0.0.1
    for i in 1 2 3; do beamd stop --node "n$i@127.0.0.1"; done
    stop_etcd
}

# Two nodes; then n1 goes on alone and is killed as well, and the coordinator's file is the one from before.
led_without_n2_and_restored() {
    local folder=$XDG_STATE_HOME/beamcore/kv.cluster i
    nodes=n1@127.0.0.1,n2@127.0.0.1
    export ERL_EPMD_PORT BEAM_NODE=n1@127.0.0.1
    ERL_EPMD_PORT=$((10000 + RANDOM % 20000))
    start n1
    start n2
    kv cluster init --nodes n1,n2 --shards 16
    for i in $(seq 20); do kv put "key$i" old -q; done
    eventually is_healthy n1@127.0.0.1
    cp "$folder/cluster.mdb" backup.mdb
    kill_node n2@127.0.0.1
    is_without_2() { [ "$(copies_of n1@127.0.0.1 n2)" = 0 ]; }
    eventually is_without_2
    for i in $(seq 20); do kv put "key$i" "value$i" -q; done
    kill_node n1@127.0.0.1
    rm "$folder"/cluster.mdb*
    cp backup.mdb "$folder/cluster.mdb"
}
start() { beamd --daemon --node "$1@127.0.0.1" --dist --dist-join "$nodes"; }

# What key1's shard has acknowledged on either side is lost with one of them, no other shard has anything to lose; and the
# copies are equal.
only_one_shard_has_lost() {
    local shard i value
    eventually is_healthy n1@127.0.0.1
    shard=$(kv locate key1 --json | jq .shard)
    for i in $(seq 20); do
        value=$(kv get "key$i" --raw)
        [ "$value" = "$(kv get "key$i" --raw --node n2@127.0.0.1)" ]
        [ "$(kv locate "key$i" --json | jq .shard)" = "$shard" ] || [ "$value" = "value$i" ]
    done
}

@test "a node led by an older copy of the file while no other was there: it stops when one comes, and the split is said" {
    local nodes i
    led_without_n2_and_restored

    # Each start raises the epochs, beyond those that the other one knows.
    for i in 1 2; do
        start n2
        kv put key1 other --node n2@127.0.0.1 --timeout 20s
        [ "$(kv get key2 --raw --node n2@127.0.0.1)" = old ]
        kill_node n2@127.0.0.1
    done
    start n2
    [ "$(kv get key1 --raw --node n2@127.0.0.1 --timeout 20s)" = other ]
    start n1
    run -69 --separate-stderr kv cluster status
    [[ $stderr == *"does not follow epoch "*" as n1 has seen it"* ]]
    serves_nothing() { ! kv get key1 --node n2@127.0.0.1 --timeout 1s; }
    eventually serves_nothing
    run -1 --separate-stderr kv cluster recover --coordinator-lost
    [[ $stderr == *": 1 shards have gone on twice from one record"*"nothing was changed"* ]]
    kv cluster recover --coordinator-lost --accept-data-loss
    only_one_shard_has_lost
    for i in n1 n2; do [ "$(kv get key1 --raw --node "$i@127.0.0.1")" = other ]; done
    for i in n1 n2; do beamd stop --node "$i@127.0.0.1"; done
}

@test "a node led by an older copy of the file, acknowledged one write and was killed at once: the split is said" {
    local nodes i
    led_without_n2_and_restored
    start n2
    kv put key1 other --node n2@127.0.0.1 --timeout 20s
    kill_node n2@127.0.0.1
    start n1
    run -69 --separate-stderr kv cluster status
    [[ $stderr == *"the coordinator has an earlier state of the cluster"* ]]
    start n2
    run -69 --separate-stderr kv cluster status --node n2@127.0.0.1
    run -1 --separate-stderr kv cluster recover --coordinator-lost
    [[ $stderr == *": 1 shards have gone on twice from one record"*"nothing was changed"* ]]
    kv cluster recover --coordinator-lost --accept-data-loss
    only_one_shard_has_lost
    for i in n1 n2; do beamd stop --node "$i@127.0.0.1"; done
}

@test "a node led by an older copy of the file, and nobody wrote to it: nothing is lost, and both have it" {
    local nodes i
    led_without_n2_and_restored
    for i in 1 2; do
        start n2
        [ "$(kv get key2 --raw --node n2@127.0.0.1 --timeout 20s)" = old ]
        kill_node n2@127.0.0.1
    done
    start n1
    start n2
    is_told() { [[ $(kv cluster status --node "$1" 2>&1) == *"the coordinator has an earlier state of the cluster"* ]]; }
    for i in n1 n2; do eventually is_told "$i@127.0.0.1"; done
    [ "$(kv cluster recover --coordinator-lost)" = "recovered shards=16 from stores=2" ]
    eventually is_healthy n1@127.0.0.1
    for i in n1 n2; do has_all_keys --node "$i@127.0.0.1"; done
    for i in n1 n2; do beamd stop --node "$i@127.0.0.1"; done
}
