#!/usr/bin/env bats
# kv whose nodes acknowledge before they sync: what it says of that, and what a stop of the machine does.
# shellcheck disable=SC2154  # stderr: bats sets it
# shellcheck disable=SC2030,SC2031  # each test is a subshell, and sets its own environment

bats_require_minimum_version 1.5.0
load helper
load kv_helper

folder_of() { echo "$XDG_STATE_HOME/beamcore/$1/kv"; }

log_of() { find "$(folder_of "$1")" -name '*.log' | sort | tail -1; }
# The bytes of a node's log.
written_by() { od -An -v -t x1 -w1 "$(log_of "$1")" | grep -nv ' 00' | tail -1 | cut -d: -f1; }

# The machine of a node that was killed stops: no more than so many bytes of its log have reached the disk, or two thirds.
lose_power() {
    local kept=${2:-$(($(written_by "$1") * 2 / 3))}
    truncate -s "$kept" "$(log_of "$1")"
    echo 00000000-0000-0000-0000-000000000000 >"$(folder_of "$1")/unsynced"
}

# Of the 20 keys each has its value, or none.
has_nothing_wrong() {
    local i is
    for i in $(seq 20); do
        is=$(kv get "key$i" --raw --primary --timeout 20s --node "$1") || is=none
        [ "$is" = "value$i" ] || [ "$is" = none ] || return 1
    done
}

@test "who may acknowledge before a sync is told by health" {
    kv cluster init --node one --rf 1 --sync interval=20ms -q
    [ -f "$(folder_of one)/CURRENT" ]
    kv put key1 value1 --node one -q
    transcript <<'END'
$ kv cluster health --node one
healthy: shards healthy=64 degraded=0 offline=0 moving=0
nodes up: one
acknowledged before sync: interval=20ms on one
END
    run -1 --separate-stderr kv cluster join --node one --sync always
    [[ $stderr == *'"one" was started with --sync interval=20ms; try: beamd stop --node one'* ]]
    kv cluster join --node one --sync interval=0.02s -q
    beamd stop --node one -q
    # Said at each start: without it the disk comes first.
    [ "$(kv get key1 --raw --node one)" = value1 ]
    [ "$(kv cluster health --node one --json | jq -r .sync)" = "every write" ]
    beamd stop --node one -q
}

@test "what is no way to sync is refused, and lmdb knows only one" {
    run -2 --separate-stderr kv cluster init --node one --sync soon
    [ "$stderr" = "kv: --sync soon failed: it is always, or interval=1ms to interval=10s" ]
    run -2 --separate-stderr kv cluster init --node one --sync interval=1h
    run -2 --separate-stderr kv cluster init --node one --sync interval=20ms --engine lmdb
    [[ $stderr == *"lmdb syncs every write; try: --engine rocksdb" ]]
    run -1 beamd status --node one
    kv cluster init --node one --rf 1 --engine lmdb -q
    run -1 --separate-stderr kv cluster join --node one --sync interval=20ms
    [[ $stderr == *'"one" has a store of lmdb, which syncs every write'* ]]
    beamd stop --node one -q
    BEAM_KV_SYNC=interval=20ms kv put key1 value1 --node one -q
    [ "$(kv cluster health --node one --json | jq -r .sync)" = "every write" ]
    beamd stop --node one -q
}

@test "nodes are killed at once: nothing is lost that was not synced" {
    export BEAM_KV_SYNC=interval=10s
    for i in $(seq 20); do kv put "key$i" "value$i" -q; done
    for node in nodeA nodeB nodeC; do kill_node "$node"; done
    has_all_keys
}

@test "one machine stops: the others have what its node has lost" {
    export BEAM_KV_SYNC=interval=10s
    for i in $(seq 20); do kv put "key$i" "value$i" -q; done
    eventually is_healthy
    kill_node nodeB
    lose_power nodeB
    has_all_keys --node nodeB
    eventually is_healthy
    grep -q "the store is another one, which may lack some" "$XDG_STATE_HOME/beamcore/nodeB.log"
    # And it has all of it again.
    kill_node nodeA
    kill_node nodeC
    has_all_keys --node nodeB
}

@test "all machines stop: what was left goes on by itself, the same on all nodes" {
    export BEAM_KV_SYNC=interval=10s
    for i in $(seq 20); do kv put "key$i" "value$i" -q; done
    for node in nodeA nodeB nodeC; do kill_node "$node"; done
    for node in nodeA nodeB nodeC; do lose_power "$node"; done
    kv put other value --timeout 30s -q
    eventually is_healthy
    grep -q "shards go on without what was acknowledged last" "$XDG_STATE_HOME"/beamcore/node?.log
    has_nothing_wrong nodeA
    for i in $(seq 20); do
        [ "$(kv get "key$i" --raw --node nodeA 2>&1)" = "$(kv get "key$i" --raw --node nodeB 2>&1)" ]
        [ "$(kv get "key$i" --raw --node nodeA 2>&1)" = "$(kv get "key$i" --raw --node nodeC 2>&1)" ]
    done
    [ "$(kv get other --raw)" = value ]
}

@test "a machine stops that had the only copy in sync: another node has what its own has lost" {
    export BEAM_KV_SYNC=interval=10s BEAM_NODE=nodeB
    local node written
    kv put other value -q
    eventually is_healthy
    written=$(written_by nodeB)
    for i in $(seq 20); do kv put "key$i" "value$i" -q; done
    # It leads alone by then what it had with nodeA.
    for node in nodeA nodeC nodeB; do kill_node "$node"; done
    lose_power nodeB "$written"
    export BEAM_NO_SPAWN=1
    for node in nodeA nodeB; do beamd --daemon --node "$node"; done
    is_refused() {
        run -1 --separate-stderr kv cluster recover
        [[ $stderr == *"shards have all current copies on nodeC, which is down, or on nodeB as before a stop of the machine, with what was not synced then;"* ]]
    }
    eventually is_refused
    eventually grep -q "shards go on without" "$XDG_STATE_HOME/beamcore/nodeB.log"
    unset BEAM_NO_SPAWN
    has_all_keys
    eventually is_healthy
}
