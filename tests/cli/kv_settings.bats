#!/usr/bin/env bats
# What a node of kv runs with: its engine, its coordinator; said once, and kept.
# shellcheck disable=SC2154  # stderr: bats sets it
# shellcheck disable=SC2030,SC2031  # each test is a subshell, and sets its own environment

bats_require_minimum_version 1.5.0
load helper
load kv_helper

says() { # says NODE KEY: of its health
    kv cluster health --node "$1" --json | jq -r ".$2"
}
ends() { beamd stop --node "$1" -q; }

@test "an engine is chosen with a store, and stays whatever is said later" {
    kv cluster init --node one --rf 1 --engine rocksdb
    [ -f "$XDG_STATE_HOME/beamcore/one/kv/CURRENT" ]
    kv put key1 value1 --node one
    ends one
    [ "$(BEAM_KV_ENGINE=lmdb kv get key1 --raw --node one)" = value1 ]
    run -1 --separate-stderr kv cluster join --node one --engine lmdb
    [[ $stderr == *'"one" has a store already, of rocksdb, which it keeps'* ]]
    ends one
    [ "$(kv get key1 --raw --node one)" = value1 ]
    run -2 --separate-stderr kv cluster init --node two --engine leveldb
    [ "$stderr" = "kv: --engine leveldb failed: it is lmdb or rocksdb" ]
    run -1 beamd status --node two
    ends one
}

@test "a node that has just started says at once that this host has a cluster already" {
    kv cluster init --node one --rf 1 -q
    run -1 --separate-stderr kv cluster init --node two --rf 1
    [[ $stderr == *"there is a cluster already; try: kv cluster status" ]]
    ends one
    ends two
}

@test "a node finds its cluster's etcd again; one that is told of another serves nothing, and says where it was" {
    command -v etcd >/dev/null || skip "etcd is missing"
    local port=$((20000 + RANDOM % 10000)) etcd
    etcd=http://127.0.0.1:$port
    start_etcd "$port"
    kv cluster init --node one --rf 1 --coordinator "$etcd" --timeout 20s
    kv put key1 value1 --node one --timeout 20s
    [ "$(says one coordinator)" = "$etcd" ]
    run -1 --separate-stderr kv cluster join --node one --coordinator local
    [[ $stderr == *'"one" was started with the coordinator '"$etcd; try: beamd stop --node one"* ]]
    ends one
    [ "$(kv get key1 --raw --node one --timeout 20s)" = value1 ]
    [ "$(says one coordinator)" = "$etcd" ]
    ends one

    run -69 --separate-stderr env BEAM_KV_COORDINATOR=local kv get key1 --node one --timeout 20s
    [[ $stderr == *"is not in the coordinator that it was started with, local; it was in $etcd as kv when"* ]]
    [[ $stderr == *"start it without BEAM_KV_COORDINATOR"* ]]
    ends one
    [ "$(kv get key1 --raw --node one --timeout 20s)" = value1 ]
    ends one

    # In another cluster than that of this host it says the same.
    kv cluster init --node other --rf 1 -q
    run -69 --separate-stderr env BEAM_KV_COORDINATOR=local kv get key1 --node one --timeout 20s
    [[ $stderr == *"it was in $etcd as kv when"* ]]
    ends one
    ends other
    stop_etcd
}

@test "a node that has left its cluster finds the etcd that it is in, and joins again" {
    command -v etcd >/dev/null || skip "etcd is missing"
    export ERL_EPMD_PORT
    ERL_EPMD_PORT=$((10000 + RANDOM % 10000))
    local port=$((20000 + RANDOM % 10000)) etcd nodes=n1@127.0.0.1,n2@127.0.0.1 n
    etcd=http://127.0.0.1:$port
    start_etcd "$port"
    for n in n1 n2; do
        BEAM_KV_COORDINATOR=$etcd beamd --daemon --node "$n@127.0.0.1" --dist --dist-join "$nodes"
    done
    kv cluster init --node n1@127.0.0.1 --nodes n1,n2 --rf 1 --shards 4 --timeout 20s
    kv put key1 value1 --node n1@127.0.0.1 --timeout 20s
    eventually kv cluster health -q --node n2@127.0.0.1  # it has taken part
    ends n2@127.0.0.1
    beamd --daemon --node n2@127.0.0.1 --dist --dist-join "$nodes"
    kv cluster leave --node n2@127.0.0.1 --timeout 60s
    [ "$(kv get key1 --raw --node n2@127.0.0.1 --timeout 20s)" = value1 ]
    ends n2@127.0.0.1
    beamd --daemon --node n2@127.0.0.1 --dist --dist-join "$nodes"
    [ "$(kv get key1 --raw --node n2@127.0.0.1 --timeout 20s)" = value1 ]
    kv cluster join --node n2@127.0.0.1 --timeout 20s
    for n in n1 n2; do ends "$n@127.0.0.1"; done
    stop_etcd
}
