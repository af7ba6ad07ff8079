#include "tools/cache/app/row.hpp"

#include <algorithm>

#include "libbeamcore/base/hash.hpp"
#include "libbeamcore/term/atom.hpp"

namespace cache {

namespace {

constexpr std::size_t entry_arity = 8;

std::int64_t number(const beam::term& t) {
    return t.as_int64().value_or(0);
}

}  // namespace

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

beam::term row_of(key_hash hash, const entry& e) {
    return beam::tuple(hash, e.bytes, std::int64_t(e.key_size), std::int64_t(e.id), e.expires_at,
                       e.remove_at, e.put_at, e.tags);
}

beam::term dead_row(key_hash hash) {
    return beam::tuple(hash, beam::atom("dead"));
}

std::optional<entry> entry_of(const beam::ets::row& row) {
    const auto all = row.elements();
    if (all.size() != entry_arity) return std::nullopt;
    entry e;
    e.bytes = all[1];
    e.key_size = std::size_t(number(all[2]));
    e.id = std::uint64_t(number(all[3]));
    e.expires_at = number(all[4]);
    e.remove_at = number(all[5]);
    e.put_at = number(all[6]);
    e.tags = all[7];
    return e;
}

std::optional<borrowed_entry> borrowed_entry::of(const beam::ets::row& row) {
    const auto all = row.elements();
    if (all.size() != entry_arity) return std::nullopt;
    return borrowed_entry{&all[1], std::size_t(number(all[2])), std::uint64_t(number(all[3])),
                          number(all[4])};
}

}  // namespace cache
