// open_options::sync_interval: when the disk is asked, and what a stop of the machine leaves.
//
// A test cannot stop the machine. It takes a store that was killed, makes pages of its log zeros, which is what one reads that never
// came to the disk, and writes another start of the machine into the store's mark.
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <fstream>
#include <iterator>
#include <mutex>
#include <random>
#include <set>

#include "libbeamcore/base/boot_id.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "tests/unit/store/killed_store.hpp"

using namespace beam;
using namespace std::chrono_literals;

namespace {

/// The files that were synced by fsync(2), which RocksDB calls for none of its logs (fdatasync(2) is what it takes).
class synced_files {
public:
    void add(int fd) {
        std::array<char, 4096> name{};
        const std::string link = "/proc/self/fd/" + std::to_string(fd);
        const ssize_t size = ::readlink(link.c_str(), name.data(), name.size());
        std::lock_guard lock(mutex_);
        if (size > 0) names_.insert(std::string(name.data(), std::size_t(size)));
    }
    bool has(const std::string& name) {
        std::lock_guard lock(mutex_);
        return names_.count(name) > 0;
    }

private:
    std::mutex mutex_;
    std::set<std::string> names_;
};
synced_files& fsyncs() {
    static auto* const all = new synced_files;  // an end of the process may sync, too
    return *all;
}

constexpr std::size_t page_size = 4096;
constexpr int writes = 80;
// Each page is an open of the store, which takes long under sanitizers.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::size_t every = 5;
#else
constexpr std::size_t every = 1;
#endif

store::open_options with_interval(std::chrono::milliseconds interval) {
    store::open_options o;
    o.engine = test::engine();
    o.sync_interval = interval;
    return o;
}

std::string key_of(int i) {
    return "key" + std::to_string(i);
}
std::string value_of(int i) {
    return std::to_string(i) + std::string(std::size_t(i) * 137 % 2500, char('a' + i % 26));
}

awaitable<void> put_durably(pid s, std::string key) {
    store::batch b;
    b.put(key, "v").durable();
    auto r = co_await store::write(s, std::move(b));
    CHECK(r.has_value());
}

std::string mark_of(const std::string& folder) {
    return folder + "/unsynced";
}
bool has_mark(const std::string& folder) {
    return std::filesystem::exists(mark_of(folder));
}
/// As if the machine had been started since.
void restart_machine(const std::string& folder) {
    REQUIRE(has_mark(folder));
    std::ofstream(mark_of(folder)) << "00000000-0000-0000-0000-000000000000\n";
}

/// What a store is found to have, of writes that were made in the order of their numbers.
struct found {
    int count = 0;          ///< -1: it is refused
    bool is_prefix = true;  ///< the first ones, as they were, and nothing else
    std::string loss{};
    std::string why{};
};

found look_at(const std::string& path, store::open_options options = {}) {
    found f;
    test::in_node([&](self) -> awaitable<void> {
        const auto s = store::start_link(path, options);
        if (!s) {
            f.count = -1;
            f.why = to_string(s.error());
            co_return;
        }
        while (store::get(*s, key_of(f.count)).value() == value_of(f.count)) ++f.count;
        f.is_prefix = store::count(*s).value() == std::uint64_t(f.count);
        f.loss = store::info(*s)->loss;
        co_return;
    });
    return f;
}

}  // namespace

static std::atomic<int> syncs_left{0};  // and then it dies; 0: it does not

// In the place of the system's, for the library and the module, too.
extern "C" __attribute__((visibility("default"))) int fsync(int fd) {
    fsyncs().add(fd);
    const int failed = int(::syscall(SYS_fsync, fd));
    if (syncs_left > 0 && --syncs_left == 0) ::raise(SIGKILL);
    return failed;
}

TEST_CASE("LMDB has no sync interval, and says so") {
    test::folder dir;
    test::in_node([&](self) -> awaitable<void> {
        const auto s = store::start_link(dir / "store", with_interval(1s));
        REQUIRE_FALSE(s.has_value());
        CHECK(s.error().is_tagged(atom("no_sync_interval"), 2));
        // It can be started without.
        CHECK(store::start_link(dir / "store").has_value());
        co_return;
    });
}

