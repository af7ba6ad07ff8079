#include "tools/common/attach.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <random>

#include "tests/unit/tools_common/fixture/sandbox.hpp"

using fixture::sandbox;
using nlohmann::json;

TEST_CASE("fifty tools at once on a fresh machine: one node, all succeed") {
    sandbox s;
    std::vector<fixture::process> tools;
    for (int i = 0; i < 50; ++i)
        tools.push_back(s.start("demo", {"put", "k" + std::to_string(i), "v", "--timeout", "60s"}));
    for (auto& tool : tools) {
        const auto got = tool.wait();
        CHECK(got.err == "");
        CHECK(got.code == 0);
    }
    CHECK(fixture::count_of(s.log(), "start of node") == 1);
    // One node has them all, so all spoke to the same.
    for (int i = 0; i < 50; ++i) CHECK(s.demo({"get", "k" + std::to_string(i)}).out == "v\n");
}

TEST_CASE("fifty tools wait for a node that boots slowly, and start no second one") {
    sandbox s;
    s.environment["BEAM_TEST_BOOT"] = "slow";
    std::vector<fixture::process> tools;
    for (int i = 0; i < 50; ++i)
        tools.push_back(s.start("demo", {"put", "k", "v", "--timeout", "60s"}));
    for (auto& tool : tools) CHECK(tool.wait().code == 0);
    CHECK(fixture::count_of(s.log(), "start of node") == 1);
}

TEST_CASE("kill -9 of parent or runtime at random instants: the next tool works") {
    sandbox s;
    const auto seed = std::random_device{}();
    CAPTURE(seed);
    std::mt19937 random(seed);
    REQUIRE(s.demo({"put", "k", "v"}).code == 0);
    for (int round = 0; round < 20; ++round) {
        CAPTURE(round);
        // A runtime whose parent was just killed may still have answered; it is not there to stay.
        long parent = -1, runtime = -1;
        REQUIRE(fixture::eventually([&] {
            if (s.demo({"put", "k", "v", "--timeout", "60s"}).code != 0) return false;
            parent = s.status("parent_pid");
            runtime = s.status("os_pid");
            return parent > 1 && runtime > 1;
        }));
        // Under load, so that starting, stopping and serving are all hit.
        std::vector<fixture::process> load;
        for (int i = 0; i < 4; ++i)
            load.push_back(s.start("demo", {"put", "k", "v", "--timeout", "60s"}));
        ::poll(nullptr, 0, static_cast<int>(random() % 4));  // any instant: this is the random part
        ::kill(static_cast<pid_t>(random() % 2 ? parent : runtime), SIGKILL);
        for (auto& tool : load) {
            const auto got = tool.wait();
            CAPTURE(got.err);
            const bool served_or_unsure = got.code == 0 || got.code == 75;
            CHECK(served_or_unsure);
        }
        const auto next = s.demo({"put", "k", "v", "--timeout", "60s"});
        CAPTURE(next.err);
        REQUIRE(next.code == 0);
    }
}

TEST_CASE("kill -9 of a parent while it starts: the next tool works") {
    sandbox s;
    s.environment["BEAM_TEST_BOOT"] = "slow";
    auto first = s.start("demo", {"put", "k", "v"});
    REQUIRE(
        fixture::eventually([&] { return s.log().find("starts: started") != std::string::npos; }));
    const auto log = s.log();
    const auto at = log.find("beamd[") + 6;
    ::kill(std::atoi(log.c_str() + at), SIGKILL);
    const auto second = s.demo({"put", "k", "v"});
    CAPTURE(second.err);
    CHECK(second.code == 0);
    const auto got = first.wait();
    const bool served_or_told = got.code == 0 || got.code == 69 || got.code == 75;
    CHECK(served_or_told);
}

TEST_CASE("a stale socket and a stale lock file are no obstacle") {
    sandbox s;
    REQUIRE(s.demo({"put", "k", "v"}).code == 0);
    const auto parent = s.status("parent_pid");
    ::kill(static_cast<pid_t>(parent), SIGKILL);
    REQUIRE(fixture::eventually([&] { return !fixture::lives(parent); }));
    CHECK(std::filesystem::exists(s.folder() + "/beam.sock"));
    CHECK(std::filesystem::exists(s.folder() + "/beam.lock"));
    CHECK(s.demo({"put", "k", "v"}).code == 0);

    sandbox fresh;
    ::mkdir(fresh.folder().c_str(), 0700);
    for (auto file : {"beam.sock", "beam.lock", "beam.spawn"})
        sandbox::write(fresh.folder() + "/" + file, "4711\n");
    CHECK(fresh.demo({"put", "k", "v"}).code == 0);
}

