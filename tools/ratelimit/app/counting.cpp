#include "tools/ratelimit/app/counting.hpp"

#include <span>

#include "libbeamcore/ets/rows.hpp"
#include "tools/ratelimit/app/limiter.hpp"
#include "tools/ratelimit/app/names.hpp"

namespace ratelimit {

namespace {

namespace ets = beam::ets;
using usage_table = ets::typed_table<usage_row>;

// Where the integers of a row lie, from its second element on.
enum place : std::size_t { at, used, part, idle_at, counts, span, places };
constexpr std::size_t first_integer = 2;

// A count and a burst have 30 bits each; a period has 55, an algorithm 2, and the last one is set in a durable row.
constexpr unsigned count_bits = 30, period_shift = 3, kind_shift = 1;
static_assert(count_max < 1u << count_bits);
static_assert(period_max.count() < std::int64_t{1} << 55);

std::int64_t counts_of(const limit& l) {
    return static_cast<std::int64_t>(l.count | l.burst << count_bits);
}
std::int64_t span_of(const limit& l) {
    return l.period.count() << period_shift | std::int64_t(l.kind) << kind_shift;
}

bool is_under(std::span<const std::int64_t> row, const limit& l) {
    return row[counts] == counts_of(l) && (row[span] & ~std::int64_t{1}) == span_of(l);
}

// What a charge of a row that is there, and of the same bucket, comes to. In place, under the row's lock.
struct quick_charge {
    const limit& l;
    std::int64_t now;
    std::uint64_t cost;
    nanoseconds patience;
    bool keeps;
    std::optional<verdict> told{};

    bool operator()(std::span<std::int64_t> row) noexcept {
        if (!is_under(row, l)) return false;
        usage u;
        u.at = row[at];
        u.used = static_cast<std::uint64_t>(row[used]);
        u.part = static_cast<std::uint64_t>(row[part]);
        told = take(u, l, now, cost, patience);
        if (!told->allowed || cost == 0) return false;
        row[at] = u.at;
        row[used] = static_cast<std::int64_t>(u.used);
        row[part] = static_cast<std::int64_t>(u.part);
        row[idle_at] = now + told->reset_after.count();
        if (keeps) row[span] |= 1;
        return true;
    }
};

// The same for every kind of row, and none.
verdict charge_any(const ets::table& usages, const beam::term& name, const limit& l,
                   std::int64_t now, std::uint64_t cost, nanoseconds patience, bool keeps) {
    verdict told;
    bool is_new = false;
    const usage_table rows(usages);
    rows.update(std::string(name.bytes()), [&](const usage_row* old) -> std::optional<usage_row> {
        usage_row row;
        usage u;
        if (old) {
            row = *old;
            u = row.usage();
            adopt(u, row.limit(), l, now, inheritance::scale);
        }
        row.name = name.bytes();
        is_new = !old;
        told = take(u, l, now, cost, patience);
        if (!told.allowed || cost == 0) return {};
        row.set(l, u);
        if (keeps) row.set_durable();
        return row;
    });
    if (is_new && told.allowed && cost > 0) wake_limiter();
    return told;
}

}  // namespace

limit usage_row::limit() const {
    const auto c = static_cast<std::uint64_t>(counts);
    return {c & ((1u << count_bits) - 1), nanoseconds(span >> period_shift), c >> count_bits,
            static_cast<algorithm>(span >> kind_shift & 3)};
}

usage usage_row::usage() const {
    ratelimit::usage u;
    u.at = at;
    u.used = used;
    u.part = part;
    for (const auto& [when, cost] : log) u.log.push_back({when, cost});
    return u;
}

void usage_row::set(const ratelimit::limit& l, const ratelimit::usage& u) {
    counts = counts_of(l);
    span = span_of(l) | (span & 1);
    at = u.at;
    used = u.used;
    part = u.part;
    log.clear();
    for (const ratelimit::charge_at& c : u.log) log.emplace_back(c.at, c.cost);
    idle_at = idle_from(u, l);
}

std::string row_name(std::string_view rule, std::string_view key) {
    std::string name;
    name.reserve(rule.size() + 1 + key.size());
    return name.append(rule).append(1, '\0').append(key);
}
std::string_view rule_in(std::string_view row_name) {
    return row_name.substr(0, row_name.find('\0'));
}
std::string_view key_in(std::string_view row_name) {
    return row_name.substr(row_name.find('\0') + 1);
}

ets::table make_usage_table() {
    ets::table_options options;
    options.access = ets::table_access::public_;
    options.named = true;
    return ets::new_table(usage_name(), options);
}

verdict charge(const ets::table& usages, const beam::term& name, const limit& l, std::uint64_t cost,
               nanoseconds patience, bool keeps) {
    const std::int64_t now = clock_now();
    if (l.kind == algorithm::bucket) {
        quick_charge quick{l, now, cost, patience, keeps};
        auto in_place = [&](std::span<std::int64_t> row) noexcept { return quick(row); };
        ets::update_integers(usages, name, first_integer, places, in_place);
        if (quick.told) return *quick.told;
    }
    return charge_any(usages, name, l, now, cost, patience, keeps);
}

std::optional<usage_row> find_row(const ets::table& usages, const std::string& name) {
    return usage_table(usages).lookup(name);
}

bool refund(const ets::table& usages, const std::string& name, std::uint64_t cost) {
    return usage_table(usages).update(name, [&](const usage_row* old) -> std::optional<usage_row> {
        if (!old) return {};
        usage_row row = *old;
        usage u = row.usage();
        give_back(u, row.limit(), clock_now(), cost);
        row.set(row.limit(), u);
        return row;
    });
}

void carry_over(const ets::table& usages, const std::string& name, const limit& l,
                inheritance how) {
    usage_table(usages).update(name, [&](const usage_row* old) -> std::optional<usage_row> {
        if (!old || old->limit() == l) return {};
        usage_row row = *old;
        usage u = row.usage();
        adopt(u, row.limit(), l, clock_now(), how);
        row.set(l, u);
        return row;
    });
}

}  // namespace ratelimit
