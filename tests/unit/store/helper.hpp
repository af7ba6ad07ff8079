// Test cases that are run in a process of their own: what they do may end it.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "tests/unit/store/world.hpp"

namespace test {

/// One test case of this program in a process of its own, told `path` as BEAM_TEST_STORE; its status.
inline int run_helper(const char* name, const std::string& path) {
    const std::string filter = std::string("--test-case=") + name;
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        ::setenv("BEAM_TEST_STORE", path.c_str(), 1);
        ::execl("/proc/self/exe", "unit_store", "--no-skip", filter.c_str(), nullptr);
        ::_exit(127);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    return status;
}

}  // namespace test
