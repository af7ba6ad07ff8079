# What tests of kv ask a cluster. `load helper` before.

is_healthy() { kv cluster health --node "${1:-nodeA}" -q; }
copies_of() { kv cluster nodes --node "$1" --json | jq ".nodes[] | select(.node == \"$2\") | .copies"; }
has_copies() { [ "$(copies_of "$1" "$2")" -gt 0 ]; }
has_none() { [ "$(copies_of "$1" "$2")" -eq 0 ]; }
state_of() { kv cluster nodes --node "$1" --json | jq -r ".nodes[] | select(.node == \"$2\") | .state"; }

# The cursor that a watch begins with.
watch_begins_at() { kv watch --json --until-idle "$@" | jq -r .cursor | head -1; }
