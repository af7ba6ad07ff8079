#include "libbeamcore/io/os_port.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include <set>

#include "libbeamcore/runtime/exit.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/runtime/send.hpp"
#include "tests/unit/io/world.hpp"

using namespace beam;
using namespace std::chrono_literals;
using test::patience;

namespace {

io::port_options shell(const std::string& script) {
    io::port_options o;
    o.argv = {"sh", "-c", script};
    o.streams.framing = io::framing::line;
    return o;
}

io::os_port open(const io::port_options& o) {
    auto p = io::open_port(o);
    REQUIRE_MESSAGE(p.has_value(), (p ? "" : p.error().code + " " + p.error().detail));
    return *std::move(p);
}

/// The pid that a script prints on its next line.
awaitable<pid_t> next_pid(io::os_port* port) {
    auto line = co_await port->read_line(patience);
    co_return line ? pid_t(std::stol(*line)) : -1;
}

}  // namespace

TEST_CASE("a port's lines, the end of its output and its exit status are messages, in that order") {
    test::in_node([](self self) -> awaitable<void> {
        auto port = open(shell("echo one; echo two; printf three; exit 7"));
        port.activate(100);
        for (const char* want : {"one", "two", "three"}) {
            auto l = co_await self.receive<io::line, io::end_of_input, io::exited>();
            REQUIRE(std::holds_alternative<io::line>(l));
            CHECK(std::get<io::line>(l).text == want);
            CHECK(std::get<io::line>(l).from == port.id());
            CHECK(std::get<io::line>(l).stream == 1);
        }
        auto end = co_await self.receive<io::end_of_input, io::exited>();
        CHECK(std::holds_alternative<io::end_of_input>(end));
        auto e = co_await self.receive<io::exited>();
        CHECK(e.from == port.id());
        CHECK(e.status == io::exit_status{7, 0});
        CHECK(port.status() == io::exit_status{7, 0});
        CHECK_FALSE(port.kill(SIGTERM).has_value());
    });
}

TEST_CASE("output and error output are told apart, or put together") {
    test::in_node([](self self) -> awaitable<void> {
        auto o = shell("echo out; echo err >&2");
        o.error_output = io::output_to::messages;
        auto port = open(o);
        port.activate(10);
        std::set<std::pair<int, std::string>> got;
        for (int i = 0; i < 2; ++i) {
            auto l = co_await self.receive<io::line>();
            got.insert({l.stream, l.text});
        }
        CHECK(got == std::set<std::pair<int, std::string>>{{1, "out"}, {2, "err"}});
        for (int i = 0; i < 2; ++i) (void)co_await self.receive<io::end_of_input>();
        CHECK((co_await self.receive<io::exited>()).status.is_success());

        o.error_output = io::output_to::output;
        auto together = open(o);
        auto first = co_await together.read_line(patience);
        auto second = co_await together.read_line(patience);
        CHECK(first == "out");
        CHECK(second == "err");
    });
}