TEST_CASE(
    "RocksDB: what was answered is synced when the interval is over, and a durable batch is "
    "answered") {
    if (!test::has_rocksdb) return;
    const test::with_engine chosen("rocksdb");
    test::folder dir;
    test::in_node([&](self self) -> awaitable<void> {
        const pid s = test::start(dir / "store", with_interval(20ms));
        for (std::uint64_t before = 0; before < 3;) {
            auto r = co_await store::put(s, "key", "value");
            CHECK(r.has_value());
            const auto deadline = monotonic_time() + 60s;
            while (store::info(s)->late_syncs == before && monotonic_time() < deadline)
                co_await self.sleep_for(5ms);
            REQUIRE(store::info(s)->late_syncs > before);
            before = store::info(s)->late_syncs;
        }
        co_await put_durably(s, "durable");
        CHECK(store::info(s)->loss.empty());
    });
}

TEST_CASE("RocksDB: a durable batch syncs what was answered before it") {
    if (!test::has_rocksdb) return;
    const test::with_engine chosen("rocksdb");
    test::folder dir;
    runtime_options o;
    o.deterministic = true;  // a commit and its sync are one turn of the store
    runtime node(o);
    auto result = node.execute(
        [](self, std::string path) -> awaitable<void> {
            const pid s = test::start(path, with_interval(1h));
            for (int i = 0; i < 3; ++i) {
                auto r = co_await store::put(s, key_of(i), "value");
                CHECK(r.has_value());
            }
            CHECK(store::info(s)->late_syncs == 3);
            std::vector<store::write_future> together;
            together.push_back(store::put(s, "before", "value"));
            store::batch b;
            b.erase("durable").durable();
            together.push_back(store::write(s, std::move(b)));
            for (auto& w : together) {
                auto r = co_await w;
                CHECK(r.has_value());
            }
            co_await put_durably(s, "alone");
            CHECK(store::info(s)->late_syncs == 3);
        },
        dir / "store");
    CHECK(result.has_value());
}

TEST_CASE("RocksDB: a store closed in order has no mark, whatever was not synced") {
    if (!test::has_rocksdb) return;
    const test::with_engine chosen("rocksdb");
    test::folder dir;
    const std::string path = dir / "store";
    test::in_node([&](self) -> awaitable<void> {
        const pid s = test::start(path, with_interval(1h));
        std::ifstream in(mark_of(path));
        std::string boot;
        std::getline(in, boot);
        CHECK(boot == boot_id());
        for (int i = 0; i < 5; ++i) {
            auto r = co_await store::put(s, key_of(i), value_of(i));
            CHECK(r.has_value());
        }
        auto closed = co_await store::close(s);
        CHECK(closed.has_value());
        CHECK_FALSE(has_mark(path));
        auto opened = co_await store::reopen(s);
        CHECK(opened.has_value());
        CHECK(has_mark(path));
    });
    CHECK_FALSE(has_mark(path));
    const found f = look_at(path);
    CHECK(f.count == 5);
    CHECK(f.loss.empty());
    CHECK_FALSE(has_mark(path));
}

TEST_CASE("helper: write numbers with a sync interval and die" * doctest::skip()) {
    test::in_node([](self) -> awaitable<void> {
        const pid s = test::start(std::getenv("BEAM_TEST_STORE"), with_interval(1h));
        for (int i = 0; i < writes; ++i) {
            auto r = co_await store::put(s, key_of(i), value_of(i));
            CHECK(r.has_value());
        }
        ::raise(SIGKILL);
    });
}

TEST_CASE("helper: see what was lost and die" * doctest::skip()) {
    test::in_node([](self) -> awaitable<void> {
        const pid s = test::start(std::getenv("BEAM_TEST_STORE"), with_interval(1h));
        if (!store::info(s)->loss.empty()) ::raise(SIGKILL);
        co_return;
    });
}

TEST_CASE("RocksDB: a kill loses nothing that was answered and not synced") {
    if (!test::has_rocksdb) return;
    const test::with_engine chosen("rocksdb");
    test::killed_store killed("helper: write numbers with a sync interval and die");
    for (const auto& options : {with_interval(1h), store::open_options{}}) {
        const std::string copy = killed.copy_with(killed.content());
        CHECK(has_mark(copy));
        const found f = look_at(copy, options);
        CHECK(f.count == writes);
        CHECK(f.is_prefix);
        CHECK(f.loss.empty());
        CHECK_FALSE(has_mark(copy));
    }
}

