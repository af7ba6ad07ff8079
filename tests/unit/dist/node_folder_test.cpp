#include "libbeamcore/dist/node_folder.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/world.hpp"

using namespace beam;
using namespace beam::dist;

namespace {

const std::string name = "nodeA@127.0.0.1";

void put(const std::string& path, std::string_view text, mode_t mode = 0600) {
    std::filesystem::remove_all(path);
    std::ofstream(path, std::ios::binary) << text;
    REQUIRE(::chmod(path.c_str(), mode) == 0);
}

}  // namespace

TEST_CASE("what a node writes of itself is read, and is nobody else's business") {
    const test::folder f;
    const std::string folder = f.path();
    REQUIRE(write_node_file(folder, name, {"127.0.0.1", 4711}));
    CHECK(read_node_file(folder, name) == node_address{"127.0.0.1", 4711});
    struct stat s {};
    REQUIRE(::stat(node_file_path(folder, name).c_str(), &s) == 0);
    CHECK((s.st_mode & 07777) == 0600);
    // The next life of the node puts its own in that place.
    REQUIRE(write_node_file(folder, name, {"::1", 4712}));
    CHECK(read_node_file(folder, name) == node_address{"::1", 4712});
    CHECK(std::distance(std::filesystem::directory_iterator(folder), {}) == 1);
}

TEST_CASE("a node takes away its own file, and not the one of the node that came after it") {
    const test::folder f;
    const std::string folder = f.path();
    REQUIRE(write_node_file(folder, name, {"127.0.0.1", 2}));
    remove_node_file(folder, name, {"127.0.0.1", 1});
    CHECK(read_node_file(folder, name));
    remove_node_file(folder, name, {"127.0.0.1", 2});
    CHECK(read_node_file(folder, name).error().is("not_found"));
    remove_node_file(folder, name, {"127.0.0.1", 2});
}

TEST_CASE("whatever lies in the place of a node's file is an error that names it") {
    const test::folder f;
    const std::string folder = f.path();
    const auto path = node_file_path(folder, name);
    const auto code = [&] {
        const auto read = read_node_file(folder, name);
        REQUIRE(!read);
        CHECK(read.error().detail.find(path) != std::string::npos);
        return read.error().code;
    };
    CHECK(code() == "not_found");
    put(path, name + "=127.0.0.1:5\n", 0644);
    CHECK(code() == "not_private");
    for (const std::string& text :
         {std::string(), std::string("\n"), name + "=127.0.0.1:5", name + "\n",
          name + "=127.0.0.1:5\n\n", std::string("\0\1\2\xff", 4), std::string(100'000, 'x'),
          "nodeB@127.0.0.1=127.0.0.1:5\n" + std::string()}) {
        put(path, text);
        CHECK(code() == "bad_file");
    }
    std::filesystem::remove(path);
    std::filesystem::create_directory(path);
    CHECK(code() == "not_a_file");
    std::filesystem::remove(path);
    REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    CHECK(code() == "not_a_file");
}

TEST_CASE("who reads while the file is written anew gets the one or the other") {
    const test::folder f;
    const std::string folder = f.path();
    REQUIRE(write_node_file(folder, name, {"127.0.0.1", 1}));
    std::atomic<bool> done{false};
    std::thread writer([&] {
        for (int i = 0; i < 300; ++i)
            CHECK(write_node_file(folder, name, {"127.0.0.1", std::uint16_t(1 + i % 2)}));
        done = true;
    });
    while (!done) {
        const auto read = read_node_file(folder, name);
        CHECK_MESSAGE(read, (read ? std::string() : read.error().detail));
    }
    writer.join();
}

TEST_CASE("a folder that is not there is an error of the write") {
    const test::folder f;
    const auto written = write_node_file(f / "nowhere", name, {"127.0.0.1", 1});
    REQUIRE(!written);
    CHECK(written.error().is("cannot_create"));
}
