#!/usr/bin/env bats
# What happens to a node of kv when its disk is full, or when it is killed while it is filled.
# shellcheck disable=SC2154  # stderr: bats sets it
# shellcheck disable=SC2030,SC2031  # each test is a subshell, and sets its own environment

bats_require_minimum_version 1.5.0
load helper

mounted=()
teardown() {
    local folder
    # Nodes that have files there keep them until they end.
    for folder in "${mounted[@]}"; do umount --lazy "$folder"; done
    teardown_nodes
}

# Some hundred kilobytes, of each number others.
large_value() { yes "value $1 " | tr -d '\n' | head -c 700000; }

@test "a full disk: what is acknowledged stays, nothing else is told, and the node says which file it is" {
    [ "$(id -u)" -eq 0 ] || skip "not root: no small disk can be mounted"
    mount -t tmpfs -o size=400m tmpfs "$XDG_STATE_HOME" || skip "no small disk can be mounted here"
    mounted+=("$XDG_STATE_HOME")
    export BEAM_NODE=one@127.0.0.1
    beamd --node "$BEAM_NODE" 2>"$HOME/one.log" 3>&- &
    beamd await
    kv cluster init --rf 1 --shards 4
    kv put small "as it was"
    used=$(du -sk "$XDG_STATE_HOME" | cut -f 1)
    mount -o "remount,size=$((used + 20000))k" "$XDG_STATE_HOME"
    written=()
    for i in $(seq 60); do
        if large_value "$i" | kv put "key$i" - -q --timeout 3s 2>error; then
            written+=("$i")
        else
            break
        fi
    done
    [ "${#written[@]}" -gt 5 ]
    [ "${#written[@]}" -lt 60 ]
    cat error
    # It is said of no value that is not there that it is, and of none that it is another.
    for i in "${written[@]}" small; do
        [ "$i" = small ] && continue
        if kv get "key$i" --raw --timeout 3s >got 2>error; then large_value "$i" | cmp - got; fi
    done
    grep -q "$XDG_STATE_HOME" "$HOME/one.log"
    beamd stop
    mount -o remount,size=400m "$XDG_STATE_HOME"
    beamd --daemon --node "$BEAM_NODE"
    [ "$(kv get small --raw --timeout 20s)" = "as it was" ]
    for i in "${written[@]}"; do kv get "key$i" --raw --timeout 20s | cmp - <(large_value "$i"); done
    kv put after full
}

# Whether this build's nodes die where BEAM_KV_CRASH says.
has_crash_points() {
    grep -q BEAM_KV_CRASH "$(dirname "$(command -v kv)")/../apps/kv-1/kv.so"
}

# How often the runtime of node $1 was killed.
deaths() { grep -c "killed by signal 9" "$XDG_STATE_HOME/beamcore/$1.log"; }
has_died() { [ "$(deaths "$1")" -gt 0 ]; }

@test "a node that is killed again and again while it is filled is filled when it stays up" {
    has_crash_points || skip "only debug builds die where they are told to"
    export ERL_EPMD_PORT BEAM_NODE=n1@127.0.0.1
    ERL_EPMD_PORT=$((10000 + RANDOM % 20000))
    local n2=n2@127.0.0.1 i point parent
    local both=$BEAM_NODE,$n2
    beamd --daemon --node "$BEAM_NODE" --dist --dist-join "$both"
    kv cluster init --rf 2 --shards 1
    # More than a log keeps (64 MiB): a new copy begins with a snapshot.
    for i in $(seq 110); do large_value "$i" | kv put "key$i" - -q; done
    filled() { [ "$(kv cluster nodes --json | jq '[.nodes[].copies] | min')" = 1 ] && kv cluster health -q; }
    for point in stage:1 stage:40 install:1; do
        BEAM_KV_CRASH=$point beamd --daemon --node "$n2" --dist --dist-join "$both"
        parent=$(node_status parent_pid --node "$n2")
        kv cluster join --node "$n2" || true  # it may die in the midst of it
        eventually has_died "$n2"
        if [[ $point == stage:* ]]; then
            # No life gets further, so its parent gives up.
            eventually has_ended "$parent"
        else
            beamd stop --node "$n2" || eventually has_ended "$parent"
        fi
        beamd --daemon --node "$n2" --dist --dist-join "$both"
        kv cluster join --node "$n2"
        eventually filled
        for i in 1 50 110; do
            large_value "$i" | cmp - <(kv get "key$i" --raw --node "$n2" --timeout 20s)
        done
        [ "$(kv count --node "$n2")" = 110 ]
        # Filled, it answers without the other one.
        kill_node "$BEAM_NODE"
        for i in 2 77; do large_value "$i" | cmp - <(kv get "key$i" --raw --node "$n2" --timeout 20s); done
        beamd --daemon --node "$BEAM_NODE" --dist --dist-join "$both"
        eventually kv cluster health -q
        kv cluster leave --node "$n2" --timeout 30s
        beamd stop --node "$n2"
        rm "$XDG_STATE_HOME/beamcore/$n2.log"
    done
}
