#include "tools/common/folders.hpp"

#include <doctest/doctest.h>

#include "tests/unit/tools_common/fixture/sandbox.hpp"
#include "tools/common/failure.hpp"

using namespace beam::tool;
using fixture::sandbox;

namespace {

std::string refusal(const std::string& path) {
    try {
        secure_folder(path);
    } catch (const failure& error) {
        CHECK(error.exit == exit_code::not_permitted);
        return error.why;
    }
    return "accepted";
}

}  // namespace

TEST_CASE("a missing folder is made with mode 0700") {
    sandbox s;
    secure_folder(s.root + "/new");
    struct stat made {};
    REQUIRE(::stat((s.root + "/new").c_str(), &made) == 0);
    CHECK((made.st_mode & 07777) == 0700);
    secure_folder(s.root + "/new");
}

TEST_CASE("a link, a file, an open mode are refused, saying which") {
    sandbox s;
    secure_folder(s.root + "/real");
    ::symlink((s.root + "/real").c_str(), (s.root + "/link").c_str());
    CHECK(refusal(s.root + "/link").find("is a symbolic link") != std::string::npos);
    sandbox::write(s.root + "/file", "");
    CHECK(refusal(s.root + "/file").find("is not a folder") != std::string::npos);
    ::chmod((s.root + "/real").c_str(), 0750);
    CHECK(refusal(s.root + "/real").find("has mode 0750") != std::string::npos);
}

TEST_CASE("another uid's folder is refused" * doctest::skip(::geteuid() != 0)) {
    sandbox s;
    secure_folder(s.root + "/theirs");
    REQUIRE(::chown((s.root + "/theirs").c_str(), 12345, 12345) == 0);
    CHECK(refusal(s.root + "/theirs").find("belongs to uid 12345") != std::string::npos);
}

TEST_CASE("a tool says the same with exit 77, and starts nothing") {
    sandbox s;
    ::mkdir(s.folder().c_str(), 0755);
    const auto got = s.demo({"get", "k"});
    CHECK(got.code == 77);
    CHECK(got.err == "demo: get k failed: the folder " + s.folder() +
                         " has mode 0755, others may use it; try: chmod 700 " + s.folder() + "\n");
    ::chmod(s.folder().c_str(), 0700);
}

TEST_CASE("a folder that cannot be made is 73") {
    sandbox s;
    s.environment.erase("XDG_RUNTIME_DIR");
    s.environment["TMPDIR"] = s.root + "/nowhere";
    CHECK(s.demo({"get", "k"}).code == 73);
}

TEST_CASE("a socket path over 107 bytes is 78, and the longest possible one works") {
    CHECK_NOTHROW(check_socket_path(std::string(107, 'x')));
    CHECK_THROWS_AS(check_socket_path(std::string(108, 'x')), failure);
    sandbox s;
    const auto deep = s.root + "/" + std::string(90, 'd');
    ::mkdir(deep.c_str(), 0700);
    s.environment["XDG_RUNTIME_DIR"] = deep;
    const auto got = s.demo({"get", "k"});
    CHECK(got.code == 78);
    CHECK(got.err.find("bytes, at most 107 are possible") != std::string::npos);
    CHECK(s.beamd({"--daemon"}).code != 0);
}

TEST_CASE("without a usable XDG_RUNTIME_DIR the temporary folder is used") {
    sandbox s;
    const auto expected = s.root + "/beamcore-" + std::to_string(::geteuid()) + "/beam.sock\n";
    s.environment["TMPDIR"] = s.root;
    for (auto runtime : {"", "relative", "/does/not/exist"}) {
        s.environment["XDG_RUNTIME_DIR"] = runtime;
        CHECK(s.beamd({"socket"}).out == expected);
    }
    s.environment.erase("XDG_RUNTIME_DIR");
    CHECK(s.beamd({"socket"}).out == expected);
}

TEST_CASE("without a home that can be written, state goes to the runtime folder") {
    sandbox s;
    s.environment.erase("XDG_STATE_HOME");
    s.environment["HOME"] = "/proc";
    REQUIRE(s.demo({"put", "k", "v"}).code == 0);
    CHECK(std::filesystem::exists(s.folder() + "/state/beam.log"));
}

TEST_CASE("node names are checked") {
    for (auto good : {"beam", "nodeA", "a@127.0.0.1", "x-1_2.y"}) CHECK(is_node_name(good));
    for (auto bad : {"", ".", "../x", "-x", "a/b", "a b", "a\n", "\xc3\xa4"})
        CHECK(!is_node_name(bad));
    CHECK(!is_node_name(std::string(65, 'a')));
    sandbox s;
    CHECK(s.demo({"get", "k", "--node", "../evil"}).code == 2);
}
