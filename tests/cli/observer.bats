#!/usr/bin/env bats
# observer as its users see it: printed, and on a terminal (through tmux).

load helper

eval "helper_$(declare -f teardown)"
teardown() {
    command -v tmux >/dev/null && screen kill-server 2>/dev/null
    helper_teardown
}

not() {
    ! "$@"
}

# -- printed --------------------------------------------------------------------------------------

@test "the chat tree before and after a crash differs in one pid" {
    chatctl create room general
    before=$(observer tree chat)
    [ "$(sed -n 1p <<<"$before" | cut -d ' ' -f 1,3,4)" = "chat supervisor chat_sup" ]
    grep -q '^└─ router <0\.[0-9]*\.[0-9]*> worker chat_router$' <<<"$before"
    grep -q '└─ room general <0\.[0-9]*\.[0-9]*> worker$' <<<"$before"
    chatctl crash room general
    after=$(observer tree chat)
    [ "$before" != "$after" ]
    # The room's line, and no other.
    [ "$(diff <(echo "$before") <(echo "$after") | grep -c '^[<>]')" -eq 2 ]
    [ "$(diff <(echo "$before") <(echo "$after") | grep -c '└─ room ')" -eq 2 ]
}

@test "the tree of all, of a process, and of what is not there" {
    chatctl create room general
    observer tree >"$BEAM_TEST_ROOT/all"
    grep -q '^node <' "$BEAM_TEST_ROOT/all"
    grep -q '^chat <' "$BEAM_TEST_ROOT/all"
    [ "$(observer tree chat_room_sup | sed -n 2p | cut -d ' ' -f 2,3,5)" = "room general worker" ]
    pid=$(observer tree chat_room_sup --json | jq -r '.trees[0].pid')
    [ "$(observer tree "$pid" --json | jq -r '.trees[0].name')" = chat_room_sup ]
    transcript <<'END'
$ observer tree nothing
2> observer: tree nothing failed: no application or process "nothing" runs here; try: observer applications
[1]
END
}

@test "processes are sorted, cut, filtered and complete" {
    chatctl create room one
    chatctl create room two
    observer processes --sort memory --limit 20 --json >"$BEAM_TEST_ROOT/list"
    jq -e '.shown <= 20 and (.processes | length) == .shown and
        [.processes[].memory_bytes] == ([.processes[].memory_bytes] | sort | reverse)' "$BEAM_TEST_ROOT/list"
    [ "$(observer processes --limit 3 | wc -l)" -eq 5 ]
    observer processes --limit 3 --sort pid | sed -n 3p | grep -q '^<0.1.0> '
    observer processes --limit 0 --json | jq -e '.shown == (.processes | length) and .shown == .matching and
        ([.processes[].pid] | unique | length) == .shown and .shown > 10'
    [ "$(observer processes --filter room --limit 0 --json | jq '[.processes[] | select(.initial_call == "room")] | length')" = 2 ]
    observer processes --filter 'room two' | sed -n 3p | grep -q ' waiting .* room two .* room'
    [ "$(observer processes --filter 'room two' --json | jq -r '.processes[0].label, .matching' | xargs)" = "room two 1" ]
    [ "$(observer processes --parent chat_room_sup --json | jq .matching)" = 2 ]
    observer processes --sort rate --json | jq -e '[.processes[].reductions_per_s] |
        . == (sort | reverse) and length > 5'
    # By what is shown as its name: the registered one, else what a process calls itself.
    [ "$(observer processes --sort name --limit 3 --reverse --json |
        jq -r '.processes[] | .name // .label' | xargs -d '\n')" = "room two room one node_sup" ]
}

