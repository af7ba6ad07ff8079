#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "tests/unit/tools_common/fixture/sandbox.hpp"

using fixture::sandbox;

TEST_CASE("--help is on stdout, exit 0, and begins with two examples") {
    sandbox s;
    const auto got = s.demo({"--help"});
    CHECK(got.code == 0);
    CHECK(got.err.empty());
    CHECK(got.out.rfind("Examples:\n  demo put key1 value1\n  demo get key1\n", 0) == 0);
    CHECK(got.out.find("Usage: demo COMMAND [ARGS] [OPTIONS]") != std::string::npos);
    CHECK(got.out.find("-w, --watch[=DUR]") != std::string::npos);
    CHECK(s.demo({"get", "--help"}).out.find("Usage: demo get KEY [OPTIONS]") != std::string::npos);
}

TEST_CASE("a missing command prints short usage on stderr, exit 2") {
    sandbox s;
    const auto got = s.demo({});
    CHECK(got.code == 2);
    CHECK(got.out.empty());
    CHECK(got.err.rfind("usage: demo COMMAND [ARGS] [OPTIONS]\n", 0) == 0);
}

TEST_CASE("a mistyped command or option names the nearest one") {
    sandbox s;
    CHECK(s.demo({"gte", "k"}).err ==
          "demo: gte failed: no such command, did you mean \"get\"?; try: demo --help\n");
    CHECK(s.demo({"create", "romo", "x"}).err ==
          "demo: romo failed: no such command, did you mean \"room\"?; try: demo create --help\n");
    CHECK(s.demo({"get", "k", "--tiemout=3s"}).err ==
          "demo: --tiemout failed: no such option, did you mean \"--timeout\"?; try: demo get "
          "--help\n");
    CHECK(s.demo({"get", "k", "l"}).err ==
          "demo: l failed: one argument too many; try: demo get --help\n");
    CHECK(s.demo({"get"}).err == "demo: get failed: KEY is missing; try: demo get --help\n");
}

TEST_CASE("every mistake on the command line is 2, abbreviations too") {
    sandbox s;
    const std::vector<std::vector<std::string>> mistakes{{"gte"},
                                                         {"get"},
                                                         {"get", "k", "--time", "1s"},
                                                         {"get", "k", "--no"},
                                                         {"get", "k", "--timeout"},
                                                         {"get", "k", "--node="},
                                                         {"count", "one", "2"},
                                                         {"get", "k", "-x"},
                                                         {"create"},
                                                         {"completion", "tcsh"},
                                                         {"get", "k", "--color", "sometimes"},
                                                         {"count", "1", "2", "--for", "5"}};
    for (const auto& words : mistakes) {
        const auto got = s.demo(words);
        CAPTURE(words.back());
        CHECK(got.code == 2);
        CHECK(got.out.empty());
        CHECK(fixture::count_of(got.err, "\n") >= 1);
    }
    CHECK(!std::filesystem::exists(s.folder() + "/beam.lock"));
}

TEST_CASE("with --json mistakes are JSON on stderr") {
    sandbox s;
    for (auto words : {std::vector<std::string>{"gte", "--json"}, {"-j", "get"}, {"--json"}}) {
        const auto error = nlohmann::json::parse(s.demo(words).err)["error"];
        CHECK(error["kind"] == "usage");
        CHECK(error["exit"] == 2);
    }
}

TEST_CASE("options may stand anywhere, and values that look like commands or options are values") {
    sandbox s;
    CHECK(s.demo({"--timeout", "9s", "put", "--json", "get", "put"}).out == "{\"ok\":true}\n");
    CHECK(s.demo({"get", "get"}).out == "put\n");
    CHECK(s.demo({"put", "--", "--node", "-5"}).code == 0);
    CHECK(s.demo({"get", "--", "--node"}).out == "-5\n");
    CHECK(s.demo({"create", "room", "create"}).out == "room create\n");
}

TEST_CASE("not found is 1 with nothing on stdout; -q says nothing at all on success") {
    sandbox s;
    const auto got = s.demo({"get", "nope"});
    CHECK(got.code == 1);
    CHECK(got.out.empty());
    CHECK(got.err == "demo: get nope failed: no such key; try: demo put KEY VALUE\n");
    const auto quiet = s.demo({"put", "a", "b", "-q"});
    CHECK(quiet.code == 0);
    CHECK(quiet.out + quiet.err == "");
}

TEST_CASE("a closed stdout is 74") {
    sandbox s;
    const auto got =
        fixture::process({"/bin/sh", "-c", std::string(BEAM_TEST_FIXTURE) + "/demo put a b >&-"},
                         s.environment)
            .wait();
    CHECK(got.code == 74);
    const auto full = fixture::process({"/bin/sh", "-c",
                                        std::string(BEAM_TEST_FIXTURE) + "/demo local >/dev/full"},
                                       s.environment)
                          .wait();
    CHECK(full.code == 74);
}

TEST_CASE("a reader that leaves ends the tool silently, by SIGPIPE") {
    sandbox s;
    const auto got = fixture::process({"/bin/bash", "-c",
                                       std::string(BEAM_TEST_FIXTURE) +
                                           "/demo count 0 100000 | head -1; echo ${PIPESTATUS[0]}"},
                                      s.environment)
                         .wait();
    CHECK(got.out == "0\n141\n");
    CHECK(got.err.empty());
}

TEST_CASE("what destroys wants --yes when nobody can be asked") {
    sandbox s;
    CHECK(s.demo({"flush"}).code == 2);
    CHECK(s.demo({"flush", "--yes"}).out == "ok\n");
}

TEST_CASE("a command that asks nothing starts nothing") {
    sandbox s;
    CHECK(s.demo({"local"}).out == "here\n");
    CHECK(s.demo({"--version"}).out.rfind("demo ", 0) == 0);
    CHECK(!std::filesystem::exists(s.folder()));
}

TEST_CASE("--watch is refused by a command that changes something") {
    sandbox s;
    const auto got = s.demo({"put", "k", "v", "--watch"});
    CHECK(got.code == 2);
    CHECK(got.out.empty());
    CHECK(got.err ==
          "demo: --watch failed: it repeats what only tells, and \"put k\" does more; "
          "try: demo --help\n");
}

TEST_CASE("--watch repeats, one record a line, until Ctrl-C") {
    sandbox s;
    auto watch = s.start("beamd", {"status", "--watch=50ms"});
    CHECK(watch.reads("not running\nbeam: not running\n"));
    watch.kill(SIGINT);
    CHECK(watch.wait().code == 130);
}
