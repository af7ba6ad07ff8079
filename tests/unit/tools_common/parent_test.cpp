#include "libbeamcore/node/parent.hpp"

#include <doctest/doctest.h>

#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "libbeamcore/node/listener.hpp"
#include "libbeamcore/node/lock_file.hpp"
#include "libbeamcore/node/log_file.hpp"
#include "libbeamcore/node/parent_protocol.hpp"
#include "tests/unit/tools_common/fixture/sandbox.hpp"

using fixture::eventually;
using fixture::lives;
using fixture::sandbox;
using nlohmann::json;

namespace {

bool logged(const sandbox& s, const std::string& text) {
    return eventually([&] { return s.log().find(text) != std::string::npos; });
}

}  // namespace

TEST_CASE("a packet keeps its arguments, empty ones and any byte but NUL") {
    using namespace beam::parent_protocol;
    const auto p = decode(encode("keep", {"a b\n\xff", "", "x"}));
    CHECK(p.verb == "keep");
    CHECK(p.arguments == std::vector<std::string>{"a b\n\xff", "", "x"});
    CHECK(p.argument(7).empty());
    CHECK(decode("ready").arguments.empty());
}

TEST_CASE("node options survive the child's command line") {
    beam::node_options o;
    o.name = "n", o.runtime_folder = "/r", o.state_folder = "/s", o.applications = {"chat", "kv=1"},
    o.dist = "127.0.0.1";
    o.started_by = "cache (pid 3)", o.spawned = true, o.version = "9", o.link_fd = 3,
    o.listen_fd = 4, o.lock_fd = 5;
    o.settings = {{"idle_exit", "2m"}, {"log", "a=b"}};
    auto words = beam::child_arguments(o);
    words.push_back("newer=1");
    const auto back = beam::child_options(words);
    CHECK(beam::child_arguments(back) == beam::child_arguments(o));
    CHECK(back.applications == o.applications);
    CHECK(back.settings == o.settings);
    CHECK(back.lock_path() == "/r/n.lock");
}

TEST_CASE("a lock is exclusive, ends with its holder, and knows when its file was deleted") {
    sandbox s;
    const auto path = s.root + "/a.lock";
    {
        auto first = beam::lock_file::take(path);
        REQUIRE(first);
        CHECK(beam::lock_file::take(path).error().is("held"));
        CHECK(first->is_in_place());
        ::unlink(path.c_str());
        CHECK(!first->is_in_place());
        CHECK(beam::lock_file::take(path));
    }
    CHECK(beam::lock_file::take(path));
    CHECK(beam::lock_file::take(s.root + "/none/a.lock").error().is("cannot_open"));
}

TEST_CASE("a listener unlinks its socket only while it is its own") {
    sandbox s;
    const auto path = s.root + "/a.sock";
    auto first = beam::listener::bind(path);
    REQUIRE(first);
    struct stat made {};
    ::lstat(path.c_str(), &made);
    CHECK((made.st_mode & 0777) == 0600);
    auto second = beam::listener::bind(path);
    REQUIRE(second);
    CHECK(!first->is_in_place());
    first->unlink_if_mine();
    CHECK(std::filesystem::exists(path));
    second->unlink_if_mine();
    CHECK(!std::filesystem::exists(path));
    CHECK(beam::listener::bind(s.root + "/" + std::string(120, 'x')).error().is("path_too_long"));
}

TEST_CASE("a log rotates at its limit and keeps five old files") {
    sandbox s;
    const auto path = s.root + "/n.log";
    beam::log_file log(path, false, 1000);
    for (int i = 0; i < 100; ++i) log.line("number " + std::to_string(i) + std::string(80, '.'));
    for (int n = 1; n <= 5; ++n) {
        const auto old = sandbox::read(path + "." + std::to_string(n));
        CHECK(old.size() <= 1000);
        CHECK(old.size() > 800);
        CHECK(old.back() == '\n');
    }
    CHECK(!std::filesystem::exists(path + ".6"));
    CHECK(sandbox::read(path).find("number 99") != std::string::npos);
}

TEST_CASE("a log that cannot be written loses text, counts it, and says so later") {
    sandbox s;
    ::mkdir((s.root + "/d").c_str(), 0700);
    beam::log_file log(s.root + "/d/n.log", false);
    std::filesystem::remove_all(s.root + "/d");
    log.reopen();
    log.raw("lost\n");
    ::mkdir((s.root + "/d").c_str(), 0700);
    log.raw("kept\n");
    log.raw("kept too\n");
    const auto text = sandbox::read(s.root + "/d/n.log");
    CHECK(text.find("5 bytes of this log were lost") != std::string::npos);
    CHECK(text.find("kept\n") != std::string::npos);
    CHECK(text.find("kept too\n") != std::string::npos);
}

