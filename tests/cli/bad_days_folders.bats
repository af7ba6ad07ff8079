#!/usr/bin/env bats
# Folders that are missing, full, not writable, too long, or somebody else's.

load helper

# A state folder on a disk of its own, in $small, with KIB of room besides what the node's copy of the chat
# module takes.
make_small_disk() {
    small=$BEAM_TEST_ROOT/small
    mkdir "$small"
    [ "$(id -u)" -eq 0 ] && mount -t tmpfs -o "size=$(beside_the_module "$1")k,mode=700" tmpfs "$small" 2>/dev/null || return 1
    export XDG_STATE_HOME=$small
}

beside_the_module() {
    local module
    module=$(dirname "$(command -v beamd)")/../apps/chat-1/chat.so
    echo $(($(stat -Lc %s "$module") / 1024 + 4 + $1))
}

teardown() {
    local node_left=0
    beamd stop >/dev/null 2>&1
    ! mountpoint -q "$BEAM_TEST_ROOT/small" || umount "$BEAM_TEST_ROOT/small"
    teardown_nodes || node_left=1
    return $node_left
}

# Sends messages of 60000 bytes to room general until one is refused; what was said then is in refused.
fill_up() {
    local i text
    text=$(head -c 60000 /dev/zero | tr '\0' x)
    for ((i = 0; i < 100; i++)); do
        chatctl send general - -q <<<"$text" 2>"$BEAM_TEST_ROOT/refused" || return 0
    done
    return 1
}

@test "a disk that fills up: 74 for what does not fit, the rest is kept, and the node goes on" {
    make_small_disk 700 || skip "only root can mount a small disk"
    chatctl create room general
    chatctl send general first
    fill_up
    grep -qx 'chatctl: send general failed: the store failed: .*: No space left on device; try: beamd doctor' \
        "$BEAM_TEST_ROOT/refused"
    local kept
    kept=$(chatctl history general --limit 1000 | wc -l)
    [ "$(chatctl history general --limit 1000 | head -1)" = "[general] user42: first" ]
    run beamd doctor
    [ "$status" -eq 1 ]
    [[ $output == *"wrong: disk: 0 MiB free for $small/beamcore"* ]]
    [ "$(node_status restarts)" -eq 0 ]
    # A runtime starts on a full disk too, and with room it takes messages again.
    kill -9 "$(node_status os_pid)"
    [ "$(chatctl history general --limit 1000 | wc -l)" -eq "$kept" ]
    mount -o remount,size="$(beside_the_module 2048)k" "$small"
    transcript <<'END'
$ chatctl send general "there is room"
[general] user42: there is room
END
}

@test "a disk that is full from the start: the application says so with 74, the node lives" {
    make_small_disk 300 || skip "only root can mount a small disk"
    dd if=/dev/zero of="$small/all" bs=1000 2>/dev/null || true
    transcript <<'END'
$ chatctl create room general
2> chatctl: create room general failed: no copy of chat can be made: .../chat-1/chat.so: No space left on device; try: beamd doctor --node beam
[74]
$ beamd ping
pong
END
    rm "$small/all"
    transcript <<'END'
$ chatctl create room general
room general: pid=<0...>
END
    [ "$(node_status restarts)" -eq 0 ]
}

@test "a file that may not grow (ulimit -f): 74, and the node goes on" {
    chatctl create room general  # which makes the node's copy of the module, without a limit
    beamd stop
    bash -c 'ulimit -f 300; exec beamd --daemon' 3>&-
    fill_up
    grep -qx 'chatctl: send general failed: the store failed: .*: File too large; try: beamd doctor' \
        "$BEAM_TEST_ROOT/refused"
    chatctl history general -q
    [ "$(node_status restarts)" -eq 0 ]
}

@test "a home that cannot be written: state goes to the runtime folder, and doctor warns" {
    needs_nobody
    mkdir -m 777 "$BEAM_TEST_ROOT/tmp"
    local me=("TMPDIR=$BEAM_TEST_ROOT/tmp" "HOME=$BEAM_TEST_ROOT/home") uid
    chmod 555 "$HOME"
    as_nobody "${me[@]}" chatctl create room general
    uid=$(as_nobody id -u)
    [ -f "$BEAM_TEST_ROOT/tmp/beamcore-$uid/state/beam.log" ]
    [ "$(as_nobody "${me[@]}" chatctl send general hello)" = "[general] user42: hello" ]
    as_nobody "${me[@]}" beamd doctor |
        grep -q 'warning: state folder: .*: the home folder cannot be written, what is promised to be kept is lost at a reboot'
    as_nobody "${me[@]}" beamd stop
    # No home at all is the same.
    [ "$(as_nobody "${me[0]}" chatctl history general)" = "[general] user42: hello" ]
    as_nobody "${me[0]}" beamd stop
}

