#include "tools/cache/app/row.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "libbeamcore/base/hash.hpp"
#include "libbeamcore/term/atom.hpp"

namespace cache {

namespace {

constexpr std::size_t entry_arity = 8;

std::int64_t number(const beam::term& t) {
    return t.as_int64().value_or(0);
}

std::array<std::int64_t totals::*, totals::count> members() {
    return {&totals::inserted, &totals::deleted, &totals::expired,        &totals::evicted,
            &totals::updated,  &totals::hits,    &totals::misses,         &totals::bytes,
            &totals::told,     &totals::heard,   &totals::limits_version, &totals::sessions};
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

std::optional<entry> entry_of(const beam::term& row) {
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

std::optional<borrowed_entry> borrowed_entry::of(const beam::term& row) {
    const auto all = row.elements();
    if (all.size() != entry_arity) return std::nullopt;
    return borrowed_entry{&all[1], std::size_t(number(all[2])), std::uint64_t(number(all[3])),
                          number(all[4])};
}

void totals::add(const totals& more) {
    for (auto member : members()) this->*member += more.*member;
}

beam::term totals_key() {
    return beam::atom("totals");
}

beam::term totals_row(const totals& t) {
    std::vector<beam::term> all{totals_key()};
    for (auto member : members()) all.emplace_back(t.*member);
    return beam::tuple_of(std::move(all));
}

totals totals_of(const beam::term& row) {
    totals t;
    const auto all = row.elements();
    std::size_t i = 1;
    for (auto member : members()) {
        if (i < all.size()) t.*member = number(all[i]);
        ++i;
    }
    return t;
}

beam::term limits_key() {
    return beam::atom("limits");
}

beam::term limits_row(const limits& l) {
    return beam::tuple(limits_key(), l.max_entries, l.max_bytes, std::int64_t(l.policy), l.ttl_ms);
}

limits limits_of(const beam::term& row) {
    limits l;
    const auto all = row.elements();
    if (all.size() != 5) return l;
    l.max_entries = number(all[1]);
    l.max_bytes = number(all[2]);
    l.policy = policy(number(all[3]));
    l.ttl_ms = number(all[4]);
    return l;
}

}  // namespace cache
