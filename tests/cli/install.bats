#!/usr/bin/env bats
# What `cmake --install` puts in place works there, with nothing of the build folder or the environment.
# BEAM_BUILD is the build folder.

load helper

setup_file() {
    [ -n "${BEAM_BUILD:-}" ] || skip "BEAM_BUILD is not set"
    export DESTDIR=$BATS_FILE_TMPDIR/stage
    cmake --install "$BEAM_BUILD" --prefix /usr >"$BATS_FILE_TMPDIR/log" 2>&1 ||
        { tail -5 "$BATS_FILE_TMPDIR/log"; return 1; }
    unset DESTDIR
}

stage=$BATS_FILE_TMPDIR/stage

# The command with only a home and a path.
plain() { env -i "HOME=$HOME" "PATH=$stage/usr/bin:/usr/bin:/bin" "TMPDIR=$XDG_RUNTIME_DIR" "$@" 3>&-; }

@test "the installed tools serve with an empty environment" {
    [ "$(plain chatctl create room general | sed 's/<.*>//')" = "room general: pid=" ]
    [ "$(plain chatctl send general hello)" = "[general] user42: hello" ]
    kill -9 "$(plain beamd status --json | jq .os_pid)"
    [ "$(plain chatctl history general)" = "[general] user42: hello" ]
    # Everything that is mapped is what was installed.
    run grep -F "$BEAM_BUILD/" "/proc/$(plain beamd status --json | jq .os_pid)/maps"
    [ "$status" -eq 1 ]
    [ -f "$HOME/.local/state/beamcore/beam.log" ]
    [ "$(plain beamd stop)" = "beam: stopped" ]
}

@test "man pages, completions and units are where their readers look" {
    local tool
    for tool in beamd breaker chatctl faultlab kv presence ratelimit; do
        [ -f "$stage/usr/share/man/man1/$tool.1" ] || [ -f "$stage/usr/share/man/man1/$tool.1.gz" ]
        [ -f "$stage/usr/share/bash-completion/completions/$tool" ]
        [ -f "$stage/usr/share/zsh/site-functions/_$tool" ] || [ -f "$stage/usr/share/zsh/vendor-completions/_$tool" ]
        [ -f "$stage/usr/share/fish/vendor_completions.d/$tool.fish" ]
        [ -z "$(man -l --warnings "$stage/usr/share/man/man1/$tool.1"* 2>&1 >/dev/null)" ]
    done
}

@test "systemd finds nothing wrong with the units" {
    command -v systemd-analyze >/dev/null || skip "systemd-analyze is missing"
    local units unit
    units=$(find "$stage" -name '*.service' -o -name '*.socket' | grep systemd)
    [ -n "$units" ]
    for unit in $units; do
        # The prefix is that of this installation; what must exist is in the stage.
        case $unit in *.service) grep -qx 'ExecStart=/usr/bin/beamd' "$unit" ;; esac
        sed -i "s|=/usr/bin/beamd|=$stage/usr/bin/beamd|" "$unit"
        case $unit in
            */user/*) systemd-analyze verify --user --man=no "$unit" ;;
            *) systemd-analyze verify --man=no "$unit" ;;
        esac >"$BEAM_TEST_ROOT/verdict" 2>&1 || true
        # What it says of units that are not ours does not count.
        run grep -F beamd "$BEAM_TEST_ROOT/verdict"
        [ "$status" -eq 1 ]
    done
}