TEST_CASE("a busy node is never replaced") {
    sandbox s;
    REQUIRE(s.demo({"put", "k", "v"}).code == 0);
    const auto runtime = s.status("os_pid");
    ::kill(static_cast<pid_t>(runtime), SIGSTOP);
    const auto got = s.demo({"get", "k", "--timeout", "200ms"});
    CHECK(got.code == 75);
    ::kill(static_cast<pid_t>(runtime), SIGCONT);
    CHECK(s.demo({"get", "k"}).out == "v\n");
    CHECK(s.status("os_pid") == runtime);
}

TEST_CASE("a node that cannot boot: its one line is the reason, 69") {
    sandbox s;
    s.environment["BEAM_TEST_BOOT"] = "fail";
    const auto got = s.demo({"put", "k", "v"});
    CHECK(got.code == 69);
    CHECK(got.err ==
          "demo: put k failed: cannot start the node \"beam\": application chat has no file "
          "chat.so; try: beamd doctor\n");
    CHECK(!std::filesystem::exists(s.folder() + "/beam.sock"));
    s.environment.erase("BEAM_TEST_BOOT");
    CHECK(s.demo({"put", "k", "v"}).code == 0);
}

TEST_CASE(
    "a runtime that dies while it boots is not started again and again: 69, the log is named") {
    sandbox s;
    s.environment["BEAM_TEST_BOOT"] = "crash";
    const auto got = s.demo({"put", "k", "v"});
    CHECK(got.code == 69);
    CHECK(got.err.find("ended while it started (killed by signal 9") != std::string::npos);
    CHECK(got.err.find(s.root + "/state/beamcore/beam.log") != std::string::npos);
    CHECK(fixture::count_of(s.log(), " starts: ") == 1);
}

TEST_CASE("--no-spawn, BEAM_NO_SPAWN and --socket start nothing: 69") {
    sandbox s;
    CHECK(s.demo({"get", "k", "--no-spawn"}).code == 69);
    CHECK(s.demo({"get", "k", "--socket", s.root + "/none.sock"}).code == 69);
    s.environment["BEAM_NO_SPAWN"] = "1";
    const auto got = s.demo({"get", "k"});
    CHECK(got.code == 69);
    CHECK(got.err ==
          "demo: get k failed: no node \"beam\" is running, and none may be started; try: beamd "
          "--daemon --node beam\n");
    CHECK(!std::filesystem::exists(s.folder() + "/beam.lock"));
}

TEST_CASE("without beamd anywhere it says where it looked, 69") {
    sandbox s;
    std::filesystem::copy_file(std::string(BEAM_TEST_FIXTURE) + "/demo", s.root + "/demo");
    s.environment["PATH"] = s.root + "/none";
    const auto got = fixture::process({s.root + "/demo", "get", "k"}, s.environment).wait();
    CHECK(got.code == 69);
    CHECK(got.err == "demo: get k failed: beamd is neither beside demo nor in PATH\n");
}

TEST_CASE("a spawned node gets a clean environment, descriptors, folder and session") {
    sandbox s;
    for (auto name : {"SECRET", "LD_LIBRARY_PATHX", "SSH_AUTH_SOCK", "PATHX"})
        s.environment[name] = "x";
    for (auto name : {"LANG", "TZ", "TMPDIR", "CI", "BEAM_X", "XDG_X"})
        s.environment[name] = "/tmp";
    const auto names =
        json::parse(s.demo({"ask", "demo.environment"}).out).get<std::vector<std::string>>();
    auto sorted = names;
    std::sort(sorted.begin(), sorted.end());
    CHECK(sorted == std::vector<std::string>{"BEAM_X", "CI", "HOME", "LANG", "PATH", "TMPDIR", "TZ",
                                             "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "XDG_STATE_HOME",
                                             "XDG_X"});
    const auto parent = "/proc/" + std::to_string(s.status("parent_pid"));
    CHECK(std::filesystem::read_symlink(parent + "/cwd") == "/");
    CHECK(std::filesystem::read_symlink(parent + "/fd/0") == "/dev/null");
    const auto stat = sandbox::read(parent + "/stat");
    CHECK(stat.find("(beamd)") != std::string::npos);
}

TEST_CASE("only environment variables for a node are kept") {
    const char* given[] = {"PATH=/bin", "PATHS=/x", "XDG_A=1",  "BEAM_B=2", "HOME=/h",
                           "LC_ALL=C",  "CI=1",     "NOEQUALS", nullptr};
    CHECK(beam::tool::node_environment(const_cast<char**>(given)) ==
          std::vector<std::string>{"PATH=/bin", "XDG_A=1", "BEAM_B=2", "HOME=/h", "CI=1"});
}

TEST_CASE("a lock that is only looked at does not count as held") {
    sandbox s;
    const auto path = s.root + "/x.lock";
    CHECK(beam::tool::look_at_lock(path) == beam::tool::lock_state::free);
    sandbox::write(path, "");
    CHECK(beam::tool::look_at_lock(path) == beam::tool::lock_state::free);
}
