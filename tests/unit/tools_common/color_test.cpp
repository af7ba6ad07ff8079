#include "tools/common/color.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <initializer_list>

using namespace beam::tool;

namespace {

// Sets the four variables for one check.
struct with_environment {
    with_environment(const char* term, const char* no_color, const char* cli, const char* force) {
        set("TERM", term), set("NO_COLOR", no_color), set("CLICOLOR_FORCE", cli),
            set("FORCE_COLOR", force);
    }
    ~with_environment() {
        set("TERM", "xterm"), set("NO_COLOR", nullptr), set("CLICOLOR_FORCE", nullptr),
            set("FORCE_COLOR", nullptr);
    }
    static void set(const char* name, const char* value) {
        value ? ::setenv(name, value, 1) : ::unsetenv(name);
    }
};

bool automatic(bool tty) {
    return wants_color_on(color_when::automatic, tty);
}

}  // namespace

TEST_CASE("colour is on only on a tty that is not dumb") {
    {
        with_environment e("xterm", nullptr, nullptr, nullptr);
        CHECK(automatic(true));
        CHECK(!automatic(false));
    }
    with_environment e("dumb", nullptr, nullptr, nullptr);
    CHECK(!automatic(true));
}

TEST_CASE("NO_COLOR turns it off unless it is empty") {
    {
        with_environment e("xterm", "1", nullptr, nullptr);
        CHECK(!automatic(true));
    }
    with_environment e("xterm", "", nullptr, nullptr);
    CHECK(automatic(true));
}

TEST_CASE("CLICOLOR_FORCE and FORCE_COLOR turn it on, but not when empty or 0") {
    for (auto value : {"1", "3", "true"}) {
        {
            with_environment e("dumb", "1", value, nullptr);
            CHECK(automatic(false));
        }
        with_environment e("dumb", "1", nullptr, value);
        CHECK(automatic(false));
    }
    for (auto value : {"", "0"}) {
        with_environment e("xterm", nullptr, value, value);
        CHECK(!automatic(false));
        CHECK(automatic(true));
    }
}

TEST_CASE("--color beats everything") {
    {
        with_environment e("xterm", "1", nullptr, nullptr);
        CHECK(wants_color_on(color_when::always, false));
    }
    with_environment e("xterm", nullptr, "1", "1");
    CHECK(!wants_color_on(color_when::never, true));
}
