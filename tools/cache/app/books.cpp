#include "tools/cache/app/books.hpp"

#include <array>
#include <atomic>
#include <span>
#include <utility>
#include <vector>

#include "libbeamcore/ets/rows.hpp"
#include "libbeamcore/ets/snapshot.hpp"
#include "libbeamcore/term/atom.hpp"

namespace cache {

namespace ets = beam::ets;

namespace {

constexpr std::size_t row_size = 8;
constexpr unsigned rows_of_threads = 4;

// Of the row of changes, and of the row of reads: in the order of their elements, from the second on.
constexpr std::array changes = {&totals::inserted, &totals::deleted, &totals::expired,
                                &totals::evicted,  &totals::updated, &totals::bytes};
constexpr std::array reads = {&totals::hits, &totals::misses};
constexpr std::array lag_members = {&lag::told, &lag::heard, &lag::limits_version};
constexpr std::size_t version_position = 4, sessions_position = 5;

beam::term lag_key() {
    static const beam::term key = beam::atom("lag");
    return key;
}
beam::term limits_key() {
    static const beam::term key = beam::atom("limits");
    return key;
}

beam::term padded(beam::term key, std::span<const std::int64_t> values) {
    std::vector<beam::term> all{std::move(key)};
    for (std::int64_t v : values) all.emplace_back(v);
    all.resize(row_size, 0);
    return beam::tuple_of(std::move(all));
}

std::int64_t number(const ets::row& r, std::size_t position) {
    return position <= r.size() ? r.element(position).as_int64().value_or(0) : 0;
}

/// The number of this thread.
unsigned row_of_thread() {
    static std::atomic<unsigned> threads{0};
    thread_local const unsigned mine = threads++ % rows_of_threads;
    return mine;
}

/// Adds those members of `more` to a row, unless all are 0; gives what they are then, if asked.
template <class Whole, std::size_t N>
void add_to_row(const ets::table& t, const beam::term& key,
                const std::array<std::int64_t Whole::*, N>& members, const Whole& more,
                Whole* sums = nullptr) {
    bool any = sums != nullptr;
    for (auto m : members) any = any || more.*m != 0;
    if (!any) return;
    ets::update_integers(t, key, 2, N, [&](std::span<std::int64_t> values) noexcept {
        for (std::size_t i = 0; i < N; ++i) {
            values[i] += more.*members[i];
            if (sums) sums->*members[i] = values[i];
        }
        return true;
    });
}

template <class Whole, std::size_t N>
void add_row(Whole& to, const std::array<std::int64_t Whole::*, N>& members,
             const ets::rows& found) {
    if (!found) return;
    for (std::size_t i = 0; i < N; ++i) to.*members[i] += number(found.front(), 2 + i);
}

template <class Lookup>
totals sum(Lookup row) {
    totals all;
    for (unsigned i = 0; i < rows_of_threads; ++i) {
        add_row(all, changes, row(2 * i));
        add_row(all, reads, row(2 * i + 1));
    }
    return all;
}

}  // namespace

void totals::add(const totals& more) {
    for (auto m : changes) this->*m += more.*m;
    for (auto m : reads) this->*m += more.*m;
}

void books::open() const {
    for (unsigned i = 0; i < 2 * rows_of_threads; ++i)
        ets::insert(table_, padded(std::int64_t(i), {}));
    ets::insert(table_, padded(lag_key(), {}));
    set_bounds({});
}

void books::count(const totals& more) const {
    const unsigned mine = row_of_thread();
    add_to_row(table_, 2 * mine, changes, more);
    add_to_row(table_, 2 * mine + 1, reads, more);
}

totals books::counts() const {
    return sum([this](unsigned key) { return ets::lookup(table_, key); });
}

totals books::counts_at_once() const {
    const ets::snapshot now(table_);
    return sum([&now](unsigned key) { return now.lookup(key); });
}

lag books::note(const lag& more) const {
    lag sums;
    add_to_row(table_, lag_key(), lag_members, more, &sums);
    return sums;
}

lag books::behind() const {
    lag now;
    add_row(now, lag_members, ets::lookup(table_, lag_key()));
    return now;
}

std::int64_t books::limits_version() const {
    const ets::rows found = ets::lookup(table_, lag_key());
    return found ? number(found.front(), version_position) : 0;
}

limits books::bounds() const {
    const ets::rows found = ets::lookup(table_, limits_key());
    limits l;
    if (!found) return l;
    const ets::row r = found.front();
    l.max_entries = number(r, 2);
    l.max_bytes = number(r, 3);
    l.policy = policy(number(r, 4));
    l.ttl_ms = number(r, 5);
    return l;
}

void books::set_bounds(const limits& l) const {
    const std::array values = {l.max_entries, l.max_bytes, std::int64_t(l.policy), l.ttl_ms};
    ets::insert(table_, padded(limits_key(), values));
}

std::uint64_t books::next_session() const {
    return std::uint64_t(
        ets::update_counter(table_, lag_key(), ets::counter_update{sessions_position, 1, {}}));
}

}  // namespace cache