TEST_CASE(
    "RocksDB: whatever page a stop of the machine left out, what was written before is there") {
    if (!test::has_rocksdb) return;
    const test::with_engine chosen("rocksdb");
    test::killed_store killed("helper: write numbers with a sync interval and die");
    const std::string& log = killed.content();
    REQUIRE(log.size() > 2 * 32768 + page_size);
    for (std::size_t at = 0; at < log.size(); at += every * page_size) {
        CAPTURE(at);
        const std::string torn = test::with_hole(log, at, page_size);
        const int before = killed.writes_before(at);
        const std::string copy = killed.copy_with(torn);
        restart_machine(copy);
        const found f = look_at(copy, with_interval(1h));
        CHECK(f.count == before);
        CHECK(f.is_prefix);
        CHECK(f.loss.size() == 32);
        CHECK(look_at(copy).loss == f.loss);
        // Without a stop of the machine it is damage, if others follow.
        if (killed.writes_before(log.size()) - killed.writes_before(at + page_size) < 2) continue;
        const found refused = look_at(killed.copy_with(torn), with_interval(1h));
        CHECK(refused.count == -1);
        CHECK(refused.why.find("corrupt") != std::string::npos);
        CHECK(refused.why.find(killed.log_name()) != std::string::npos);
    }
}

TEST_CASE("RocksDB: of several pages that were left out the first is where it ends") {
    if (!test::has_rocksdb) return;
    const test::with_engine chosen("rocksdb");
    test::killed_store killed("helper: write numbers with a sync interval and die");
    const std::string& log = killed.content();
    std::mt19937_64 random(1);
    for (std::size_t round = 0; round < 20 / every; ++round) {
        CAPTURE(round);
        std::string torn = log;
        std::size_t first = log.size();
        for (int holes = 0; holes < 4; ++holes) {
            const std::size_t at = random() % log.size() / page_size * page_size;
            torn = test::with_hole(torn, at, page_size);
            first = std::min(first, at);
        }
        // A page that was written again after a sync has what it had then.
        const std::size_t synced = random() % log.size();
        torn = test::with_hole(torn, synced, page_size);
        first = std::min(first, synced);
        const std::string copy = killed.copy_with(torn);
        restart_machine(copy);
        const found f = look_at(copy);
        CHECK(f.count == killed.writes_before(first));
        CHECK(f.is_prefix);
        CHECK_FALSE(f.loss.empty());
    }
}

TEST_CASE("RocksDB: a loss has a name, which stays; another stop is another one") {
    if (!test::has_rocksdb) return;
    const test::with_engine chosen("rocksdb");
    test::killed_store killed("helper: write numbers with a sync interval and die");
    const std::string torn = test::with_hole(killed.content(), 5 * page_size, page_size);
    const std::string copy = killed.copy_with(torn);
    restart_machine(copy);
    for (int life = 0; life < 3; ++life)
        CHECK(WIFSIGNALED(test::run_helper("helper: see what was lost and die", copy)));
    const found f = look_at(copy);  // without an interval, too
    CHECK_FALSE(f.loss.empty());
    CHECK(f.count == killed.writes_before(5 * page_size));
    CHECK(look_at(copy, with_interval(1h)).loss == f.loss);
    // Whoever syncs every write loses nothing more.
    std::ifstream mark(mark_of(copy));
    const std::string text(std::istreambuf_iterator<char>(mark), {});
    CHECK(text == "synced\n" + f.loss + "\n");
    CHECK(look_at(copy).loss == f.loss);
    CHECK(WIFSIGNALED(test::run_helper("helper: see what was lost and die", copy)));
    restart_machine(copy);
    const found next = look_at(copy);
    CHECK_FALSE(next.loss.empty());
    CHECK(next.loss != f.loss);
    // In a later life of the same start of the machine nothing else may be missing.
    const std::string again = killed.copy_with(torn);
    std::ofstream(mark_of(again)) << boot_id() << "\n" << f.loss << "\n";
    CHECK(look_at(again).why.find("corrupt") != std::string::npos);
}

