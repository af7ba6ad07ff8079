#!/usr/bin/env bats
# scripts/tidy on a small tree: what it says, what it remembers, and that joining sources adds nothing.

setup() {
    command -v clang-tidy >/dev/null || skip "no clang-tidy"
    cd "$BATS_TEST_TMPDIR" || return
    mkdir -p build bin
    printf '%s\n' "Checks: '-*,modernize-use-override'" "WarningsAsErrors: '*'" "HeaderFilterRegex: '.*'" >.clang-tidy
    # Notes for each run how many sources it joins.
    printf '%s\n' '#!/bin/sh' 'case $1 in --version) ;; *) grep -c include "$2" >>runs ;; esac' \
        "exec $(command -v clang-tidy) \"\$@\"" >bin/clang-tidy
    chmod +x bin/clang-tidy
    PATH=$PWD/bin:$PATH
    : >runs
    base='struct base { virtual ~base() = default; virtual int f() { return 0; } };'
    printf '#pragma once\n%s\n' "$base" >base.hpp
    source_file one 'struct one : base { int f() override { return 1; } };'
    source_file two 'struct two : base { int f() override { return 2; } };'
    found="struct wrong : base { virtual int f() { return 3; } };"
}

source_file() { printf '#include "base.hpp"\n%s\n' "${@:2}" >"$1.cpp"; }

# tidy [--all] NAME...: with a target that these sources make up.
tidy() {
    local all=() name comma=
    if [ "$1" = --all ]; then
        all=(--all)
        shift
    fi
    for name; do
        printf '%s{"directory": "%s", "file": "%s.cpp", "command": "c++ -std=c++20 -I%s -o t.dir/%s.o -c %s.cpp"}\n' \
            "${comma:-[}" "$PWD" "$PWD/$name" "$PWD" "$name" "$PWD/$name"
        comma=,
    done >build/compile_commands.json
    echo "]" >>build/compile_commands.json
    run "$SOURCE/scripts/tidy" "${all[@]}" build base.hpp "${@/%/.cpp}"
    echo "$output"
}

# Of how many sources each run was.
runs() { paste -sd' ' runs; }

clean() {
    [ "$status" -eq 0 ]
    [ -z "$output" ]
}

@test "the sources of a target are read at once, and not again until they change" {
    tidy one two
    clean
    [ "$(runs)" = "2" ]
    tidy one two
    clean
    [ "$(runs)" = "2" ]
    tidy --all one two
    clean
    [ "$(runs)" = "2 2" ]
}

@test "a changed source is read again alone, a changed header with all that include it" {
    tidy one two
    source_file two "$found"
    tidy one two
    [ "$status" -eq 1 ]
    [ "$output" = "two.cpp:2:35: error: prefer using 'override' or (rarely) 'final' instead of 'virtual' [modernize-use-override,-warnings-as-errors]" ]
    [ "$(runs)" = "2 1" ]
    source_file two 'struct two : base {};'
    tidy one two
    clean
    echo "$found" >>base.hpp
    tidy one two
    [ "$status" -eq 1 ]
    [[ $output == "base.hpp:3:"* ]]
    [ "${#lines[@]}" -eq 1 ]
    [ "$(runs)" = "2 1 1 2" ]
}

@test "a finding is said until it is mended, and what passed beside it is remembered" {
    source_file two "$found"
    tidy one two
    [ "$status" -eq 1 ]
    tidy one
    clean
    [ "$(runs)" = "2" ]
    tidy one two
    [ "$status" -eq 1 ]
    [[ $output == "two.cpp:2:"* ]]
    [ "$(runs)" = "2 1" ]
}

@test "local names that are the same are no finding, and are seen beforehand" {
    source_file one 'namespace {' '' 'int same(int a) { return a; }' '' '}  // namespace' 'int f() { return same(1); }'
    source_file two 'namespace {' '' 'int same(int b) { return b; }' '' '}  // namespace' 'int g() { return same(2); }'
    tidy one two
    clean
    [ "$(runs)" = "1 1" ]
}

@test "a clash that was not seen beforehand is no finding either" {
    source_file one 'struct same { int a; };' 'int f() { return same{1}.a; }'
    source_file two 'struct same { int b; };' 'int g() { return same{2}.b; }'
    tidy one two
    clean
    [ "$(runs)" = "2 1 1" ]
}

@test "a source that does not compile is a finding" {
    source_file two 'int g() { return nothing; }'
    tidy one two
    [ "$status" -eq 1 ]
    [ "$output" = "two.cpp:2:18: error: use of undeclared identifier 'nothing' [clang-diagnostic-error]" ]
}
