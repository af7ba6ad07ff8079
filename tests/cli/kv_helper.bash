# What tests of kv ask a cluster. `load helper` before.

is_healthy() { kv cluster health --node "${1:-nodeA}" -q; }
copies_of() { kv cluster nodes --node "$1" --json | jq ".nodes[] | select(.node == \"$2\") | .copies"; }
has_copies() { [ "$(copies_of "$1" "$2")" -gt 0 ]; }
has_none() { [ "$(copies_of "$1" "$2")" -eq 0 ]; }
# Shards that a node's store has anything of.
on_disk() { kv cluster status --node "$1" --json | jq .on_disk; }
has_only_its_copies() { [ "$(on_disk "$1")" -eq "$(copies_of "$1" "$1")" ]; }
state_of() { kv cluster nodes --node "$1" --json | jq -r ".nodes[] | select(.node == \"$2\") | .state"; }

# The cursor that a watch begins with.
watch_begins_at() { kv watch --json --until-idle "$@" | jq -r .cursor | head -1; }

# Values of 20 keys, as they were written.
has_all_keys() {
    local i
    for i in $(seq 20); do [ "$(kv get "key$i" --raw --timeout 20s "$@")" = "value$i" ] || return 1; done
}

# A real one, whose data is in etcd/: `start_etcd PORT`.
start_etcd() {
    etcd --data-dir "$HOME/etcd" --listen-client-urls "http://127.0.0.1:$1" \
        --advertise-client-urls "http://127.0.0.1:$1" --listen-peer-urls "http://127.0.0.1:$(($1 + 1))" \
        >>etcd.log 2>&1 3>&- &
    etcd_pid=$!
    eventually etcd_answers "$1"
}
etcd_answers() { curl -s "http://127.0.0.1:$1/v3/kv/range" -d '{"key":"eA=="}' >/dev/null; }

# At once, as by a crash; its data stays.
stop_etcd() {
    kill -9 "$etcd_pid"
    wait "$etcd_pid" || true
}
