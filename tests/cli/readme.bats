#!/usr/bin/env bats
# The README's tour, typed in order on a fresh machine.

load helper

@test "every command of the README's tour prints what the README says" {
    local readme=$BATS_TEST_DIRNAME/../../README.md
    awk '/^<!-- tour -->$/ { wanted = 1; next }
         wanted && /^```console$/ { inside = 1; wanted = 0; next }
         inside && /^```$/ { inside = 0; next }
         inside' "$readme" >"$BEAM_TEST_ROOT/tour"
    [ "$(grep -c '^\$ ' "$BEAM_TEST_ROOT/tour")" -ge 10 ]
    transcript <"$BEAM_TEST_ROOT/tour"
}
