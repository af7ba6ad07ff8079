// Which engine a store has, and what lies in its folder.
#include <fcntl.h>
#include <signal.h>

#include <fstream>

#include "libbeamcore/base/install.hpp"
#include "libbeamcore/base/unique_fd.hpp"
#include "tests/unit/store/helper.hpp"

using namespace beam;

namespace {

const char* other_engine() {
    return test::engine() == store::engine_type::lmdb ? "rocksdb" : "lmdb";
}

store::open_options with(const char* engine) {
    store::open_options o;
    o.engine = store::parse_engine(engine);
    return o;
}

std::string failure_of(const outcome<pid>& r) {
    return r ? "ok" : to_string(r.error());
}

awaitable<void> make(self, std::string path) {
    const pid s = test::start(path);
    auto r = co_await store::put(s, "key", "value");
    CHECK(r.has_value());
}

bool has_key(pid s) {
    return store::get(s, "key").value() == std::optional<std::string>("value");
}

}  // namespace

TEST_CASE("engines have names") {
    for (const auto e : {store::engine_type::lmdb, store::engine_type::rocksdb})
        CHECK(store::parse_engine(to_string(e)) == e);
    CHECK_FALSE(store::parse_engine("sqlite").has_value());
}

TEST_CASE("a new store is LMDB's unless another engine is named") {
    test::folder dir;
    test::in_node([&](self) -> awaitable<void> {
        auto s = store::start_link(dir / "store");
        REQUIRE(s.has_value());
        CHECK(store::info(*s)->engine == "lmdb");
        co_return;
    });
}

STORE_TEST("a store is opened with the engine that made it, and with no other") {
    test::folder dir;
    test::in_node(make, dir / "store");
    test::in_node([&](self) -> awaitable<void> {
        const auto refused = store::start_link(dir / "store", with(other_engine()));
        const std::string why = failure_of(refused);
        CHECK(why.find("engine_mismatch") != std::string::npos);
        for (const std::string& named :
             {dir / "store", std::string("lmdb"), std::string("rocksdb")})
            CHECK(why.find(named) != std::string::npos);
        auto s = store::start_link(dir / "store");
        REQUIRE(s.has_value());
        CHECK(store::info(*s)->engine == to_string(test::engine()));
        CHECK(has_key(*s));
        // It is closed and opened again as what it is.
        auto closed = co_await store::close(*s);
        CHECK(closed.has_value());
        auto opened = co_await store::reopen(*s);
        CHECK(opened.has_value());
        CHECK(has_key(*s));
    });
}

STORE_TEST("a store has no more databases than it was opened for") {
    test::folder dir;
    test::in_node([&](self) -> awaitable<void> {
        store::open_options o;
        o.databases_max = 2;
        const pid s = test::start(dir / "store", o);
        for (const char* name : {"a", "b"}) {
            auto r = co_await store::put(store::database(s, name), "key", "value");
            CHECK(r.has_value());
        }
        auto r = co_await store::put(store::database(s, "c"), "key", "value");
        REQUIRE_FALSE(r.has_value());
        CHECK(r.error().is("too_many_databases"));
        r = co_await store::put(store::database(s, "a"), "key", "other");
        CHECK(r.has_value());
        CHECK(store::databases(s)->size() == 2);
    });
}

STORE_TEST("a folder with files of both engines is refused") {
    test::folder dir;
    test::in_node(make, dir / "store");
    std::ofstream(dir /
                  (test::engine() == store::engine_type::lmdb ? "store/CURRENT" : "store/data.mdb"))
        << "x";
    test::in_node([&](self) -> awaitable<void> {
        CHECK(failure_of(store::start_link(dir / "store")).find("corrupt") != std::string::npos);
        co_return;
    });
}

TEST_CASE("RocksDB's store that was cut off as it was made is made again, and no other is") {
    if (!test::has_rocksdb) return;
    const test::with_engine chosen("rocksdb");
    test::folder dir;
    test::in_node([&](self) -> awaitable<void> {
        (void)test::start(dir / "store");
        co_return;
    });
    std::filesystem::remove(dir / "store/rocksdb");  // the last that is made
    std::filesystem::remove(dir / "store/closed");
    test::in_node(make, dir / "store");
    std::filesystem::remove(dir / "store/closed");
    std::filesystem::remove(dir / "store/CURRENT");
    test::in_node([&](self) -> awaitable<void> {
        const std::string why = failure_of(store::start_link(dir / "store"));
        CHECK(why.find("corrupt") != std::string::npos);
        CHECK(why.find("store/CURRENT") != std::string::npos);
        co_return;
    });
}

TEST_CASE("RocksDB's store is open in one OS process at a time") {
    if (!test::has_rocksdb) return;
    const test::with_engine chosen("rocksdb");
    test::folder dir;
    test::in_node(make, dir / "store");
    int locked[2];
    REQUIRE(::pipe(locked) == 0);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        struct flock lock {};
        lock.l_type = F_WRLCK;
        lock.l_whence = SEEK_SET;
        const int fd = ::open((dir / "store/LOCK").c_str(), O_RDWR);
        const char ready = ::fcntl(fd, F_SETLK, &lock) == 0 ? 'y' : 'n';
        if (::write(locked[1], &ready, 1) != 1) ::_exit(1);
        for (;;) ::pause();
    }
    const unique_fd from_child(locked[0]), to_parent(locked[1]);
    char ready = 0;
    REQUIRE(::read(from_child.get(), &ready, 1) == 1);
    CHECK(ready == 'y');
    test::in_node([&](self) -> awaitable<void> {
        const std::string why = failure_of(store::start_link(dir / "store"));
        CHECK(why.find("already_open") != std::string::npos);
        CHECK(why.find(dir / "store") != std::string::npos);
        co_return;
    });
    ::kill(child, SIGKILL);
    REQUIRE(::waitpid(child, nullptr, 0) == child);
    test::in_node([&](self) -> awaitable<void> {
        CHECK(has_key(test::start(dir / "store")));
        co_return;
    });
}

TEST_CASE("helper: start RocksDB's store without RocksDB" * doctest::skip()) {
    test::in_node([](self) -> awaitable<void> {
        const std::string path = std::getenv("BEAM_TEST_STORE");
        const std::string why = failure_of(store::start_link(path, with("rocksdb")));
        CHECK(why.find("no_engine") != std::string::npos);
        CHECK(why.find("libbeamcore_rocksdb.so") != std::string::npos);
        CHECK(why.find("librocksdb-dev") != std::string::npos);
        auto other = store::start_link(path);
        CHECK(other.has_value());
        co_return;
    });
}

TEST_CASE("where RocksDB is not installed the error says what to do, and LMDB works") {
    test::folder dir;
    // The library alone, in a folder where its module is not.
    std::filesystem::create_directory(dir / "lib");
    const auto library = applications_dir().parent_path() / "lib" / "libbeamcore.so.0";
    REQUIRE(std::filesystem::exists(library));
    std::filesystem::create_symlink(library, dir / "lib/libbeamcore.so.0");
    ::setenv("LD_LIBRARY_PATH", (dir / "lib").c_str(), 1);
    const int status =
        test::run_helper("helper: start RocksDB's store without RocksDB", dir / "store");
    ::unsetenv("LD_LIBRARY_PATH");
    REQUIRE(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
}
