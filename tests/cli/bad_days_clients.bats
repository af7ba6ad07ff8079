#!/usr/bin/env bats
# Clients that break the protocol, or speak it and do not listen. The node goes on for all others.

load helper

# hostile.py on the node's socket.
hostile() { timeout 100 python3 "$BATS_TEST_DIRNAME/hostile.py" "$socket" "$@"; }

# The same in the background, with its stdin held open and its output in said.$1; let_go ends it.
hostile_background() {
    local name=$1
    shift
    mkfifo "$BEAM_TEST_ROOT/stdin.$name"
    hostile "$@" <"$BEAM_TEST_ROOT/stdin.$name" >"$BEAM_TEST_ROOT/said.$name" 2>&1 3>&- &
    exec {held}>"$BEAM_TEST_ROOT/stdin.$name"
}

says() { grep -qx "$2" "$BEAM_TEST_ROOT/said.$1"; }
let_go() { exec {held}>&-; }

is_served() {
    transcript <<'END'
$ chatctl send general hello --timeout 20s
[general] user42: hello
END
}

# Still the runtime that it was, and without what the client had it keep.
goes_on() {
    is_served
    [ "$(node_status restarts)" -eq 0 ]
    # shellcheck disable=SC2016
    eventually bash -c '[ "$(beamd status --json | jq .clients)" -eq 1 ]'
}

start_node() {
    chatctl create room general
    socket=$(beamd socket)
}

@test "garbage: each line is answered with an error, and the connection stays" {
    start_node
    local seed
    for seed in 1 2 3; do [ "$(hostile garbage $seed)" = "bad_json=200 result=1" ]; done
    [ "$(hostile half)" = "bad_json=1" ]
    goes_on
}

@test "requests that are none: what is wrong is said" {
    start_node
    hostile say '{"id":1}
[{"id":1,"method":"node.ping"}]
"node.ping"
{"id":{},"method":"node.ping"}
{"id":2,"method":7}
{"id":3,"method":"node.ping","params":5}
{"id":4,"method":"node.ping","jsonrpc":"1.0"}
{"id":5,"method":"nowhere.at_all"}
{"id":6,"method":"chat.nothing"}
{"id":7,"method":"chat.history","params":{"room":7}}
{"id":8,"method":"chat.history","params":{"room":"general","limit":-1}}
{"id":9,"method":"chat.send","params":{"room":"general","text":"\ud800"}}
{"id":10,"method":"chat.join","params":{"room":"general","after":-1}}' |
        jq -r '"\(.id) \(.error.data.exit) \(.error.data.why)"' | sort >"$BEAM_TEST_ROOT/got"
    sort >"$BEAM_TEST_ROOT/wanted" <<'END'
1 65 there is no method, or it is no string
null 65 batches are not taken: one request a line
null 65 a request is an object
null 65 an id is a number, a string or null
2 65 there is no method, or it is no string
3 65 params is neither an object nor an array
4 65 jsonrpc is not "2.0"
5 76 this node knows no application "nowhere"
6 76 chat-1 has no method "chat.nothing"
7 2 room: ...
8 2 limit: ...
null 65 byte 71 is not JSON
10 2 after: ...
END
    transcript_matches "$BEAM_TEST_ROOT/got" "$BEAM_TEST_ROOT/wanted"
    goes_on
}

@test "a line of 100 MB: one error, then the connection is closed" {
    start_node
    local after
    [ "$(hostile long 100000000)" = "too_long=1" ]
    after=$(awk '/VmHWM/ { print $2 }' "/proc/$(node_status os_pid)/status")
    [ "$after" -lt 100000 ]  # kB: it was never kept whole
    goes_on
}

@test "10000 requests without reading an answer: the client waits, others do not, none is lost" {
    start_node
    hostile_background flood flood 10000 node.status
    eventually says flood held
    is_served
    [ "$(awk '/VmRSS/ { print $2 }' "/proc/$(node_status os_pid)/status")" -lt 100000 ]
    let_go
    wait $!
    says flood "each once"
    goes_on
}

