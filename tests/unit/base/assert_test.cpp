#include "libbeamcore/base/assert.hpp"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <string>

#include "libbeamcore/base/unique_fd.hpp"

TEST_CASE("an assertion that holds does nothing, and evaluates its condition once") {
    int evaluated = 0;
    beam_assert(++evaluated == 1, "counted once");
    CHECK(evaluated == 1);
}

TEST_CASE("an assertion that does not hold says where and why, and aborts") {
    std::array<int, 2> pipe_ends{};
    REQUIRE(::pipe(pipe_ends.data()) == 0);
    beam::unique_fd read_end{pipe_ends[0]};
    beam::unique_fd write_end{pipe_ends[1]};
    pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        std::signal(SIGABRT, SIG_DFL);  // not doctest's
        ::dup2(write_end.get(), STDERR_FILENO);
        beam_assert(1 + 1 == 3, "sums add up");
        ::_exit(0);
    }
    write_end.reset();
    std::string said;
    std::array<char, 256> buffer{};
    for (ssize_t n = 0; (n = ::read(read_end.get(), buffer.data(), buffer.size())) > 0;)
        said.append(buffer.data(), static_cast<std::size_t>(n));
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == SIGABRT);
    CHECK(said.find("assert_test.cpp:") != std::string::npos);
    CHECK(said.find("sums add up (1 + 1 == 3)") != std::string::npos);
}
