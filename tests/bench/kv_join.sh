#!/usr/bin/env bash
# kv_join.sh beamcore [--quick]: a fourth node joins three that hold 1 GiB in two copies each. How long a MiB takes until it
# is in sync on the new node, without a limit for copies, beside what the disk (dd with fdatasync) and the link (TCP
# over loopback) need for one, the slower of them. And the 99th percentile of gets, before such a join and meanwhile: with the
# limit that a node has unless it is told another (kv_join_get_p99), and without any (kv_join_get_p99_unlimited).
# shellcheck source=SCRIPTDIR/kv_nodes.sh
source "$(dirname "${BASH_SOURCE[0]}")/kv_nodes.sh"
mib=$([[ ${2-} == --quick ]] && echo 256 || echo 1024)
readonly value_bytes=16000 shards=64 gets=3

now_us() { echo $(($(date +%s%N) / 1000)); }

# For a MiB. The file stays until all is over, as the store's does: on a virtual machine memory that the page cache takes for the
# first time may cost more than the writing (0.8 ms a MiB in the pages of a file that was just removed, 2.5 in new ones).
disk_us() { # disk_us FILE
    local begin
    begin=$(now_us)
    dd if=/dev/zero of="$scratch/$1" bs=1M count="$mib" conv=fdatasync status=none
    echo $((($(now_us) - begin) / mib))
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

# join: three nodes with all the data, and a fourth that joins them. Sets before, meanwhile (p99 of gets, us) and took (us).
join() {
    local node getting begin
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
    took=$(($(now_us) - begin))
    has_joined || { echo "the fourth node is not filled" >&2; exit 1; }
    kill $getting
    wait $getting
    read -r _ meanwhile _ < "$scratch/meanwhile"
    end_kv
}

keys=$((mib * 1048576 / value_bytes))
disk_before=$(disk_us disk1)
link=$(link_us)
export BEAM_KV_COPY_LIMIT=0
join
# The disk is not the same from one second to the next.
disk=$(((disk_before + $(disk_us disk2)) / 2))
rm "$scratch"/disk?
kv_figure kv_join_disk_link beamcore $((disk > link ? disk : link)) us ''
kv_figure kv_join_1gib beamcore $((took / (mib * 2 / 4))) us lmdb
kv_figure kv_join_get_p99_unlimited beamcore "$meanwhile" us lmdb
unset BEAM_KV_COPY_LIMIT
join
kv_figure kv_join_get_p99_before beamcore "$before" us lmdb
kv_figure kv_join_get_p99 beamcore "$meanwhile" us lmdb