TEST_CASE("RocksDB: a mark that cannot be read is of another start of the machine") {
    if (!test::has_rocksdb) return;
    const test::with_engine chosen("rocksdb");
    test::killed_store killed("helper: write numbers with a sync interval and die");
    const std::string copy = killed.copy_with(killed.content());
    std::ofstream(mark_of(copy), std::ios::trunc).close();
    const found f = look_at(copy);
    CHECK(f.count == writes);
    CHECK_FALSE(f.loss.empty());
}

TEST_CASE("RocksDB: a wrong bit is damage, whether or not the machine stopped") {
    if (!test::has_rocksdb) return;
    const test::with_engine chosen("rocksdb");
    test::killed_store killed("helper: write numbers with a sync interval and die");
    const std::string& log = killed.content();
    std::vector<std::pair<std::size_t, unsigned>> wrong;
    std::mt19937_64 random(1);
    for (int i = 0; i < 30; ++i) wrong.emplace_back(random() % (log.size() - 3000), random() % 8);
    // Lengths that reach into what was never written, or beyond the end.
    const std::vector<std::size_t> records = killed.records();
    for (auto at = records.end() - 5; at != records.end() - 1; ++at)
        for (const unsigned bit : {4U, 5U, 6U, 7U}) wrong.emplace_back(*at + 5, bit);
    std::size_t n = 0;
    for (const auto& [at, bit] : wrong)
        for (const bool with_room : {true, false}) {
            if (n++ % every != 0) continue;
            CAPTURE(at);
            CAPTURE(bit);
            CAPTURE(with_room);
            const std::string copy = killed.copy_with(test::with_bit(log, at, bit), with_room);
            restart_machine(copy);
            const found f = look_at(copy);
            CHECK(f.count == -1);
            CHECK(f.why.find("corrupt") != std::string::npos);
            CHECK(f.why.find(killed.log_name()) != std::string::npos);
        }
}

TEST_CASE("RocksDB: wherever a file ends that lost its size, what was written before is there") {
    if (!test::has_rocksdb) return;
    const test::with_engine chosen("rocksdb");
    test::killed_store killed("helper: write numbers with a sync interval and die");
    const std::string& log = killed.content();
    for (std::size_t end = 0; end < log.size(); end += 1 + log.size() / 50) {
        CAPTURE(end);
        const std::string copy = killed.copy_with(log.substr(0, end), false);
        restart_machine(copy);
        const found f = look_at(copy);
        CHECK(f.count == killed.writes_before(end));
        CHECK(f.is_prefix);
    }
}

TEST_CASE("RocksDB: a hole in a log leaves nothing of the newer ones") {
    if (!test::has_rocksdb) return;
    const test::with_engine chosen("rocksdb");
    test::killed_store killed("helper: write numbers with a sync interval and die");
    const std::vector<std::size_t> records = killed.records();
    REQUIRE(records.size() > 15);
    const std::string older = killed.content().substr(0, records[8]);
    const std::string newer = killed.content().substr(records[8], records[15] - records[8]);
    const auto look = [&](const std::string& first, bool with_room) {
        const std::string copy = killed.copy_with(first, with_room);
        std::ofstream(copy + "/900000.log", std::ios::binary) << newer;
        restart_machine(copy);
        const found f = look_at(copy);
        CHECK(f.is_prefix);
        CHECK_FALSE(f.loss.empty());
        return f.count;
    };
    for (const bool with_room : {true, false}) {
        CAPTURE(with_room);
        CHECK(look(older, with_room) == 15);
        for (std::size_t at = 0; at < older.size(); at += 512) {
            CAPTURE(at);
            CHECK(look(test::with_hole(older, at), with_room) == killed.writes_before(at));
        }
    }
    for (const std::size_t lost : {1, 100, 700}) {
        const std::size_t size = older.size() - lost;
        CHECK(look(older.substr(0, size), false) == killed.writes_before(size));
    }
}

TEST_CASE("helper: write numbers into two logs and die" * doctest::skip()) {
    test::in_node([](self) -> awaitable<void> {
        const pid s = test::start(std::getenv("BEAM_TEST_STORE"), with_interval(1h));
        const store::database other(s, "other");
        for (int i = 0; i < writes; ++i) {
            auto r = co_await store::put(s, key_of(i), value_of(i));
            CHECK(r.has_value());
            if (i >= 20) continue;
            // What is written out meanwhile is this, and the log is needed for the numbers in it.
            auto large = co_await store::put(other, key_of(i), std::string(1 << 20, 'o'));
            CHECK(large.has_value());
        }
        ::raise(SIGKILL);
    });
}

