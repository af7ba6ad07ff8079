#!/usr/bin/env bats
# kv for clients that speak RESP: redis-cli, redis-benchmark, a client library, strangers, and nodes that die meanwhile.

bats_require_minimum_version 1.5.0
load helper

is_healthy() { kv cluster health -q; }

# The node that answers serves; `cli` asks it.
serve() {
    kv serve --resp ./r.sock >/dev/null
    eventually is_healthy
    cli() { redis-cli -s ./r.sock "$@"; }
    export -f cli
}

# A cluster of this node alone, with few shards.
serve_alone() {
    export BEAM_NODE=solo
    kv cluster init --rf 1 --shards 8 >/dev/null
    serve
}

needs() { command -v "$1" >/dev/null || skip "$1 is missing"; }
# The system's, for which the package is.
needs_library() { /usr/bin/python3 -c 'import redis' 2>/dev/null || skip "python3-redis is missing"; }
say() { socat -t 10 - UNIX-CONNECT:./r.sock | tr -d '\r'; }

kill_node() {
    local pids
    mapfile -t pids < <(beamd status --node "$1" --json | jq '.parent_pid, .os_pid')
    kill -9 "${pids[@]}"
}

@test "serve says where, goes on after the tool has left, and stops" {
    needs redis-cli
    transcript <<'END'
$ kv serve --resp ./r.sock
serving RESP at .../r.sock
$ redis-cli -s ./r.sock ping
PONG
$ kv serve --resp ./r.sock
2> kv: serve failed: .../r.sock: Address already in use
[73]
$ kv serve --resp ./r.sock --stop
stopped: .../r.sock
$ kv serve --resp ./r.sock --stop
2> kv: serve failed: nobody listens at .../r.sock; try: kv serve --resp .../r.sock
[1]
$ redis-cli -s ./r.sock ping
2> Could not connect to Redis at ...
[1]
END
}

@test "loopback only, unless it is said; the address may stand in config.toml" {
    transcript <<'END'
$ kv serve
2> kv: serve failed: it is not said where, with --resp PATH or --resp HOST:PORT; try: kv serve --resp localhost:6380
[2]
$ kv serve --resp 0.0.0.0:0
2> kv: serve failed: anybody who reaches 0.0.0.0 could read and change everything; try: kv serve --resp 0.0.0.0:0 --allow-remote
[73]
$ kv serve --resp nonsense
2> kv: serve failed: nonsense is no address: it is neither a path with a slash nor HOST:PORT; try: kv serve --resp localhost:6380
[2]
$ kv serve --resp localhost:0
serving RESP at 127.0.0.1:...
END
    mkdir -p "$XDG_CONFIG_HOME/beamcore"
    printf '[kv]\nresp = "./r.sock"\n' >"$XDG_CONFIG_HOME/beamcore/config.toml"
    transcript <<'END'
$ kv serve
serving RESP at .../r.sock
END
}

@test "a node that serves does not leave when it is idle; when it serves no more, it does" {
    export BEAM_IDLE_EXIT=50ms
    kv serve --resp ./r.sock --node solo
    local serves idle
    serves=$(beamd status --node solo --json | jq .parent_pid)
    cache stats --node other >/dev/null
    idle=$(beamd status --node other --json | jq .parent_pid)
    eventually has_ended "$idle"
    is_running "$serves"
    kv serve --resp ./r.sock --stop --node solo
    eventually has_ended "$serves"
}

@test "what the tool puts redis-cli gets, and the other way round" {
    needs redis-cli
    serve
    transcript <<'END'
$ kv put key1 value1 --ttl 30s
ok
$ cli get key1
value1
$ cli ttl key1
30
$ cli set key2 value2 ex 60
OK
$ kv get key2 --raw --node nodeC
value2
$ kv ttl key2
1m
END
}

@test "strings and numbers" {
    needs redis-cli
    serve_alone
    transcript <<'END'
$ cli set n 10
OK
$ cli incr n
11
$ cli incrby n 5
16
$ cli decr n
15
$ cli decrby n 5
10
$ cli append n 0
3
$ cli get n
100
$ cli strlen n
3
$ cli strlen absent
0
$ cli set s hello nx
OK
$ cli set s other nx

$ cli set s other xx get
hello
$ cli set absent v xx

$ cli getset s more
other
$ cli getdel s
more
$ cli getdel s

$ cli exists s n n
2
$ cli mset {t}a 1 {t}b 2
OK
$ cli mget {t}a {t}b c
1
2

$ cli type n
string
$ cli type absent
none
$ cli setnx n 9
0
$ cli setnx new 9
1
$ cli unlink {t}a {t}b c
2
$ cli del n n new
2
$ cli incr absent
1
END
}

