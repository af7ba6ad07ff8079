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
enum place : std::size_t { kind, count, period, burst, at, used, part, idle_at, durable, places };
constexpr std::size_t first_integer = 2;

bool is_under(std::span<const std::int64_t> row, const limit& l) {
    return row[kind] == static_cast<std::int64_t>(l.kind) &&
           row[count] == static_cast<std::int64_t>(l.count) && row[period] == l.period.count() &&
           row[burst] == static_cast<std::int64_t>(l.burst);
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
        if (keeps) row[durable] = 1;
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
        if (keeps) row.durable = 1;
        return row;
    });
    if (is_new && told.allowed && cost > 0) wake_limiter();
    return told;
}

}  // namespace

limit usage_row::limit() const {
    return {count, nanoseconds(period), burst, static_cast<algorithm>(kind)};
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
    kind = static_cast<std::int64_t>(l.kind);
    count = l.count;
    period = l.period.count();
    burst = l.burst;
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
