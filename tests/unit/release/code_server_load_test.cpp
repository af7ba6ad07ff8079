// Which file is loaded: out of which folder, by which copy, and why one is refused.
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "libbeamcore/base/install.hpp"
#include "libbeamcore/otp/gen_server.hpp"
#include "tests/unit/release/vault.hpp"

using namespace beam;
using namespace test;

TEST_CASE("which names the file that is, or would be, loaded") {
    in_node([](self) -> awaitable<void> {
        auto& code = code_server::current();
        code.set_folders({test::modules()});
        CHECK(code.which("vault") == test::modules() / "vault-3" / "vault.so");
        CHECK_FALSE(code.which("absent"));
        (void)load("1");
        CHECK(code.which("vault") == test::modules() / "vault-1" / "vault.so");
        co_return;
    });
}

TEST_CASE("a module built against another libbeamcore is refused before it is loaded") {
    test::scratch dir;
    const auto folder = dir.path() / "vault-1";
    std::filesystem::create_directories(folder);
    std::ostringstream whole;
    whole << std::ifstream(test::modules() / "vault-1" / "vault.so", std::ios::binary).rdbuf();
    std::string bytes = whole.str();
    const std::string owner("beamcore\0\0\0\0", 12);
    const auto at = bytes.find(owner);
    REQUIRE(at != std::string::npos);
    bytes[at + 12] = char(bytes[at + 12] ^ 1);
    std::ofstream(folder / "vault.so", std::ios::binary) << bytes;
    runtime node;
    auto& code = code_server::of(node);
    code.set_folders({dir.path()});
    auto r = code.load("vault");
    REQUIRE_FALSE(r);
    CHECK(r.error().is("foreign_abi"));
    CHECK(r.error().detail.find("this node has") != std::string::npos);
    CHECK(mapped_lines(dir.path().string()) == 0);
}

TEST_CASE("a node maps its own copy, and what happens to the installed file does not touch it") {
    test::scratch dir;
    const auto installed = dir.path() / "installed" / "vault-1";
    const auto own = dir.path() / "state" / "lib";
    std::filesystem::create_directories(installed);
    std::filesystem::copy_file(test::modules() / "vault-1" / "vault.so", installed / "vault.so");
    runtime node;
    code_server::of(node).set_folders({dir.path() / "installed"});
    code_server::of(node).set_own_folder(own);
    const auto copy = own / "vault-1" / "vault.so";
    auto r = node.execute(
        [](self, std::filesystem::path source, std::filesystem::path mapped) -> awaitable<void> {
            auto& code = code_server::current();
            auto v1 = code.load("vault", "1");
            REQUIRE(v1);
            CHECK((*v1)->path() == mapped);
            CHECK(mapped_lines(source.string()) == 0);
            struct stat info {};
            REQUIRE(::stat(mapped.c_str(), &info) == 0);
            CHECK((info.st_mode & 0777) == 0444);
            REQUIRE(::stat(mapped.parent_path().parent_path().c_str(), &info) == 0);
            CHECK((info.st_mode & 0777) == 0700);
            // As `cp` and `make install` do: written over in place.
            std::ofstream(source, std::ios::binary | std::ios::trunc) << std::string(4096, 'x');
            const term account = co_await ask(*v1, "vault.open", opening(3));
            const term n = co_await ask(*v1, "vault.balance", params(*account.as_pid()));
            CHECK(n == term(3));
            co_await stop(*account.as_pid());
            // What was written over is no module; the copy follows what is installed, at the next load.
            v1->reset();
            (void)code.remove("vault");
            auto purged = co_await code.soft_purge("vault");
            CHECK(purged.unmapped);
            auto bad = code.load("vault", "1");
            REQUIRE_FALSE(bad);
            CHECK(bad.error().is("bad_module"));
            std::filesystem::copy_file(test::modules() / "vault-1" / "vault.so", source,
                                       std::filesystem::copy_options::overwrite_existing);
            v1 = code.load("vault", "1");
            CHECK(v1);
        },
        installed / "vault.so", copy);
    CHECK_MESSAGE(r.has_value(), to_string(r ? term() : r.error()));
    std::size_t files = 0;
    for (const auto& e : std::filesystem::directory_iterator(own / "vault-1")) files += e.exists();
    CHECK(files == 1);  // nothing half written beside it
}