@test "10000 requests for a room without reading: answered once each, some with overloaded" {
    start_node
    hostile_background flood flood 10000 chat.list
    eventually says flood 'held\|taken'
    is_served
    let_go
    wait $!
    says flood "each once"
    goes_on
}

@test "connections that are never used, or hang in half a line, hold nobody up" {
    start_node
    hostile_background idle hold 100
    eventually says idle holding
    is_served
    let_go
    wait $!
    hostile_background stuck hold 100 '{"id":1,"method":"chat.li'
    eventually says stuck holding
    is_served
    # They do not hold up a stop either.
    transcript <<<$'$ beamd stop\nbeam: stopped'
    let_go
    wait $!
    is_served
}

@test "connections up to the limit: the next is told, waits for a place, and gets it" {
    bash -c 'ulimit -n 100; exec beamd --daemon' 3>&-
    start_node
    hostile_background many hold 200
    eventually says many holding
    # shellcheck disable=SC2016
    eventually bash -c 'chatctl list --timeout 2s 2>&1 | grep -q "too many clients are connected"'
    run chatctl list --timeout 300ms
    [ "$status" -eq 75 ]
    chatctl send general "at last" --timeout 60s >"$BEAM_TEST_ROOT/sent" 3>&- {held}>&- &
    local sender=$!
    let_go
    wait $sender
    [ "$(cat "$BEAM_TEST_ROOT/sent")" = "[general] user42: at last" ]
    goes_on
}

@test "a client that leaves in the middle of a stream or a request leaves nothing behind" {
    start_node
    hostile_background joiners hold 20 '{"id":1,"method":"chat.join","params":{"room":"general","user":"ghost"}}
'
    eventually says joiners holding
    eventually bash -c 'chatctl users | grep -qx "ghost in general"'
    let_go
    wait $!
    # shellcheck disable=SC2016
    eventually bash -c '[ -z "$(chatctl users)" ]'
    goes_on
}

@test "names over the protocol: control characters, 1 MB, nothing, no UTF-8, dots and dashes" {
    start_node
    local big name
    big=$(head -c 1000000 /dev/zero | tr '\0' x)
    for name in '' 'a\u0000b' 'a\nb' '\u001b[31m' "$big" 'a/b' ' a'; do
        [ "$(printf '{"method":"create_room","params":{"room":"%s"}}' "$name" | chatctl batch |
            jq -r .error.kind)" = bad_params ]
    done
    [ "$(hostile say $'{"id":1,"method":"chat.create_room","params":{"room":"\xff"}}' |
        jq -r .error.data.kind)" = bad_json ]
    transcript <<'END'
$ chatctl create room ..
room ..: pid=<0...>
$ chatctl create room -- -x
room -x: pid=<0...>
$ chatctl send .. hello
[..] user42: hello
$ chatctl list | sed 's/:.*//'
-x
..
general
END
    goes_on
}

@test "messages over the protocol: NUL, escapes and newlines are kept, too much is refused" {
    start_node
    printf '%s\n' '{"method":"send","params":{"room":"general","text":"a\u0000b\n\u001b[2J"}}' | chatctl batch
    transcript <<'END'
$ chatctl history general
[general] user42: a\x00b\n\x1b[2J
END
    [ "$(chatctl history general --json | jq -c '.messages[0].text')" = '"a\u0000b\n\u001b[2J"' ]
    head -c 1000000 /dev/zero | tr '\0' x >"$HOME/long"
    [ "$(printf '{"method":"send","params":{"room":"general","text":"%s"}}' "$(<"$HOME/long")" |
        chatctl batch | jq -c '[.error.kind, .error.exit]')" = '["bad_params",2]' ]
    transcript <<'END'
$ chatctl send general - <$HOME/long
2> chatctl: send general failed: the message has more than the 65536 bytes that are allowed
[2]
END
    is_served
}
