#!/usr/bin/env bats
# cache as its users see it.

load helper

@test "the transcript" {
    transcript <<'END'
$ cache put key1 value1 --ttl 30s
ok
$ cache get key1
value1
END
    cache flush --yes
    transcript <<'END'
$ seq 1245 | cache load --max-entries 1200
loaded=1245
$ cache stats
entries=1200 evictions=45
END
}

@test "a missing key is a no: nothing on stdout, exit 1" {
    transcript <<'END'
$ cache put key1 value1 --ttl 30s
ok
$ cache get key2
2> cache: get key2 failed: no such key; try: cache put key2 VALUE
[1]
$ v=$(cache get key2 2>/dev/null) || v=default; echo "$v"
default
$ cache get key2 --json
2> {"error":{"exit":1,"kind":"not_found","try":"cache put key2 VALUE","what":"get key2","why":"no such key"}}
[1]
END
}

@test "time: ttl, touch, and a value that has gone" {
    transcript <<'END'
$ cache put brief v --ttl 1ms
ok
$ cache put long v --ttl 1h
ok
$ cache put stays v
ok
$ cache ttl long
1h
$ cache ttl stays
none
$ cache touch stays --ttl 2m
ok
$ cache ttl stays
2m
$ cache touch long --ttl none
ok
$ cache ttl long
none
$ cache ttl absent
2> cache: ttl absent failed: no such key; try: cache put absent VALUE
[1]
$ cache touch absent
2> cache: touch absent failed: no such key; try: cache put absent VALUE
[1]
END
    eventually bash -c '! cache get brief'
    transcript <<'END'
$ cache explain brief
brief: expired ... ago, 1ms after it was put
END
}

@test "values are any bytes: none, zero bytes, newlines, and what is not UTF-8" {
    printf '' | cache put empty -
    [ "$(cache get empty --json | jq -r .value)" = "" ]
    printf 'a\0b\n\377\n' >"$BEAM_TEST_ROOT/bytes"
    cache put bytes - <"$BEAM_TEST_ROOT/bytes"
    cache get bytes --raw | cmp - "$BEAM_TEST_ROOT/bytes"
    [ "$(cache get bytes --json | jq -r '.value["$b64"]' | base64 -d | od -c)" = "$(od -c <"$BEAM_TEST_ROOT/bytes")" ]
    printf 'two\nlines\n' | cache put lines -
    transcript <<'END'
$ cache get lines
two
lines

END
}

@test "a value of 64 MiB is kept byte for byte" {
    head -c 64M /dev/urandom >"$BEAM_TEST_ROOT/large"
    cache put large - --timeout 120s <"$BEAM_TEST_ROOT/large"
    cache get large --raw --timeout 120s | cmp - "$BEAM_TEST_ROOT/large"
    [ "$(beamd status --json | jq .restarts)" = 0 ]
}

@test "a value of 1 GiB is refused before it is read, and the node goes on" {
    truncate -s 1G huge
    transcript <<'END'
$ cache put huge - < huge
2> cache: put huge failed: the value has more than the 512 MiB that are allowed
[1]
$ cache put small v
ok
END
}

@test "what is malformed is refused with exit 2 and changes nothing" {
    transcript <<'END'
$ cache put "" v
2> cache: put  failed: the key is empty
[2]
$ cache put k v --ttl 30
2> cache: --ttl 30 failed: not a duration, as 250ms, 10s or 1m30s
[2]
$ cache limits --policy random
2> cache: --policy random failed: a policy is one of lru, lfu and fifo
[2]
$ cache get k --ttl 5s
2> cache: get k failed: --ttl, --tag and --stale are for what --or-run makes; try: cache touch k --ttl 5s
[2]
$ cache limits --max-entries 0
2> cache: --max-entries 0 failed: neither a whole number above 0 nor none
[2]
$ cache del
2> cache: delete failed: it takes a key, or a tag with --tag; try: cache delete --help
[2]
$ cache stats
entries=0 evictions=0
END
}

@test "limits: entries, bytes, policies; who has gone is explained" {
    transcript <<'END'
$ cache limits
max_entries=none max_bytes=none policy=lru ttl=none
$ cache limits --max-entries 2 --ttl 1h
max_entries=2 max_bytes=none policy=lru ttl=1h
$ cache put a 1
ok
$ cache put b 2
ok
$ cache get a
1
$ cache put c 3
ok
$ cache get b
2> cache: get b failed: no such key; try: cache put b VALUE
[1]
$ cache explain b
b: evicted ... ago, ... after it was put
$ cache explain a
a: live, put ... ago, expires in 1h
$ cache explain never
never: unknown, not among the last 10000 removals
[1]
$ cache del a
ok
$ cache explain a
a: deleted ... ago, ... after it was put
$ cache limits --policy fifo --max-entries none --max-bytes 64M
max_entries=none max_bytes=64M policy=fifo ttl=1h
$ cache limits --max-bytes 300
max_entries=none max_bytes=300B policy=fifo ttl=1h
$ head -c 400 /dev/zero | cache put d -
2> cache: put d failed: the entry would take 593 bytes, and the cache may hold 300; try: cache limits --max-bytes SIZE
[1]
END
}

