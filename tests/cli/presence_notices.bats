#!/usr/bin/env bats
# Messages for users, as their users see them.

load helper

# A node alone unless a test says otherwise: what is tried is the same, and starts faster.
alone() { export BEAM_NODE=alone; }

# Starts `presence listen USER OPTION...`, which writes to the file heard, and waits until it is seen.
listens() {
    presence listen "$@" >heard 2>heard.err </dev/null 3>&- &
    listener=$!
    eventually presence status "$1"
}
# How many lines were heard.
has_heard() { [ "$(wc -l <heard)" -ge "$1" ]; }
has_state() { [[ $(presence receipt "$1") == "$2 "* ]]; }

@test "the transcript" {
    transcript <<'END'
$ presence notify user42 "ping"
queued
$ presence queue
user42: waiting=1 oldest=...
$ presence queue user42 --node nodeB
... queued user42: ping
END
    listens user42
    eventually has_heard 1
    transcript <<'END'
$ presence notify user42 "pong" --node nodeC
delivered
END
    eventually has_heard 2
    kill "$listener"
    [ "$(cat heard)" = $'user42: ping\nuser42: pong' ]
}

@test "who was away gets everything, in order, and acknowledges it" {
    alone
    local n
    for n in 1 2 3 4 5; do
        [ "$(presence notify bob "message $n" --as alice)" = queued ]
    done
    transcript <<'END'
$ presence listen bob --count 2
alice: message 1
alice: message 2
$ presence listen bob --ack --count 5 --timeout 20s
alice: message 1
alice: message 2
alice: message 3
alice: message 4
alice: message 5
$ presence listen bob --for 200ms
$ presence queue
END
}

@test "the same id is kept once, and its receipt says what became of it" {
    alone
    transcript <<'END'
$ presence notify bob hello --as alice --id m1
queued
$ presence notify bob hello --as alice --id m1
queued
$ presence queue bob
m1 queued alice: hello
$ presence receipt m1 --as alice
queued (user=bob)
$ presence ack m1 --as bob
acknowledged 1
$ presence ack m1 --as bob
2> presence: ack m1 failed: no message "m1" waits for bob; try: presence queue bob
[1]
$ presence receipt m1 --as alice
acknowledged (user=bob)
$ presence notify bob hello --as alice --id m1
acknowledged
$ presence queue bob
$ presence receipt m1 --as carol
2> presence: receipt m1 failed: no message "m1" of carol waits, or was closed in the last day; try: presence queue
[1]
END
}

@test "delivered is what a client has confirmed, and goes with it" {
    alone
    listens bob
    transcript <<'END'
$ presence notify bob hello --id m1 --until delivered
delivered
$ presence receipt m1
delivered (user=bob)
END
    kill "$listener"
    eventually has_state m1 queued
    transcript <<'END'
$ presence notify bob hello --id m1 --until acknowledged --timeout 300ms
queued
[1]
END
}

@test "what is not acknowledged in time has expired" {
    alone
    transcript <<'END'
$ presence notify bob soon --id m1 --ttl 50ms --until acknowledged
expired
[1]
$ presence queue
bob: waiting=0 expired=1
$ presence queue bob
m1 expired user42: soon
$ presence receipt m1
expired (user=bob)
$ presence listen bob --for 200ms
END
}

@test "1000 may wait for one user, and no more" {
    alone
    local n
    for n in $(seq 1000); do
        echo '{"method":"notify","params":{"user":"bob","text":"hello","id":"m'"$n"'"}}'
    done | presence batch --timeout 60s >answers
    [ "$(grep -c '"state":"queued"' answers)" -eq 1000 ]
    transcript <<'END'
$ presence notify bob "one more"
2> presence: notify bob failed: 1000 messages wait for bob; try: presence queue bob
[75]
$ presence notify carol hello
queued
$ presence ack m7 --as bob
acknowledged 1
$ presence notify bob "one more"
queued
$ presence ack --all --as bob
acknowledged 1000
END
}

