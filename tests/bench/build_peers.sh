#!/usr/bin/env bash
# build_peers.sh DIR: builds the peers that this machine has tools for into DIR/otp, DIR/go_bench and DIR/etcd_load.
# A peer that cannot be built is said on stderr and left out.
set -euo pipefail
source_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/peers" && pwd)
target=$(mkdir -p "$1" && cd "$1" && pwd)

newer() { # newer TARGET FOLDER: is a file in FOLDER newer than TARGET?
    [[ ! -e $1 || -n $(find "$2" -type f -newer "$1" -print -quit) ]]
}

if ! command -v erlc > /dev/null; then
    echo "bench: no peer otp: erlc is missing (scripts/setup bench)" >&2
elif newer "$target/otp/.built" "$source_dir/otp"; then
    mkdir -p "$target/otp"
    erlc -Werror -o "$target/otp" "$source_dir"/otp/*.erl && touch "$target/otp/.built"
fi

if ! command -v go > /dev/null; then
    echo "bench: no peer go: go is missing (scripts/setup bench)" >&2
elif newer "$target/go_bench" "$source_dir/go"; then
    (cd "$source_dir/go" && GOFLAGS=-mod=mod GOPROXY=off go build -o "$target/go_bench" .)
    touch "$target/go_bench"
fi

# etcd's own client is a Debian package of sources.
if [[ ! -d /usr/share/gocode/src/go.etcd.io/etcd/clientv3 ]] || ! command -v go > /dev/null; then
    echo "bench: no peer etcd: golang-etcd-server-dev is missing (scripts/setup bench)" >&2
elif newer "$target/etcd_load" "$source_dir/etcd"; then
    (cd "$source_dir/etcd" &&
        GO111MODULE=off GOFLAGS='' GOPATH=/usr/share/gocode go build -o "$target/etcd_load" .)
    touch "$target/etcd_load"
fi