@test "no XDG_RUNTIME_DIR, or one of somebody else: a folder in the temporary folder, mode 700" {
    needs_nobody
    mkdir -m 777 "$BEAM_TEST_ROOT/tmp"
    local me=("TMPDIR=$BEAM_TEST_ROOT/tmp" "HOME=$BEAM_TEST_ROOT/home") uid socket
    uid=$(as_nobody id -u)
    socket=$BEAM_TEST_ROOT/tmp/beamcore-$uid/beam.sock
    [ "$(as_nobody "${me[@]}" beamd socket)" = "$socket" ]
    as_nobody "${me[@]}" chatctl create room general
    [ "$(stat -c '%a %u' "${socket%/*}")" = "700 $uid" ]
    [ "$(stat -c '%a' "$socket")" = 600 ]
    if [ "$(id -u)" -eq 0 ]; then
        [ "$(as_nobody "${me[@]}" "XDG_RUNTIME_DIR=$XDG_RUNTIME_DIR" beamd socket)" = "$socket" ]
    fi
    as_nobody "${me[@]}" beamd stop
}

@test "nowhere to put a socket: 73, which folder, and what to do" {
    needs_nobody
    mkdir -m 555 "$BEAM_TEST_ROOT/tmp"
    local uid
    uid=$(as_nobody id -u)
    run as_nobody "TMPDIR=$BEAM_TEST_ROOT/tmp" chatctl list
    [ "$status" -eq 73 ]
    [ "$output" = "chatctl: list failed: cannot make the folder $BEAM_TEST_ROOT/tmp/beamcore-$uid: Permission denied; try: set XDG_RUNTIME_DIR or TMPDIR to a folder of your own" ]
    run as_nobody "TMPDIR=$BEAM_TEST_ROOT/tmp" beamd --daemon
    [ "$status" -eq 73 ]
}

@test "another user's folder, a link, a wrong mode: 77, saying which" {
    local folder=$XDG_RUNTIME_DIR/beamcore command
    mkdir -m 755 "$folder"
    for command in "chatctl list" "beamd --daemon" "beamd" "beamd status"; do
        run $command
        [ "$status" -eq 77 ]
        [[ $output == *": the folder $folder has mode 0755, others may use it; try: chmod 700 $folder" ]]
    done
    rmdir "$folder" && ln -s "$HOME" "$folder"
    transcript <<'END'
$ chatctl list
2> chatctl: list failed: the folder .../beamcore is a symbolic link; try: rm .../beamcore
[77]
$ chatctl list --json
2> {"error":{"exit":77,"kind":"not_permitted","try":"rm .../beamcore","what":"list","why":"the folder .../beamcore is a symbolic link"}}
[77]
END
    [ -z "$(ls "$HOME")" ]
    rm "$folder"
    [ "$(id -u)" -eq 0 ] || skip "only root can make another user's folder"
    needs_nobody
    mkdir -m 777 "$BEAM_TEST_ROOT/tmp" && mkdir -m 700 "$BEAM_TEST_ROOT/tmp/beamcore-65534"
    run as_nobody "TMPDIR=$BEAM_TEST_ROOT/tmp" chatctl list
    [ "$status" -eq 77 ]
    [[ $output == *"/beamcore-65534 belongs to uid 0, not to uid 65534; try: set XDG_RUNTIME_DIR or TMPDIR to a folder of your own" ]]
}

@test "another user's node: 77 at once, on its socket and behind it" {
    [ "$(id -u)" -eq 0 ] || skip "only root can become somebody else"
    needs_nobody
    chatctl create room general
    chmod 711 "$XDG_RUNTIME_DIR"
    run as_nobody chatctl list --socket "$(beamd socket)"
    [ "$status" -eq 77 ]
    [[ $output == *"not permitted to use the socket "* ]]
    # Let through by careless modes, the node itself asks who it is.
    chmod 711 "$XDG_RUNTIME_DIR/beamcore" && chmod 666 "$XDG_RUNTIME_DIR/beamcore/beam.sock"
    run as_nobody chatctl list --socket "$XDG_RUNTIME_DIR/beamcore/beam.sock"
    [ "$status" -eq 77 ]
    [ "$output" = "chatctl: list failed: this node belongs to another user" ]
    chmod 700 "$XDG_RUNTIME_DIR/beamcore"
    beamd ping
}

@test "a path of more than 107 bytes: 78, and how long it may be" {
    local long
    long=$BEAM_TEST_ROOT/$(head -c 100 /dev/zero | tr '\0' l)
    mkdir -m 700 "$long"
    local command
    for command in "chatctl list" "beamd" "beamd --daemon" "beamd status" "beamd socket" "beamd stop"; do
        XDG_RUNTIME_DIR=$long run $command
        [ "$status" -eq 78 ]
        [[ $output == *"$long/beamcore/beam.sock has "*" bytes, at most 107 are possible; try: a shorter XDG_RUNTIME_DIR, TMPDIR or --node" ]]
    done
    run chatctl list --socket "$long/beam.sock"
    [ "$status" -eq 78 ]
    XDG_RUNTIME_DIR=$long run beamd doctor
    [ "$status" -eq 1 ]
}

@test "no folder for a node: what is said is the same with every tool" {
    export XDG_RUNTIME_DIR=$BEAM_TEST_ROOT/missing TMPDIR=$BEAM_TEST_ROOT/missing
    transcript <<'END'
$ chatctl list
2> chatctl: list failed: cannot make the folder .../missing/beamcore-...: No such file or directory; try: set XDG_RUNTIME_DIR or TMPDIR to a folder of your own
[73]
$ beamd --daemon
2> beamd: start beam failed: cannot make the folder .../missing/beamcore-...: No such file or directory; try: set XDG_RUNTIME_DIR or TMPDIR to a folder of your own
[73]
END
}
