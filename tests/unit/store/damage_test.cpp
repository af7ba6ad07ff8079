// Files of a closed store that lost their end, or have a wrong bit: what is read is right, or an error says so.
#include <fstream>
#include <iterator>
#include <random>

#include "tests/unit/store/helper.hpp"

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

TEST_CASE(
    "RocksDB: a record that was being written is left out, and other damage of the log is told") {
    if (!test::has_rocksdb) return;
    const test::with_engine chosen("rocksdb");
    test::folder dir;
    REQUIRE(WIFSIGNALED(test::run_helper("helper: write one by one and die", dir / "store")));
    std::string log;
    for (const auto& entry : std::filesystem::directory_iterator(dir / "store"))
        if (entry.path().extension() == ".log" && entry.file_size() > 0)
            log = entry.path().filename();
    REQUIRE_FALSE(log.empty());
    const auto size = std::filesystem::file_size(dir / "store/" + log);
    const auto keys_after = [&](auto change) -> std::optional<std::uint64_t> {
        std::filesystem::remove_all(dir / "copy");
        std::filesystem::copy(dir / "store", dir / "copy");
        change(dir / "copy/" + log);
        std::optional<std::uint64_t> count;
        test::in_node([&](self) -> awaitable<void> {
            auto s = store::start(dir / "copy");
            if (s) {
                count = store::count(*s).value();
            } else {
                CHECK(to_string(s.error()).find("corrupt") != std::string::npos);
                CHECK(to_string(s.error()).find("copy/" + log) != std::string::npos);
            }
            co_return;
        });
        return count;
    };
    CHECK(keys_after([](const std::string&) {}) == 20);
    for (const std::size_t lost : {1, 100, 500})
        CHECK(keys_after([&](const std::string& file) {
                  std::filesystem::resize_file(file, size - lost);
              }) == 19);
    // The head of a record, and a little of what it promises.
    CHECK(keys_after([](const std::string& file) {
              std::ofstream out(file, std::ios::app | std::ios::binary);
              out << std::string("\1\2\3\4\x00\x02\1some of it", 16);
          }) == 20);
    // Wrong bits, in the lengths of records, too, which then reach beyond the end. (Of the last record it cannot be
    // known that it was answered.)
    std::vector<damage> wrong;
    std::mt19937_64 random(1);
    const std::size_t last_record = size - 530;
    for (int i = 0; i < 60; ++i) wrong.push_back({log, random() % last_record, int(random() % 8)});
    std::ifstream in(dir / "store/" + log, std::ios::binary);
    const std::string content(std::istreambuf_iterator<char>(in), {});
    constexpr std::size_t header = 7, length_at = 4;
    const auto length = [&](std::size_t at) {
        return std::size_t(static_cast<unsigned char>(content[at + length_at])) +
               256 * std::size_t(static_cast<unsigned char>(content[at + length_at + 1]));
    };
    for (std::size_t at = 0; at < last_record; at += header + length(at))
        wrong.push_back({log, at + length_at + 1, 7});
    CHECK(wrong.size() >= 75);
    for (const auto& d : wrong) {
        CAPTURE(d.at);
        CAPTURE(d.bit);
        CHECK_FALSE(keys_after([&](const std::string&) { harm(dir / "copy", d); }).has_value());
    }
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
