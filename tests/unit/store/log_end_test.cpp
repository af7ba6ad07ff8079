// Where a log of RocksDB ends, of logs that are made here: whatever sectors of the last write are missing.
#include "libbeamcore/store/internal/rocksdb/log_end.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>

using namespace beam::store::detail;

namespace {

constexpr std::size_t block = 32768, header = 7, sector = 512;

std::string number(std::uint64_t n, int size) {
    std::string bytes;
    for (int i = 0; i < size; ++i) bytes.push_back(char(n >> (8 * i)));
    return bytes;
}

std::uint32_t masked_crc32c(const std::string& bytes) {
    std::uint32_t crc = ~0U;
    for (const char c : bytes) {
        crc ^= static_cast<unsigned char>(c);
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82F63B78U : 0);
    }
    crc = ~crc;
    return ((crc >> 15) | (crc << 17)) + 0xa282ead8U;
}

/// A log as RocksDB writes it.
struct made_log {
    std::string bytes;
    std::uint64_t next = 1;
    std::size_t last = 0;  // where the last write begins

    void write(const std::string& value) {
        std::string payload = number(next++, 8) + number(1, 4) + value;
        const std::size_t left = block - bytes.size() % block;
        if (left < header) bytes.append(left, '\0');
        last = bytes.size();
        for (bool is_first = true; is_first || !payload.empty(); is_first = false) {
            const std::size_t room = block - bytes.size() % block;
            if (room < header) {
                bytes.append(room, '\0');
                continue;
            }
            const std::string part = payload.substr(0, room - header);
            payload.erase(0, part.size());
            const int type = payload.empty() ? (is_first ? 1 : 4) : (is_first ? 2 : 3);
            const std::string checked = char(type) + part;
            bytes += number(masked_crc32c(checked), 4) + number(part.size(), 2) + checked;
        }
    }
    [[nodiscard]] std::string with_room() const { return bytes + std::string(2 * block, '\0'); }
};

/// Two writes; the second begins there.
made_log with_last_at(std::size_t at, const std::string& value) {
    made_log log;
    log.write(std::string(at - header - 12, 'a'));
    log.write(value);
    REQUIRE(log.last == at);
    return log;
}

void zero(std::string& log, std::size_t begin, std::size_t end) {
    std::fill(log.begin() + std::ptrdiff_t(begin), log.begin() + std::ptrdiff_t(end), '\0');
}

void check_torn(const std::string& torn, const made_log& log) {
    const log_end end = find_log_end(torn, log_kind::writes);
    // What was zero anyhow is not missed, and what is missing altogether was not begun.
    const bool is_there = torn.compare(0, log.bytes.size(), log.bytes) == 0;
    const bool is_begun = torn.find_first_not_of('\0', log.last) != std::string::npos;
    CHECK(int(end.verdict) == int(is_there || !is_begun ? log_verdict::whole : log_verdict::torn));
    CHECK(end.at == (is_there ? log.bytes.size() : log.last));
}

}  // namespace

