// What a client may conclude when a node is killed under it.
#include <signal.h>
#include <sys/wait.h>

#include <cstdlib>

#include "tests/unit/node/harness.hpp"

using test::client;
using test::json;

namespace {

constexpr const char* other_node = "a node of another OS process that tells fd 3 its socket";

/// A node that can be killed.
class node_process {
public:
    node_process() {
        int ends[2];
        REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
        const beam::unique_fd reads(ends[0]);
        beam::unique_fd writes(ends[1]);
        const std::string filter = std::string("--test-case=") + other_node;
        pid_ = ::fork();
        if (pid_ == 0) {
            ::dup2(writes.get(), 3);
            ::fcntl(3, F_SETFD, 0);  // also if it was 3 already
            ::execl("/proc/self/exe", "unit_node", "--no-skip", filter.c_str(), nullptr);
            ::_exit(127);
        }
        writes.reset();
        char c = 0;
        pollfd wait{reads.get(), POLLIN, 0};
        const auto limit = std::chrono::milliseconds(test::patience).count();
        while (::poll(&wait, 1, int(limit)) == 1 && ::read(reads.get(), &c, 1) == 1 && c != '\n')
            socket_ += c;
        REQUIRE_FALSE(socket_.empty());
    }
    node_process(const node_process&) = delete;
    node_process& operator=(const node_process&) = delete;
    ~node_process() {
        if (pid_ > 0) ::kill(pid_, SIGKILL), (void)end();
        std::error_code ignored;
        std::filesystem::remove_all(std::filesystem::path(socket_).parent_path(), ignored);
    }

    [[nodiscard]] const std::string& socket() const { return socket_; }
    /// Which signal it died by; 0: none.
    int end() {
        int status = 0;
        REQUIRE(::waitpid(std::exchange(pid_, -1), &status, 0) > 0);
        return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    }

private:
    pid_t pid_ = -1;
    std::string socket_;
};

}  // namespace

TEST_CASE("a node of another OS process that tells fd 3 its socket" * doctest::skip()) {
    test::node n;
    REQUIRE(n.booted);
    const std::string line = n.socket() + "\n";
    REQUIRE(::write(3, line.data(), line.size()) == ssize_t(line.size()));
    ::close(3);
    (void)n.exit_code();
}

TEST_CASE(
    "hello is on the wire before what came with it is begun, also by a node that dies of that: who "
    "reads no answer to it was not served, and may ask again") {
    for (int round = 0; round < test::many(10); ++round) {
        node_process n;
        {
            client first(n.socket());
            CHECK(first.ask("probe.count")["result"] == 1);  // it is loaded
        }
        // Others ask at the same time: answers to those are sent together.
        std::vector<std::unique_ptr<client>> others;
        for (int i = 0; i < 4; ++i) others.push_back(std::make_unique<client>(n.socket()));
        client c(n.socket());
        const json hello{{"id", 0}, {"method", "hello"}, {"params", {{"protocol", {1}}}}},
            deadly{{"id", 1}, {"method", "probe.kill_node"}};
        for (auto& o : others)
            o->send(R"({"id":1,"method":"probe.count"})"
                    "\n");
        c.send(hello.dump() + "\n" + deadly.dump() + "\n");
        CHECK(n.end() == SIGKILL);
        CHECK(c.read()["result"]["protocol"] == 1);
        CHECK_FALSE(c.line());
    }
}
