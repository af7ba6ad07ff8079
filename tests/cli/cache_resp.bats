#!/usr/bin/env bats
# cache for clients that speak RESP: redis-cli, redis-benchmark, a client library, and strangers.

load helper

serve() {
    cache serve --resp ./r.sock >/dev/null
    cli() { redis-cli -s ./r.sock "$@"; }
    export -f cli
}

needs() { command -v "$1" >/dev/null || skip "$1 is missing"; }

@test "serve says where, goes on after the tool has left, and stops" {
    needs redis-cli
    transcript <<'END'
$ cache serve --resp ./r.sock
serving RESP at .../r.sock
$ redis-cli -s ./r.sock ping
PONG
$ cache serve --resp ./r.sock
2> cache: serve failed: .../r.sock: Address already in use
[73]
$ cache serve --resp ./r.sock --stop
stopped: .../r.sock
$ redis-cli -s ./r.sock ping
2> Could not connect to Redis at ...
[1]
END
}

@test "loopback only, unless it is said" {
    transcript <<'END'
$ cache serve --resp 0.0.0.0:0
2> cache: serve failed: anybody who reaches 0.0.0.0 could read and change everything; try: cache serve --resp 0.0.0.0:0 --allow-remote
[73]
$ cache serve --resp nonsense
2> cache: serve failed: nonsense is no address: it is neither a path with a slash nor HOST:PORT; try: cache serve --resp localhost:6380
[2]
$ cache serve --resp localhost:0
serving RESP at 127.0.0.1:...
$ cache serve --resp 0.0.0.0:0 --allow-remote
serving RESP at 0.0.0.0:...
END
}

@test "what the tool puts redis-cli gets, and the other way round" {
    needs redis-cli
    serve
    transcript <<'END'
$ cache put key1 value1 --ttl 30s
ok
$ cli get key1
value1
$ cli ttl key1
30
$ cli set key2 value2 ex 60
OK
$ cache get key2
value2
$ cache ttl key2
1m
END
}

@test "strings and numbers" {
    needs redis-cli
    serve
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
$ cli set s hello nx
OK
$ cli set s other nx

$ cli set s other xx get
hello
$ cli getdel s
other
$ cli exists s n n
2
$ cli mset a 1 b 2
OK
$ cli mget a b c
1
2

$ cli type a
string
$ cli type absent
none
$ cli setnx a 9
0
$ cli unlink a b c
2
END
}

@test "time" {
    needs redis-cli
    serve
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
$ cli getex k persist
w
$ cli ttl k
-1
$ cli pexpire k 1
1
$ cli ttl absent
-2
$ cli expire absent 10
0
$ cli set gone v
OK
$ cli expire gone -1
1
$ cli exists gone
0
END
    eventually bash -c '[ "$(cli exists k)" = 0 ]'
}

@test "CL.THROTTLE is redis-cell's, and counts with ratelimit" {
    needs redis-cli
    serve
    # A second may pass meanwhile.
    throttle() { cli cl.throttle "$@" | paste -sd ' ' | sed 's/\<86399\>/86400/g; s/\<259199\>/259200/; s/\<345599\>/345600/'; }
    export -f throttle
    # A day for each token, so that none comes back meanwhile.
    transcript <<'END'
$ throttle user42 3 1 86400
0 4 3 -1 86400
$ throttle user42 3 1 86400 2
0 4 1 -1 259200
$ throttle user42 3 1 86400 0
0 4 1 -1 259200
$ throttle user42 3 1 86400 2
1 4 1 86400 259200
$ throttle user42 3 1 86400 5
1 4 1 -1 259200
$ ratelimit peek user42
allowed (remaining=1)
$ ratelimit explain user42 --json | jq -c '[.key, .known, .limit, .remaining]'
["user42",true,4,1]
$ ratelimit check user42 --limit 1/1d --burst 4
allowed (remaining=0)
$ throttle user42 3 1 86400
1 4 0 86400 345600
$ ratelimit reset user42
ok
$ throttle user42 0 1 86400
0 1 0 -1 86400
END
    # As it is in version 3, and beside other commands.
    [ "$(cli -3 cl.throttle other 15 30 60 | paste -sd ' ')" = "0 16 15 -1 2" ]
}

@test "CL.THROTTLE: what makes no sense is refused, and counts nothing" {
    needs redis-cli
    serve
    transcript <<'END'
$ cli cl.throttle user42 15 30
ERR wrong number of arguments for 'cl.throttle' command

$ cli cl.throttle user42 15 30 60 1 1
ERR wrong number of arguments for 'cl.throttle' command

$ cli cl.throttle user42 many 30 60
ERR value is not an integer or out of range

$ cli cl.throttle user42 -1 30 60
ERR value is not an integer or out of range

$ cli cl.throttle user42 15 0 60
ERR the count of a limit is 1 to 1000000000

$ cli cl.throttle user42 15 30 0
ERR the period of a limit is 1us to 366d

$ cli cl.throttle "" 15 30 60
ERR the key is empty

$ ratelimit explain user42 --json | jq .known
false
END
}