@test "time" {
    needs redis-cli
    serve_alone
    transcript <<'END'
$ cli set k v px 100000
OK
$ cli ttl k
100
$ cli set k w keepttl
OK
$ cli ttl k
100
$ cli persist k
1
$ cli persist k
0
$ cli ttl k
-1
$ cli expire k 50
1
$ cli expire k 60 nx
0
$ cli expire k 60 gt
1
$ cli ttl k
60
$ cli setex k 70 v
OK
$ cli psetex k 80000 v
OK
$ cli ttl k
80
$ cli incr n
1
$ cli expire n 100
1
$ cli incr n
2
$ cli ttl n
100
$ cli pexpire k 1
1
$ cli ttl absent
-2
$ cli expire absent 10
0
$ cli persist absent
0
$ cli set gone v
OK
$ cli expire gone -1
1
$ cli exists gone
0
$ cli expireat n 1
1
$ cli get n

END
    eventually bash -c '[ "$(cli exists k)" = 0 ]'
}

@test "keys of one shard are written in one go, others are not" {
    needs redis-cli
    serve_alone
    transcript <<'END'
$ cli mset a 1 b 2 c 3 d 4 e 5 f 6
CROSSSLOT the keys are not of one shard: give them the same {tag}; nothing was written

$ cli exists a b c d e f
0
$ cli mset {x}a 1 {x}b 2 {x}c
ERR wrong number of arguments for 'mset' command

END
}

@test "words for what is wrong" {
    needs redis-cli
    serve_alone
    transcript <<'END'
$ cli nonsense a b
ERR unknown command 'nonsense', with args beginning with: 'a' 'b' 

$ cli get
ERR wrong number of arguments for 'get' command

$ cli set k v ex
ERR syntax error

$ cli set k v ex 0
ERR invalid expire time in 'set' command

$ cli set k v ex ten
ERR value is not an integer or out of range

$ cli set k v
OK
$ cli incr k
ERR value is not an integer or out of range

$ cli set k 007
OK
$ cli incr k
ERR value is not an integer or out of range

$ cli set k 9223372036854775807
OK
$ cli incr k
ERR increment or decrement would overflow

$ cli decrby k -9223372036854775808
ERR decrement would overflow

$ cli select 1
ERR DB index is out of range

$ cli scan 77
ERR invalid cursor: this node does not know it any more; begin with 0

$ cli set "" v
ERR a key is not empty

$ cli config set save ""
ERR nothing of a store is set with CONFIG SET

END
    [[ "$(cli get "$(head -c 1025 /dev/zero | tr '\0' k)")" = "ERR the key has 1025 bytes; at most 1024 are allowed"* ]]
    [[ "$(head -c 1048577 /dev/zero | cli -x set k)" = "ERR the value has 1048577 bytes; at most 1 MiB is allowed"* ]]
    head -c 1048576 /dev/zero | cli -x set k
    [ "$(cli strlen k)" = 1048576 ]
}

@test "scan goes through all shards; a cursor is good for any connection" {
    needs redis-cli
    serve_alone
    seq 1000 | sed 's/.*/{"key":"key:&","value":"v"}/' | kv import -q
    cli set user:1 a
    cli set '{t}x' b
    [ "$(cli --scan | wc -l)" = 1002 ]
    [ "$(cli --scan | sort -u | wc -l)" = 1002 ]
    [ "$(cli --scan --pattern 'user:*')" = "user:1" ]
    [ "$(cli --scan --pattern '{t}*')" = "{t}x" ]
    [ "$(cli --scan --pattern 'key:*[05]' | wc -l)" = 200 ]
    [ "$(cli dbsize)" = 1002 ]
    mapfile -t first < <(cli scan 0 count 7)
    [ "${#first[@]}" -eq 8 ]
    mapfile -t next < <(cli scan "${first[0]}" count 7)
    mapfile -t again < <(cli scan "${first[0]}" count 7)
    [ "${next[*]:1}" = "${again[*]:1}" ]
    [ "$(cli scan 0 count 5000 type list | tail -n 1)" = "" ]
}

@test "info, config, client, command, hello, reset" {
    needs redis-cli
    serve_alone
    transcript <<'END'
$ cli config get append*
appendonly
yes
appendfsync
always
$ cli client setname me
OK
$ cli info kv | tr -d '\r'
# Kv
shards:8
shards_led:8
$ cli readonly
OK
$ cli readwrite
OK
$ cli reset
RESET
END
    [ "$(cli command count)" -gt 40 ]
    cli -3 hello 3 | grep -q proto
}