TEST_CASE("a crashed runtime is started anew; its clients wait and are served") {
    sandbox s;
    REQUIRE(s.demo({"put", "k", "v"}).code == 0);
    for (int signal : {SIGKILL, SIGSEGV, SIGABRT}) {
        const auto runtime = s.status("os_pid");
        ::kill(static_cast<pid_t>(runtime), signal);
        CHECK(s.demo({"put", "k", "v"}).code == 0);
        CHECK(s.status("os_pid") != runtime);
    }
    CHECK(s.status("restarts") == 3);
    CHECK(s.log().find("crashed: killed by signal 11") != std::string::npos);
}

TEST_CASE(
    "a runtime that dies more than five times in ten seconds is given up, with a reason and 70") {
    sandbox s;
    auto node = s.start("beamd", {});
    REQUIRE(s.beamd({"await"}).code == 0);
    for (int i = 0; i < 6; ++i) (void)s.demo({"ask", "demo.crash", "--no-spawn"});
    const auto got = node.wait();
    CHECK(got.code == 70);
    CHECK(got.err.find(
              "gave up: the runtime died 6 times within 10000ms, at last: killed by signal 9") !=
          std::string::npos);
    CHECK(!std::filesystem::exists(s.folder() + "/beam.sock"));
}

TEST_CASE("in the foreground the log is on stderr, SIGTERM is an ordered stop with 0") {
    sandbox s;
    auto node = s.start("beamd", {"--app", "chat", "--app", "kv"});
    REQUIRE(s.beamd({"await"}).code == 0);
    CHECK(json::parse(s.beamd({"status", "--json"}).out)["applications"] ==
          json::array({"chat", "kv"}));
    node.kill(SIGTERM);
    const auto got = node.wait();
    CHECK(got.code == 0);
    CHECK(got.err.find("start of node beam") != std::string::npos);
    CHECK(got.err.find("the test runtime serves") != std::string::npos);
    CHECK(got.err.find("stop: SIGTERM from pid") != std::string::npos);
    CHECK(got.err == s.log());
    CHECK(!std::filesystem::exists(s.folder() + "/beam.sock"));
}

TEST_CASE("a second SIGTERM kills a runtime that does not drain") {
    sandbox s;
    auto node = s.start("beamd", {});
    REQUIRE(s.demo({"ask", "demo.hang_drain"}).code == 0);
    node.kill(SIGTERM);
    REQUIRE(logged(s, "stop: SIGTERM"));
    node.kill(SIGTERM);
    CHECK(node.wait().code == 0);
    CHECK(s.log().find("told twice to stop") != std::string::npos);
}

TEST_CASE("--daemon returns when the node is ready; a second one says it runs, 1") {
    sandbox s;
    CHECK(s.beamd({"--daemon"}).code == 0);
    CHECK(s.beamd({"ping"}).out == "pong\n");
    const auto second = s.beamd({"--daemon"});
    CHECK(second.code == 1);
    CHECK(second.err ==
          "beamd: start beam failed: a node \"beam\" is already running; try: beamd status --node "
          "beam\n");
    const auto foreground = s.beamd({});
    CHECK(foreground.code == 1);
    CHECK(s.beamd({"ping"}).code == 0);
}

TEST_CASE("a start that fails: one line and a code of its own, in foreground and background") {
    sandbox s;
    s.environment["BEAM_TEST_BOOT"] = "fail";
    const auto background = s.beamd({"--daemon"});
    CHECK(background.code == 69);
    CHECK(background.err ==
          "beamd: start beam failed: application chat has no file chat.so; try: beamd doctor\n");
    const auto foreground = s.beamd({});
    CHECK(foreground.code == 69);
    CHECK(foreground.err.find("end of node beam: application chat has no file chat.so") !=
          std::string::npos);
}

TEST_CASE("stop waits until the node is gone; without one there is nothing to do") {
    sandbox s;
    REQUIRE(s.beamd({"--daemon"}).code == 0);
    const auto parent = s.status("parent_pid");
    const auto runtime = s.status("os_pid");
    CHECK(s.beamd({"stop"}).out == "beam: stopped\n");
    CHECK(!lives(runtime));
    CHECK(eventually([&] { return !lives(parent); }));
    CHECK(s.beamd({"stop"}).out == "beam: not running\n");
    CHECK(s.beamd({"status"}).code == 1);
    CHECK(s.beamd({"ping"}).code == 69);
    CHECK(s.beamd({"await", "--timeout", "30ms"}).code == 75);
}

