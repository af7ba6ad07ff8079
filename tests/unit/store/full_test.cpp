// No room: on the disk, and in a file. Each in a child process, whose limits are its own.
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include <csignal>

#include "libbeamcore/runtime/link.hpp"
#include "tests/unit/store/helper.hpp"

using namespace beam;

namespace {

constexpr int cannot = 77;

std::string value_of(int i) {
    return std::to_string(i) + std::string(20'000, 'f');
}

bool is_rocksdb() {
    return test::engine() == store::engine_type::rocksdb;
}

struct filled {
    int written = 0;
    error failure{};
};

awaitable<filled> fill(pid s, int count_max) {
    filled f;
    for (; f.written < count_max; ++f.written) {
        auto r = co_await store::put(s, "k" + std::to_string(f.written), value_of(f.written));
        if (!r) {
            f.failure = r.error();
            co_return f;
        }
    }
    co_return f;
}

// What was answered is there; what failed is not, or whole where nobody could say.
void check_kept(pid s, int written) {
    for (int i = 0; i < written; ++i) {
        const auto value = store::get(s, "k" + std::to_string(i));
        REQUIRE(value.has_value());
        CHECK((*value == value_of(i)));
    }
    const auto failed = store::get(s, "k" + std::to_string(written));
    REQUIRE(failed.has_value());
    if (*failed) CHECK((is_rocksdb() && **failed == value_of(written)));
}

// LMDB goes on. RocksDB ends the store, and it is started again when there is room.
awaitable<void> fill_up(self self, std::string path, std::string code, void (*make_room)()) {
    self.trap_exit(true);
    pid s = test::start(path);
    const filled f = co_await fill(s, 20'000);
    REQUIRE(f.written > 0);
    CHECK(f.failure.is(is_rocksdb() ? "unavailable" : code));
    CHECK(f.failure.detail.find(path) != std::string::npos);
    if (is_rocksdb()) {
        const auto end = co_await self.receive<exit_message>();
        CHECK(end.from == s);
        CHECK(end.reason.elements()[0] == atom("store_failed"));
        CHECK(end.reason.elements()[1] == atom(code));
        CHECK(f.failure.detail.find(code) != std::string::npos);
    } else {
        CHECK(store::info(s)->failed_commits == 1);
        check_kept(s, f.written);
    }
    make_room();
    if (is_rocksdb()) s = test::start(path);
    check_kept(s, f.written);
    auto again = co_await store::put(s, "after", "value");
    CHECK_MESSAGE(again.has_value(), (again ? "" : again.error().detail));
    CHECK(store::get(s, "after").value() == std::optional<std::string>("value"));
}

const char* small_disk() {
    return std::getenv("BEAM_TEST_STORE");
}

}  // namespace

TEST_CASE("helper: fill a small disk" * doctest::skip()) {
    // RocksDB takes room for its log before it writes.
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("none", small_disk(), "tmpfs", 0, is_rocksdb() ? "size=30m" : "size=1m") != 0)
        ::_exit(cannot);
    test::in_node(
        fill_up, std::string(small_disk()) + "/store", std::string("enospc"),
        +[] { REQUIRE(::mount("none", small_disk(), "tmpfs", MS_REMOUNT, "size=200m") == 0); });
}

TEST_CASE("helper: fill a small file" * doctest::skip()) {
    ::signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit {};
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &limit) == 0);
    limit.rlim_cur = 4 << 20;
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
    test::in_node(
        fill_up, std::string(small_disk()), std::string("efbig"), +[] {
            struct rlimit none {};
            REQUIRE(::getrlimit(RLIMIT_FSIZE, &none) == 0);
            none.rlim_cur = none.rlim_max;
            REQUIRE(::setrlimit(RLIMIT_FSIZE, &none) == 0);
        });
}

STORE_TEST("a full disk is an error that names the file, and loses nothing") {
    test::folder dir;
    const int status = test::run_helper("helper: fill a small disk", dir.path());
    REQUIRE(WIFEXITED(status));
    if (WEXITSTATUS(status) == cannot) {
        MESSAGE("skipped: no right to mount a small disk here");
        return;
    }
    CHECK(WEXITSTATUS(status) == 0);
}

STORE_TEST("a file that may not grow is an error that names it, and loses nothing") {
    test::folder dir;
    const int status = test::run_helper("helper: fill a small file", dir / "store");
    REQUIRE(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
}
