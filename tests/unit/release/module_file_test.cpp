#include "libbeamcore/release/module_file.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <fstream>
#include <random>
#include <sstream>

#include "libbeamcore/base/abi_stamp.hpp"
#include "tests/unit/release/scratch.hpp"

using namespace beam;

TEST_CASE("a module says name, version and ABI stamp without being loaded") {
    auto note = read_module_note(test::modules() / "vault-2" / "vault.so");
    REQUIRE(note);
    CHECK(note->name == "vault");
    CHECK(note->version == "2");
    CHECK(note->stamp == abi_stamp);
}

TEST_CASE("what is no module has no note") {
    test::scratch dir;
    auto absent = read_module_note(dir.path() / "absent.so");
    REQUIRE_FALSE(absent);
    CHECK(absent.error().is("not_found"));

    std::ofstream(dir.path() / "text.so")
        << "not a library at all, but long enough to have a header";
    auto text = read_module_note(dir.path() / "text.so");
    REQUIRE_FALSE(text);
    CHECK(text.error().is("bad_module"));

    auto program = read_module_note("/proc/self/exe");
    REQUIRE_FALSE(program);
    CHECK(program.error().is("bad_module"));

    auto folder = read_module_note(dir.path());
    REQUIRE_FALSE(folder);
}

TEST_CASE("a damaged module is refused or read, and never crashes the reader") {
    test::scratch dir;
    std::ostringstream whole;
    whole << std::ifstream(test::modules() / "vault-3" / "vault.so", std::ios::binary).rdbuf();
    const std::string good = whole.str();
    const auto file = dir.path() / "damaged.so";
    std::mt19937 random(7);
    for (int i = 0; i < 300; ++i) {
        std::string bytes = good.substr(0, random() % 4096);
        if (i % 2) bytes = good;
        // The headers and the notes are at the beginning.
        for (int n = 0; n < 8; ++n)
            bytes[random() % std::min<std::size_t>(bytes.size() + 1, 2048)] = char(random());
        std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
        auto note = read_module_note(file);
        if (!note) CHECK((note.error().is("bad_module") || note.error().is("not_found")));
    }
}

TEST_CASE("versions are found newest first, numbers compared as numbers") {
    test::scratch dir;
    for (const char* v : {"1.9", "1.10", "1.2", "2-rc1"}) {
        const auto folder = dir.path() / (std::string("shop-") + v);
        std::filesystem::create_directories(folder);
        std::ofstream(folder / "shop.so") << "x";
    }
    std::filesystem::create_directories(dir.path() / "shop-3");  // without a module in it
    std::filesystem::create_directories(dir.path() / "Bad Name-1");
    const auto found = find_modules("shop", {dir.path()});
    std::string versions;
    for (const auto& f : found) versions += f.version + " ";
    CHECK(versions == "2-rc1 1.10 1.9 1.2 ");
    CHECK(find_modules("absent", {dir.path()}).empty());
    CHECK(find_modules("shop", {dir.path() / "absent", dir.path()}).size() == 4);
}

TEST_CASE("versions compare") {
    CHECK(compare_versions("1", "1") == 0);
    CHECK(compare_versions("2", "10") < 0);
    CHECK(compare_versions("1.2.10", "1.2.9") > 0);
    CHECK(compare_versions("1", "1.1") < 0);
    CHECK(compare_versions("007", "7") == 0);
}

TEST_CASE("names of applications are lower case words") {
    CHECK(is_application_name("chat"));
    CHECK(is_application_name("cache_2"));
    for (const char* bad : {"", "Chat", "2chat", "../chat", "a b", "a.b", "a-b"})
        CHECK_FALSE(is_application_name(bad));
    CHECK_FALSE(is_application_name(std::string(64, 'a')));
}

TEST_CASE(
    "a file says which application answers methods of another name; else it is the one of that "
    "name") {
    test::scratch first, second;
    const std::vector<std::filesystem::path> folders{first.path(), second.path()};
    CHECK(method_owner("breaker", folders) == "breaker");
    std::ofstream(second.path() / "breaker.alias") << "ratelimit\n";
    CHECK(method_owner("breaker", folders) == "ratelimit");
    std::ofstream(first.path() / "breaker.alias") << "other";
    CHECK(method_owner("breaker", folders) == "other");
    for (const char* bad : {"", "../x", "A", "\0", "two words"}) {
        std::ofstream(first.path() / "breaker.alias", std::ios::trunc) << bad;
        CHECK(method_owner("breaker", folders) == "ratelimit");
    }
    CHECK(method_owner("../breaker", folders) == "../breaker");
    CHECK(method_owner("", folders) == "");
}