@test "stats add up exactly" {
    seq 500 | cache load --max-entries 300
    seq 400 420 | cache load --ttl 1ms
    cache del 450
    cache put 451 anew
    cache get 452 >"$BEAM_TEST_ROOT/out"
    run cache get 1
    eventually bash -c '[ "$(cache stats --json | jq .expired)" = 21 ]'
    cache stats --json | jq -e '.inserted == .entries + .deleted + .expired + .evicted_live
        and .evictions == .evicted_live and .deleted == 1 and .evicted_live == 200
        and .updated == 22 and .hits == 1 and .misses == 1
        and .limit.max_entries == 300 and .bytes > 0 and .oldest_ms >= 0'
}

@test "tags: what belongs to a build goes with it" {
    transcript <<'END'
$ cache put a 1 --tag build42
ok
$ cache put b 2 --tag build42 --tag other
ok
$ cache put c 3 --tag build43
ok
$ cache del --tag build42
deleted=2
$ cache del --tag build42
deleted=0
[1]
$ cache keys
c
END
}

@test "keys: all, some, and as JSON lines" {
    seq 3 | cache load
    cache put "user:1" v
    cache put $'with\nnewline' v
    [ "$(cache keys | sort | tr '\n' ' ')" = '1 2 3 user:1 with\nnewline ' ]
    transcript <<'END'
$ cache keys --match 'user:*'
user:1
$ cache keys --match 'user:*' --json
{"key":"user:1"}
$ cache keys --match 'nobody*'
END
}

@test "a flush asks, or wants --yes" {
    cache put a 1
    transcript <<'END'
$ cache flush
2> cache: flush failed: nobody can be asked whether to delete all entries of the cache; try: cache flush --yes
[2]
$ cache get a
1
$ cache flush --yes
ok
$ cache stats
entries=0 evictions=0
END
}

@test "batch answers in order" {
    transcript <<'END'
$ printf '%s\n' '{"id":1,"method":"put","params":{"key":"a","value":"1"}}' | cache batch
{"id":1,"result":{"key":"a","replaced":false}}
$ printf '%s\n' '{"id":2,"method":"get","params":{"key":"a"}}' '{"id":3,"method":"get","params":{"key":"b"}}' | cache batch
{"id":2,"result":{"key":"a","value":"1"}}
{"error":...}
[1]
END
}

@test "the worker is killed: nothing is lost" {
    seq 2000 | cache load
    worker() { observer processes --json | jq -r '.processes[] | select(.name == "cache_worker").pid'; }
    export -f worker
    before=$(worker)
    observer kill "$before" --write --yes
    eventually bash -c '[ -n "$(worker)" ] && [ "$(worker)" != "'"$before"'" ]'
    [ "$(cache get 1234)" = 1234 ]
    [ "$(cache stats)" = "entries=2000 evictions=0" ]
}

@test "--or-run: a missing value is made once, however many ask" {
    cat >maker <<'END'
#!/bin/sh
echo x >>made
while [ ! -e go ]; do :; done
echo the value
END
    chmod +x maker
    local i
    cache put warm up
    for i in 1 2 3 4 5; do
        cache get k --or-run ./maker --ttl 1h >"out.$i" 3>&- &
    done
    eventually test -e made
    touch go
    wait
    for i in 1 2 3 4 5; do [ "$(cat "out.$i")" = "the value" ]; done
    [ "$(wc -l <made)" = 1 ]
    [ "$(cache ttl k)" = 1h ]
}

@test "--or-run: if the one that makes the value dies, the next makes it" {
    cat >maker <<'END'
#!/bin/sh
echo $$ >>made
while [ ! -e go ]; do :; done
echo made by the second
END
    chmod +x maker
    cache put warm up
    cache get k --or-run ./maker >out.1 2>/dev/null 3>&- &
    local first=$!
    eventually test -e made
    cache get k --or-run ./maker >out.2 3>&- &
    local second=$!
    kill -9 $first
    kill -9 "$(head -1 made)"
    eventually bash -c '[ "$(wc -l <made)" = 2 ]'
    touch go
    wait $second
    [ "$(cat out.2)" = "made by the second" ]
}

@test "--or-run: a command that fails caches nothing, and its code is the tool's" {
    transcript <<'END'
$ cache get k --or-run 'echo no; exit 3'
2> cache: get k failed: the command exited with 3
[3]
$ cache get k --or-run 'echo yes'
yes
$ cache get k --or-run 'echo never'
yes
END
}

@test "--stale: others get the old value while one makes the new" {
    cat >maker <<'END'
#!/bin/sh
echo x >>made
while [ ! -e go ]; do :; done
echo new
END
    chmod +x maker
    cache get k --or-run 'echo old' --ttl 1ms --stale 1h
    eventually bash -c '! cache get k'
    cache get k --or-run ./maker --ttl 1h --stale 1h >out 3>&- &
    eventually test -e made
    transcript <<'END'
$ cache get k --or-run ./maker --ttl 1h --stale 1h
old
$ cache get k --or-run ./maker --ttl 1h --stale 1h --json | jq -c '[.value, .stale, .ran]'
["old",true,false]
END
    touch go
    wait
    [ "$(cat out)" = new ]
    [ "$(cache get k)" = new ]
    [ "$(wc -l <made)" = 1 ]
}

@test "a node with a live entry does not leave when it is idle; when it has expired, it does" {
    export BEAM_IDLE_EXIT=50ms
    cache put brief v --ttl 2s
    local pid before=${EPOCHREALTIME/./}
    pid=$(beamd status --json | jq .parent_pid)
    eventually has_ended "$pid"
    # Without the objection it would have been gone after 50 ms.
    [ $((${EPOCHREALTIME/./} - before)) -gt 1500000 ]
}
