#!/usr/bin/env bats
# What people type wrongly, pipe into nothing, or ask for twice.

load helper

@test "no command, a mistyped one, one too few: exit 2, and what there is" {
    transcript <<'END'
$ chatctl
2> usage: chatctl COMMAND [ARGS] [OPTIONS]
2>   commands: create delete crash list users send history join batch config completion
2>   try: chatctl --help
[2]
$ chatctl craete room x
2> chatctl: craete failed: no such command, did you mean "create"?; try: chatctl --help
[2]
$ chatctl create
2> chatctl: create failed: a command is missing, one of: room; try: chatctl create --help
[2]
$ chatctl create room
2> chatctl: create room failed: NAME is missing; try: chatctl create room --help
[2]
$ chatctl create room a b
2> chatctl: b failed: one argument too many; try: chatctl create room --help
[2]
$ chatctl list --jsno
2> chatctl: --jsno failed: no such option, did you mean "--json"?; try: chatctl list --help
[2]
$ chatctl lst --json
2> {"error":{"exit":2,"kind":"usage","try":"chatctl --help","what":"lst","why":"no such command, did you mean \"list\"?"}}
[2]
$ beamd stauts
2> beamd: stauts failed: no such command, did you mean "status"?; try: beamd --help
[2]
$ beamd --app
2> beamd: --app failed: its value is missing; try: beamd --help
[2]
$ beamd status --daemon
2> beamd: status failed: --daemon, --app and --dist are for starting a node; try: beamd --help
[2]
$ beamd --socket /tmp/x
2> beamd: start beam failed: a node's socket follows from its name; try: --node NAME
[2]
END
    # None of these is worth a node.
    [ ! -e "$XDG_RUNTIME_DIR/beamcore" ]
}

@test "options that are no numbers, no durations, or nothing: exit 2 before anything is started" {
    transcript <<'END'
$ chatctl history general --limit -1
2> chatctl: --limit -1 failed: not a whole number, as 10
[2]
$ chatctl history general --limit 99999999999999999999
2> chatctl: --limit 99999999999999999999 failed: it is too large
[2]
$ chatctl history general --since tomorrow
2> chatctl: --since tomorrow failed: not a duration, as 250ms, 10s or 1m30s
[2]
$ chatctl history general --since 10
2> chatctl: --since 10 failed: not a duration, as 250ms, 10s or 1m30s
[2]
$ chatctl history general --since ""
2> chatctl: --since failed: its value is empty
[2]
$ chatctl history general --since=
2> chatctl: --since failed: its value is empty
[2]
$ chatctl join general --count -1
2> chatctl: --count -1 failed: not a whole number, as 10
[2]
$ chatctl join general --for tomorrow
2> chatctl: --for tomorrow failed: not a duration, as 250ms, 10s or 1m30s
[2]
$ chatctl list --timeout 10
2> chatctl: --timeout 10 failed: a duration needs a unit, as in 10s
[2]
$ BEAM_TIMEOUT=soon chatctl list
2> chatctl: BEAM_TIMEOUT soon failed: not a duration, as 250ms, 10s or 1m30s
[2]
$ chatctl list --node a/b
2> chatctl: --node a/b failed: a node's name has letters, digits and _ . @ -, at most 64
[2]
$ chatctl list --node ""
2> chatctl: --node failed: its value is empty
[2]
$ chatctl list --color sometimes
2> chatctl: --color sometimes failed: it is one of auto, always, never
[2]
$ beamd logs --lines -3
2> beamd: --lines -3 failed: not a whole number, as 10
[2]
END
    [ ! -e "$XDG_RUNTIME_DIR/beamcore" ]
}