TEST_CASE("a log that was written whole ends behind its last record, with room or without") {
    CHECK(find_log_end("", log_kind::writes).is_empty);
    CHECK(find_log_end(std::string(block, '\0'), log_kind::writes).is_empty);
    for (const std::size_t size : {0, 20, 600, 32749, 32750, 100'000}) {
        const made_log log = with_last_at(1000, std::string(size, '\0'));
        for (const std::string& file : {log.bytes, log.with_room()}) {
            const log_end end = find_log_end(file, log_kind::writes);
            CHECK(int(end.verdict) == int(log_verdict::whole));
            CHECK(end.at == log.bytes.size());
        }
    }
}

TEST_CASE("whatever sector of the last write is missing, and wherever it begins, it is left out") {
    for (std::size_t at = 3 * sector; at < 4 * sector; ++at) {
        CAPTURE(at);
        for (const std::size_t size : {1, 300, 1500}) {
            const made_log log = with_last_at(at, std::string(size, 'v'));
            for (std::size_t hole = at; hole < log.bytes.size();
                 hole = (hole / sector + 1) * sector) {
                CAPTURE(hole);
                const std::size_t next = std::min((hole / sector + 1) * sector, log.bytes.size());
                std::string one = log.with_room(), all_after = one;
                zero(one, hole, next);
                check_torn(one, log);
                zero(all_after, hole, log.bytes.size());
                check_torn(all_after, log);
            }
        }
    }
    const made_log large = with_last_at(block - 9, std::string(3 * block, 'v'));
    for (std::size_t hole = large.last; hole < large.bytes.size();
         hole = (hole / sector + 1) * sector) {
        CAPTURE(hole);
        std::string torn = large.with_room();
        zero(torn, hole, std::min((hole / sector + 1) * sector, large.bytes.size()));
        check_torn(torn, large);
    }
}

TEST_CASE("a value that holds another log does not look like what was written after it") {
    made_log other;
    for (int i = 0; i < 5; ++i) other.write(std::string(300, 'o'));
    made_log log;
    for (int i = 0; i < 100; ++i) log.write("something");
    log.write(std::string(700, 'v') + other.bytes);
    std::string torn = log.with_room();
    zero(torn, (log.last / sector + 1) * sector, (log.last / sector + 2) * sector);
    check_torn(torn, log);
}

TEST_CASE("with a write behind it, what lacks a sector or has a wrong bit is never left out") {
    made_log log = with_last_at(700, std::string(2000, 'v'));
    const std::size_t damaged = log.last, end = log.bytes.size();
    log.write("after it");
    for (std::size_t hole = damaged; hole < end; hole = (hole / sector + 1) * sector) {
        // One that takes a part of what follows is no different from a torn end.
        if ((hole / sector + 1) * sector > end) continue;
        std::string file = log.with_room();
        zero(file, hole, (hole / sector + 1) * sector);
        CHECK(int(find_log_end(file, log_kind::writes).verdict) != int(log_verdict::torn));
    }
    std::mt19937_64 random(1);
    for (int i = 0; i < 2000; ++i) {
        std::string file = log.with_room();
        const std::size_t at = random() % end;
        file[at] = char(file[at] ^ char(1U << (random() % 8)));
        CAPTURE(at);
        CHECK(int(find_log_end(file, log_kind::writes).verdict) != int(log_verdict::torn));
    }
}

namespace {

void check_first_hole(const std::string& log, log_verdict verdict, std::size_t at) {
    const log_end end = find_first_hole(log);
    CHECK(int(end.verdict) == int(verdict));
    CHECK(end.at == at);
    CHECK_FALSE(end.is_empty);
}

/// Writes of all sizes over several blocks, and where each begins; at last, where they end.
made_log with_many(std::vector<std::size_t>& begins) {
    made_log log;
    std::mt19937_64 random(7);
    while (log.bytes.size() < 4 * block) {
        log.write(std::string(random() % (random() % 8 == 0 ? 40'000 : 900), 'v'));
        begins.push_back(log.last);
    }
    begins.push_back(log.bytes.size());
    return log;
}

}  // namespace

TEST_CASE("a log without a hole has none, with room or without") {
    CHECK(find_first_hole("").is_empty);
    CHECK(find_first_hole(std::string(block, '\0')).is_empty);
    for (const std::size_t size : {0, 20, 600, 31743, 31744, 100'000}) {
        const made_log log = with_last_at(1000, std::string(size, '\0'));
        for (const std::string& file : {log.bytes, log.with_room()})
            check_first_hole(file, log_verdict::whole, log.bytes.size());
    }
}

TEST_CASE("a log of which any page is missing ends before the first write that lacks some of it") {
    std::vector<std::size_t> begins;
    const made_log log = with_many(begins);
    for (const std::size_t page : {sector, std::size_t{4096}})
        for (std::size_t hole = 0; hole < log.bytes.size(); hole += page) {
            CAPTURE(page);
            CAPTURE(hole);
            std::string file = log.with_room();
            zero(file, hole, std::min(hole + page, log.bytes.size()));
            const std::size_t damaged = *(std::upper_bound(begins.begin(), begins.end(), hole) - 1);
            // Where nothing follows, what is missing altogether was not begun.
            const bool is_begun = file.find_first_not_of('\0', damaged) != std::string::npos;
            check_first_hole(file, is_begun ? log_verdict::torn : log_verdict::whole, damaged);
        }
}

TEST_CASE("a page that was written again after a sync has what it had then") {
    std::vector<std::size_t> begins;
    const made_log log = with_many(begins);
    for (std::size_t i = 1; i + 2 < begins.size(); ++i) {
        CAPTURE(begins[i]);
        std::string file = log.with_room();
        zero(file, begins[i], (begins[i] / 4096 + 1) * 4096);
        check_first_hole(file, log_verdict::torn, begins[i]);
    }
}

TEST_CASE("a file that ends within a write ends before it") {
    std::vector<std::size_t> begins;
    const made_log log = with_many(begins);
    for (std::size_t size = 1; size < log.bytes.size(); size += 1 + size % 37) {
        CAPTURE(size);
        const std::size_t begin = *(std::upper_bound(begins.begin(), begins.end(), size) - 1);
        const log_end end = find_first_hole(log.bytes.substr(0, size));
        CHECK(end.at == begin);
        if (size - begin >= header) CHECK(int(end.verdict) == int(log_verdict::torn));
    }
}

TEST_CASE("a wrong bit is no hole, wherever the length reaches that it makes") {
    std::vector<std::size_t> begins;
    const made_log log = with_many(begins);
    std::vector<std::pair<std::size_t, unsigned>> wrong;
    std::mt19937_64 random(1);
    for (int i = 0; i < 2000; ++i) wrong.emplace_back(random() % log.last, random() % 8);
    for (std::size_t i = 0; begins[i] != log.last; ++i)
        for (unsigned bit = 0; bit < 16; ++bit)
            wrong.emplace_back(begins[i] + 4 + bit / 8, bit % 8);
    for (const auto& [at, bit] : wrong)
        for (std::string file : {log.bytes, log.with_room()}) {
            CAPTURE(at);
            CAPTURE(bit);
            CAPTURE(file.size());
            file[at] = char(file[at] ^ char(1U << bit));
            CHECK(int(find_first_hole(file).verdict) == int(log_verdict::whole));
        }
}