@test "one process, by pid, by number and by name; and a dead one" {
    chatctl create room general
    pid=$(observer info chat_router --json | jq -r .pid)
    observer info "$pid" | grep -qx 'name: chat_router'
    number=${pid#<}
    observer info "${number%>}" | grep -qx 'application: chat'
    # A coroutine says where it waits; a behaviour between two messages waits nowhere in particular.
    observer info 0.1.0 | grep -A1 '^waits in: ' | tail -n 1 | grep -qx '  beam::run_node'
    observer info 0.1.0 --json | jq -e '.stack | length > 0'
    observer info "$pid" --json | jq -e '.stack == []'
    observer info "$pid" --state --json | jq -e '.answers and (.state | type) == "string" and .status == "waiting"'
    room=$(observer processes --filter room --parent chat_room_sup --json | jq -r '.processes[0].pid')
    chatctl crash room general
    run observer info "$room"
    [ "$status" -eq 1 ]
    [ "$output" = "observer: info $room failed: no such process: $room; try: observer processes" ]
    run observer info "$room" --json
    [ "$status" -eq 1 ]
    jq -e '.error.kind == "not_found" and .error.exit == 1' <<<"$output"
}

@test "every page is one JSON object" {
    chatctl create room general
    for page in "" system processes tree applications "applications --installed" "info node_sup"; do
        # shellcheck disable=SC2086
        observer $page --json >"$BEAM_TEST_ROOT/page"
        jq -es 'length == 1 and (.[0] | type) == "object"' "$BEAM_TEST_ROOT/page"
        [ "$(wc -l <"$BEAM_TEST_ROOT/page")" -eq 1 ]
    done
    observer --once --json | jq -e '.system.processes > 5 and (.processes | length) > 5'
    observer system --json | jq -e '.node == "beam" and .state == "ready" and .atoms > 100 and
        .memory_resident_bytes > 1000000'
}

@test "pages are printed again and again, as often as asked" {
    chatctl create room general
    observer processes -n 3 --every 10ms --json >"$BEAM_TEST_ROOT/samples"
    jq -es 'length == 3 and (.[0].processes[0] | has("reductions_per_s") | not) and
        ([.[2].processes[] | has("reductions_per_s")] | any)' "$BEAM_TEST_ROOT/samples"
    [ "$(observer applications -n 2 --every 10ms)" = "$(observer applications)

$(observer applications)" ]
    observer system --every 50ms --for 200ms --json | jq -es 'length >= 1'
    local code=0
    timeout --preserve-status -s INT 1 observer system --every 10ms >"$BEAM_TEST_ROOT/endless" || code=$?
    [ "$code" -eq 130 ]
    grep -q '^$' "$BEAM_TEST_ROOT/endless"
}

@test "samples go on when the runtime is killed between them" {
    chatctl create room general
    observer system -n 400 --every 20ms --json 3>&- >"$BEAM_TEST_ROOT/samples" &
    local watcher=$!
    eventually grep -q '"restarts":0' "$BEAM_TEST_ROOT/samples"
    kill -9 "$(beamd status --json | jq .os_pid)"
    eventually grep -q '"restarts":1' "$BEAM_TEST_ROOT/samples"
    kill $watcher
    wait $watcher || true
}

@test "without a terminal it prints once, without escapes" {
    chatctl create room general
    observer >"$BEAM_TEST_ROOT/page" </dev/null
    [ "$(head -n 1 "$BEAM_TEST_ROOT/page")" = "node: beam (ready)" ]
    grep -q '^processes: [0-9]* alive, [0-9]* shown, by memory$' "$BEAM_TEST_ROOT/page"
    for page in --once tree processes system applications "info node_sup"; do
        # shellcheck disable=SC2086
        [ "$(observer $page | grep -c $'\e')" -eq 0 ]
    done
    observer tree --color always | grep -q $'\e'
    diff <(observer tree chat) <(observer tree chat --color always | sed 's/\x1b\[[0-9;]*m//g')
    [ -z "$(observer tree --quiet)" ]
    observer info node_sup --quiet
}

@test "mistakes are said, with exit 2" {
    chatctl create room general
    transcript <<'END'
$ observer processes --sort beauty
2> observer: processes failed: cannot sort by "beauty": it is one of memory, reductions, rate, queue, name, pid
[2]
$ observer tree --sort memory
2> observer: --sort failed: no such option; try: observer tree --help
[2]
$ observer trea
2> observer: trea failed: no such command, did you mean "tree"?; try: observer --help
[2]
$ observer system --every 0
2> observer: --every 0 failed: it cannot be 0
[2]
$ observer system --every soon
2> observer: --every soon failed: not a duration, as 250ms, 2s or 1m
[2]
$ observer info
2> observer: info failed: PID is missing; try: observer info --help
[2]
$ observer processes --limit -1
2> observer: --limit -1 failed: not a whole number, as 10
[2]
END
    run observer processes --sort rate --limit 1000
    [ "$status" -eq 2 ]
    run observer tree --no-spawn --node nobody
    [ "$status" -eq 69 ]
}

@test "nothing is changed without --write and a yes" {
    chatctl create room general
    transcript <<'END'
$ observer kill chat_router
2> observer: kill chat_router failed: observer only reads unless it is given --write; try: observer kill chat_router --write
[2]
$ observer kill chat_router --dry-run
would kill <0...> (chat_router)
$ observer kill chat_router --write
2> observer: kill chat_router failed: nobody can be asked whether to kill <0...> (chat_router); try: observer kill chat_router --yes
[2]
END
    before=$(observer info chat_router --json | jq -r .pid)
    transcript <<'END'
$ observer kill chat_router --write --yes
<0...> (chat_router) ended: killed
END
    eventually bash -c "observer info chat_router --json | jq -e '.pid != \"$before\"'"
    run observer kill "$before" --write --yes
    [ "$status" -eq 1 ]
    [[ $output == *"no such process: $before"* ]]
}

@test "a process is suspended, seen to be, and resumed" {
    chatctl create room general
    transcript <<'END'
$ observer suspend chat_guests --write --yes
<0...> (chat_guests) suspended
$ observer info chat_guests --json | jq -r .status
suspended
$ observer resume chat_guests --write
<0...> (chat_guests) resumed
$ observer info chat_guests --json | jq -r .status
waiting
END
}

# -- on a terminal --------------------------------------------------------------------------------

# A server for each terminal: one that ends takes a moment.
terminals=0

screen() {
    tmux -u -L "beam-$$-$terminals" -f /dev/null "$@"
}
next_terminal() {
    screen kill-server
    terminals=$((terminals + 1))
}
shot() {
    screen capture-pane -p
}
shows() {
    shot | grep -qE -- "$1"
}
coloured() {
    screen capture-pane -p -e | grep -qE $'\e\\[([0-9;]*;)?[34][0-7]m'
}
keys() {
    screen send-keys "$@"
}
# Runs `observer ARGS` on a terminal of WIDTH x HEIGHT.
begin() {
    command -v tmux >/dev/null || skip "tmux is missing"
    export LC_ALL=C.UTF-8
    local size=$1
    shift
    screen new-session -d -x "${size%x*}" -y "${size#*x}" "observer $*; echo left \$?; exec cat" 3>&-
}

@test "the view goes through its pages and leaves the terminal as it was" {
    chatctl create room general
    begin 80x24
    eventually shows '^beamcore node beam +up'
    eventually shows 'chat_router'
    shows '^PID +MEMORY'
    keys 1
    eventually shows '^schedulers: '
    keys t
    eventually shows '└─ room general <0'
    keys 4
    eventually shows '^chat 1 running <0.*Chat rooms that heal'
    keys '?'
    eventually shows 'PgUp PgDn'
    keys Escape
    eventually shows '^chat 1 running'
    keys 2
    eventually shows '^PID +MEMORY'
    keys q
    eventually shows '^left 0$'
    not shows 'beamcore node'
}

@test "the view filters, opens a process and sorts" {
    chatctl create room general
    begin 100x24
    eventually shows 'chat_router'
    keys / chat_rou
    eventually shows '^/chat_rou_'
    keys Enter
    eventually not shows node_sup
    shows 'chat_router'
    keys Enter
    eventually shows '^name: chat_router'
    shows '^application: chat'
    keys s
    eventually shows '^state: '
    keys Escape
    eventually shows '^PID +MEMORY'
    keys Escape
    eventually shows 'node_sup'
    keys '>'
    eventually shows 'sort: reductions'
    keys '<' '<'
    eventually shows 'sort: pid'
    eventually shows '^<0.1.0>'
}

@test "the view shows a crashed room's new process by itself" {
    chatctl create room general
    begin 80x24 --every 100ms
    eventually shows chat_router
    keys t
    eventually shows '└─ room general <0'
    before=$(shot | grep '└─ room ')
    chatctl crash room general
    changed() { shows '└─ room ' && [ "$(shot | grep '└─ room ')" != "$before" ]; }
    eventually changed
}

@test "the view outlives the runtime and the node, and says so" {
    chatctl create room general
    begin 80x24 --every 100ms
    eventually shows chat_router
    kill -9 "$(beamd status --json | jq .os_pid)"
    eventually shows 'the runtime was restarted; connected again'
    eventually shows node_sup
    beamd stop
    eventually shows 'no node "beam" is running.*trying again'
    beamd --daemon
    eventually not shows 'trying again'
    keys q
    eventually shows '^left 0$'
}

@test "Ctrl-C leaves with 130" {
    chatctl create room general
    begin 80x24
    eventually shows chat_router
    keys C-c
    eventually shows '^left 130$'
}

@test "small terminals and changes of size do no harm" {
    chatctl create room general
    begin 40x10
    eventually shows '^beamcore node beam'
    eventually shows '<0\.1\.0>'
    keys 1
    eventually shows '^node: beam'
    keys t
    eventually shows 'node_connections'
    screen resize-window -x 120 -y 40
    eventually shows 'chat_room_sup'
    screen resize-window -x 12 -y 3
    eventually shows '^beamcore'
    keys 1 2 3 4 Tab PageDown End '?'
    screen resize-window -x 80 -y 24
    eventually shows 'PgUp PgDn'
    keys q
    eventually shows '^left 0$'
}

@test "the view only reads, unless told --write, and asks before it kills" {
    chatctl create room general
    begin 100x24
    eventually shows chat_router
    keys k
    eventually shows 'this only reads'
    keys q
    eventually shows '^left 0$'
    next_terminal
    before=$(observer info chat_router --json | jq -r .pid)
    begin 100x24 --write --filter chat_router
    eventually shows chat_router
    keys k
    eventually shows '^kill <0.*\? y/n'
    keys n
    eventually shows 'nothing was done'
    [ "$(observer info chat_router --json | jq -r .pid)" = "$before" ]
    keys k
    eventually shows '^kill <0.*\? y/n'
    keys y
    eventually shows 'was killed'
    eventually bash -c "observer info chat_router --json | jq -e '.pid != \"$before\"'"
}

@test "NO_COLOR is respected, and a dumb terminal gets text" {
    chatctl create room general
    export NO_COLOR=1
    begin 80x24
    eventually shows chat_router
    not coloured
    keys q
    eventually shows '^left 0$'
    next_terminal
    unset NO_COLOR
    begin 80x24
    eventually shows chat_router
    coloured
    next_terminal
    screen new-session -d -x 200 -y 90 "TERM=dumb observer; echo left \$?; exec cat" 3>&-
    eventually shows '^left 0$'
    shows '^node: beam \(ready\)'
}
