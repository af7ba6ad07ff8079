#!/usr/bin/env bats
# One module for each thing that lint-module refuses.

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    flags=(-std=c++20 -shared -fPIC -fvisibility=hidden -fvisibility-inlines-hidden -fno-gnu-unique
        "-Wl,--version-script=$SOURCE/scripts/cmake/application.map" "-Wl,-z,defs")
    entry='extern "C" __attribute__((visibility("default"))) int beam_module_entry(void* c) { return use() + (c == nullptr); }'
}

# module NAME BODY FLAG...: NAME.so, with BODY (which defines use()) and the entry.
module() {
    local name=$1
    printf '%s\n%s\n' "$2" "$entry" >"$name.cpp"
    shift 2
    "${CXX:-g++}" "${flags[@]}" -o "$name.so" "$name.cpp" "$@"
}

lint() { run "$SOURCE/scripts/lint-module" "$1"; }

refused() {
    echo "$output"
    [ "$status" -eq 1 ]
    [[ $output == *"$1"* ]]
}

@test "a module built with the flags of beam_application passes" {
    module good '#include <string>
        static thread_local int counter;
        int use() { return static_cast<int>(std::to_string(++counter).size()); }'
    lint good.so
    echo "$output"
    [ "$status" -eq 0 ]
    [ -z "$output" ]
}

@test "a UNIQUE symbol is refused" {
    flags=(-std=c++20 -shared -fPIC)
    module unique 'struct s { static inline int shared = 1; }; int use() { return s::shared; }
        inline int& count() { static int n; return n; } int more() { return ++count(); }'
    lint unique.so
    refused "unique symbol"
}

@test "a second export is refused" {
    flags=(-std=c++20 -shared -fPIC -fvisibility=hidden -fno-gnu-unique)
    module second '__attribute__((visibility("default"))) int use() { return 0; }'
    lint second.so
    refused "exports _Z3usev"
}

@test "no entry is refused" {
    entry=
    module none 'int use() { return 0; }'
    lint none.so
    refused "no beam_module_entry"
}

@test "NODELETE is refused" {
    module nodelete 'int use() { return 0; }' -Wl,-z,nodelete
    lint nodelete.so
    refused "NODELETE"
}

@test "SYMBOLIC is refused" {
    module symbolic 'int use() { return 0; }' -Wl,-Bsymbolic
    lint symbolic.so
    refused "SYMBOLIC"
}

@test "static TLS is refused" {
    module tls 'static thread_local int n; int use() { return ++n; }' -ftls-model=initial-exec
    lint tls.so
    refused "static TLS"
}

@test "a need of another application is refused" {
    module other '__attribute__((visibility("default"))) int use() { return 0; }' -Wl,-soname,other.so
    module needs 'int use() { return 1; }' -Wl,--no-as-needed ./other.so
    lint needs.so
    refused "needs other.so, another application"
}

@test "a thread_local with a destructor is refused" {
    module local '#include <string>
        static thread_local std::string text; int use() { text += "x"; return 0; }'
    lint local.so
    refused "thread_local with a destructor"
}

@test "pthread_create is refused" {
    module thread '#include <pthread.h>
        static void* body(void*) { return nullptr; }
        int use() { pthread_t t; return pthread_create(&t, nullptr, body, nullptr); }'
    lint thread.so
    refused "starts a thread"
}

@test "std::thread is refused" {
    module stdthread '#include <thread>
        int use() { std::thread([] {}).join(); return 0; }'
    lint stdthread.so
    refused "starts a std::thread"
}

@test "pthread_key_create is refused" {
    module key '#include <pthread.h>
        int use() { pthread_key_t k; return pthread_key_create(&k, nullptr); }'
    lint key.so
    refused "thread key"
}

@test "every fault is named, not only the first" {
    module two '#include <pthread.h>
        int use() { pthread_key_t k; return pthread_key_create(&k, nullptr); }' -Wl,-z,nodelete
    lint two.so
    refused "thread key"
    refused "NODELETE"
}
