#include "libbeamcore/base/install.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

TEST_CASE("the library knows its version") {
    std::string version{beam::version()};
    CHECK(std::count(version.begin(), version.end(), '.') == 2);
    CHECK(version.find_first_not_of("0123456789.") == std::string::npos);
}

TEST_CASE("in a build folder the applications are that build's") {
    // This program is in tests/ of it.
    auto here = std::filesystem::canonical("/proc/self/exe").parent_path();
    CHECK(beam::applications_dir() == here.parent_path() / "apps");
}

TEST_CASE("the machine's configuration lies at an absolute path") {
    CHECK(beam::sysconf_dir().is_absolute());
}
