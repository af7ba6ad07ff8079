#include "libbeamcore/ets/rows.hpp"

#include <algorithm>
#include <utility>

#include "libbeamcore/ets/internal/hash_store.hpp"
#include "libbeamcore/ets/internal/registry.hpp"
#include "libbeamcore/ets/internal/table_object.hpp"

namespace beam::ets {

using namespace beam::detail::ets;

// -- in -------------------------------------------------------------------------------------------

static bool put_plainly(const table& t, const term& row) {
    const plain_section in(t, right::write);
    return in && static_cast<hash_store&>(in.store()).put_plainly(row);
}

[[gnu::noinline]] static void put(const table& t, term row) {
    const open_table found(t, right::write);
    check_row(row, found->keypos);
    found.store().insert(std::move(row));
}

void insert(const table& t, term row) {
    charge(1);
    if (!put_plainly(t, row)) [[unlikely]]
        put(t, std::move(row));
}

static bool insert_all(const table& t, std::span<const term> all, bool only_new) {
    const open_table found(t, right::write);
    for (const term& row : all) check_row(row, found->keypos);
    charge(int(std::min<std::size_t>(all.size(), 100'000)));
    if (all.empty()) return true;
    if (all.size() > 1) return found.store().insert_all(all, only_new);
    if (only_new) return found.store().insert_new(all[0]);
    found.store().insert(all[0]);
    return true;
}

void insert(const table& t, std::span<const term> rows) {
    insert_all(t, rows, false);
}

void insert_list(const table& t, const term& rows) {
    const auto all = rows.as_list();
    if (!all) bad(shown(rows) + " is no list of rows");
    insert_all(t, *all, false);
}

bool insert_new(const table& t, term row) {
    const open_table found(t, right::write);
    check_row(row, found->keypos);
    charge(1);
    return found.store().insert_new(std::move(row));
}

bool insert_new(const table& t, std::span<const term> rows) {
    return insert_all(t, rows, true);
}

// -- found ----------------------------------------------------------------------------------------

static bool look_up_plainly(const table& t, const term& key, rows& found) {
    const plain_section in(t, right::read);
    return in && static_cast<const hash_store&>(in.store()).find_plainly(key, found);
}

[[gnu::noinline]] static void look_up(const table& t, const term& key, rows& found) {
    const open_table in(t, right::read);
    in.store().find(key, found);
}

rows lookup(const table& t, const term& key) {
    rows all;
    charge(1);
    if (!look_up_plainly(t, key, all)) [[unlikely]]
        look_up(t, key, all);
    return all;
}

namespace {
void check_one_row_a_key(const table_object& t) {
    if (!t.has_one_row_a_key())
        bad("a bag may have many rows with a key: this wants a set or an ordered_set");
}
}  // namespace

bool detail::read_row(const table& t, const term& key, row_reader f, void* context) {
    const open_table in(t, right::read);
    check_one_row_a_key(*in);
    charge(1);
    if (in->type != table_type::ordered_set)
        return static_cast<const hash_store&>(in.store()).show(key, [&](const row& found) {
            f(context, found);
        });
    rows found;
    in.store().find(key, found);
    if (found) f(context, found.front());
    return bool(found);
}

bool member(const table& t, const term& key) {
    const open_table found(t, right::read);
    charge(1);
    return found.store().contains(key);
}

void fetch_ahead(const table& t, std::span<const term> keys) {
    const open_table found(t, right::read);
    charge(int(std::min<std::size_t>(keys.size(), 1000)));
    if (found->type != table_type::ordered_set)
        static_cast<const hash_store&>(found.store()).fetch_ahead(keys);
}

static const term& element(const row& r, std::size_t position) {
    if (position == 0 || position > r.size())
        bad(shown(r) + " has no element " + std::to_string(position));
    return r.element(position);
}

static term lookup_element_or(const table& t, const term& key, std::size_t position,
                              const term* otherwise) {
    const open_table found(t, right::read);
    rows all;
    found.store().find(key, all);
    charge(1);
    if (all.empty()) {
        if (!otherwise) bad("there is no row with the key " + shown(key));
        return *otherwise;
    }
    if (found->has_one_row_a_key()) return element(all.front(), position);
    std::vector<term> elements;
    for (const row& r : all) elements.push_back(element(r, position));
    return list_of(std::move(elements));
}

term lookup_element(const table& t, const term& key, std::size_t position) {
    return lookup_element_or(t, key, position, nullptr);
}

term lookup_element(const table& t, const term& key, std::size_t position, term otherwise) {
    return lookup_element_or(t, key, position, &otherwise);
}

// -- out ------------------------------------------------------------------------------------------

void erase(const table& t, const term& key) {
    const open_table found(t, right::write);
    charge(1);
    found.store().erase(key, nullptr);
}

void delete_object(const table& t, const term& row) {
    const open_table found(t, right::write);
    check_row(row, found->keypos);
    charge(1);
    found.store().erase_object(row);
}

rows take(const table& t, const term& key) {
    const open_table found(t, right::write);
    charge(1);
    rows all;
    found.store().erase(key, &all);
    return all;
}

void delete_all_objects(const table& t) {
    const open_table found(t, right::write);
    charge(10);
    found->home->clear(&*found);
}

// -- changed --------------------------------------------------------------------------------------

namespace {

/// A function for table_store::update.
template <class F>
bool change_row(table_store& store, const term& key, F& f) {
    return store.update(
        key,
        [](void* context, const row* found) -> std::optional<term> {
            return (*static_cast<F*>(context))(found);
        },
        std::addressof(f));
}

term with_elements(const row& r, std::span<const element_update> updates) {
    const auto old = r.elements();
    std::vector<term> all(old.begin(), old.end());
    for (const auto& u : updates) {
        if (u.position == 0 || u.position > all.size())
            bad(shown(r) + " has no element " + std::to_string(u.position));
        all[u.position - 1] = u.value;
    }
    return tuple_of(std::move(all));
}

}  // namespace

bool update_element(const table& t, const term& key, std::span<const element_update> updates) {
    const open_table found(t, right::write);
    check_one_row_a_key(*found);
    charge(1);
    for (const auto& u : updates)
        if (u.position == found->keypos) bad("the key of a row cannot be changed");
    auto change = [&](const row* r) -> std::optional<term> {
        if (!r) return std::nullopt;
        return with_elements(*r, updates);
    };
    return change_row(found.store(), key, change);
}

bool update_element(const table& t, const term& key, std::size_t position, term value) {
    const element_update one{position, std::move(value)};
    return update_element(t, key, std::span(&one, 1));
}

bool update_element(const table& t, const term& key,
                    std::initializer_list<element_update> updates) {
    return update_element(t, key, std::span(updates.begin(), updates.size()));
}

namespace {

/// The value after an update; nothing when it does not fit into 64 bits.
std::optional<std::int64_t> counted(std::int64_t value, const counter_update& u) {
    std::int64_t sum = 0;
    if (__builtin_add_overflow(value, u.increment, &sum)) return std::nullopt;
    if (!u.at) return sum;
    const bool beyond = u.increment >= 0 ? sum > u.at->threshold : sum < u.at->threshold;
    return beyond ? u.at->set_value : sum;
}

[[noreturn]] void bad_counter(const term& key, const counter_update& u) {
    bad("element " + std::to_string(u.position) + " of the row with the key " + shown(key) +
        " is no integer, or the sum does not fit into 64 bits");
}

void check_counter(const table_object& t, const counter_update& u) {
    if (u.position == t.keypos) bad("the key of a row cannot be changed");
    if (u.position == 0) bad("elements are counted from 1");
}

/// The default row with the key in its place.
term default_row(const term& row, const term& key, std::size_t keypos) {
    check_row(row, keypos);
    const auto old = row.elements();
    std::vector<term> all(old.begin(), old.end());
    all[keypos - 1] = key;
    return tuple_of(std::move(all));
}

// The kinds of store by their names: what is done most is inlined.
template <class F>
[[gnu::always_inline]] inline integers_result update_integer_in(const open_table& t,
                                                                const term& key,
                                                                std::size_t position, F change) {
    if (t->type != table_type::ordered_set) [[likely]]
        return static_cast<hash_store&>(t.store()).update_integer(key, position, change);
    return t.store().update_integers(
        key, position, 1,
        [](void* context, std::int64_t* value) { return (*static_cast<F*>(context))(*value); },
        &change);
}

[[gnu::always_inline]] inline std::int64_t update_one(const open_table& t, const term& key,
                                                      const counter_update& u,
                                                      const term* by_default) {
    check_one_row_a_key(*t);
    check_counter(*t, u);
    charge(1);
    std::int64_t result = 0;
    auto count = [&u, &result](std::int64_t& value) {
        const auto sum = counted(value, u);
        if (sum) result = value = *sum;
        return sum.has_value();
    };
    for (;;) {
        switch (update_integer_in(t, key, u.position, count)) {
            case integers_result::done:
                return result;
            case integers_result::absent:
                if (!by_default) bad("there is no row with the key " + shown(key));
                // What is put in must be a row that can be counted in, or nothing is.
                {
                    const term row = default_row(*by_default, key, t->keypos);
                    const auto all = row.elements();
                    if (u.position > all.size() || !all[u.position - 1].as_int64() ||
                        !counted(*all[u.position - 1].as_int64(), u))
                        bad_counter(key, u);
                    (void)t.store().insert_new(row);
                }
                continue;
            case integers_result::refused:
            case integers_result::no_integer:
                bad_counter(key, u);
        }
    }
}

std::vector<std::int64_t> update_many(const open_table& t, const term& key,
                                      std::span<const counter_update> updates,
                                      const term* by_default) {
    check_one_row_a_key(*t);
    for (const auto& u : updates) check_counter(*t, u);
    charge(int(updates.size()) + 1);
    std::vector<std::int64_t> values;
    auto change = [&](const row* r) -> std::optional<term> {
        if (!r && !by_default) bad("there is no row with the key " + shown(key));
        values.clear();
        const term made = r ? term() : default_row(*by_default, key, t->keypos);
        const auto old = r ? r->elements() : made.elements();
        std::vector<term> all(old.begin(), old.end());
        for (const auto& u : updates) {
            const auto value =
                u.position > all.size() ? std::nullopt : all[u.position - 1].as_int64();
            const auto sum = value ? counted(*value, u) : std::nullopt;
            if (!sum) bad_counter(key, u);
            all[u.position - 1] = *sum;
            values.push_back(*sum);
        }
        return tuple_of(std::move(all));
    };
    change_row(t.store(), key, change);
    return values;
}

}  // namespace

static bool count_plainly(const table& t, const term& key, std::int64_t increment,
                          std::int64_t& sum) {
    const plain_section in(t, right::write);
    return in && static_cast<hash_store&>(in.store()).add_plainly(key, increment, sum);
}

[[gnu::noinline]] static std::int64_t count(const table& t, const term& key,
                                            std::int64_t increment) {
    const open_table found(t, right::write);
    return update_one(found, key, {std::size_t(found->keypos) + 1, increment}, nullptr);
}

std::int64_t update_counter(const table& t, const term& key, std::int64_t increment) {
    charge(1);
    std::int64_t sum = 0;
    if (!count_plainly(t, key, increment, sum)) [[unlikely]]
        return count(t, key, increment);
    return sum;
}

std::int64_t update_counter(const table& t, const term& key, const counter_update& update) {
    return update_one(open_table(t, right::write), key, update, nullptr);
}

std::int64_t update_counter(const table& t, const term& key, const counter_update& update,
                            const term& by_default) {
    return update_one(open_table(t, right::write), key, update, &by_default);
}

std::vector<std::int64_t> update_counter(const table& t, const term& key,
                                         std::span<const counter_update> updates,
                                         const term* by_default) {
    return update_many(open_table(t, right::write), key, updates, by_default);
}

namespace {

counter_update update_of(const term& t, std::size_t keypos) {
    if (auto increment = t.as_int64()) return {keypos + 1, *increment};
    const auto e = t.elements();
    const auto number = [&](std::size_t i) {
        const auto n = e[i].as_int64();
        if (!n) bad(shown(t) + " is no update of a counter: " + shown(e[i]) + " is no integer");
        return *n;
    };
    if (e.size() != 2 && e.size() != 4)
        bad(shown(t) + " is none of Increment, {Pos, Incr} and {Pos, Incr, Threshold, SetValue}");
    if (number(0) < 1) bad("elements are counted from 1");
    counter_update u{std::size_t(number(0)), number(1)};
    if (e.size() == 4) u.at = counter_update::limit{number(2), number(3)};
    return u;
}

}  // namespace

term update_counter_term(const table& t, const term& key, const term& updates,
                         const term* by_default) {
    const open_table found(t, right::write);
    if (!updates.is_list())
        return update_one(found, key, update_of(updates, found->keypos), by_default);
    const auto list = updates.as_list();
    if (!list) bad(shown(updates) + " is no list of updates");
    std::vector<counter_update> all;
    for (const term& u : *list) {
        if (u.is_integer())
            bad("in a list, updates are {Pos, Incr} or {Pos, Incr, Threshold, Set}");
        all.push_back(update_of(u, found->keypos));
    }
    std::vector<term> values;
    for (std::int64_t v : update_many(found, key, all, by_default)) values.emplace_back(v);
    return list_of(std::move(values));
}

namespace detail {

bool update_row(const table& t, const term& key, row_function f, void* context) {
    const open_table found(t, right::write);
    check_one_row_a_key(*found);
    beam::detail::ets::charge(1);
    return found.store().update(key, f, context);
}

bool update_integers(const table& t, const term& key, std::size_t first, std::size_t count,
                     integers_function f, void* context, const term* by_default) {
    const open_table found(t, right::write);
    check_one_row_a_key(*found);
    if (first == 0 || count == 0 || count > integers_max)
        bad("so many integers cannot be changed at once");
    if (found->keypos >= first && found->keypos < first + count)
        bad("the key of a row cannot be changed");
    beam::detail::ets::charge(1);
    for (;;) {
        switch (found.store().update_integers(key, first, count, f, context)) {
            case integers_result::done:
                return true;
            case integers_result::refused:
                return false;
            case integers_result::absent:
                if (!by_default) return false;
                (void)found.store().insert_new(default_row(*by_default, key, found->keypos));
                continue;
            case integers_result::no_integer:
                bad("the row with the key " + shown(key) +
                    " has other elements than integers there");
        }
    }
}

}  // namespace detail

// -- one key after another ------------------------------------------------------------------------

namespace {

std::optional<term> neighbour(const open_table& t, const term* key, bool reverse) {
    charge(1);
    const bool ordered = t->type == table_type::ordered_set;
    if (key && !ordered && !t->fixed.load(std::memory_order_acquire) && !t.store().contains(*key))
        bad("there is no row with the key " + shown(*key));
    std::vector<term> found;
    t.store().scan({.after = key, .reverse = reverse && ordered}, 1, found);
    if (found.empty()) return std::nullopt;
    return found[0].elements()[t->keypos - 1];
}

}  // namespace

std::optional<term> first(const table& t) {
    return neighbour(open_table(t, right::read), nullptr, false);
}
std::optional<term> last(const table& t) {
    return neighbour(open_table(t, right::read), nullptr, true);
}
std::optional<term> next(const table& t, const term& key) {
    return neighbour(open_table(t, right::read), &key, false);
}
std::optional<term> prev(const table& t, const term& key) {
    return neighbour(open_table(t, right::read), &key, true);
}

}  // namespace beam::ets
