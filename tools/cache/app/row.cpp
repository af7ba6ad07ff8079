#include "tools/cache/app/row.hpp"

#include <algorithm>
#include <utility>

#include "libbeamcore/base/hash.hpp"
#include "libbeamcore/term/atom.hpp"

namespace cache {

key_hash hash_of(std::string_view key) {
    return key_hash(beam::xxh3_64(key) >> 2);
}

beam::term bytes_of(std::string_view key, std::initializer_list<std::string_view> value) {
    std::size_t size = key.size();
    for (std::string_view part : value) size += part.size();
    return beam::binary_filled(size, [&](char* to) {
        to = std::copy_n(key.data(), key.size(), to);
        for (std::string_view part : value) to = std::copy_n(part.data(), part.size(), to);
    });
}

beam::term row_of(key_hash hash, const entry_head& e, beam::term bytes) {
    return beam::tuple(hash, std::move(bytes), std::int64_t(e.key_size), std::int64_t(e.id),
                       e.expires_at, e.remove_at, e.put_at, e.tags);
}

beam::term dead_row(key_hash hash) {
    return beam::tuple(hash, beam::atom("dead"));
}

entry_head borrowed_entry::head() const {
    entry_head h;
    h.key_size = key_size();
    h.value_size = bytes().bytes().size() - h.key_size;
    h.id = id();
    h.expires_at = number(4);
    h.remove_at = number(5);
    h.put_at = number(6);
    h.tags = all_[7];
    return h;
}

std::optional<entry> entry_of(const beam::ets::row& row) {
    const auto there = borrowed_entry::of(row);
    if (!there) return std::nullopt;
    return entry{there->head(), there->bytes()};
}

}  // namespace cache