@test "what waits survives a kill -9 of the runtime, and a stop of the node" {
    alone
    presence notify bob one
    kill -9 "$(node_status os_pid)"
    presence notify bob two
    beamd stop
    presence notify bob three
    transcript <<'END'
$ presence listen bob --ack --count 3
user42: one
user42: two
user42: three
END
}

@test "through deaths of the runtime each is shown once, in order" {
    alone
    listens bob --ack --count 60
    local n
    for n in $(seq 60); do
        ((n % 20)) || kill -9 "$(node_status os_pid)"
        presence notify bob "message $n" >/dev/null
    done
    eventually has_ended "$listener"
    diff -u <(for n in $(seq 60); do echo "user42: message $n"; done) heard
    [ "$(presence queue bob)" = "" ]
    [ "$(node_status restarts)" -ge 1 ]
}

@test "in a cluster each user has an owner: it is down, nothing was queued; it is back, all is there" {
    local user down=0 up=0
    presence notify a before # a is nodeB's
    beamd stop --node nodeB
    for user in a b c d e f; do
        if presence notify "$user" hello --no-spawn 2>err; then
            up=$((up + 1))
        else
            [ "$(cat err)" = "presence: notify $user failed: nodeB, which keeps the messages of $user, cannot be reached from here; nothing was queued; try: presence nodes" ]
            down=$((down + 1))
        fi
    done
    [ $up -gt 0 ] && [ $down -gt 0 ]
    run presence notify a hello --no-spawn
    [ "$status" -eq 69 ]
    run presence queue --no-spawn
    [ "$status" -eq 69 ]
    # The next command starts it again.
    eventually presence notify a after --id after
    transcript <<'END'
$ presence listen a --ack --count 2 --node nodeC
user42: before
user42: after
END
}

# The nodes that have copies of what waits for a user, the one that keeps it first: nodeA nodeB.
keepers_of() { kv locate "presence/n/{$1}" --json | jq -r '[.primary] + .replicas | join(" ")'; }
has_kv() { kv put some thing -q && kv cluster health -q; }
# Those of the three that are not named.
other_than() {
    local node
    for node in nodeA nodeB nodeC; do [[ " $* " == *" $node "* ]] || echo "$node"; done
}
waits_in_kv() { [ "$(kv count "presence/q/{$1}")" = "$2" ]; }

@test "with kv, another node goes on when the one dies that keeps a user's messages" {
    local keepers left
    eventually has_kv
    presence notify bob one --id m1
    presence notify bob two --id m2
    waits_in_kv bob 2
    read -ra keepers < <(keepers_of bob)
    mapfile -t left < <(other_than "${keepers[0]}")
    listens bob --node "${left[0]}"
    eventually has_heard 2
    kill_node "${keepers[0]}"
    transcript <<END
$ presence notify bob two --id m2 --node ${left[1]} --no-spawn --until delivered
delivered
$ presence notify bob three --id m3 --node ${left[1]} --no-spawn --until delivered
delivered
$ presence receipt m1 --node ${left[0]} --no-spawn
delivered (user=bob)
$ presence listen bob --ack --count 3 --node ${left[1]} --no-spawn
user42: one
user42: two
user42: three
END
    eventually has_heard 3
    kill "$listener"
    [ "$(cat heard)" = $'user42: one\nuser42: two\nuser42: three' ]
    # It is back, and knows what the others know.
    [ "$(presence receipt m3 --node "${keepers[0]}")" = "acknowledged (user=bob)" ]
}

