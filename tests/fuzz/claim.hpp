// claim: what a fuzzer says is always so. If it is not, the input is kept, and shown by tests/fuzz/run.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string_view>

inline void claim(bool holds, const char* what, std::string_view seen = {}) {
    if (holds) return;
    std::fprintf(stderr, "does not hold: %s\n%.*s\n", what, int(seen.size()), seen.data());
    std::abort();
}
