# shellcheck shell=bash
# For those who source it: the node ours@127.0.0.1, which runs interop and is EPMD, at a port of its own, with folders of
# its own in $dir. All goes at the end, and the process $peer, if there is one.
dir=$(mktemp -d)
export HOME=$dir XDG_RUNTIME_DIR=$dir/run XDG_STATE_HOME=$dir/state
mkdir -m 700 "$XDG_RUNTIME_DIR" "$XDG_STATE_HOME"
ERL_EPMD_PORT=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export ERL_EPMD_PORT
peer=
finish() {
    if [ -n "$peer" ]; then kill "$peer" 2>/dev/null || true; fi
    beamd stop --node ours@127.0.0.1 >/dev/null 2>&1 || true
    rm -rf "$dir"
}
trap finish EXIT

beamd --daemon --node ours@127.0.0.1 --dist --app interop