@test "pipelines keep their order, and inline commands are taken" {
    needs socat
    serve_alone
    [ "$(printf 'SET a 1\r\nINCR a\r\nGET a\r\nNONSENSE\r\nDEL a a\r\nGET a\r\n\r\nPING\r\nQUIT\r\nSET late 1\r\n' | say | tr '\n' ' ')" = \
        "+OK :2 \$1 2 -ERR unknown command 'NONSENSE', with args beginning with:  :1 \$-1 +PONG +OK " ]
    [ "$(printf 'EXISTS late\r\n' | say)" = ":0" ]
    # Beyond what one connection has under way at once.
    [ "$(for i in $(seq 500); do printf 'INCR n\r\nSET k%s %s\r\nGET k%s\r\n' "$i" "$i" "$i"; done | say |
        awk 'NR % 4 == 1 { n += $0 == ":" (NR + 3) / 4 } NR % 4 == 0 { n += $0 == NR / 4 } END { print n, NR }')" = "1000 2000" ]
}

@test "garbage is refused, and nobody else suffers" {
    needs socat
    serve_alone
    [ "$(printf 'SET a 1\r\n*1\r\n$2147483648\r\n' | say | tail -n 1)" = "-ERR Protocol error: invalid bulk length" ]
    [ "$(printf '*2147483648\r\n' | say)" = "-ERR Protocol error: invalid multibulk length" ]
    [[ "$(printf '*1\r\n!x\r\n' | say)" = "-ERR Protocol error: expected '\$'"* ]]
    [ -z "$(printf '*2\r\n$3\r\nGET\r\n$10\r\nabc' | say)" ]
    head -c 100000 /dev/urandom | say >/dev/null || true
    [ "$(printf 'GET a\r\n' | say | tail -n 1)" = 1 ]
    [ "$(beamd status --json | jq .restarts)" = 0 ]
}

# While the primary's process is paused: whether nodeB answers `GET user:42` at once, after the command given.
answers_alone() {
    local primary said
    primary=$(node_status os_pid --node nodeA)
    kill -STOP "$primary"
    said=$(printf '%s\r\nGET user:42\r\n' "$1" | timeout 1 socat -t 2 - UNIX-CONNECT:./replica.sock | tr -d '\r' | tr '\n' ' ')
    kill -CONT "$primary"
    [ "$said" = '+OK $6 active ' ]
}

@test "READONLY: a replica of the node answers, and without it the primary alone" {
    needs socat
    serve
    kv put user:42 active
    kv serve --resp ./replica.sock --node nodeB
    [ "$(printf 'GET user:42\r\n' | socat -t 10 - UNIX-CONNECT:./replica.sock | tr -d '\r' | tail -n 1)" = active ]
    eventually answers_alone READONLY
    eventually is_healthy
    run ! answers_alone READWRITE
}

# A key that is on these two nodes: key_on PRIMARY REPLICA.
key_on() {
    local i
    for i in {1..200}; do
        kv locate "key:$i" | grep -q "primary=$1 replicas=$2\$" && echo "key:$i" && return
    done
    return 1
}

@test "a shard that waits holds up neither other shards nor other clients" {
    serve
    local stopped first second
    first=$(key_on nodeA nodeB) second=$(key_on nodeC nodeA)
    stopped=$(node_status os_pid --node nodeB)
    kill -STOP "$stopped"
    # The first of two writes waits for nodeB. Another client sees the second before the first is answered.
    run python3 - "$first" "$second" <<'END'
import select, socket, sys, time
def connect():
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(30)
    s.connect("./r.sock")
    return s
waits, other = connect(), connect()
waits.sendall(("SET %s v\r\nSET %s v\r\n" % tuple(sys.argv[1:])).encode())
until, answer = time.monotonic() + 20, b""
while answer != b"$1\r\nv\r\n":
    assert time.monotonic() < until, answer
    other.sendall(("GET %s\r\n" % sys.argv[2]).encode())
    answer = other.recv(100)
assert not select.select([waits], [], [], 0)[0], "the second write waited for the first"
got = b""
while got.count(b"\r\n") < 2:
    got += waits.recv(100)
assert got == b"+OK\r\n+OK\r\n", got
END
    kill -CONT "$stopped"
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
    eventually is_healthy
}

