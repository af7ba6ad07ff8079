#!/usr/bin/env bats
# scripts/setup with stand-ins for dpkg-query, apt-get and id: what it asks for, and when.

setup() {
    mkdir "$BATS_TEST_TMPDIR/bin"
    export PATH="$BATS_TEST_TMPDIR/bin:$PATH" TOLD=$BATS_TEST_TMPDIR/told ABSENT="" UID_NOW=0
    stand_in dpkg-query 'case " $ABSENT " in *" ${!#} "*) echo "not-installed "; exit 1;; esac; echo "installed "'
    stand_in apt-get 'echo "apt-get $*" >>"$TOLD"; exit "${APT_EXIT:-0}"'
    stand_in id 'echo "$UID_NOW"'
    stand_in sudo 'echo sudo >>"$TOLD"; exec "$@"'
}

stand_in() {
    printf '#!/bin/bash\n%s\n' "$2" >"$BATS_TEST_TMPDIR/bin/$1"
    chmod +x "$BATS_TEST_TMPDIR/bin/$1"
}

@test "with all there, nothing is said and nothing installed" {
    run "$SOURCE/scripts/setup" test
    [ "$status" -eq 0 ]
    [ -z "$output" ]
    [ ! -e "$TOLD" ]
}

@test "what is missing is named and installed, and only that" {
    ABSENT="cmake libfmt-dev" run "$SOURCE/scripts/setup" run
    [ "$status" -eq 0 ]
    [ "$output" = "installing with apt-get: cmake libfmt-dev" ]
    grep -q 'apt-get .*update' "$TOLD"
    grep -q 'apt-get .*install --no-install-recommends cmake libfmt-dev$' "$TOLD"
    [ "$(grep -c sudo "$TOLD")" -eq 0 ]
}

@test "running needs no test tools" {
    ABSENT="bats" run "$SOURCE/scripts/setup" run
    [ -z "$output" ]
    ABSENT="bats" run "$SOURCE/scripts/setup" test
    [ "$output" = "installing with apt-get: bats" ]
}

@test "who is not root goes through sudo" {
    UID_NOW=1000 ABSENT="cmake" run "$SOURCE/scripts/setup" run
    [ "$status" -eq 0 ]
    grep -q sudo "$TOLD"
}

@test "an apt-get that fails is said, exit 69" {
    APT_EXIT=100 ABSENT="cmake" run "$SOURCE/scripts/setup" run
    [ "$status" -eq 69 ]
    [[ $output == *"scripts/setup failed"* ]]
}

@test "an unknown part is a usage error" {
    run "$SOURCE/scripts/setup" everything
    [ "$status" -eq 2 ]
}