TEST_CASE("a program reads what is written to it, and its end") {
    test::in_node([](self) -> awaitable<void> {
        io::port_options o;
        o.argv = {"cat"};
        auto port = open(o);
        std::string sent;
        for (int i = 0; i < 50'000; ++i) sent += std::to_string(i) + " ";
        CHECK(port.try_write(sent) == true);
        port.close_input();
        std::string got;
        for (;;) {
            auto bytes = co_await port.read(patience);
            if (!bytes) {
                CHECK(bytes.error().is("eof"));
                break;
            }
            got += *bytes;
        }
        CHECK(got == sent);
        auto status = co_await port.wait(patience);
        CHECK(status == io::exit_status{0, 0});
        auto late = port.try_write("x");
        CHECK_FALSE(late.has_value());
    });
}

TEST_CASE("a writer waits for a program that does not read") {
    test::in_node([](self) -> awaitable<void> {
        auto o = shell("read go; cat >/dev/null; echo done");
        o.streams.output_max = 100'000;
        auto port = open(o);
        const std::string part(50'000, 'p');
        std::size_t parts = 0;
        for (;; ++parts) {
            auto r = port.try_write(part);
            REQUIRE(r.has_value());
            if (!*r) break;
            REQUIRE(parts < 1000);
        }
        // sh reads byte by byte until a newline, so that the pipe empties and fills again.
        auto w = co_await port.write("\n", patience);
        CHECK(w.has_value());
        port.close_input();
        auto line = co_await port.read_line(patience);
        CHECK(line == "done");
    });
}

TEST_CASE("a program that closes its input makes writing an error, and raises no SIGPIPE") {
    test::in_node([](self) -> awaitable<void> {
        auto port = open(shell("exec <&-; echo closed; read x; exec sleep 1000"));
        auto line = co_await port.read_line(patience);
        CHECK(line == "closed");
        result<void> r;
        while (r) r = co_await port.write("into nothing", patience);
        CHECK(r.error().is("epipe"));
    });
}

TEST_CASE("a signal that ended a program is its status") {
    test::in_node([](self) -> awaitable<void> {
        auto port = open(shell("kill -SEGV $$"));
        auto status = co_await port.wait(patience);
        CHECK(status == io::exit_status{-1, SIGSEGV});
        auto running = open(shell("echo up; exec sleep 1000"));
        (void)co_await running.read_line(patience);
        auto early = co_await running.wait(1ms);
        REQUIRE_FALSE(early);
        CHECK(early.error().is("timeout"));
        CHECK_FALSE(running.status().has_value());
        CHECK(running.kill(SIGINT).has_value());
        auto second = co_await running.wait(patience);
        CHECK(second == io::exit_status{-1, SIGINT});
    });
}

TEST_CASE("what cannot be started is an error that says what") {
    const auto before = test::open_descriptors();
    test::in_node([](self) -> awaitable<void> {
        io::port_options o;
        o.argv = {"no-such-program-anywhere"};
        auto missing = io::open_port(o);
        REQUIRE_FALSE(missing);
        CHECK(missing.error().is("enoent"));
        CHECK(missing.error().detail.find("no-such-program-anywhere") != std::string::npos);
        o.argv = {"/dev/null"};
        auto forbidden = io::open_port(o);
        REQUIRE_FALSE(forbidden);
        CHECK(forbidden.error().is("eacces"));
        o.argv = {"true"};
        o.cwd = "/no/such/folder";
        auto nowhere = io::open_port(o);
        REQUIRE_FALSE(nowhere);
        CHECK(nowhere.error().is("enoent"));
        auto nothing = io::open_port({});
        REQUIRE_FALSE(nothing);
        CHECK(nothing.error().is("empty_argv"));
        co_return;
    });
    CHECK(test::open_descriptors() == before);
}

TEST_CASE("environment and folder are as asked for") {
    test::folder dir;
    ::setenv("BEAM_TEST_GONE", "1", 1);
    test::in_node([&](self) -> awaitable<void> {
        auto o = shell("echo $BEAM_TEST_NEW:$BEAM_TEST_GONE:${PATH:+path}; pwd -P");
        o.env = {{"BEAM_TEST_NEW", "new"}, {"BEAM_TEST_GONE", std::nullopt}};
        o.cwd = dir.path();
        auto port = open(o);
        auto env = co_await port.read_line(patience);
        auto cwd = co_await port.read_line(patience);
        CHECK(env == "new::path");
        CHECK(cwd == std::filesystem::canonical(dir.path()).string());

        io::port_options bare;
        bare.argv = {"env"};
        bare.clear_env = true;
        bare.env = {{"ONLY", "this"}};
        auto all = open(bare);
        auto line = co_await all.read_line(patience);
        auto end = co_await all.read_line(patience);
        CHECK(line == "ONLY=this");
        CHECK_FALSE(end.has_value());
    });
    ::unsetenv("BEAM_TEST_GONE");
}

TEST_CASE("a program inherits three descriptors, no ignored and no blocked signal") {
    ::signal(SIGUSR1, SIG_IGN);
    unique_fd leaky(::open("/dev/null", O_RDONLY));  // not close-on-exec
    test::in_node([](self) -> awaitable<void> {
        auto port = open(shell("ls /proc/$$/fd; cut -d' ' -f5 /proc/$$/stat"));
        for (const char* fd : {"0", "1", "2"}) {
            auto line = co_await port.read_line(patience);
            CHECK(line == fd);
        }
        auto group = co_await port.read_line(patience);
        CHECK(group == std::to_string(port.os_pid()));

        io::port_options o;
        o.argv = {"grep", "-E", "Sig(Blk|Ign)", "/proc/self/status"};
        auto masks = open(o);
        auto blocked = co_await masks.read_line(patience);
        auto ignored = co_await masks.read_line(patience);
        CHECK(blocked == "SigBlk:\t0000000000000000");
        // glibc's posix_spawn leaves its own two, 32 and 33, ignored.
        const std::string ours = ignored.value_or("");
        CHECK((ours == "SigIgn:\t0000000000000000" || ours == "SigIgn:\t0000000180000000"));
    });
    ::signal(SIGUSR1, SIG_DFL);
}

TEST_CASE("the owner's death ends the program and its children") {
    test::in_node([](self self) -> awaitable<void> {
        self.trap_exit(true);
        const pid owner = spawn_link(
            [](beam::self s, pid parent) -> process {
                auto port =
                    open(shell("sleep 1000 & echo $!; (sleep 1000 & echo $!; wait) & wait"));
                pid_t first = co_await next_pid(&port);
                pid_t second = co_await next_pid(&port);
                beam::send(parent, int(port.os_pid()));
                beam::send(parent, int(first));
                beam::send(parent, int(second));
                (void)co_await s.receive<std::string>();
            },
            self.id());
        std::vector<test::watched_process> family;
        for (int i = 0; i < 3; ++i) {
            family.emplace_back(pid_t(co_await self.receive<int>()));
            CHECK(family.back().is_known());
            CHECK(family.back().lives());
        }
        exit(owner, atoms::kill);
        (void)co_await self.receive<exit_message>();
        for (auto& p : family) CHECK(p.ends());
    });
}

TEST_CASE("who ignores SIGTERM is killed after the grace") {
    test::in_node([](self) -> awaitable<void> {
        auto o =
            shell("trap '' TERM; (trap '' TERM; echo ready; sleep 1000) & echo $!; wait; wait");
        o.grace = 50ms;
        auto port = open(o);
        pid_t child = -1;
        for (int i = 0; i < 2; ++i) {
            auto line = co_await port.read_line(patience);
            REQUIRE(line.has_value());
            if (*line != "ready") child = pid_t(std::stol(*line));
        }
        test::watched_process leader(port.os_pid()), grandchild(child);
        CHECK(leader.lives());
        port.close();
        CHECK(leader.ends());
        CHECK(grandchild.ends());
    });
}

TEST_CASE("what a program leaves behind in its group ends with it, and its output with that") {
    test::in_node([](self self) -> awaitable<void> {
        auto port = open(shell("sleep 1000 & echo $!; exit 3"));
        pid_t left = co_await next_pid(&port);
        test::watched_process grandchild(left);
        port.activate(10);
        // The sleeper held the pipe open.
        CHECK((co_await self.receive<io::end_of_input>()).reason == atom("eof"));
        CHECK((co_await self.receive<io::exited>()).status == io::exit_status{3, 0});
        CHECK(grandchild.ends());
    });
}

TEST_CASE("who left the group is not waited for") {
    test::in_node([](self self) -> awaitable<void> {
        auto port = open(shell("setsid sh -c 'echo $$; exec sleep 1000' & read x; exit 0"));
        pid_t left = co_await next_pid(&port);
        auto go = co_await port.write("\n", patience);
        CHECK(go.has_value());
        port.activate(10);
        CHECK((co_await self.receive<io::end_of_input>()).reason == atom("eof"));
        CHECK((co_await self.receive<io::exited>()).status.is_success());
        test::watched_process escaped(left);
        CHECK(escaped.lives());
        ::kill(left, SIGKILL);
    });
}

TEST_CASE("a stopped program ends, too") {
    test::in_node([](self) -> awaitable<void> {
        auto port = open(shell("echo up; kill -STOP $$; sleep 1000"));
        (void)co_await port.read_line(patience);
        test::watched_process leader(port.os_pid());
        int status = 0;
        ::waitpid(port.os_pid(), &status, WUNTRACED);  // until it is stopped
        CHECK(WIFSTOPPED(status));
        port.close();
        CHECK(leader.ends());
    });
}

TEST_CASE("a program that writes much is held back by a slow owner") {
    test::in_node([](self self) -> awaitable<void> {
        auto port = open(shell("i=0; while [ $i -lt 20000 ]; do echo $i; i=$((i+1)); done"));
        int n = 0;
        std::uint32_t longest = 0;
        port.activate();
        for (bool ended = false; !ended;) {
            auto m = co_await self.receive<io::line, io::end_of_input>();
            longest = std::max(longest, process_info(self)->message_queue_len);
            if (std::holds_alternative<io::end_of_input>(m)) {
                ended = true;
            } else {
                if (std::get<io::line>(m).text != std::to_string(n++)) FAIL("line out of order");
                port.activate();
            }
        }
        CHECK(n == 20'000);
        CHECK(longest <= 2);
        CHECK((co_await self.receive<io::exited>()).status.is_success());
    });
}

TEST_CASE("many ports at once leave nothing behind") {
    const auto before = test::open_descriptors();
    test::in_node([](self self) -> awaitable<void> {
        constexpr int many = 100;
        for (int i = 0; i < many; ++i)
            spawn_link(
                [](beam::self s, int n, pid parent) -> process {
                    auto port = open(shell("read x; echo got $x; exit " + std::to_string(n)));
                    auto w = co_await port.write("it\n");
                    port.activate(10);
                    auto l = co_await s.receive<io::line>();
                    auto e = co_await s.receive<io::exited>();
                    beam::send(parent, w && l.text == "got it" && e.status.code == n);
                },
                i, self.id());
        int good = 0;
        for (int i = 0; i < many; ++i) good += co_await self.receive<bool>() ? 1 : 0;
        CHECK(good == many);
    });
    CHECK(test::open_descriptors() == before);
    // No child of ours is left, not even a zombie.
    CHECK(::waitpid(-1, nullptr, WNOHANG) == -1);
    CHECK(errno == ECHILD);
}

TEST_CASE("a node's end ends its ports") {
    pid_t leader = -1, child = -1;
    std::optional<test::watched_process> a, b;
    test::in_node([&](self self) -> awaitable<void> {
        const pid owner = spawn(
            [](beam::self s, pid parent) -> process {
                auto port = open(shell("sleep 1000 & echo $!; wait"));
                beam::send(parent, int(port.os_pid()));
                pid_t inner = co_await next_pid(&port);
                beam::send(parent, int(inner));
                (void)co_await s.receive<std::string>();
            },
            self.id());
        (void)owner;
        leader = co_await self.receive<int>();
        child = co_await self.receive<int>();
        a.emplace(leader);
        b.emplace(child);
    });
    CHECK(a->ends());
    CHECK(b->ends());
    CHECK(::waitpid(leader, nullptr, WNOHANG) == -1);
}

TEST_CASE("a node that must leave kills all groups at once") {
    runtime node;
    auto r = node.execute([](self) -> awaitable<io::os_port> {
        auto port = open(shell("trap '' TERM; echo up; while :; do sleep 1000; done"));
        (void)co_await port.read_line(patience);
        co_return std::move(port);
    });
    REQUIRE(r.has_value());
    test::watched_process leader(r->os_pid());
    CHECK(leader.lives());
    io::kill_all_ports(node);
    CHECK(leader.ends());
}