TEST_CASE("restart gives a new runtime under the same parent, and clients wait meanwhile") {
    sandbox s;
    REQUIRE(s.beamd({"--daemon"}).code == 0);
    const auto parent = s.status("parent_pid");
    const auto runtime = s.status("os_pid");
    auto restart = s.start("beamd", {"restart"});
    for (int i = 0; i < 20; ++i) {
        const auto got = s.demo({"put", "k", "v", "--no-spawn"});
        CAPTURE(got.err);
        const bool served_or_unsure = got.code == 0 || got.code == 75;
        CHECK(served_or_unsure);
    }
    CHECK(restart.wait().out == "beam: restarted\n");
    CHECK(s.status("parent_pid") == parent);
    CHECK(s.status("os_pid") != runtime);
    CHECK(s.log().find("the parent goes on as version") != std::string::npos);
    CHECK(s.beamd({"stop"}).out == "beam: stopped\n");
}

TEST_CASE("the parent replaces itself while the runtime goes on") {
    sandbox s;
    REQUIRE(s.beamd({"--daemon"}).code == 0);
    const auto parent = s.status("parent_pid");
    const auto runtime = s.status("os_pid");
    REQUIRE(s.demo({"put", "k", "v"}).code == 0);
    REQUIRE(s.demo({"ask", "demo.reexec"}).code == 0);
    REQUIRE(logged(s, "the parent goes on as version"));
    CHECK(s.demo({"get", "k"}).out == "v\n");
    CHECK(s.status("parent_pid") == parent);
    CHECK(s.status("os_pid") == runtime);
    // And it still is its parent: restarts it, and stops it.
    ::kill(static_cast<pid_t>(runtime), SIGKILL);
    CHECK(s.demo({"put", "k", "v"}).code == 0);
    CHECK(s.status("restarts") == 1);
    CHECK(s.beamd({"stop"}).code == 0);
}

TEST_CASE("kept descriptors come back after a crash, a restart and an execve") {
    sandbox s;
    sandbox::write(s.root + "/kept", "content");
    REQUIRE(s.demo({"put", "k", "v"}).code == 0);
    const auto kept = [&] {
        return s
            .demo({"batch"}, R"({"method":"kept","params":{"name":"web"}})"
                             "\n")
            .out;
    };
    REQUIRE(s.demo({"batch"}, R"({"method":"keep","params":{"name":"web","path":")" + s.root +
                                  R"(/kept"}})"
                                  "\n")
                .code == 0);
    (void)s.demo({"ask", "demo.crash"});
    CHECK(kept() == "{\"result\":\"content\"}\n");
    REQUIRE(s.beamd({"restart"}).code == 0);
    CHECK(kept() == "{\"result\":\"content\"}\n");
    REQUIRE(s.demo({"ask", "demo.reexec"}).code == 0);
    REQUIRE(eventually([&] { return fixture::count_of(s.log(), "the parent goes on") == 2; }));
    (void)s.demo({"ask", "demo.crash"});
    CHECK(kept() == "{\"result\":\"content\"}\n");
}

TEST_CASE("a runtime that stops by itself ends the node; one that asks for a restart gets one") {
    sandbox s;
    auto node = s.start("beamd", {});
    (void)s.demo({"ask", "demo.restart"});
    CHECK(s.demo({"put", "k", "v"}).code == 0);
    CHECK(s.status("restarts") == 1);
    (void)s.demo({"ask", "demo.stop"});
    CHECK(node.wait().code == 0);
    CHECK(s.log().find("end of node beam: told to") != std::string::npos);
}

TEST_CASE("the runtime is told what the parent knows") {
    sandbox s;
    REQUIRE(s.demo({"ask", "demo.ask_parent"}).code == 0);
    REQUIRE(eventually([&] {
        return s.demo({"ask", "demo.parent_said"}).out.find("parent_pid") != std::string::npos;
    }));
    CHECK(json::parse(s.demo({"ask", "demo.parent_said"}).out)["parent_pid"] ==
          s.status("parent_pid"));
}

