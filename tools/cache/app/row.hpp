// The row of an entry in the table `cache_entries`.
//
//   {Hash, Bytes, KeySize, Id, ExpiresAt, RemoveAt, PutAt, Tags}   an entry: ms of the node's monotonic clock, 0: never
//   {Hash, dead}                                                   one that is being taken out: absent for everybody
//
// The row's key is a hash of the entry's, and its key and value are one binary: a look-up allocates nothing, and comes by
// three places in memory that are not in the cache instead of five. Who finds a row compares the key. Should two
// keys ever have the same hash (of 62 bits), the second one put evicts the first.
//
// Which of two rows with the same key is meant is told by the id, which is never given twice. ExpiresAt is when readers
// stop seeing it; RemoveAt is later where the old value may still be served (--stale).
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string_view>

#include "libbeamcore/ets/found.hpp"
#include "libbeamcore/term/term.hpp"
#include "tools/cache/app/limits.hpp"

namespace cache {

/// Names a key where the key itself is too long. Fits into a small integer.
using key_hash = std::int64_t;
[[nodiscard]] key_hash hash_of(std::string_view key);

/// The binary of a row: a key, and the parts of its value.
[[nodiscard]] beam::term bytes_of(std::string_view key,
                                  std::initializer_list<std::string_view> value);

/// What is known of an entry beside its bytes.
struct entry_head {
    std::size_t key_size = 0;
    std::size_t value_size = 0;
    std::uint64_t id = 0;
    std::int64_t expires_at = 0;
    std::int64_t remove_at = 0;
    std::int64_t put_at = 0;
    beam::term tags = beam::nil;

    [[nodiscard]] bool is_live(std::int64_t now_ms) const {
        return expires_at == 0 || now_ms < expires_at;
    }
    /// What it counts for in `bytes`.
    [[nodiscard]] std::int64_t weight() const {
        return entry_overhead + std::int64_t(key_size + value_size);
    }
};

struct entry : entry_head {
    beam::term bytes = {};  ///< the key, and behind it the value

    [[nodiscard]] std::string_view key() const { return bytes.bytes().substr(0, key_size); }
    [[nodiscard]] std::string_view value() const { return bytes.bytes().substr(key_size); }
};

/// An entry in its row. Valid as long as the row; nothing is looked at before it is asked for.
class borrowed_entry {
public:
    /// Nothing for a dead one.
    [[nodiscard]] static std::optional<borrowed_entry> of(const beam::ets::row& row) {
        if (row.size() != row_arity) return std::nullopt;
        return borrowed_entry(row.elements());
    }

    [[nodiscard]] const beam::term& bytes() const { return all_[1]; }
    [[nodiscard]] std::size_t key_size() const { return std::size_t(number(2)); }
    [[nodiscard]] std::uint64_t id() const { return std::uint64_t(number(3)); }
    [[nodiscard]] std::string_view key() const { return bytes().bytes().substr(0, key_size()); }
    [[nodiscard]] std::string_view value() const { return bytes().bytes().substr(key_size()); }
    [[nodiscard]] bool is_live(std::int64_t now_ms) const {
        return number(4) == 0 || now_ms < number(4);
    }
    [[nodiscard]] entry_head head() const;

private:
    static constexpr std::size_t row_arity = 8;
    explicit borrowed_entry(std::span<const beam::term> all) : all_(all) {}
    [[nodiscard]] std::int64_t number(std::size_t i) const {
        return all_[i].as_int64().value_or(0);
    }

    std::span<const beam::term> all_;
};

[[nodiscard]] beam::term row_of(key_hash hash, const entry_head& e, beam::term bytes);
[[nodiscard]] beam::term dead_row(key_hash hash);
/// A copy. Nothing for a dead one.
[[nodiscard]] std::optional<entry> entry_of(const beam::ets::row& row);

}  // namespace cache