@test "a client library: python's redis" {
    needs_library
    serve
    /usr/bin/python3 - ./r.sock <<'END'
import sys, redis
r = redis.Redis(unix_socket_path=sys.argv[1])
assert r.ping()
assert r.set("k", b"\x00\xff\n", ex=100)
assert r.get("k") == b"\x00\xff\n"
assert 98 <= r.ttl("k") <= 100
assert r.get("absent") is None
assert r.set("k", "x", nx=True) is None
assert r.setex("t", 10, "v") and r.ttl("t") == 10
assert r.incr("n", 5) == 5
assert r.mset({"{s}a": 1, "{s}b": 2}) and r.mget("{s}a", "{s}b", "c") == [b"1", b"2", None]
try:
    r.mset({"a%d" % i: i for i in range(20)})
    raise SystemExit("keys of several shards were written in one go")
except redis.ResponseError as e:
    assert "nothing was written" in str(e), e
assert r.exists("{s}a", "{s}b", "c") == 2
assert sorted(r.scan_iter("{s}*")) == [b"{s}a", b"{s}b"]
assert r.delete("{s}a", "{s}b", "absent") == 2
p = r.pipeline(transaction=False)
for i in range(1000):
    p.set("p%d" % i, i)
    p.get("p%d" % i)
answers = p.execute()
assert answers[1::2] == [str(i).encode() for i in range(1000)]
assert r.dbsize() == 1003, r.dbsize()
assert len(set(r.scan_iter(count=100))) == 1003
assert r.delete(*["p%d" % i for i in range(1000)]) == 1000
assert r.config_get("appendfsync") == {"appendfsync": "always"}
try:
    r.execute_command("LPUSH", "l", "x")
    raise SystemExit("LPUSH was taken")
except redis.ResponseError as e:
    assert "unknown command" in str(e)
big = b"x" * (1 << 20)
assert r.set("big", big) and r.get("big") == big
for i in range(10):
    assert r.set("big%d" % i, big)
assert r.mget(["big%d" % i for i in range(10)]) == [big] * 10
r.close()
END
}

@test "many who change one key: each SET ... GET sees another's, and none is lost" {
    needs_library
    serve_alone
    /usr/bin/python3 - ./r.sock <<'END'
import sys, redis, threading
def connect():
    return redis.Redis(unix_socket_path=sys.argv[1])
seen, lock = [], threading.Lock()
def run(who):
    r, mine = connect(), []
    for i in range(25):
        mine.append(r.set("k", "%d:%d" % (who, i), get=True))
        r.append("log", "x")
        r.incr("n")
    with lock:
        seen.extend(mine)
threads = [threading.Thread(target=run, args=(i,)) for i in range(4)]
[t.start() for t in threads]
[t.join() for t in threads]
r = connect()
all = [v for v in seen if v is not None] + [r.get("k")]
# Each value but the first's predecessor, none, was given exactly once.
assert len(seen) == 100 and seen.count(None) == 1, (len(seen), seen.count(None))
assert len(set(all)) == 100, len(set(all))
assert r.strlen("log") == 100 and r.get("n") == b"100"
END
}

@test "a node is killed: the connection stays, errors say what is known, and nothing acknowledged is lost" {
    needs_library
    serve
    cat >client.py <<'END'
import sys, redis, select
r = redis.Redis(unix_socket_path=sys.argv[1], retry_on_timeout=False)
r.ping()
connection = r.client_id()
sums, unknown, definite, done = {}, {}, 0, 0
def goes_on():
    return not select.select([sys.stdin], [], [], 0)[0]
while goes_on():
    for i in range(64):
        key = "count:%d" % i
        try:
            r.incr(key)
            sums[key] = sums.get(key, 0) + 1
            done += 1
        except redis.ResponseError as e:
            word = str(e)
            if "may or may not" in word:
                assert word.startswith("UNKNOWN "), word
                unknown[key] = unknown.get(key, 0) + 1
            else:
                assert "nothing was written" in word, word
                definite += 1
    if done > 0 and done // 64 == 1:
        print("writing", flush=True)
for key, least in sums.items():
    is_now = int(r.get(key) or 0)
    assert least <= is_now <= least + unknown.get(key, 0), (key, least, is_now, unknown.get(key))
assert r.client_id() == connection
print("right done=%d unknown=%d definite=%d" % (done, sum(unknown.values()), definite), flush=True)
END
    mkfifo stdin
    timeout 100 /usr/bin/python3 client.py ./r.sock <stdin >said 2>&1 3>&- &
    local client=$! hold
    exec {hold}>stdin
    eventually grep -q writing said
    kill_node nodeB
    kv cluster status --node nodeB >/dev/null
    eventually is_healthy
    exec {hold}>&-
    wait "$client" || { cat said; return 1; }
    grep right said
}

@test "redis-benchmark runs through" {
    needs redis-benchmark
    serve_alone
    redis-benchmark -s ./r.sock -c 20 -n 3000 -P 16 -q -r 1000 -t set,get,incr,ping >"$BEAM_TEST_ROOT/bench" 2>&1
    [ "$(grep -c 'requests per second' "$BEAM_TEST_ROOT/bench")" -ge 4 ]
}
