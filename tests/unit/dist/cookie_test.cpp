#include "libbeamcore/dist/cookie.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <thread>
#include <vector>

#include "tests/support/world.hpp"

using namespace beam;
using namespace beam::dist;

namespace {

void write_file(const std::string& path, std::string_view text, mode_t mode) {
    std::ofstream(path, std::ios::binary) << text;
    REQUIRE(::chmod(path.c_str(), mode) == 0);
}

// An environment variable for as long as it lives.
class variable {
public:
    variable(const char* name, const std::string& value) : name_(name) {
        if (const char* before = std::getenv(name)) kept_ = before;
        ::setenv(name, value.c_str(), 1);
    }
    ~variable() { kept_ ? ::setenv(name_, kept_->c_str(), 1) : ::unsetenv(name_); }
    variable(const variable&) = delete;

private:
    const char* name_;
    std::optional<std::string> kept_;
};

}  // namespace

TEST_CASE("a cookie is what stands in the file, without the end of the line") {
    const test::folder f;
    const auto path = f / "cookie";
    for (const auto& [text, cookie] :
         {std::pair("ABC", "ABC"), std::pair("ABC\n", "ABC"), std::pair("a b\r\n\n", "a b"),
          std::pair("with space \n", "with space ")}) {
        write_file(path, text, 0600);
        const auto read = read_cookie(path);
        REQUIRE(read);
        CHECK(*read == cookie);
        std::filesystem::remove(path);
    }
    write_file(path, "ABC", 0400);
    CHECK(read_cookie(path) == "ABC");
}

TEST_CASE("a cookie that others can read is refused, and the error says what to do") {
    const test::folder f;
    const auto path = f / "cookie";
    for (mode_t mode : {0644, 0640, 0604, 0620, 0601}) {
        write_file(path, "ABC", mode);
        const auto read = read_cookie(path);
        REQUIRE_FALSE(read);
        CHECK(read.error().is("not_private"));
        CHECK(read.error().detail.find("chmod 600 " + path) != std::string::npos);
        CHECK_FALSE(read_or_create_cookie(path));
    }
}

TEST_CASE("what is no cookie") {
    const test::folder f;
    const auto path = f / "cookie";
    for (const std::string text : {"", "\n", "two\nlines", "caf\xc3\xa9", "tab\t"}) {
        write_file(path, text, 0600);
        const auto read = read_cookie(path);
        REQUIRE_FALSE(read);
        CHECK(read.error().is("bad_cookie"));
    }
    write_file(path, std::string(256, 'x'), 0600);
    CHECK(read_cookie(path).error().is("bad_cookie"));
    write_file(path, std::string(100'000, 'x'), 0600);
    CHECK(read_cookie(path).error().is("bad_cookie"));
    write_file(path, std::string(255, 'x'), 0600);
    CHECK(read_cookie(path));
    CHECK_FALSE(is_cookie(""));
    CHECK(is_cookie(std::string(255, 'x')));
}

TEST_CASE("what is no file, or not there, is told") {
    const test::folder f;
    CHECK(read_cookie(f / "none").error().is("not_found"));
    CHECK(read_cookie(f.path()).error().is("not_a_file"));
    const auto pipe = f / "pipe";
    REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    CHECK(read_cookie(pipe).error().is("not_a_file"));
    CHECK(read_or_create_cookie(f / "no/such/folder").error().is("cannot_create"));
}

TEST_CASE("a cookie that is not there is made as Erlang makes it") {
    const test::folder f;
    const auto path = f / "cookie";
    const auto made = read_or_create_cookie(path);
    REQUIRE(made);
    CHECK(made->size() == 20);
    CHECK(std::all_of(made->begin(), made->end(), [](char c) { return c >= 'A' && c <= 'Z'; }));
    struct stat s {};
    REQUIRE(::stat(path.c_str(), &s) == 0);
    CHECK((s.st_mode & 07777) == 0400);
    CHECK(read_or_create_cookie(path) == *made);
    CHECK(read_or_create_cookie(f / "other") != *made);
    // Nothing else is left.
    CHECK(std::distance(std::filesystem::directory_iterator(f.path()), {}) == 2);
}

TEST_CASE("of several that make it at once all get the same") {
    const test::folder f;
    const auto path = f / "cookie";
    std::vector<std::string> got(8);
    std::vector<std::thread> threads;
    for (auto& g : got)
        threads.emplace_back([&g, &path] {
            if (auto c = read_or_create_cookie(path)) g = *c;
        });
    for (auto& t : threads) t.join();
    const std::set<std::string> different(got.begin(), got.end());
    CHECK(different.size() == 1);
    CHECK(different.begin()->size() == 20);
}

TEST_CASE("the usual place is the home folder, or XDG's where only that has one") {
    const test::folder f;
    const variable home("HOME", f.path());
    const variable config("XDG_CONFIG_HOME", f / "config");
    CHECK(erlang_cookie_path() == f / ".erlang.cookie");
    std::filesystem::create_directories(f / "config/erlang");
    write_file(f / "config/erlang/.erlang.cookie", "X", 0600);
    CHECK(erlang_cookie_path() == f / "config/erlang/.erlang.cookie");
    write_file(f / ".erlang.cookie", "H", 0600);
    CHECK(erlang_cookie_path() == f / ".erlang.cookie");
    CHECK(cluster_cookie_path("/state/beamcore") == "/state/beamcore/cluster.cookie");
}
