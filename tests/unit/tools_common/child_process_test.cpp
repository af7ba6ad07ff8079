#include "tools/common/child_process.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>

#include "tools/common/command.hpp"
#include "tools/common/failure.hpp"

using namespace beam::tool;
using namespace std::chrono_literals;
using beam::unique_fd;

namespace {

struct pipe_ends {
    unique_fd reads, writes;
    pipe_ends() {
        int ends[2];
        REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
        reads.reset(ends[0]);
        writes.reset(ends[1]);
    }
    // To its end.
    [[nodiscard]] std::string rest() {
        writes.reset();
        std::string text;
        char chunk[256];
        for (ssize_t n; (n = ::read(reads.get(), chunk, sizeof chunk)) > 0;)
            text.append(chunk, static_cast<std::size_t>(n));
        return text;
    }
};

child_options writing_to(const pipe_ends& to) {
    child_options o;
    o.output = to.writes.get();
    return o;
}

}  // namespace

TEST_CASE("a child has the streams it was given, and its exit code or signal is told") {
    pipe_ends in, out;
    auto options = writing_to(out);
    options.input = in.reads.get();
    options.error = out.writes.get();
    child_process child({"sh", "-c", "cat; echo bad >&2; exit 7"}, options);
    CHECK(child.exec_error() == 0);
    CHECK_FALSE(child.ends_by(deadline::in(0s)));  // it reads
    CHECK(::write(in.writes.get(), "good\n", 5) == 5);
    in.writes.reset();
    CHECK(child.ends_by(deadline::in(20s)));
    CHECK(child.reap() == 7);
    CHECK(out.rest() == "good\nbad\n");

    child_process killed({"sh", "-c", "kill -9 $$"}, {});
    CHECK(killed.reap() == 128 + SIGKILL);
}

TEST_CASE("what cannot be executed is known, with its reason") {
    child_process missing({"no-such-program-anywhere"}, {});
    CHECK(missing.exec_error() == ENOENT);
    CHECK(missing.reap() == 127);
    child_process folder({"/"}, {});
    CHECK(folder.exec_error() == EACCES);
    CHECK(folder.reap() == 126);
}

TEST_CASE("a group is killed with all that the child has started") {
    pipe_ends out;
    auto options = writing_to(out);
    options.own_group = true;
    child_process child({"sh", "-c", "sleep 600 & echo up; wait"}, options);
    char line[3];
    REQUIRE(::read(out.reads.get(), line, sizeof line) == 3);
    CHECK(child.target() < 0);
    child.kill(SIGKILL);
    CHECK(child.reap() == 128 + SIGKILL);
    CHECK(out.rest().empty());  // nobody holds the other end any more
}

TEST_CASE("a child without our descriptors gets none but the three") {
    const unique_fd inherited(::open("/dev/null", O_RDONLY));  // not closed by exec
    const std::string script = "[ -e /proc/self/fd/" + std::to_string(inherited.get()) + " ]";
    child_options options;
    CHECK(child_process({"sh", "-c", script}, options).reap() == 0);
    options.gets_descriptors = false;
    CHECK(child_process({"sh", "-c", script}, options).reap() == 1);
}

TEST_CASE("a command that takes too long is ended with its group, though it ignores SIGTERM") {
    pipe_ends alive;
    ::fcntl(alive.writes.get(), F_SETFD, 0);
    const auto result = run_command(
        {"sh", "-c", "trap '' TERM; sleep 600 & while :; do wait; done"}, {.limit = 50ms});
    CHECK(result.timed_out);
    CHECK(result.exit == 128 + SIGKILL);
    CHECK(result.took >= 2s);
    CHECK(alive.rest().empty());
    const auto quick = run_command({"sh", "-c", "exit 3"}, {.limit = 20s});
    CHECK_FALSE(quick.timed_out);
    CHECK(quick.exit == 3);
}
