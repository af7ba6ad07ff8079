#include <doctest/doctest.h>

#include "tests/unit/tools_common/fixture/sandbox.hpp"

using fixture::sandbox;

namespace {

// What bash would offer after these words.
std::string bash_offers(const sandbox& s, const std::string& words) {
    const auto script = "source <(" + std::string(BEAM_TEST_FIXTURE) +
                        "/demo completion bash); COMP_WORDS=(" + words +
                        "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _demo; echo \"${COMPREPLY[*]}\"";
    return fixture::process({"/bin/bash", "-c", script}, s.environment).wait().out;
}

bool has_shell(const char* path) {
    return ::access(path, X_OK) == 0;
}

}  // namespace

TEST_CASE("bash: commands, then commands below, then options") {
    sandbox s;
    CHECK(bash_offers(s, "demo ''") ==
          "put get flush create count ask local batch config completion\n");
    CHECK(bash_offers(s, "demo g") == "get\n");
    CHECK(bash_offers(s, "demo create ''") == "room --help\n");
    CHECK(bash_offers(s, "demo --node x create ''") == "room --help\n");
    CHECK(bash_offers(s, "demo flush --y") == "--yes\n");
    CHECK(bash_offers(s, "demo get --timeo") == "--timeout\n");
    CHECK(bash_offers(s, "demo --color ''") == "auto always never\n");
}

TEST_CASE("zsh accepts its script" * doctest::skip(!has_shell("/usr/bin/zsh"))) {
    sandbox s;
    sandbox::write(s.root + "/_demo", s.demo({"completion", "zsh"}).out);
    const auto got =
        fixture::process({"/usr/bin/zsh", "-f", "-c",
                          "autoload -U compinit; compinit -u -d " + s.root + "/dump; source " +
                              s.root + "/_demo; print ${_comps[demo]}"},
                         s.environment)
            .wait();
    CHECK(got.err.empty());
    CHECK(got.out == "_demo\n");
}

TEST_CASE("fish offers commands and the commands below" *
          doctest::skip(!has_shell("/usr/bin/fish"))) {
    sandbox s;
    const auto offers = [&](const std::string& line) {
        const auto script = "set -x PATH " BEAM_TEST_FIXTURE
                            " $PATH; demo completion fish | source; "
                            "complete -C '" +
                            line + "'";
        return fixture::process({"/usr/bin/fish", "--no-config", "-c", script}, s.environment)
            .wait()
            .out;
    };
    CHECK(offers("demo ge") == "get\tPrint the value of KEY\n");
    CHECK(offers("demo create ") == "room\tMake a room\n");
    CHECK(offers("demo flush --y") == "--yes\tDo not ask\n");
}

TEST_CASE("an unknown shell is a usage error") {
    sandbox s;
    CHECK(s.demo({"completion", "tcsh"}).code == 2);
}
