# For bats files: `load helper`. Every test gets folders of its own, and its nodes end with it; one that
# leaves a process or a socket behind fails.
#
#   transcript <<'END'
#   $ cache put key1 value1 --ttl 30s
#   ok
#   $ cache get key2
#   2> cache: get key2 failed: no such key; try: cache put key2 VALUE
#   [1]
#   END
#
# runs each `$` line with bash and compares what follows it: stdout as it is, stderr after `2> `, the
# exit code in brackets unless it is 0. `...` within a line stands for anything on that line, a line of
# `...` alone for any lines.

setup() { setup_folders; }

setup_folders() {
    BEAM_TEST_ROOT=$(mktemp -d /tmp/beam-cli-XXXXXX)
    export XDG_RUNTIME_DIR=$BEAM_TEST_ROOT/run XDG_STATE_HOME=$BEAM_TEST_ROOT/state
    export XDG_CONFIG_HOME=$BEAM_TEST_ROOT/config HOME=$BEAM_TEST_ROOT/home
    mkdir -m 700 "$XDG_RUNTIME_DIR" "$XDG_STATE_HOME" "$XDG_CONFIG_HOME" "$HOME"
    unset BEAM_NODE BEAM_SOCKET BEAM_TIMEOUT BEAM_NO_SPAWN BEAM_JSON BEAM_LOG BEAM_USER BEAM_CONFIG
    unset CLICOLOR_FORCE FORCE_COLOR TMPDIR
    cd "$HOME" || return 1
}

teardown() { teardown_nodes; }

teardown_nodes() {
    local lock left socket bad=0
    for lock in "$XDG_RUNTIME_DIR"/beamcore/*.lock; do
        [ -e "$lock" ] && beamd stop --node "$(basename "$lock" .lock)" >/dev/null 2>&1
    done
    if ! eventually nothing_left >/dev/null; then
        echo "left behind:"
        for left in "${processes[@]}"; do
            tr '\0' ' ' <"/proc/$left/cmdline" && echo
            kill -9 "$left"
        done
        bad=1
    fi
    for socket in "$XDG_RUNTIME_DIR"/beamcore/*.sock; do
        [ -e "$socket" ] && echo "left behind: $socket" && bad=1
    done
    cd / && rm -rf "$BEAM_TEST_ROOT"
    return $bad
}

# The processes that this test started, wherever they are now: their environment names its folder.
find_processes() {
    local file pid
    processes=()
    while read -r file; do
        pid=${file//[!0-9]/}
        is_running "$pid" && processes+=("$pid")
    done < <(grep -lzsF -- "$BEAM_TEST_ROOT" /proc/[0-9]*/environ)
}

nothing_left() {
    find_processes
    [ ${#processes[@]} -eq 0 ]
}

# Waits, at most a minute, until the command given says yes.
eventually() {
    local until=$((SECONDS + 60))
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $until ] || { echo "never came true: $*"; return 1; }
    done
}

# A process that is there and no zombie.
is_running() { [[ -r /proc/$1/stat && $(<"/proc/$1/stat") != *") Z "* ]]; }
has_ended() { ! is_running "$1"; }

# The node and its runtime, at once. They are gone when this returns: a killed process that waits for its disk lives on.
kill_node() {
    local pids pid
    mapfile -t pids < <(beamd status --node "$1" --json | jq '.parent_pid, .os_pid')
    kill -9 "${pids[@]}"
    for pid in "${pids[@]}"; do eventually has_ended "$pid"; done
}

# A number in `beamd status --json`.
node_status() { beamd status --json "${@:2}" | jq -r ".$1"; }

# Runs the command as an unprivileged user with only the variables that are given before it: what modes
# forbid, they do not forbid to root.
as_nobody() {
    local clean=(env -i "PATH=$PATH")
    [ "$(id -u)" -ne 0 ] || clean=(setpriv --reuid=65534 --regid=65534 --clear-groups "${clean[@]}")
    timeout 30 "${clean[@]}" "$@" 3>&-
}

needs_nobody() {
    chmod 711 "$BEAM_TEST_ROOT"
    as_nobody beamd --version >/dev/null 2>&1 || skip "an unprivileged user cannot run the tools here"
}

# Runs COMMAND and prints it as a transcript shows it.
transcript_run() {
    local code=0
    # With bats's descriptor 3 closed, or a node that is started would keep bats waiting.
    bash -c "$1" >"$BEAM_TEST_ROOT/out" 2>"$BEAM_TEST_ROOT/err" </dev/null 3>&- || code=$?
    printf '$ %s\n' "$1"
    awk 1 "$BEAM_TEST_ROOT/out"  # with a newline at the end in any case
    awk '{ print "2> " $0 }' "$BEAM_TEST_ROOT/err"
    [ "$code" -eq 0 ] || printf '[%d]\n' "$code"
}

# Whether the lines of FILE $1 match the expected ones of FILE $2.
transcript_matches() {
    local actual expected i=0 j=0 pattern
    mapfile -t actual <"$1"
    mapfile -t expected <"$2"
    while ((j < ${#expected[@]})); do
        if [ "${expected[j]}" = ... ]; then
            ((j++))
            ((j == ${#expected[@]})) && return 0
            # As few lines as possible: on to the first that fits what comes next.
            while ((i < ${#actual[@]})) && ! transcript_line_fits "${actual[i]}" "${expected[j]}"; do ((i++)); done
        fi
        ((i < ${#actual[@]})) && transcript_line_fits "${actual[i]}" "${expected[j]}" || return 1
        ((++i, ++j))
    done
    ((i == ${#actual[@]}))
}

transcript_line_fits() {
    local rest=$1 pattern=$2 part
    [[ $pattern == *...* ]] || { [ "$rest" = "$pattern" ]; return; }
    part=${pattern%%...*}
    [ "${rest:0:${#part}}" = "$part" ] || return 1
    rest=${rest:${#part}} pattern=${pattern#*...}
    while [[ $pattern == *...* ]]; do
        part=${pattern%%...*} pattern=${pattern#*...}
        [[ $rest == *"$part"* ]] || return 1
        rest=${rest#*"$part"}
    done
    [ -z "$pattern" ] || [[ $rest == *"$pattern" ]]
}

transcript() {
    local line command='' wanted=$BEAM_TEST_ROOT/wanted got=$BEAM_TEST_ROOT/got
    local -a block=()
    transcript_check() {
        [ -n "$command" ] || return 0
        printf '%s\n' "${block[@]}" >"$wanted"
        transcript_run "$command" >"$got"
        transcript_matches "$got" "$wanted" && return 0
        echo "expected and got (-, +):"
        diff -u "$wanted" "$got" | tail -n +3
        return 1
    }
    while IFS= read -r line; do
        if [[ $line == '$ '* ]]; then
            transcript_check || return 1
            command=${line#'$ '} block=("$line")
        else
            block+=("$line")
        fi
    done
    transcript_check
}
