// Another node of a bench: this program again, in an OS process of its own.
#pragma once

#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <utility>

#include "tests/bench/beam/bench.hpp"

extern char** environ;

namespace bench {

/// Runs `group` there until this dies, or is told to kill it.
class other_program {
public:
    explicit other_program(std::string group) {
        std::string program = "/proc/self/exe";
        char* const arguments[] = {program.data(), group.data(), nullptr};
        expect(::posix_spawn(&pid_, program.c_str(), nullptr, nullptr, arguments, environ) == 0,
               "another node could not be started");
    }
    ~other_program() { kill(); }
    other_program(const other_program&) = delete;
    other_program& operator=(const other_program&) = delete;
    void kill() {
        if (pid_ <= 0) return;
        ::kill(pid_, SIGKILL);
        ::waitpid(std::exchange(pid_, -1), nullptr, 0);
    }

private:
    pid_t pid_ = -1;
};

/// For that program: it ends with the one that started it, should that be killed.
inline void end_with_parent() {
    expect(::prctl(PR_SET_PDEATHSIG, SIGKILL) == 0, "prctl failed");
}

}  // namespace bench