@test "redis's own words for what is wrong" {
    needs redis-cli
    serve
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

$ cli set k 9223372036854775807
OK
$ cli incr k
ERR increment or decrement would overflow

$ cli select 1
ERR DB index is out of range

$ cli lpush list 1
ERR unknown command 'lpush', with args beginning with: 'list' '1' 

END
}

@test "scan, dbsize, flushdb, info, config, client, command" {
    needs redis-cli
    serve
    seq 1000 | cache load
    cli mset user:1 a user:2 b
    [ "$(cli --scan | sort | uniq | wc -l)" = 1002 ]
    [ "$(cli --scan --pattern 'user:*' | sort | tr '\n' ' ')" = "user:1 user:2 " ]
    transcript <<'END'
$ cli dbsize
1002
$ cli info keyspace | tr -d '\r'
# Keyspace
db0:keys=1002
$ cli config get maxmemory
maxmemory
0
$ cli client setname me
OK
$ cli flushdb
OK
$ cli dbsize
0
END
    [ "$(cli command count)" -gt 40 ]
    cli -3 hello 3 | grep -q proto
}

@test "pipelines and inline commands" {
    needs socat
    serve
    [ "$(printf 'SET a 1\r\nINCR a\r\nGET a\r\n\r\nPING\r\nQUIT\r\n' | socat - UNIX-CONNECT:./r.sock | tr -d '\r' | tr '\n' ' ')" = "+OK :2 \$1 2 +PONG +OK " ]
}

@test "garbage is refused, and nobody else suffers" {
    needs socat
    serve
    say() { socat -t 5 - UNIX-CONNECT:./r.sock | tr -d '\r'; }
    [ "$(printf '*1\r\n$2147483648\r\n' | say)" = "-ERR Protocol error: invalid bulk length" ]
    [ "$(printf '*2147483648\r\n' | say)" = "-ERR Protocol error: invalid multibulk length" ]
    [ "$(printf '*1\r\n$1073741824\r\n' | say)" = "-ERR Protocol error: invalid bulk length" ]
    [[ "$(printf '*1\r\n!x\r\n' | say)" = "-ERR Protocol error: expected '\$'"* ]]
    [ -z "$(printf '*2\r\n$3\r\nGET\r\n$10\r\nabc' | say)" ]
    head -c 100000 /dev/urandom | say >/dev/null || true
    [ "$(printf 'PING\r\n' | say)" = "+PONG" ]
    [ "$(beamd status --json | jq .restarts)" = 0 ]
}

@test "a client library: python's redis" {
    # The system's, for which the package is.
    local python=/usr/bin/python3
    "$python" -c 'import redis' 2>/dev/null || skip "python3-redis is missing"
    serve
    "$python" - ./r.sock <<'END'
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
assert r.mset({"a": 1, "b": 2}) and r.mget("a", "b", "c") == [b"1", b"2", None]
assert r.exists("a", "b", "c") == 2
assert sorted(r.scan_iter("[ab]")) == [b"a", b"b"]
assert r.delete("a", "b") == 2
assert r.getex("k", persist=True) == b"\x00\xff\n" and r.ttl("k") == -1
p = r.pipeline(transaction=False)
for i in range(1000):
    p.set("p%d" % i, i)
    p.get("p%d" % i)
answers = p.execute()
assert answers[1::2] == [str(i).encode() for i in range(1000)]
assert r.dbsize() == 1003, r.dbsize()
assert r.info()["db0"] or True
assert r.config_get("maxmemory") == {"maxmemory": "0"}
try:
    r.execute_command("LPUSH", "l", "x")
    raise SystemExit("LPUSH was taken")
except redis.ResponseError as e:
    assert "unknown command" in str(e)
big = b"x" * (8 << 20)
assert r.set("big", big) and r.get("big") == big
assert r.flushdb() and r.dbsize() == 0
END
}

@test "redis-benchmark runs through" {
    needs redis-benchmark
    serve
    redis-benchmark -s ./r.sock -c 20 -n 5000 -P 16 -q -t set,get,incr,mset,ping >"$BEAM_TEST_ROOT/bench" 2>&1
    [ "$(grep -c 'requests per second' "$BEAM_TEST_ROOT/bench")" -ge 5 ]
}
