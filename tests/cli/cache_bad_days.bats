#!/usr/bin/env bats
# What may go wrong with a cache: its documented outcome, and that nothing else is disturbed.

load helper

serve() {
    cache serve --resp ./r.sock >/dev/null
    cli() { redis-cli -s ./r.sock "$@"; }
    export -f cli
}

# resp_clients.py in the background, with its stdin held open and its output in said.$1; `let_go NAME` ends it.
declare -gA held clients
client_background() {
    local name=$1 fd
    shift
    mkfifo "$BEAM_TEST_ROOT/stdin.$name"
    (
        # Or it would hold the others' stdin open.
        for fd in "${held[@]}"; do exec {fd}>&-; done
        exec timeout 100 python3 "$BATS_TEST_DIRNAME/resp_clients.py" ./r.sock "$@"
    ) <"$BEAM_TEST_ROOT/stdin.$name" >"$BEAM_TEST_ROOT/said.$name" 2>&1 3>&- &
    clients[$name]=$!
    exec {fd}>"$BEAM_TEST_ROOT/stdin.$name"
    held[$name]=$fd
}
says() { grep -q "$2" "$BEAM_TEST_ROOT/said.$1"; }
let_go() {
    local fd=${held[$1]}
    exec {fd}>&-
    unset "held[$1]"
    wait "${clients[$1]}"
}

adds_up() {
    cache stats --json | jq -e '.inserted == .entries + .deleted + .expired + .evicted_live' >/dev/null
}

# Others are served by the runtime that was there before.
goes_on() {
    [ "$(cli ping)" = PONG ]
    [ "$(cache put other value)" = ok ]
    [ "$(cli get other)" = value ]
    [ "$(node_status restarts)" -eq 0 ]
    adds_up
}

# KiB of memory that the runtime has.
memory() { awk '/^VmRSS/ { print $2 }' "/proc/$(node_status os_pid)/status"; }
takes_less_than() { [ "$(memory)" -lt "$1" ]; }

@test "200000 entries flushed while they are read: each answer is the value or none, and what is put meanwhile stays" {
    serve
    seq 200000 | cache load --timeout 60s
    client_background reader read 200000
    eventually says reader reading
    cache flush --yes --timeout 60s &
    local flush=$!
    eventually bash -c 'cache stats --json | jq -e ".deleted > 0"'
    cache put late v
    wait $flush
    let_go reader
    says reader '^right='
    [ "$(cli get 1)" = "" ]
    [ "$(cache get late)" = v ]
    cache stats --json | jq -e '.deleted == 200000 and .entries == 1 and .bytes < 300'
    goes_on
}

@test "values of no byte, with NUL, newlines and what is not UTF-8: the same by the tool and by RESP" {
    serve
    printf '' >empty
    printf 'a\0b\r\n\377\n\n' >bytes
    printf '$3\r\n' >like_resp
    head -c 300000 /dev/urandom >large
    local file
    for file in empty bytes like_resp large; do
        cache put "tool:$file" - <$file
        cli -x set "resp:$file" <$file
        cache get "tool:$file" --raw | cmp - $file
        cache get "resp:$file" --raw | cmp - $file
        [ "$(cli strlen "tool:$file")" -eq "$(wc -c <$file)" ]
        cli get "tool:$file" | head -c "$(wc -c <$file)" | cmp - $file
    done
    goes_on
}

@test "what large values took is given back" {
    serve
    cache put small v
    local before i
    before=$(memory)
    head -c 32M /dev/urandom >large
    for i in 1 2 3; do cache put large$i - <large; done
    cli append large1 x
    [ "$(memory)" -gt $((before + 90000)) ]
    for i in 1 2 3; do cache del large$i; done
    eventually takes_less_than $((before + 40000))
    goes_on
}

@test "a value of more than 512 MiB that comes through a pipe is refused" {
    cache put small v
    transcript <<'END'
$ head -c 600M /dev/zero | cache put huge -
2> cache: put huge failed: the value has more than the 512 MiB that are allowed
[1]
$ cache get huge
2> cache: get huge failed: no such key; try: cache put huge VALUE
[1]
$ cache get small
v
END
    [ "$(node_status restarts)" -eq 0 ]
}

@test "lengths that are announced take no memory, and those that are too large are refused" {
    serve
    cache put small v
    local before
    before=$(memory)
    client_background arrays lengths 200 '*1000000\r\n'
    client_background values lengths 200 '*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$536870912\r\nabc'
    eventually says arrays sent
    eventually says values sent
    goes_on
    takes_less_than $((before + 60000))
    local length
    for length in '*2147483647' '*9999999999999999999' '*1\r\n$2147483648' '*1\r\n$536870913' '*1\r\n$-2'; do
        printf '%b\r\nPING\r\n' "$length" | socat -t 5 - UNIX-CONNECT:./r.sock >answer
        [[ "$(tr -d '\r' <answer)" = "-ERR Protocol error: invalid "*length ]]
    done
    let_go arrays
    let_go values
    goes_on
}

