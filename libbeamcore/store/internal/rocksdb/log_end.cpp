#include "libbeamcore/store/internal/rocksdb/log_end.hpp"

#include <algorithm>
#include <array>
#include <optional>

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

/// Where the first sector begins, or the part of one that is in there, that was never written; `end`: there is none.
std::size_t first_hole(std::string_view log, std::size_t begin, std::size_t end) {
    while (begin < end) {
        const std::size_t next = std::min(end, (begin / sector_size + 1) * sector_size);
        if (is_zero(log.substr(begin, next - begin))) break;
        begin = next;
    }
    return begin;
}
bool has_hole(std::string_view log, std::size_t begin, std::size_t end) {
    return first_hole(log, begin, end) < end;
}

/// Of a record whose checksum does not fit. Its header may have been written alone.
bool was_not_written(std::string_view log, std::size_t at) {
    const std::size_t size = size_of_record(log, at);
    if (has_hole(log, at, at + size)) return true;
    return size > header_size && is_zero(log.substr(at + header_size, size - header_size));
}

std::uint64_t number_at(std::string_view log, std::size_t at, std::size_t size) {
    std::uint64_t n = 0;
    for (std::size_t i = 0; i < size; ++i) n |= std::uint64_t{byte_at(log, at + i)} << (8 * i);
    return n;
}

/// What the number of the change is that comes after those of the write that begins there: it begins with its first one's, and how
/// many it has.
std::optional<std::uint64_t> next_change(std::string_view log, std::size_t at) {
    constexpr std::size_t head_size = 12;
    if (!has_header(log, at) || size_of_record(log, at) < header_size + head_size) return {};
    return number_at(log, at + header_size, 8) + number_at(log, at + header_size + 8, 4);
}

/// Looks for records that begin a write. A value may hold some of another log: those of this one have changes that come
/// soon after `last`, if that is known.
bool has_write(std::string_view log, std::size_t begin, std::size_t end,
               std::optional<std::uint64_t> last) {
    constexpr std::uint64_t soon = std::uint64_t{1} << 24;  // more than a log has
    for (std::size_t at = begin; at + header_size <= end; ++at) {
        if (!begins_a_whole(byte_at(log, at + 6)) || !is_record(log, at)) continue;
        const auto next = next_change(log, at);
        if (!last || !next || (*next > *last && *next - *last < soon)) return true;
    }
    return false;
}

bool has_record(std::string_view log, std::size_t begin, std::size_t end) {
    for (std::size_t at = begin; at < end; ++at)
        if (is_record(log, at)) return true;
    return false;
}

/// Records by their headers, one after the other.
struct row_of_records {
    std::size_t end = 0;  // what follows is none
    std::size_t last_write =
        0;  // where the last write begins that is in it, which may be of several records
    std::optional<std::size_t> write_before;  // and the one before
    unsigned char last_type = full;

    explicit row_of_records(std::string_view log) {
        while (end < log.size()) {
            if (end_of_block(log, end) - end < header_size) {
                end = end_of_block(log, end);
                continue;
            }
            if (!has_header(log, end)) return;
            last_type = byte_at(log, end + 6);
            if (begins_a_whole(last_type)) {
                if (end != 0) write_before = last_write;
                last_write = end;
            }
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

/// Of what is no record: where the part of it begins that was never written, if it is none for that reason.
std::optional<std::size_t> missing_from(std::string_view log, std::size_t at) {
    if (has_header(log, at)) {
        if (!was_not_written(log, at)) return {};
        const std::size_t end = at + size_of_record(log, at);
        const std::size_t hole = first_hole(log, at, end);
        return hole < end ? hole : at + header_size;
    }
    // The file ends within it, or a part of its header is missing.
    if (log.size() - at < header_size || at + size_of_record(log, at) > log.size())
        return log.size();
    const std::size_t end =
        std::min(log.size(), ((at + header_size - 1) / sector_size + 1) * sector_size);
    const std::size_t hole = first_hole(log, at, end);
    if (hole < end) return hole;
    return {};
}

}  // namespace

log_end find_log_end(std::string_view log, log_kind kind) {
    const std::size_t content = log.find_last_not_of('\0') + 1;
    if (content == 0) return {};
    const row_of_records row(log);
    const state last = look_at(log, row.last_write, row.end);
    const bool has_rest = row.end < content;
    const bool is_last_whole = row.ends_whole() && last == state::good;
    if (is_last_whole && !has_rest) return {log_verdict::whole, row.end, false};

    // What was being written, or a damaged record.
    const std::size_t begin = is_last_whole ? row.end : row.last_write;
    const std::optional<std::size_t> before =
        is_last_whole && row.end != 0 ? row.last_write : row.write_before;
    std::optional<std::uint64_t> last_change;
    if (kind == log_kind::writes && before) last_change = next_change(log, *before);
    const log_end as_it_is{log_verdict::whole, log.size(), false};
    const log_end damaged{log_verdict::damaged, log.size(), false};
    // A wrong length reaches over what follows.
    if (has_write(log, begin + 1, content, last_change)) return damaged;
    if (last == state::bad) return as_it_is;
    const log_end torn{log_verdict::torn, begin, false};
    if (last == state::unwritten || !has_rest) return torn;
    // Of the header there a part may be in a sector that was not written, behind all that was.
    const std::size_t header_end = std::min(log.size(), row.end + header_size);
    const std::size_t behind_header =
        std::min(log.size(), ((header_end - 1) / sector_size + 1) * sector_size);
    if (has_hole(log, row.end, content < header_end ? behind_header : content)) return torn;
    return has_record(log, row.end + 1, content) ? damaged : as_it_is;
}

log_end find_first_hole(std::string_view log) {
    const std::size_t content = log.find_last_not_of('\0') + 1;
    if (content == 0) return {};
    std::size_t at = 0;
    std::optional<std::size_t> write;  // where the last one begins
    unsigned char type = full;
    while (at < content) {
        const std::size_t end = end_of_block(log, at);
        if (end - at < header_size && end < log.size()) {
            at = end;
            continue;
        }
        if (!is_record(log, at)) break;
        type = byte_at(log, at + 6);
        if (begins_a_whole(type)) write = at;
        at += size_of_record(log, at);
    }
    const log_end torn{log_verdict::torn, ends_a_whole(type) ? at : write.value_or(0), false};
    if (at >= content) return ends_a_whole(type) ? log_end{log_verdict::whole, at, false} : torn;

    const log_end as_it_is{log_verdict::whole, log.size(), false};
    const auto missing = missing_from(log, at);
    if (!missing) return as_it_is;
    // A wrong length reaches over what follows, to where nothing was written yet.
    std::optional<std::uint64_t> last_change;
    if (write) last_change = next_change(log, *write);
    return has_write(log, at + 1, *missing, last_change) ? as_it_is : torn;
}

}  // namespace beam::store::detail
