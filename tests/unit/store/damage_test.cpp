// Files of a closed store that lost their end, or have a wrong bit: what is read is right, or an error says so.
#include <algorithm>
#include <fstream>
#include <iterator>
#include <random>

#include "tests/unit/store/killed_store.hpp"

using namespace beam;

namespace {

constexpr int keys = 150;

/// What reading all of a damaged store came to; worse ones last.
enum class outcome_of_reading { right = 10, refused, told, missing, wrong };
using verdict = outcome_of_reading;

std::string key_of(int i) {
    return "key" + std::to_string(i);
}
std::string value_of(int i) {
    return std::to_string(i) + std::string(std::size_t(i) * 37 % 2000, char('a' + i % 26));
}

// Values of several sizes in two databases, some written twice, some erased; RocksDB: in several tables.
void fill(const std::string& path) {
    for (int life = 0; life < 3; ++life)
        test::in_node(
            [](self, std::string p, int n) -> awaitable<void> {
                const pid s = test::start(p);
                store::batch b;
                for (int i = n; i < keys; i += 2) b.put(key_of(i), value_of(i)).put("gone", "x");
                b.in("other").put("key", "value").erase_prefix("none").in("main").erase("gone");
                auto r = co_await store::write(s, std::move(b));
                CHECK(r.has_value());
            },
            path, life % 2);
}

verdict compare(const result<std::optional<std::string>>& found, const std::string& value) {
    if (!found) return found.error().is("corrupt") ? verdict::told : verdict::wrong;
    if (!*found) return verdict::missing;
    return **found == value ? verdict::right : verdict::wrong;
}

verdict read_all(const std::string& path) {
    verdict v = verdict::right;
    const auto at_least = [&](verdict other) { v = std::max(v, other); };
    test::in_node([&](self) -> awaitable<void> {
        auto s = store::start(path);
        if (!s) {
            // It says which.
            const auto why = s.error().elements();
            const bool names = to_string(why[1]).find(path) != std::string::npos;
            at_least(names ? verdict::refused : verdict::wrong);
            co_return;
        }
        for (int i = 0; i < keys; ++i) at_least(compare(store::get(*s, key_of(i)), value_of(i)));
        at_least(compare(store::get(store::database(*s, "other"), "key"), "value"));
        const auto gone = store::get(*s, "gone");
        if (!gone)
            at_least(verdict::told);
        else if (*gone)
            at_least(verdict::wrong);
        store::scan_options o;
        o.limit = 2 * keys;
        o.bytes_max = 100 << 20;
        const auto page = store::scan(*s, o);
        if (!page) {
            at_least(verdict::told);
            co_return;
        }
        if (page->items.size() != keys) at_least(verdict::missing);
        for (const auto& [key, value] : page->items)
            if (value != value_of(std::atoi(key.c_str() + 3))) at_least(verdict::wrong);
    });
    return v;
}

struct damage {
    std::string file;
    std::size_t at = 0;
    int bit = -1;  // none: the file ends there
};

void harm(const std::string& folder, const damage& d) {
    const std::string file = folder + "/" + d.file;
    if (d.bit < 0) {
        std::filesystem::resize_file(file, d.at);
        return;
    }
    std::fstream f(file, std::ios::in | std::ios::out | std::ios::binary);
    f.seekg(std::streamoff(d.at));
    const char c = char(f.get());
    f.seekp(std::streamoff(d.at));
    f.put(char(c ^ char(1 << d.bit)));
    REQUIRE(f.good());
}

// Bits here and there in each file, and its end; more with BEAMCORE_TEST_SEEDS.
std::vector<damage> some_damage(const std::string& folder, std::size_t of_each) {
    const char* more = std::getenv("BEAMCORE_TEST_SEEDS");
    if (more) of_each = std::strtoul(more, nullptr, 10);
    std::vector<damage> all;
    std::mt19937_64 random(1);
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        const auto name = entry.path().filename().string();
        const auto size = entry.file_size();
        if (size == 0 || name == "lock.mdb") continue;
        for (const std::size_t end : {size - 1, size / 2, std::uintmax_t(0)})
            all.push_back({name, end, -1});
        const std::size_t count = std::min<std::size_t>(size, of_each);
        for (std::size_t i = 0; i < count; ++i)
            all.push_back({name, count < size ? random() % size : i, int(random() % 8)});
    }
    return all;
}

}  // namespace

