// What goes wrong with files and disks.
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "libbeamcore/base/unique_fd.hpp"
#include "tests/unit/store/world.hpp"

using namespace beam;

namespace {

std::string code_of(const outcome<pid>& r) {
    if (r) return "ok";
    return to_string(r.error().elements()[0]);
}
std::string detail_of(const outcome<pid>& r) {
    return r ? "" : to_string(r.error().elements()[1]);
}

void fill(const std::string& path, int keys) {
    test::in_node(
        [](self, std::string p, int n) -> awaitable<void> {
            const pid s = test::start(p);
            for (int i = 0; i < n; ++i) {
                auto r = co_await store::put(s, "key" + std::to_string(i), std::string(3000, 'd'));
                CHECK(r.has_value());
            }
        },
        path, keys);
}

}  // namespace

TEST_CASE("where no folder can be, the error names it") {
    test::folder dir;
    test::in_node([&](self) -> awaitable<void> {
        auto deep = store::start_link(dir / "missing/store");
        CHECK(code_of(deep) == "enoent");
        CHECK(detail_of(deep).find("missing/store") != std::string::npos);
        std::ofstream(dir / "file") << "x";
        auto file = store::start_link(dir / "file");
        CHECK(code_of(file) == "enotdir");
        co_return;
    });
}

TEST_CASE("a folder is made for its owner alone") {
    test::folder dir;
    fill(dir / "store", 1);
    struct stat s {};
    REQUIRE(::stat((dir / "store").c_str(), &s) == 0);
    CHECK((s.st_mode & 0777) == 0700);
}

TEST_CASE("a file that is no store is refused by name, and left as it is") {
    test::folder dir;
    std::filesystem::create_directory(dir / "store");
    const std::string garbage(100'000, 'g');
    std::ofstream(dir / "store/data.mdb") << garbage;
    test::in_node([&](self) -> awaitable<void> {
        auto r = store::start_link(dir / "store");
        CHECK(code_of(r) == "corrupt");
        CHECK(detail_of(r).find("store/data.mdb") != std::string::npos);
        // It can be tried again: nothing is left open.
        CHECK(code_of(store::start_link(dir / "store")) == "corrupt");
        co_return;
    });
    std::ifstream in(dir / "store/data.mdb");
    CHECK(std::string(std::istreambuf_iterator<char>(in), {}) == garbage);
}

TEST_CASE("a file that lost its end is refused by name, unless nothing of it led there") {
    test::folder dir;
    fill(dir / "store", 50);
    // So large a value lies in one piece at the end; fewer than 20 pages can follow.
    const std::string large(50 * 4096, 'l');
    test::in_node([&](self) -> awaitable<void> {
        const pid s = test::start(dir / "store");
        auto r = co_await store::put(s, "large", large);
        CHECK(r.has_value());
    });
    const auto size = std::filesystem::file_size(dir / "store/data.mdb");
    for (const auto cut : {size / 4, size / 2, size - 20 * 4096, size - 3 * 4096, size - 4096}) {
        CAPTURE(cut);
        std::filesystem::remove_all(dir / "copy");
        std::filesystem::copy(dir / "store", dir / "copy");
        std::filesystem::resize_file(dir / "copy/data.mdb", cut);
        test::in_node([&](self) -> awaitable<void> {
            auto r = store::start_link(dir / "copy");
            if (size - cut >= 20 * 4096) REQUIRE_FALSE(r);
            if (!r) {
                CHECK(code_of(r) == "corrupt");
                CHECK(detail_of(r).find("copy/data.mdb") != std::string::npos);
                CHECK(std::filesystem::file_size(dir / "copy/data.mdb") == cut);
            } else {
                // The last pages may be ones that nothing leads to: then nothing is lost.
                CHECK((store::get(*r, "large").value() == large));
                for (int i = 0; i < 50; ++i)
                    CHECK(store::get(*r, "key" + std::to_string(i)).value() ==
                          std::string(3000, 'd'));
            }
            co_return;
        });
    }
}

TEST_CASE("a value that this layer did not write is an error, not a wrong answer") {
    test::folder dir;
    fill(dir / "store", 3);
    // Overwrites the tag of a value where it lies in the file.
    {
        std::fstream f(dir / "store/data.mdb", std::ios::in | std::ios::out | std::ios::binary);
        std::string all((std::istreambuf_iterator<char>(f)), {});
        std::size_t n = 0;
        for (std::size_t at = 0; (at = all.find("pddddddd", at)) != std::string::npos; ++at) {
            f.clear();
            f.seekp(std::streamoff(at));
            f.put('?');
            ++n;
        }
        REQUIRE(n >= 3);
    }
    test::in_node([&](self) -> awaitable<void> {
        const pid s = test::start(dir / "store");
        auto r = store::get(s, "key1");
        REQUIRE_FALSE(r);
        CHECK(r.error().is("corrupt"));
        CHECK(r.error().detail.find("data.mdb") != std::string::npos);
        CHECK_FALSE(store::scan(s, {}).has_value());
        co_return;
    });
}

// On a disk of 1 MB, in a child process with mounts of its own.
TEST_CASE("helper: fill a small disk" * doctest::skip()) {
    const char* mount_point = std::getenv("BEAM_TEST_DISK");
    REQUIRE(mount_point);
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("none", mount_point, "tmpfs", 0, "size=1m") != 0)
        ::_exit(77);
    test::in_node(
        [](self self, std::string path) -> awaitable<void> {
            self.trap_exit(true);
            const pid s = test::start(path);
            const std::string ballast = path + "/ballast";
            auto first = co_await store::put(s, "kept", "value");
            CHECK(first.has_value());
            int written = 0;
            std::optional<error> failed;
            for (; !failed && written < 1000; ++written) {
                auto r =
                    co_await store::put(s, "k" + std::to_string(written), std::string(20'000, 'f'));
                if (!r) failed = r.error();
            }
            --written;
            REQUIRE(failed);
            CHECK(failed->is("enospc"));
            CHECK(failed->detail.find("data.mdb") != std::string::npos);
            // The store lives, has what it acknowledged, and writes again when there is room.
            CHECK(store::get(s, "kept").value() == std::optional<std::string>("value"));
            for (int i = 0; i < written; ++i)
                CHECK(store::get(s, "k" + std::to_string(i))->has_value());
            CHECK_FALSE(store::get(s, "k" + std::to_string(written))->has_value());
            REQUIRE(::mount("none", std::getenv("BEAM_TEST_DISK"), "tmpfs", MS_REMOUNT,
                            "size=4m") == 0);
            auto again = co_await store::put(s, "after", std::string(20'000, 'g'));
            CHECK_MESSAGE(again.has_value(), (again ? "" : again.error().detail));
            CHECK(store::count(s) == std::uint64_t(written + 2));
        },
        std::string(mount_point) + "/store");
}

TEST_CASE("a full disk is an error that names the file, and the store lives") {
    test::folder dir;
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        ::setenv("BEAM_TEST_DISK", dir.path().c_str(), 1);
        ::execl("/proc/self/exe", "unit_store", "--no-skip",
                "--test-case=helper: fill a small disk", nullptr);
        ::_exit(127);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77) {
        MESSAGE("skipped: no right to mount a small disk here");
        return;
    }
    CHECK(WEXITSTATUS(status) == 0);
}