@test "what begins with a dash, and what is no UTF-8" {
    chatctl create room general
    transcript <<'END'
$ chatctl send general -hello
2> chatctl: -hello failed: no such option; try: -- -hello
[2]
$ chatctl send general -- -hello
[general] user42: -hello
$ chatctl create room -x
2> chatctl: -x failed: no such option; try: -- -x
[2]
$ chatctl create room $'\xff\xfe'
2> chatctl: create room ... failed: what was given is not UTF-8
[2]
$ printf 'half \xc3' | chatctl send general -
2> chatctl: send general failed: what was given is not UTF-8
[2]
$ chatctl send general hi --as $'a\tb'
2> chatctl: send general failed: the user's name has control characters or is not UTF-8
[2]
$ chatctl history general
[general] user42: -hello
$ chatctl list | wc -l
1
END
    # The kernel itself refuses an argument of 1 MB; what fits an argument and is too long, the node.
    run chatctl create room "$(head -c 100000 /dev/zero | tr '\0' x)"
    [ "$status" -eq 2 ]
    [[ $output == *"the room's name has 100000 bytes, at most 64 are allowed" ]]
    [ ${#output} -lt 300 ]
}

@test "closed, full and short-lived readers" {
    chatctl create room general
    local i
    for i in 1 2 3; do chatctl send general "m$i" -q; done
    transcript <<'END'
$ chatctl history general | head -1; echo ${PIPESTATUS[0]}
[general] user42: m1
0
$ for i in 1 2 3; do beamd logs; done | head -1 >/dev/null
$ chatctl list >/dev/full
2> chatctl: list failed: cannot write the result: No space left on device
[74]
$ chatctl list >&-
2> chatctl: list failed: cannot write the result: Bad file descriptor
[74]
$ chatctl --help >/dev/full
2> chatctl: cannot write the result: No space left on device
[74]
$ chatctl history nowhere 2>&-
[1]
END
    # A stream whose reader has left ends when it next has something to say, without a word.
    chatctl join general 2>"$BEAM_TEST_ROOT/noise" 3>&- | head -1 >"$BEAM_TEST_ROOT/joined" &
    eventually bash -c 'chatctl users | grep -q "^user42 in general$"'
    chatctl send general one
    eventually grep -q one "$BEAM_TEST_ROOT/joined"
    # shellcheck disable=SC2016
    eventually bash -c 'chatctl send general more -q; [ -z "$(chatctl users)" ]'
    wait
    [ ! -s "$BEAM_TEST_ROOT/noise" ]
}

@test "quiet and JSON" {
    chatctl create room general
    transcript <<'END'
$ chatctl send general hi -q
$ chatctl history nowhere -q
2> chatctl: history nowhere failed: no room "nowhere"; try: chatctl create room nowhere
[1]
$ chatctl history nowhere --json
2> {"error":{"exit":1,"kind":"not_found","try":"chatctl create room nowhere","what":"history nowhere","why":"no room \"nowhere\""}}
[1]
$ BEAM_JSON=1 chatctl list | jq -c '.rooms[].room'
"general"
$ chatctl join general --for 0
$ chatctl join general --until-idle=50ms --json
$ chatctl history general --limit 0
END
    [ "$(CLICOLOR_FORCE=1 NO_COLOR='' chatctl history general)" = "$(NO_COLOR=1 chatctl history general)" ]
}

@test "batch answers in order, goes on after a mistake, and exits with the worst code" {
    chatctl create room general
    transcript <<'END'
$ printf '%s\n' '{"id":"a","method":"send","params":{"room":"general","text":"one"}}' nonsense '{"method":"history","params":{"room":"nowhere"}}' '{"method":"list"}' | chatctl batch | jq -c '[.id, .result.text, .error.exit]'
["a","one",null]
[null,null,65]
[null,null,1]
[null,null,null]
$ echo '{"method":"history","params":{"room":"nowhere"}}' | chatctl batch >/dev/null
[1]
$ echo nonsense | chatctl batch -q
[65]
$ chatctl batch </dev/null
END
}

@test "every command has a help that says how it is used, on stdout, and is in the man page" {
    local tool command page=$BATS_TEST_DIRNAME/../../man
    for tool in chatctl beamd; do
        for command in $("$tool" --help | awk '/^(Common c|C)ommands:/ { on = 1; next } /^$/ { on = 0 } on { print $1 }' | tr -d ,); do
            "$tool" "$command" --help >"$BEAM_TEST_ROOT/help" 2>"$BEAM_TEST_ROOT/noise"
            grep -q "^Usage: $tool $command" "$BEAM_TEST_ROOT/help"
            [ ! -s "$BEAM_TEST_ROOT/noise" ]
            # An option's value has a name of its own, not that of a type.
            run grep -E '^ .*--[a-z-]+ (TEXT|UINT|INT|FLOAT)( |$)' "$BEAM_TEST_ROOT/help"
            [ "$status" -eq 1 ]
            case $command in config | completion) continue ;; esac
            grep -q "\*$command\*" "$page/$tool.1.scd" || { echo "$tool.1 does not name $command"; return 1; }
        done
    done
    [ ! -e "$XDG_RUNTIME_DIR/beamcore" ]
}

@test "what concerns other nodes says what it needs" {
    transcript <<'END'
$ beamd --dist --daemon
2> beamd: start beam failed: a node that others reach is called name@host; try: beamd --dist --node beam@127.0.0.1
[2]
$ beamd --daemon
$ beamd nodes
2> beamd: nodes failed: this node does not talk to other nodes; try: beamd --dist --daemon --node NAME@127.0.0.1
[69]
$ beamd rpc x@127.0.0.1 erlang node
2> beamd: rpc x@127.0.0.1 failed: this node does not talk to other nodes; try: beamd --dist --daemon --node NAME@127.0.0.1
[69]
END
}