@test "500 connections that say nothing: others are served, and they cost little" {
    serve
    cache put small v
    local before
    before=$(memory)
    ulimit -n 2000 || skip "a process may have $(ulimit -n) files open"
    client_background idle lengths 500 ''
    eventually says idle sent
    goes_on
    takes_less_than $((before + 30000))
    let_go idle
    goes_on
}

@test "more connections than the node may have files open: those beyond are told so, and the tools are served" {
    (ulimit -n 300 && serve)
    client_background idle lengths 300 ''
    eventually says idle sent
    # Told before it can ask.
    [ "$(socat -u UNIX-CONNECT:./r.sock - | tr -d '\r')" = "-ERR max number of clients reached" ]
    cache put other value --timeout 5s
    [ "$(cache get other --timeout 5s)" = value ]
    let_go idle
    is_served() { [ "$(redis-cli -s ./r.sock ping)" = PONG ]; }
    eventually is_served
}

@test "a client that asks and never reads: what it is sent is bounded, and others are served" {
    serve
    head -c 1M /dev/zero | cache put large -
    local before
    before=$(memory)
    client_background deaf never large
    eventually says deaf held
    goes_on
    # 1 MiB of output, what it had sent, and one value.
    takes_less_than $((before + 40000))
    let_go deaf
    goes_on
}

@test "MGET of more than 512 MiB is refused, and takes no memory" {
    serve
    head -c 1M /dev/zero | cache put large -
    local before keys
    before=$(memory)
    mapfile -t keys < <(yes large | head -n 513)
    transcript <<END
$ redis-cli -s ./r.sock mget ${keys[*]}
ERR the values have more than 512 MiB together; ask for fewer keys

END
    takes_less_than $((before + 20000))
    [ "$(cli mget large large absent | wc -c)" -eq $((2 * (1048576 + 1) + 1)) ]
    goes_on
}

@test "the worker is killed under load, then the keeper, in turn: nothing that is live is lost, and stats add up" {
    serve
    seq 1000 | cache load
    local name before
    for name in a b c; do client_background $name write $name 50; done
    for name in a b c; do eventually says $name writing; done
    pid_of() { observer processes --json | jq -r --arg n "$1" '.processes[] | select(.name == $n).pid'; }
    is_another() { [ -n "$(pid_of "$1")" ] && [ "$(pid_of "$1")" != "$2" ]; }
    for name in cache_worker cache_keeper cache_worker cache_keeper; do
        before=$(pid_of $name)
        observer kill "$before" --write --yes
        eventually is_another $name "$before"
        adds_up
    done
    for name in a b c; do
        let_go $name
        says $name '^lost=0 of many$' || { cat "$BEAM_TEST_ROOT/said.$name"; false; }
    done
    [ "$(cli get 777)" = 777 ]
    goes_on
    cli flushdb
    cache stats --json | jq -e '.entries == 0 and .bytes == 0'
}

@test "--or-run: a command that ignores SIGTERM is killed when its time is over, and the next one is run" {
    cat >stubborn <<'END'
#!/bin/sh
echo $$ >pid
trap '' TERM
while :; do :; done
END
    chmod +x stubborn
    transcript <<'END'
$ cache get k --or-run ./stubborn --timeout 500ms
2> cache: get k failed: the command took longer than 500ms, and was ended
[75]
$ cache get k --or-run 'echo made by another'
made by another
END
    has_ended "$(cat pid)"
}

@test "--or-run: what the command leaves in the background is not waited for" {
    cat >forks <<'END'
#!/bin/sh
(trap '' PIPE; while [ ! -e go ]; do :; done; echo late; echo end >ended) &
echo early
END
    chmod +x forks
    transcript <<'END'
$ cache get k --or-run ./forks
early
$ cache get k
early
END
    touch go
    eventually test -e ended
}

@test "--or-run: a command that prints for ever is ended, and caches nothing" {
    transcript <<'END'
$ cache get k --or-run yes
2> cache: get k failed: the command printed more than the 512 MiB that are allowed, and was ended
[1]
$ cache get k
2> cache: get k failed: no such key; try: cache put k VALUE
[1]
$ cache get k --or-run 'echo value'
value
END
}

@test "--or-run: a command that exits with 0 at once has made an empty value" {
    local i
    for i in 1 2 3; do cache get "k$i" --or-run true; done
    transcript <<'END'
$ cache get k1 --raw | wc -c
0
$ cache get k1 --or-run 'echo never'

$ cache stats
entries=3 evictions=0
END
}

@test "--or-run: a command that a signal ends is as in a shell" {
    transcript <<'END'
$ cache get k --or-run 'kill -9 $$'
2> cache: get k failed: the command exited with 137
[137]
$ cache get k --or-run nothing_of_that_name 2>/dev/null
[127]
END
}

@test "the runtime is killed: all is lost, and the cache goes on" {
    cache put k v
    kill -9 "$(node_status os_pid)"
    transcript <<'END'
$ cache get k
2> cache: get k failed: no such key; try: cache put k VALUE
[1]
$ cache put k again
ok
$ cache get k
again
END
    [ "$(node_status restarts)" -eq 1 ]
}