TEST_CASE("helper: read a damaged store" * doctest::skip()) {
    for (const int s : {SIGBUS, SIGSEGV, SIGABRT}) ::signal(s, SIG_DFL);  // not doctest's report
    ::_exit(int(read_all(std::getenv("BEAM_TEST_STORE"))));
}

TEST_CASE("RocksDB: whatever bit is wrong in a closed store, and whatever end is lost, is told") {
    if (!test::has_rocksdb) return;
    const test::with_engine chosen("rocksdb");
    test::folder dir;
    fill(dir / "store");
    REQUIRE(read_all(dir / "store") == verdict::right);
    int seen[16] = {};
    for (const auto& d : some_damage(dir / "store", 25)) {
        std::filesystem::remove_all(dir / "copy");
        std::filesystem::copy(dir / "store", dir / "copy");
        harm(dir / "copy", d);
        const verdict v = read_all(dir / "copy");
        ++seen[int(v)];
        CAPTURE(d.file);
        CAPTURE(d.at);
        CAPTURE(d.bit);
        CHECK(int(v) <= int(verdict::told));
    }
    CHECK(seen[int(verdict::refused)] > 0);
    CHECK(seen[int(verdict::told)] > 0);
    MESSAGE("refused " << seen[int(verdict::refused)] << ", told by reads "
                       << seen[int(verdict::told)] << ", no harm " << seen[int(verdict::right)]);
}

TEST_CASE("helper: write one by one and die" * doctest::skip()) {
    test::in_node([](self) -> awaitable<void> {
        const pid s = test::start(std::getenv("BEAM_TEST_STORE"));
        for (int i = 0; i < 20; ++i) {
            auto r = co_await store::put(s, key_of(i), std::string(500, 'v'));
            CHECK(r.has_value());
        }
        ::raise(SIGKILL);
    });
}

