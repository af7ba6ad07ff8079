#include "libbeamcore/store/internal/rocksdb/log_end.hpp"

#include <algorithm>
#include <array>

namespace beam::store::detail {

namespace {

// A log is a row of blocks, a block a row of records, none of which crosses its end: a checksum (4 bytes, LE, of
// what follows the length), a length (2, LE), a type (1) and so many bytes. A rest of less than a header is unused.
constexpr std::size_t block_size = 32768, header_size = 7;
enum record_type : unsigned char { none, full, first, middle, last };
// What a disk writes at once.
constexpr std::size_t sector_size = 512;

unsigned char byte_at(std::string_view s, std::size_t at) {
    return static_cast<unsigned char>(s[at]);
}

std::size_t size_of_record(std::string_view log, std::size_t at) {
    return header_size + byte_at(log, at + 4) + (std::size_t{byte_at(log, at + 5)} << 8);
}

std::size_t end_of_block(std::string_view log, std::size_t at) {
    return std::min(log.size(), (at / block_size + 1) * block_size);
}

bool begins_a_whole(unsigned char type) {
    return type == full || type == first;
}
bool ends_a_whole(unsigned char type) {
    return type == full || type == last;
}

/// Whether the bytes there may be a record, by its header.
bool has_header(std::string_view log, std::size_t at) {
    const std::size_t end = end_of_block(log, at);
    if (end - at < header_size) return false;
    const auto type = byte_at(log, at + 6);
    return type != none && type <= last && size_of_record(log, at) <= end - at;
}

constexpr std::array<std::uint32_t, 256> make_crc_table() {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t i = 0; i < table.size(); ++i) {
        std::uint32_t crc = i;
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82F63B78U : 0);
        table[i] = crc;
    }
    return table;
}

std::uint32_t crc32c(std::string_view bytes) {
    static constexpr auto table = make_crc_table();
    std::uint32_t crc = ~0U;
    for (const char c : bytes)
        crc = table[(crc ^ static_cast<unsigned char>(c)) & 0xffU] ^ (crc >> 8);
    return ~crc;
}

bool is_record(std::string_view log, std::size_t at) {
    if (!has_header(log, at)) return false;
    std::uint32_t stored = 0;
    for (std::size_t i = 0; i < 4; ++i) stored |= std::uint32_t{byte_at(log, at + i)} << (8 * i);
    // A checksum is stored turned and counted up, so that one of data with checksums in it is as good.
    const std::uint32_t crc = crc32c(log.substr(at + 6, size_of_record(log, at) - 6));
    return stored == ((crc >> 15) | (crc << 17)) + 0xa282ead8U;
}

bool is_zero(std::string_view bytes) {
    return bytes.find_first_not_of('\0') == std::string_view::npos;
}

/// Whether a sector, or the part of one that is in there, was never written.
bool has_hole(std::string_view log, std::size_t begin, std::size_t end) {
    while (begin < end) {
        const std::size_t next = std::min(end, (begin / sector_size + 1) * sector_size);
        if (is_zero(log.substr(begin, next - begin))) return true;
        begin = next;
    }
    return false;
}

/// Of a record whose checksum does not fit. Its header may have been written alone.
bool was_not_written(std::string_view log, std::size_t at) {
    const std::size_t size = size_of_record(log, at);
    return has_hole(log, at, at + size) ||
           is_zero(log.substr(at + header_size, size - header_size));
}

/// Whether a record is found anywhere in there, of those that begin a write or of any.
bool has_record(std::string_view log, std::size_t begin, std::size_t end, bool beginning_only) {
    for (std::size_t at = begin; at < end; ++at)
        if ((!beginning_only || (at + 6 < end && begins_a_whole(byte_at(log, at + 6)))) &&
            is_record(log, at))
            return true;
    return false;
}

/// Records by their headers, one after the other.
struct row_of_records {
    std::size_t end = 0;  // what follows is none
    std::size_t last_write =
        0;  // where the last write begins that is in it, which may be of several records
    unsigned char last_type = full;

    explicit row_of_records(std::string_view log) {
        while (end < log.size()) {
            if (end_of_block(log, end) - end < header_size) {
                end = end_of_block(log, end);
                continue;
            }
            if (!has_header(log, end)) return;
            last_type = byte_at(log, end + 6);
            if (begins_a_whole(last_type)) last_write = end;
            end += size_of_record(log, end);
        }
    }
    [[nodiscard]] bool ends_whole() const { return ends_a_whole(last_type); }
};

enum class state : std::uint8_t { good, unwritten, bad };

/// Of the records of one write.
state look_at(std::string_view log, std::size_t begin, std::size_t end) {
    state all = state::good;
    for (std::size_t at = begin; at < end;) {
        if (end_of_block(log, at) - at < header_size) {
            at = end_of_block(log, at);
            continue;
        }
        if (!is_record(log, at)) {
            if (!was_not_written(log, at)) return state::bad;
            all = state::unwritten;
        }
        at += size_of_record(log, at);
    }
    return all;
}

}  // namespace

log_end find_log_end(std::string_view log) {
    const std::size_t content = log.find_last_not_of('\0') + 1;
    if (content == 0) return {};
    const row_of_records row(log);
    log_end torn{log_verdict::torn, row.last_write, false};
    const log_end whole{log_verdict::whole, 0, false}, damaged{log_verdict::damaged, 0, false};
    if (row.end >= content) {
        const state s = look_at(log, row.last_write, row.end);
        if (s == state::good) return row.ends_whole() ? whole : torn;
        // A wrong length reaches over what follows.
        if (has_record(log, row.last_write + 1, content, true)) return damaged;
        return s == state::unwritten ? torn : whole;
    }
    // What lies behind the row is what was written of a record, or a damaged one.
    if (row.ends_whole()) torn.at = row.end;
    if (has_record(log, row.end + 1, content, true)) return damaged;
    if (has_hole(log, torn.at, content)) return torn;
    return has_record(log, row.end + 1, content, false) ? damaged : whole;
}

}  // namespace beam::store::detail