@test "with kv, nothing is queued where no copy is to be had, and all is there when one is back" {
    local keepers left shard
    eventually has_kv
    presence notify bob one
    read -ra keepers < <(keepers_of bob)
    shard=$(kv locate "presence/n/{bob}" --json | jq .shard)
    mapfile -t left < <(other_than "${keepers[@]}")
    kill_node "${keepers[0]}"
    kill_node "${keepers[1]}"
    transcript <<END
$ presence notify bob two --node ${left[0]} --no-spawn
2> presence: notify bob failed: shard $shard is unavailable here, nothing was queued; try: kv cluster health
[69]
END
    transcript <<END
$ presence notify bob two --node ${keepers[0]}
queued
$ presence listen bob --ack --count 2 --node ${left[0]}
user42: one
user42: two
END
}

@test "with kv, what somebody else put at presence's keys fails requests for that user, and no others" {
    eventually has_kv
    kv put "presence/n/{bob}" junk -q
    transcript <<END
$ presence notify bob one
2> presence: notify bob failed: kv's presence/n/{bob} holds what presence did not write; try: kv scan
[65]
$ presence notify carol one
queued
$ kv delete "presence/n/{bob}" -q
$ presence notify bob one
queued
END
}

@test "what waited on disks as kv got its cluster is in kv, and those disks may go" {
    local n user
    for user in a b c d; do
        for n in 1 2 3; do presence notify $user "message $n" --id "m$n"; done
    done
    presence ack m1 --as a
    eventually has_kv
    for user in b c d; do eventually waits_in_kv $user 3; done
    eventually waits_in_kv a 2
    kill_node nodeB
    transcript <<'END'
$ presence queue --node nodeA --no-spawn
a: waiting=2 oldest=...
b: waiting=3 oldest=...
c: waiting=3 oldest=...
d: waiting=3 oldest=...
$ presence listen a --ack --count 2 --node nodeA --no-spawn
user42: message 2
user42: message 3
$ presence notify a "message 1" --id m1 --node nodeC --no-spawn
acknowledged
$ presence receipt m2 --node nodeB
acknowledged (user=a)
queued (user=b)
queued (user=c)
queued (user=d)
END
}

@test "a node that never had kv does not start it for messages" {
    alone
    presence notify bob hello
    beamd status --json | jq -e '[.applications[].name] | index("kv") == null'
}

@test "what is no message, id or time is refused with exit 2, and the node goes on" {
    alone
    presence notify bob hello
    transcript <<'END'
$ presence notify bob ""
2> presence: notify bob failed: the message is empty
[2]
$ presence notify bob hello --ttl 0
2> presence: notify bob failed: the time to live is not above 0
[2]
$ presence notify bob hello --ttl soon
2> presence: --ttl soon failed: not a duration, as 30s, 10m or 1h30m
[2]
$ presence notify bob hello --id "$(printf 'a\tb')"
2> presence: notify bob failed: the id has control characters or is not UTF-8
[2]
$ presence ack
2> presence: ack failed: it takes the ids of messages, or --all; try: presence queue USER
[2]
$ head -c 65537 /dev/zero | tr '\0' x | presence notify bob -
2> presence: notify bob failed: the message has more than the 65536 bytes that are allowed
[2]
$ head -c 65536 /dev/zero | tr '\0' x | presence notify bob -
queued
END
    [ "$(presence queue bob --json | jq '.messages[1].text | length')" = 65536 ]
    [ "$(node_status restarts)" = 0 ]
}

@test "as JSON" {
    alone
    presence notify bob $'two\nlines' --id m1 --as alice --json | jq -e '.state == "queued" and .id == "m1"'
    presence queue --json | jq -e '.users[0] | .user == "bob" and .waiting == 1'
    presence queue bob --json | jq -e '.messages[0] | .text == "two\nlines" and .attempts == 0'
    [ "$(presence queue bob)" = 'm1 queued alice: two\nlines' ]
    presence listen bob --ack --count 1 --json | jq -es 'map(select(.event == "notice"))[0].text == "two\nlines"'
    presence receipt m1 --as alice --json | jq -e '.receipts[0] | .state == "acknowledged" and .closed_ms > 0'
}