TEST_CASE("helper: write a large one and die" * doctest::skip()) {
    test::in_node([](self) -> awaitable<void> {
        const pid s = test::start(std::getenv("BEAM_TEST_STORE"));
        for (const std::size_t size : {500, 100'000}) {
            auto r = co_await store::put(s, std::to_string(size), std::string(size, 'v'));
            CHECK(r.has_value());
        }
        ::raise(SIGKILL);
    });
}

TEST_CASE(
    "RocksDB: a record that was being written is left out, and other damage of the log is told") {
    if (!test::has_rocksdb) return;
    const test::with_engine chosen("rocksdb");
    test::killed_store killed("helper: write one by one and die");
    const std::string& log = killed.content();
    // A log has the size that it will have; copies, and older versions, end behind the last record.
    CHECK(killed.room() > (std::size_t{1} << 20));
    const std::vector<std::size_t> records = killed.records();
    const std::size_t last = records.back();
    for (const bool with_room : {true, false}) {
        CAPTURE(with_room);
        CHECK(killed.keys_with(log, with_room) == 20);
        // The head of a record, and a little of what it promises.
        const std::string begun("\1\2\3\4\x00\x04\1some of it", 16);
        CHECK(killed.keys_with(log + begun, with_room) == 20);
    }
    for (const std::size_t lost : {1, 100, 500})
        CHECK(killed.keys_with(log.substr(0, log.size() - lost), false) == 19);
    for (const std::size_t hole : {last, last / 512 * 512 + 512})
        CHECK(killed.keys_with(test::with_hole(log, hole)) == 19);
    // Others follow.
    CHECK_FALSE(killed.keys_with(test::with_hole(log, records[10])).has_value());
    // Wrong bits, in the lengths of records, too, which then reach beyond the end. (Of the last record it cannot be
    // known that it was answered.)
    std::vector<std::pair<std::size_t, unsigned>> wrong;
    std::mt19937_64 random(1);
    for (int i = 0; i < 60; ++i) wrong.emplace_back(random() % last, random() % 8);
    for (const std::size_t at : records)
        if (at != last) wrong.emplace_back(at + 5, 7);
    for (const std::size_t at : records)
        if (at != last) wrong.emplace_back(at + 6, 0);
    CHECK(wrong.size() >= 90);
    for (const auto& [at, bit] : wrong) {
        CAPTURE(at);
        CAPTURE(bit);
        CHECK_FALSE(killed.keys_with(test::with_bit(log, at, bit)).has_value());
        CHECK_FALSE(killed.keys_with(test::with_bit(log, at, bit), false).has_value());
    }
}

TEST_CASE(
    "RocksDB: of a write that lacks any part nothing is there, and a wrong bit in it is told") {
    if (!test::has_rocksdb) return;
    const test::with_engine chosen("rocksdb");
    test::killed_store killed("helper: write a large one and die");
    const std::string& log = killed.content();
    CHECK(killed.keys_with(log) == 2);
    std::size_t begin = 0, records = 0;
    for (std::size_t at = 0; at < log.size(); at += killed.size_at(at), ++records)
        if (log[at + 6] == 2) begin = at;  // the first of several
    REQUIRE(begin > 0);
    CHECK(records >= 5);
    for (std::size_t at = begin; at < log.size(); at += 11 * 512) {
        CAPTURE(at);
        CHECK(killed.keys_with(test::with_hole(log, std::max(begin, at / 512 * 512))) == 1);
        CHECK(killed.keys_with(log.substr(0, at)) == 1);
        CHECK_FALSE(killed.keys_with(test::with_bit(log, at, 3)).has_value());
    }
}

TEST_CASE("helper: write large ones that shrink and die" * doctest::skip()) {
    test::in_node([](self) -> awaitable<void> {
        const pid s = test::start(std::getenv("BEAM_TEST_STORE"));
        store::batch b;
        for (const std::size_t size : {60'000, 9'000, 10})
            for (const char* key : {"a", "b"}) b.put(key, std::string(size, key[0]));
        auto r = co_await store::write(s, std::move(b));
        CHECK(r.has_value());
        ::raise(SIGKILL);
    });
}

// LMDB leaves a value the pages that it had before in the same transaction.
TEST_CASE("LMDB: a value that became smaller in the write that made it is no damage") {
    const test::with_engine chosen("lmdb");
    test::folder dir;
    // Its pages are looked at when two lives did not close it.
    for (int life = 0; life < 2; ++life)
        REQUIRE(WIFSIGNALED(
            test::run_helper("helper: write large ones that shrink and die", dir / "store")));
    test::in_node([&](self) -> awaitable<void> {
        const auto s = store::start(dir / "store");
        REQUIRE(s.has_value());
        for (const char* key : {"a", "b"}) {
            const auto found = store::get(*s, key);
            REQUIRE(found.has_value());
            CHECK(*found == std::string(10, key[0]));
        }
        co_return;
    });
}

// LMDB's own pages have no checksums: a wrong bit in one can end the process, or hide a key; a value that is
// read is the right one.
TEST_CASE("LMDB: a wrong bit in a closed store never gives a wrong value") {
    test::folder dir;
    fill(dir / "store");
    REQUIRE(read_all(dir / "store") == verdict::right);
    int seen[16] = {}, died = 0;
    for (const auto& d : some_damage(dir / "store", 60)) {
        std::filesystem::remove_all(dir / "copy");
        std::filesystem::copy(dir / "store", dir / "copy");
        harm(dir / "copy", d);
        const int status = test::run_helper("helper: read a damaged store", dir / "copy");
        CAPTURE(d.file);
        CAPTURE(d.at);
        CAPTURE(d.bit);
        if (WIFSIGNALED(status)) {
            ++died;
            continue;
        }
        REQUIRE(WIFEXITED(status));
        REQUIRE(WEXITSTATUS(status) >= int(verdict::right));
        CHECK(WEXITSTATUS(status) <= int(verdict::missing));
        ++seen[WEXITSTATUS(status)];
    }
    CHECK(seen[int(verdict::refused)] + seen[int(verdict::told)] > 0);
    MESSAGE("died " << died << ", refused " << seen[int(verdict::refused)] << ", told by reads "
                    << seen[int(verdict::told)] << ", a key hidden " << seen[int(verdict::missing)]
                    << ", no harm " << seen[int(verdict::right)]);
}
