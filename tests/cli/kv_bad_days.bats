#!/usr/bin/env bats
# What happens to a node of kv when its disk is full.
# shellcheck disable=SC2154  # stderr: bats sets it

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