TEST_CASE("where no copy can be made, the load says where") {
    test::scratch dir;
    std::ofstream(dir.path() / "file") << "no folder";
    runtime node;
    auto& code = code_server::of(node);
    code.set_folders({test::modules()});
    code.set_own_folder(dir.path() / "file" / "lib");
    auto r = code.load("vault", "1");
    REQUIRE_FALSE(r);
    CHECK(r.error().is("cannot_copy"));
    CHECK(r.error().detail.find((dir.path() / "file").string()) != std::string::npos);
}

TEST_CASE("a module in a folder that others may write is refused") {
    test::scratch dir;
    const auto folder = dir.path() / "open" / "vault-1";
    std::filesystem::create_directories(folder);
    std::filesystem::copy_file(test::modules() / "vault-1" / "vault.so", folder / "vault.so");
    ::chmod((dir.path() / "open").c_str(), 0777);
    runtime node;
    auto& code = code_server::of(node);
    code.set_folders({dir.path() / "open"});
    auto r = code.load("vault", "1");
    REQUIRE_FALSE(r);
    CHECK(r.error().is("not_permitted"));
    ::chmod((dir.path() / "open").c_str(), 01777);  // as /tmp: nobody can rename what is another's
    CHECK(code.load("vault", "1"));
}

TEST_CASE("modules that may not or cannot be loaded are refused, each with its reason") {
    test::scratch dir;
    runtime node;
    auto& code = code_server::of(node);
    code.set_folders({dir.path()});
    auto refused = [&](std::string_view name, std::string_view version = {}) {
        auto r = code.load(name, version);
        return r ? std::string("loaded") : r.error().code;
    };
    CHECK(refused("vault") == "not_found");
    CHECK(refused("../vault") == "not_found");
    const auto put = [&](const char* where, mode_t mode) {
        std::filesystem::create_directories(dir.path() / where);
        const auto file = dir.path() / where / "vault.so";
        std::filesystem::copy_file(test::modules() / "vault-1" / "vault.so", file);
        ::chmod(file.c_str(), mode);
    };
    put("vault-5", 0644);
    CHECK(refused("vault", "5") == "bad_module");  // its note says 1
    put("vault-1", 0646);
    CHECK(refused("vault", "1") == "not_permitted");
    std::filesystem::create_directories(dir.path() / "vault-6");
    std::ofstream(dir.path() / "vault-6" / "vault.so") << "\177ELF and no more";
    CHECK(refused("vault", "6") == "bad_module");
}

TEST_CASE("each application is loaded and unloaded a hundred times, and nothing stays mapped") {
    auto all = find_modules({}, {test::modules()});
    for (auto& f : find_modules({}, {applications_dir()})) all.push_back(std::move(f));
    REQUIRE(all.size() >= 3);
    for (const auto& file : all) {
        CAPTURE(file.path.string());
        runtime node;
        for (int i = 0; i < 100; ++i) {
            auto r = node.execute(
                [](self, module_file f) -> awaitable<bool> {
                    auto& code = code_server::current();
                    code.set_folders({f.path.parent_path().parent_path()});
                    auto loaded = code.load(f.name, f.version);
                    if (!loaded) exit(tuple(loaded.error().code, loaded.error().detail));
                    const bool mapped = mapped_lines(f.path.string()) > 0;
                    loaded->reset();
                    (void)code.remove(f.name);
                    auto purged = co_await code.soft_purge(f.name);
                    co_return mapped&& purged.unmapped;
                },
                file);
            REQUIRE_MESSAGE(r.has_value(), to_string(r ? term() : r.error()));
            REQUIRE(*r);
        }
        CHECK(mapped_lines(file.path.string()) == 0);
    }
}
