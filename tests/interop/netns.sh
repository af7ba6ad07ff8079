#!/usr/bin/env bash
# netns.sh PROGRAM: three nodes in network namespaces of their own, and a network between them that is cut, wholly or one
# way, and heals. PROGRAM is the compiled net_node.cpp. The cases are in netns.py.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
for program in ip python3; do
    command -v "$program" >/dev/null && continue
    echo "netns: skipped: no $program on PATH; try: apt install iproute2 python3"
    exit 77
done
names=()
for n in hub a b c; do names+=("beam$$$n"); done
home=$(mktemp -d)
finish() {
    rm -rf "$home"
    for name in "${names[@]}"; do ip netns del "$name" 2>/dev/null || true; done
}
trap finish EXIT
if ! { ip netns add "${names[0]}" && ip -n "${names[0]}" link add name switch type bridge; } 2>/dev/null; then
    echo "netns: skipped: no network namespaces may be made here (root may)"
    exit 77
fi
ip -n "${names[0]}" link set dev switch up
for n in 1 2 3; do
    name=${names[$n]}
    ip netns add "$name"
    ip -n "$name" link set dev lo up
    ip link add name wire netns "$name" type veth peer name "port$n" netns "${names[0]}"
    ip -n "${names[0]}" link set dev "port$n" master switch up
    ip -n "$name" addr add "10.77.0.$n/24" dev wire
    ip -n "$name" link set dev wire up
done
HOME=$home PYTHONDONTWRITEBYTECODE=1 timeout 200 python3 "$here/netns.py" "$1" "${names[@]}"