TEST_CASE("RocksDB: what lies in tables and older logs is there whatever the newest one lacks") {
    if (!test::has_rocksdb) return;
    const test::with_engine chosen("rocksdb");
    test::killed_store killed("helper: write numbers into two logs and die");
    const std::string& log = killed.content();
    const int all = killed.writes_before(log.size());
    REQUIRE(all > writes - 20);
    REQUIRE(all < writes);  // the others are in the older log
    const auto look = [&](std::size_t hole) {
        const std::string copy = killed.copy_with(test::with_hole(log, hole, page_size));
        restart_machine(copy);
        const found f = look_at(copy);
        CHECK(f.is_prefix);
        CHECK_FALSE(f.loss.empty());
        return f.count;
    };
    const int in_older = look(0);
    CHECK(in_older > 5);
    CHECK(in_older < 20);
    // Here are numbers alone.
    for (std::size_t back = 2 * page_size; back < 60'000; back += 3 * page_size) {
        const std::size_t hole = (log.size() - back) / page_size * page_size;
        CAPTURE(hole);
        CHECK(look(hole) == writes - (all - killed.writes_before(hole)));
    }
}

TEST_CASE("helper: open a store and die at a sync" * doctest::skip()) {
    syncs_left = std::atoi(std::getenv("BEAM_TEST_SYNCS"));
    CHECK(look_at(std::getenv("BEAM_TEST_STORE"), with_interval(1h)).is_prefix);
}

TEST_CASE(
    "RocksDB: a kill while a store is opened that has a hole leaves nothing of what follows it") {
    if (!test::has_rocksdb) return;
    const test::with_engine chosen("rocksdb");
    test::killed_store killed("helper: write numbers with a sync interval and die");
    const std::vector<std::size_t> records = killed.records();
    const std::size_t hole = records[4];
    const std::string older = test::with_hole(killed.content().substr(0, records[8]), hole);
    int kills = 0;
    for (bool is_killed = true; is_killed; ++kills) {
        CAPTURE(kills);
        const std::string copy = killed.copy_with(older);
        for (const std::size_t i : {std::size_t(8), std::size_t(10)})
            std::ofstream(copy + "/9" + std::to_string(10'000 + i) + ".log", std::ios::binary)
                << killed.content().substr(records[i], records[i + 2] - records[i]);
        restart_machine(copy);
        ::setenv("BEAM_TEST_SYNCS", std::to_string(kills + 1).c_str(), 1);
        is_killed = WIFSIGNALED(test::run_helper("helper: open a store and die at a sync", copy));
        ::unsetenv("BEAM_TEST_SYNCS");
        const found f = look_at(copy);
        CHECK(f.count == killed.writes_before(hole));
        CHECK(f.is_prefix);
    }
    CHECK(kills > 5);
}

TEST_CASE("RocksDB: before a log is made the one before it is on the disk") {
    if (!test::has_rocksdb) return;
    const test::with_engine chosen("rocksdb");
    test::folder dir;
    const auto logs = [&] {
        std::set<std::string> names;
        for (const auto& entry : std::filesystem::directory_iterator(dir / "store"))
            if (entry.path().extension() == ".log") names.insert(entry.path());
        return names;
    };
    test::in_node([&](self) -> awaitable<void> {
        const pid s = test::start(dir / "store", with_interval(1h));
        // So that a log is needed when another has followed it.
        auto kept = co_await store::put(store::database(s, "other"), "key", "value");
        CHECK(kept.has_value());
        const std::string first = *logs().begin();
        CHECK_FALSE(fsyncs().has(first));
        for (int i = 0; i < 40 && logs().size() < 2; ++i) {
            auto r = co_await store::put(s, key_of(i), std::string(std::size_t{1} << 20, 'v'));
            CHECK(r.has_value());
        }
        REQUIRE(logs().size() == 2);
        CHECK(*logs().begin() == first);
        CHECK(fsyncs().has(first));
        CHECK_FALSE(fsyncs().has(*logs().rbegin()));
    });
}
