#!/usr/bin/env bash
# kv_join.sh beamcore [--quick]: a fourth node joins three that hold 1 GiB in two copies each. How long a MiB takes until it
# is in sync on the new node, without a limit for copies, beside what the disk (dd with fdatasync) and the link (TCP
# over loopback) need for one, the slower of them; and the 99th percentile of gets, before and meanwhile.
# shellcheck source=SCRIPTDIR/kv_nodes.sh
source "$(dirname "${BASH_SOURCE[0]}")/kv_nodes.sh"
mib=$([[ ${2-} == --quick ]] && echo 256 || echo 1024)
readonly value_bytes=16000 shards=64 gets=3

now_us() { echo $(($(date +%s%N) / 1000)); }

disk_us() { # for a MiB
    local begin
    begin=$(now_us)
    dd if=/dev/zero of="$XDG_STATE_HOME/disk" bs=1M count="$mib" conv=fdatasync status=none
    echo $((($(now_us) - begin) / mib))
    rm "$XDG_STATE_HOME/disk"
}

link_us() { # for a MiB
    python3 - "$mib" << 'END'
import socket, sys, threading, time
mib = int(sys.argv[1])
server = socket.create_server(("127.0.0.1", 0))
def send():
    with socket.create_connection(server.getsockname()) as s:
        piece = bytes(1 << 20)
        for _ in range(mib):
            s.sendall(piece)
begin = time.monotonic()
sender = threading.Thread(target=send)
sender.start()
peer, _ = server.accept()
room = bytearray(1 << 20)
while peer.recv_into(room):
    pass
sender.join()
print(int((time.monotonic() - begin) * 1e6 / mib))
END
}

get_p99() { # of gets over so many seconds, in us
    local p99
    read -r _ p99 _ < <("$BENCH_KV_LOAD" get $gets "$1" "$keys" "${sockets[@]}")
    echo "$p99"
}

has_joined() { # Of the two copies of each shard a fourth goes to the new node.
    "$BENCH_KV" cluster nodes --node "${kv_trio[0]}" --no-spawn | grep -q "^n4:.* copies=$((shards * 2 / 4))\$"
}

disk_before=$(disk_us)
link=$(link_us)
export BEAM_KV_COPY_LIMIT=0
keys=$((mib * 1048576 / value_bytes))
start_kv_three lmdb
sockets=()
for node in "${kv_trio[@]}"; do sockets+=("$(socket_of "$node")"); done
"$BENCH_KV_LOAD" fill $keys "${sockets[0]}" $value_bytes
get_p99 2 > /dev/null
before=$(get_p99 4)
start_kv_node n4@127.0.0.1 --dist --dist-join "$(IFS=,; echo "${kv_trio[*]}"),n4@127.0.0.1"
"$BENCH_BEAMD" await --node n4@127.0.0.1 > /dev/null
"$BENCH_KV_LOAD" get $gets 300 "$keys" "${sockets[@]}" > "$scratch/meanwhile" &
getting=$!
begin=$(now_us)
"$BENCH_KV" cluster join --wait --node n4@127.0.0.1 --no-spawn --timeout 200s > /dev/null
end=$(now_us)
has_joined || { echo "the fourth node is not filled" >&2; exit 1; }
kill $getting
wait $getting
read -r _ meanwhile _ < "$scratch/meanwhile"
# The disk is not the same from one second to the next.
disk=$(((disk_before + $(disk_us)) / 2))
kv_figure kv_join_disk_link beamcore $((disk > link ? disk : link)) us ''
kv_figure kv_join_1gib beamcore $(((end - begin) / (mib * 2 / 4))) us lmdb
kv_figure kv_join_get_p99_before beamcore "$before" us lmdb
kv_figure kv_join_get_p99 beamcore "$meanwhile" us lmdb
