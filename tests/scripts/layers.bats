#!/usr/bin/env bats
# The rules of layers.awk on made-up includes.

# includes FILE INCLUDE: what layers.awk says of that one line.
includes() {
    printf '%s\n' 'base: ' 'term: base' 'runtime: term' 'io: runtime' 'otp: runtime' 'node: otp io' \
        >"$BATS_TEST_TMPDIR/layers.txt"
    run awk -f "$SOURCE/scripts/layers.awk" "$BATS_TEST_TMPDIR/layers.txt" - <<<"$1:7:#include \"$2\""
    echo "$output"
}

allowed() {
    includes "$1" "$2"
    [ "$status" -eq 0 ]
    [ -z "$output" ]
}

refused() {
    includes "$1" "$2"
    [ "$status" -eq 1 ]
    [[ $output == "$1:7: includes $2: "* ]]
}

@test "a layer sees itself and what it uses, also through others" {
    allowed libbeamcore/otp/a.hpp libbeamcore/otp/b.hpp
    allowed libbeamcore/otp/a.hpp libbeamcore/runtime/b.hpp
    allowed libbeamcore/otp/a.hpp libbeamcore/base/b.hpp
}

@test "a layer does not see what is above or beside it" {
    refused libbeamcore/term/a.cpp libbeamcore/runtime/b.hpp
    refused libbeamcore/otp/a.cpp libbeamcore/io/b.hpp
    refused libbeamcore/base/a.cpp libbeamcore/term/b.hpp
}

@test "a layer that is not in the list is refused" {
    refused libbeamcore/misc/a.cpp libbeamcore/base/b.hpp
}

@test "the library does not see tools, and nobody another layer's internals" {
    refused libbeamcore/node/a.cpp tools/common/b.hpp
    allowed libbeamcore/otp/a.cpp libbeamcore/otp/internal/b.hpp
    refused libbeamcore/node/a.cpp libbeamcore/otp/internal/b.hpp
    refused tools/beamd/main.cpp libbeamcore/otp/internal/b.hpp
}

@test "an include is the path from the top" {
    refused libbeamcore/otp/a.cpp b.hpp
    refused tools/cache/main.cpp app/b.hpp
}

@test "a client sees base, term and tools/common" {
    allowed tools/cache/main.cpp libbeamcore/term/b.hpp
    allowed tools/cache/main.cpp tools/common/run.hpp
    allowed tools/cache/main.cpp tools/cache/print.hpp
    refused tools/cache/main.cpp libbeamcore/runtime/b.hpp
    refused tools/common/run.cpp libbeamcore/otp/b.hpp
    refused tools/cache/main.cpp tools/kv/print.hpp
}

@test "an application sees the layers below node, and others' app/NAME.hpp" {
    allowed tools/cache/app/server.cpp libbeamcore/otp/b.hpp
    refused tools/cache/app/server.cpp libbeamcore/node/b.hpp
    allowed tools/cache/app/server.cpp tools/kv/app/kv.hpp
    refused tools/cache/app/server.cpp tools/kv/app/shard.hpp
    refused tools/cache/main.cpp tools/kv/app/kv.hpp
}

@test "a folder beside an application's sees what that sees, but no other tool's" {
    allowed tools/kv/coordinator/etcd.cpp libbeamcore/otp/b.hpp
    refused tools/kv/coordinator/etcd.cpp libbeamcore/node/b.hpp
    refused tools/kv/coordinator/etcd.cpp tools/cache/app/cache.hpp
}

@test "beamd sees all layers" {
    allowed tools/beamd/main.cpp libbeamcore/node/b.hpp
}
