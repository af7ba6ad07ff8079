#!/usr/bin/env bats
# chatctl as its users see it.

load helper

@test "the transcript" {
    transcript <<'END'
$ chatctl create room general
room general: pid=<0...>
$ chatctl send general "hello"
[general] user42: hello
$ chatctl crash room general
room general crashed; supervisor restarted it
END
}

@test "a crashed room has another process and the same history" {
    transcript <<'END'
$ chatctl create room general
room general: pid=<0...>
$ chatctl send general one
[general] user42: one
$ chatctl send general two --as alice
[general] alice: two
END
    before=$(chatctl list)
    chatctl crash room general
    after=$(chatctl list)
    [ "$before" != "$after" ]
    transcript <<'END'
$ chatctl history general
[general] user42: one
[general] alice: two
$ chatctl send general three
[general] user42: three
$ chatctl history general --limit 2
[general] alice: two
[general] user42: three
END
}

@test "history survives a kill -9 of the runtime" {
    chatctl create room general
    chatctl send general "before the crash"
    kill -9 "$(beamd status --json | jq .os_pid)"
    transcript <<'END'
$ chatctl history general
[general] user42: before the crash
$ chatctl send general "after it"
[general] user42: after it
END
    [ "$(beamd status --json | jq .restarts)" = 1 ]
}

@test "history survives a stop of the node" {
    chatctl create room general
    chatctl send general kept
    beamd stop
    transcript <<'END'
$ chatctl history general
[general] user42: kept
END
}

@test "no such room is a no, and says what to do" {
    transcript <<'END'
$ chatctl send nowhere hello
2> chatctl: send nowhere failed: no room "nowhere"; try: chatctl create room nowhere
[1]
$ chatctl crash room nowhere
2> chatctl: crash room nowhere failed: no room "nowhere"; try: chatctl create room nowhere
[1]
$ chatctl delete room nowhere
2> chatctl: delete room nowhere failed: no room "nowhere"; try: chatctl create room nowhere
[1]
$ chatctl list
END
}

@test "a room cannot be made twice, and can be made again when it was deleted" {
    transcript <<'END'
$ chatctl create room general
room general: pid=<0...>
$ chatctl create room general
2> chatctl: create room general failed: room "general" exists already; try: chatctl send general TEXT
[1]
$ chatctl send general gone
[general] user42: gone
$ chatctl delete room general
room general deleted
$ chatctl create room general
room general: pid=<0...>
$ chatctl history general
END
}

@test "what changes something or streams is not repeated: --watch is a usage error" {
    local command
    for command in "create room twice" "send general hello" "delete room general" "crash room general" "join general"; do
        # shellcheck disable=SC2086
        run chatctl $command --watch
        echo "$command: $output"
        [ "$status" -eq 2 ]
        [[ $output == "chatctl: --watch failed: "*"; try: chatctl --help" ]]
    done
}

@test "names that are none are refused with exit 2, and the node goes on" {
    run chatctl create room ""
    [ "$status" -eq 2 ]
    run chatctl create room $'bell\a'
    [ "$status" -eq 2 ]
    [[ $output == *"control characters"* ]]
    run chatctl create room "$(head -c 100000 /dev/zero | tr '\0' x)"
    [ "$status" -eq 2 ]
    run chatctl create room a/b
    [ "$status" -eq 2 ]
    transcript <<'END'
$ chatctl create room "a room with spaces"
room a room with spaces: pid=<0...>
$ chatctl create room größe
room größe: pid=<0...>
END
    [ "$(beamd status --json | jq .restarts)" = 0 ]
}

@test "a message may come from stdin, and is shown on one line" {
    chatctl create room general
    printf 'two\nlines\033[31m' | chatctl send general -
    transcript <<'END'
$ chatctl history general
[general] user42: two\nlines\x1b[31m
END
    [ "$(chatctl history general --json | jq -r '.messages[0].text')" = "$(printf 'two\nlines\033[31m')" ]
}

@test "an empty or too long message is refused" {
    chatctl create room general
    run chatctl send general ""
    [ "$status" -eq 2 ]
    head -c 70000 /dev/zero | tr '\0' x >"$BEAM_TEST_ROOT/long"
    run chatctl send general - <"$BEAM_TEST_ROOT/long"
    [ "$status" -eq 2 ]
    [[ $output == *65536* ]]
}

@test "join prints what is said, and that the room was restarted, and nothing twice" {
    chatctl create room general
    chatctl send general "before"
    chatctl join general --count 4 --as bob >"$BEAM_TEST_ROOT/joined" 3>&- &
    local joiner=$!
    eventually bash -c 'chatctl users | grep -q "^bob in general$"'
    chatctl send general one
    eventually grep -q one "$BEAM_TEST_ROOT/joined"
    chatctl crash room general
    eventually grep -q restarted "$BEAM_TEST_ROOT/joined"
    chatctl send general two
    wait $joiner
    [ "$(cat "$BEAM_TEST_ROOT/joined")" = "[general] user42: one
[general] -- the room crashed and was restarted --
[general] user42: two" ]
}

@test "join survives a crash of the runtime" {
    chatctl create room general
    chatctl join general --as bob >"$BEAM_TEST_ROOT/joined" 3>&- &
    local joiner=$!
    eventually bash -c 'chatctl users | grep -q "^bob in general$"'
    chatctl send general one
    eventually grep -q one "$BEAM_TEST_ROOT/joined"
    kill -9 "$(beamd status --json | jq .os_pid)"
    eventually bash -c 'chatctl users | grep -q "^bob in general$"'
    chatctl send general two
    eventually grep -q two "$BEAM_TEST_ROOT/joined"
    kill $joiner
    wait $joiner || true
    [ "$(grep -c one "$BEAM_TEST_ROOT/joined")" = 1 ]
    [ "$(grep -c two "$BEAM_TEST_ROOT/joined")" = 1 ]
}

@test "a deleted room ends its streams" {
    chatctl create room general
    chatctl join general --as bob >"$BEAM_TEST_ROOT/joined" 3>&- &
    local joiner=$!
    eventually bash -c 'chatctl users | grep -q "^bob in general$"'
    chatctl delete room general
    wait $joiner
    [ "$(cat "$BEAM_TEST_ROOT/joined")" = "[general] -- the room was deleted --" ]
}

@test "a hundred senders lose nothing while the room is killed" {
    chatctl create room general
    local i
    for i in $(seq 1 100); do
        chatctl send general "m$i" --as "u$i" --timeout 30s >"$BEAM_TEST_ROOT/sent.$i" 3>&- &
        [ $((i % 20)) -eq 0 ] && chatctl crash room general >/dev/null
    done
    wait
    [ "$(cat "$BEAM_TEST_ROOT"/sent.* | sort | uniq -c | awk '$1 == 1' | wc -l)" -eq 100 ]
    [ "$(chatctl history general --limit 1000 | sort | uniq | wc -l)" -eq 100 ]
    [ "$(chatctl history general --limit 1000 | wc -l)" -eq 100 ]
}

@test "fifty tools started at once on a fresh machine get one node and all succeed" {
    local i
    for i in $(seq 1 50); do
        chatctl create room "room$i" --timeout 60s >"$BEAM_TEST_ROOT/made.$i" 2>&1 3>&- &
    done
    wait
    [ "$(cat "$BEAM_TEST_ROOT"/made.* | grep -c '^room room[0-9]*: pid=<')" -eq 50 ]
    [ "$(chatctl list | wc -l)" -eq 50 ]
}
