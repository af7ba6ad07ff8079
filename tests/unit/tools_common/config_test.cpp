#include "tools/common/config.hpp"

#include <doctest/doctest.h>

#include "tests/unit/tools_common/fixture/sandbox.hpp"
#include "tools/common/failure.hpp"

using namespace beam::tool;
using fixture::sandbox;

namespace {

const std::vector<std::string> common_keys{"node", "timeout", "json"};

config_values read(const sandbox& s, const std::string& text, std::string_view tool = "cache") {
    sandbox::write(s.root + "/c.toml", text);
    return read_config(s.root + "/c.toml", tool, common_keys, {"max_entries"});
}

std::string refusal(const sandbox& s, const std::string& text) {
    try {
        (void)read(s, text);
    } catch (const failure& error) {
        CHECK(error.exit == exit_code::bad_config);
        return error.why.substr(s.root.size());
    }
    return "accepted";
}

}  // namespace

TEST_CASE("a tool's own table beats the top level, other tools' tables are theirs") {
    sandbox s;
    const auto values = read(s,
                             "node = \"a\"\ntimeout = \"1s\"\n[cache]\nnode = \"b\"\nmax_entries = "
                             "5\n[kv]\nanything = 1\n");
    CHECK(values.at("node").text == "b");
    CHECK(values.at("node").origin == s.root + "/c.toml:4");
    CHECK(values.at("timeout").text == "1s");
    CHECK(values.at("max_entries").text == "5");
    CHECK(values.count("anything") == 0);
}

TEST_CASE("an unknown key is an error that names file and line and the nearest key") {
    sandbox s;
    CHECK(refusal(s, "node = \"a\"\n\ntimeuot = \"1s\"\n") ==
          "/c.toml:3: unknown key \"timeuot\", did you mean \"timeout\"");
    CHECK(refusal(s, "[cache]\nmax_entry = 1\n") ==
          "/c.toml:2: unknown key \"max_entry\", did you mean \"max_entries\"");
    CHECK(refusal(s, "[cahce]\nnode = \"a\"\n") ==
          "/c.toml:1: unknown key \"cahce\", did you mean \"cache\"");
}

TEST_CASE("broken syntax and wrong types name file and line") {
    sandbox s;
    CHECK(refusal(s, "node = \"a\"\ntimeout = \n").rfind("/c.toml:2: ", 0) == 0);
    CHECK(refusal(s, "node = [1]\n") ==
          "/c.toml:1: node must be a string, a number, true or false");
}

TEST_CASE("precedence: option, environment, user's file, built-in; --origin says which") {
    sandbox s;
    const auto origin = [&](std::vector<std::string> words) {
        words.insert(words.end(), {"config", "--origin"});
        const auto out = s.demo(words).out;
        const auto at = out.find("node=");
        return out.substr(at, out.find('\n', at) - at);
    };
    CHECK(origin({}) == "node=beam (built-in)");
    std::filesystem::create_directories(s.root + "/config/beamcore");
    const auto file = s.root + "/config/beamcore/config.toml";
    sandbox::write(file, "\nnode = \"fromfile\"\n");
    CHECK(origin({}) == "node=fromfile (" + file + ":2)");
    s.environment["BEAM_NODE"] = "fromenvironment";
    CHECK(origin({}) == "node=fromenvironment (environment BEAM_NODE)");
    CHECK(origin({"--node", "typed"}) == "node=typed (option)");
    CHECK(origin({"--node=typed"}) == "node=typed (option)");
}

TEST_CASE("--config reads that file instead of the usual one") {
    sandbox s;
    std::filesystem::create_directories(s.root + "/config/beamcore");
    sandbox::write(s.root + "/config/beamcore/config.toml", "node = \"usual\"\n");
    sandbox::write(s.root + "/other.toml", "timeout = \"3s\"\n");
    const auto out = s.demo({"config", "--origin", "--config", s.root + "/other.toml"}).out;
    CHECK(out.find("node=beam (built-in)") != std::string::npos);
    CHECK(out.find("timeout=3s (" + s.root + "/other.toml:1)") != std::string::npos);
    const auto missing = s.demo({"config", "--config", s.root + "/none.toml"});
    CHECK(missing.code == 78);
    CHECK(missing.err ==
          "demo: config failed: cannot read the configuration file " + s.root + "/none.toml\n");
}

TEST_CASE("a bad value is 2 from the command line and the environment, 78 from a file") {
    sandbox s;
    CHECK(s.demo({"local", "--timeout", "10"}).code == 2);
    s.environment["BEAM_TIMEOUT"] = "10x";
    const auto from_environment = s.demo({"local"});
    CHECK(from_environment.code == 2);
    CHECK(from_environment.err.rfind("demo: BEAM_TIMEOUT 10x failed: not a duration", 0) == 0);
    s.environment.erase("BEAM_TIMEOUT");
    sandbox::write(s.root + "/c.toml", "timeout = \"soon\"\n");
    const auto from_file = s.demo({"local", "--config", s.root + "/c.toml"});
    CHECK(from_file.code == 78);
    CHECK(from_file.err.find(s.root + "/c.toml:1") != std::string::npos);
}