TEST_CASE("a deleted socket is made anew, by itself and on SIGUSR1, and serves") {
    sandbox s;
    REQUIRE(s.beamd({"--daemon"}).code == 0);
    const auto parent = s.status("parent_pid");
    const auto socket = s.folder() + "/beam.sock";
    for (int round = 0; round < 3; ++round) {
        ::unlink(socket.c_str());
        ::kill(static_cast<pid_t>(parent), SIGUSR1);
        REQUIRE(eventually([&] { return std::filesystem::exists(socket); }));
        CHECK(s.demo({"put", "k", "v", "--no-spawn"}).code == 0);
    }
    ::unlink(socket.c_str());
    REQUIRE(eventually([&] { return std::filesystem::exists(socket); }));
    CHECK(s.status("parent_pid") == parent);
    // The new one is handed to later runtimes too.
    (void)s.demo({"ask", "demo.crash"});
    CHECK(s.demo({"put", "k", "v", "--no-spawn"}).code == 0);
}

TEST_CASE("a deleted folder with all in it is made anew, and still only one node can live") {
    sandbox s;
    REQUIRE(s.beamd({"--daemon"}).code == 0);
    const auto parent = s.status("parent_pid");
    std::filesystem::rename(s.folder(), s.root + "/run/elsewhere");
    REQUIRE(eventually([&] { return std::filesystem::exists(s.folder() + "/beam.sock"); }));
    CHECK(s.status("parent_pid") == parent);
    CHECK(s.beamd({"--daemon"}).code == 1);
    ::unlink((s.folder() + "/beam.lock").c_str());
    REQUIRE(logged(s, "the lock file was deleted: made anew"));
    REQUIRE(eventually([&] { return std::filesystem::exists(s.folder() + "/beam.lock"); }));
    CHECK(s.beamd({"--daemon"}).code == 1);
}

TEST_CASE(
    "kill -9 of the parent ends the runtime and frees the lock, even when the runtime hangs") {
    for (const bool hangs : {false, true}) {
        CAPTURE(hangs);
        sandbox s;
        REQUIRE(s.beamd({"--daemon"}).code == 0);
        const auto parent = s.status("parent_pid");
        const auto runtime = s.status("os_pid");
        if (hangs) CHECK(s.demo({"ask", "demo.spin", "--timeout", "50ms"}).code == 75);
        ::kill(static_cast<pid_t>(parent), SIGKILL);
        CHECK(eventually([&] { return !lives(parent); }));
        CHECK(eventually([&] { return !lives(runtime); }));
        CHECK(s.demo({"put", "k", "v"}).code == 0);
    }
}

TEST_CASE("ports that a crashed or stopped runtime left behind are ended") {
    sandbox s;
    const auto crashed = std::atol(s.demo({"ask", "demo.port"}).out.c_str());
    REQUIRE(lives(crashed));
    (void)s.demo({"ask", "demo.crash"});
    CHECK(eventually([&] { return !lives(crashed); }));
    const auto stopped = std::atol(s.demo({"ask", "demo.port"}).out.c_str());
    REQUIRE(lives(stopped));
    REQUIRE(s.beamd({"stop"}).code == 0);
    CHECK(eventually([&] { return !lives(stopped); }));
}

TEST_CASE("SIGHUP opens the log anew and is passed on") {
    sandbox s;
    REQUIRE(s.beamd({"--daemon"}).code == 0);
    const auto path = s.root + "/state/beamcore/beam.log";
    std::filesystem::rename(path, path + ".moved");
    ::kill(static_cast<pid_t>(s.status("parent_pid")), SIGHUP);
    CHECK(logged(s, "reread: SIGHUP from pid"));
    CHECK(logged(s, "\nreread\n"));
}

TEST_CASE("SIGHUP reads config.toml again; what is wrong in it changes nothing") {
    sandbox s;
    const auto folder = s.root + "/config/beamcore";
    std::filesystem::create_directories(folder);
    const auto write = [&](const std::string& text) {
        std::ofstream(folder + "/config.toml") << text;
    };
    write("[beamd]\nidle_exit = \"1h\"\n");
    REQUIRE(s.beamd({"--daemon"}).code == 0);
    const auto parent = static_cast<pid_t>(s.status("parent_pid"));
    write("node = \"other\"\n[beamd]\nidle_exit = \"2m\"\nline_max = \"8M\"\nlog = \"debug\"\n");
    ::kill(parent, SIGHUP);
    CHECK(logged(s, "\nnow idle_exit=2m\n"));
    CHECK(logged(s, "\nnow line_max=8M\n"));
    CHECK(logged(s, "\nnow log=debug\n"));
    CHECK(logged(s, "config.toml:1 does not count: a running node keeps its name"));
    write("[beamd]\nidle_exit = \"soon\"\n");
    ::kill(parent, SIGHUP);
    CHECK(logged(s, "config.toml:2: idle_exit soon: not a duration"));
    CHECK(logged(s, "all settings stay as they are"));
    write("[beamd]\nidle_exi = \"2m\"\n");
    ::kill(parent, SIGHUP);
    CHECK(eventually(
        [&] { return fixture::count_of(s.log(), "all settings stay as they are") == 2; }));
}

