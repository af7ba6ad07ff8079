#!/usr/bin/env bash
# dist_tls.sh: Erlang over TLS (-proto_dist inet_tls) and a node of ours, each calling the other, with verification on both
# sides; wrong certificates are refused on both sides, and nodes without TLS find no way in.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
for program in erl erlc python3 jq openssl; do
    command -v "$program" >/dev/null && continue
    echo "dist_tls: skipped: no $program on PATH; try: apt install erlang-base $program"
    exit 77
done
if ! erl -noinput -eval 'halt(case code:lib_dir(ssl) of {error, _} -> 1; _ -> 0 end)'; then
    echo "dist_tls: skipped: erl has no ssl; try: apt install erlang-ssl"
    exit 77
fi
dir=$(mktemp -d)
export HOME=$dir XDG_RUNTIME_DIR=$dir/run XDG_STATE_HOME=$dir/state XDG_CONFIG_HOME=$dir/config
export ERL_CRASH_DUMP=/dev/null
mkdir -m 700 "$XDG_RUNTIME_DIR" "$XDG_STATE_HOME"
ERL_EPMD_PORT=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export ERL_EPMD_PORT
peers=() wrong_count=0
finish() {
    local p
    for p in "${peers[@]}"; do kill "$p" 2>/dev/null || true; done
    beamd stop --node ours@127.0.0.1 >/dev/null 2>&1 || true
    beamd stop --node plain@127.0.0.1 >/dev/null 2>&1 || true
    rm -rf "$dir"
}
trap finish EXIT
fail() {
    echo "dist_tls: $*" >&2
    tail -n 20 "$dir"/*.log "$XDG_STATE_HOME"/beamcore/*.log >&2 || true
    exit 1
}

beamd cert init >/dev/null
certs=$XDG_CONFIG_HOME/beamcore/certs
beamd cert init --dir "$dir/strange" --name strangers >/dev/null
# One of nobody's; and one of our authority, but of another host.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=x -keyout "$dir/x.key" -out "$dir/x.pem" \
    2>/dev/null
beamd cert init elsewhere.example >/dev/null
optfile() { # optfile NAME CERTIFICATE KEY CA: for Erlang
    local files="{certfile, \"$2\"}, {keyfile, \"$3\"}, {cacertfile, \"$4\"}, {verify, verify_peer}"
    echo "[{server, [$files, {fail_if_no_peer_cert, true}]}, {client, [$files]}]." >"$dir/$1.config"
}
optfile selfmade "$dir/x.pem" "$dir/x.key" "$certs/ca.pem"
optfile elsewhere "$certs/hosts/elsewhere.example/node.pem" "$certs/hosts/elsewhere.example/node.key" "$certs/ca.pem"

beamd --daemon --node ours@127.0.0.1 --dist --dist-tls --app interop
beamd status --node ours@127.0.0.1 --json | jq -e '.dist.tls and (.dist.insecure | not)' >/dev/null
cookie=$(<"$HOME/.erlang.cookie")
erlc -o "$dir" "$here/dist_node.erl"
tls() { # tls OPTFILE: the options of erl
    echo "-proto_dist inet_tls -ssl_dist_optfile $1"
}
run_erl() { # run_erl NAME FUNCTION [ERL-OPTIONS...]
    timeout 120 erl -noinput -start_epmd false -name "$1@127.0.0.1" -setcookie "$cookie" -pa "$dir" "${@:3}" \
        -eval "dist_node:$2('ours@127.0.0.1')" </dev/null
}

# All that works without TLS works with it: TLS 1.2, to which OTP 25 pins itself.
# shellcheck disable=SC2046
run_erl visible main $(tls "$certs/ssl_dist.config")
# Lives of one peer, which goes without a word. (OTP 25 itself does not always get a node with TLS stopped and started again.)
for _ in 1 2 3 4 5; do
    # shellcheck disable=SC2046
    run_erl reborn short_life $(tls "$certs/ssl_dist.config")
done

# Who is not to come in, when it connects.
for config in "$dir/strange/ssl_dist.config" "$dir/selfmade.config" "$dir/elsewhere.config"; do
    # shellcheck disable=SC2046
    run_erl stranger refused $(tls "$config") >"$dir/refused.log" 2>&1 || fail "let in by $config"
done
run_erl plain refused || fail "let in without TLS"
log=$XDG_STATE_HOME/beamcore/ours@127.0.0.1.log
for reason in tls_bad_certificate tls_wrong_host tls_not_spoken; do
    grep -q "$reason" "$log" || fail "the log does not say $reason"
done

# From here to there: each kind of peer waits for us.
serve_erl() { # serve_erl NAME [ERL-OPTIONS...]
    timeout 120 erl -noinput -start_epmd false -name "$1@127.0.0.1" -setcookie "$cookie" "${@:2}" \
        </dev/null >"$dir/$1.log" 2>&1 &
    peers+=($!)
    local until=$((SECONDS + 30))
    until erl_names | grep -q "name $1 at"; do
        [ $SECONDS -lt $until ] || fail "$1 does not start"
    done
}
erl_names() {
    python3 -c 'import socket, os, sys
s = socket.create_connection(("127.0.0.1", int(os.environ["ERL_EPMD_PORT"])), 5)
s.sendall(b"\0\1n")
d = b""
while True:
    m = s.recv(4096)
    if not m: break
    d += m
sys.stdout.write(d[4:].decode())'
}
# shellcheck disable=SC2046
serve_erl theirs $(tls "$certs/ssl_dist.config")
sum=$(beamd rpc theirs@127.0.0.1 lists sum '[[1, 2, 3]]' --node ours@127.0.0.1)
[ "$sum" = 6 ] || fail "rpc: $sum"
beamd ping theirs@127.0.0.1 --node ours@127.0.0.1 >/dev/null

# TLS 1.3, where Erlang is told to.
sed 's/{verify, verify_peer}/{verify, verify_peer}, {versions, ['"'tlsv1.3'"']}/' "$certs/ssl_dist.config" >"$dir/tls13.config"
# shellcheck disable=SC2046
serve_erl newer $(tls "$dir/tls13.config")
sum=$(beamd rpc newer@127.0.0.1 lists sum '[[1, 2, 3]]' --node ours@127.0.0.1)
[ "$sum" = 6 ] || fail "TLS 1.3: $sum"

for config in "$dir/strange/ssl_dist.config" "$dir/selfmade.config" "$dir/elsewhere.config"; do
    name=wrong$((++wrong_count))
    # shellcheck disable=SC2046
    serve_erl $name $(tls "$config")
    code=0
    beamd ping $name@127.0.0.1 --node ours@127.0.0.1 >/dev/null || code=$?
    [ $code -eq 1 ] || fail "pinged $config: $code"
done
serve_erl noTls
code=0
timeout 30 beamd ping noTls@127.0.0.1 --node ours@127.0.0.1 >/dev/null || code=$?
[ $code -eq 1 ] || fail "pinged without TLS: $code"
beamd --daemon --node plain@127.0.0.1 --dist
code=0
timeout 30 beamd ping theirs@127.0.0.1 --node plain@127.0.0.1 >/dev/null || code=$?
[ $code -eq 1 ] || fail "pinged TLS without it: $code"
grep -q wants_tls "$XDG_STATE_HOME/beamcore/plain@127.0.0.1.log" || fail "the log does not say wants_tls"

# The node has lost nothing of its own by all that, and goes on with who is right, also after a new start.
beamd status --node ours@127.0.0.1 --json | jq -e '.restarts == 0' >/dev/null
beamd cert init >/dev/null
beamd restart --node ours@127.0.0.1 >/dev/null
# Erlang registers again, every two seconds, with the EPMD that went.
until=$((SECONDS + 30))
until beamd ping theirs@127.0.0.1 --node ours@127.0.0.1 >/dev/null 2>&1; do
    [ $SECONDS -lt $until ] || fail "not after a new start"
done
echo "dist_tls: all as it should be"