TEST_CASE("logs prints, the last lines only, and follows across a restart") {
    sandbox s;
    CHECK(s.beamd({"logs"}).code == 1);
    REQUIRE(s.beamd({"--daemon"}).code == 0);
    REQUIRE(logged(s, "the test runtime serves"));
    CHECK(s.beamd({"logs"}).out == s.log());
    CHECK(fixture::count_of(s.beamd({"logs", "--lines", "2"}).out, "\n") == 2);
    auto follow = s.start("beamd", {"logs", "--follow", "--lines", "0"});
    auto counted = s.start("beamd", {"logs", "--follow", "--count", "1", "--json"});
    CHECK(json::parse(counted.wait().out)["line"].get<std::string>().find("start of node") !=
          std::string::npos);
    (void)s.demo({"ask", "demo.crash"});
    CHECK(follow.reads("crashed: killed by signal 9"));
    follow.kill(SIGINT);
    CHECK(follow.wait().code == 130);
}

TEST_CASE("doctor works without a node, and says what is wrong with a folder") {
    sandbox s;
    const auto healthy = s.beamd({"doctor", "--json"});
    CHECK(healthy.code == 0);
    CHECK(json::parse(healthy.out)["healthy"] == true);
    ::chmod(s.folder().c_str(), 0755);
    const auto sick = s.beamd({"doctor"});
    CHECK(sick.code == 1);
    CHECK(sick.out.find("wrong: runtime folder: the folder " + s.folder() + " has mode 0755") !=
          std::string::npos);
    ::chmod(s.folder().c_str(), 0700);
    REQUIRE(s.beamd({"--daemon"}).code == 0);
    CHECK(s.beamd({"doctor"}).out.find("ok: node: beam answers in ") != std::string::npos);
}

TEST_CASE("under systemd: its socket is used and left, READY, WATCHDOG and STOPPING are sent") {
    sandbox s;
    // The service manager's two sockets.
    const auto notify_path = s.root + "/notify";
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, notify_path.c_str());
    const int notify = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    REQUIRE(::bind(notify, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    ::mkdir(s.folder().c_str(), 0700);
    auto listening = beam::listener::bind(s.folder() + "/beam.sock");
    REQUIRE(listening);
    const auto heard = [&] {
        char text[200];
        pollfd waits{notify, POLLIN, 0};
        if (::poll(&waits, 1, 10'000) != 1) return std::string("nothing");
        const auto n = ::recv(notify, text, sizeof text, 0);
        return std::string(text, static_cast<std::size_t>(n > 0 ? n : 0));
    };
    const int fd = listening->fd();
    s.environment["NOTIFY_SOCKET"] = notify_path;
    s.environment["WATCHDOG_USEC"] = "100000";
    auto node = fixture::process(
        {"/bin/bash", "-c",
         "export LISTEN_PID=$$ LISTEN_FDS=1; exec 3<&" + std::to_string(::fcntl(fd, F_DUPFD, 20)) +
             "; exec " + std::string(BEAM_TEST_FIXTURE) + "/beamd"},
        s.environment);
    std::string first = heard();
    while (first == "WATCHDOG=1") first = heard();
    CHECK(first == "READY=1");
    CHECK(heard() == "WATCHDOG=1");
    CHECK(heard() == "WATCHDOG=1");
    s.environment.erase("NOTIFY_SOCKET");
    s.environment.erase("WATCHDOG_USEC");
    CHECK(s.demo({"put", "k", "v", "--no-spawn"}).code == 0);
    CHECK(s.status("parent_pid") == node.pid());
    node.kill(SIGTERM);
    std::string last = heard();
    while (last == "WATCHDOG=1") last = heard();
    CHECK(last == "STOPPING=1");
    CHECK(node.wait().code == 0);
    CHECK(std::filesystem::exists(s.folder() + "/beam.sock"));
    ::close(notify);
}
