#include "libbeamcore/ets/select.hpp"

#include <algorithm>
#include <utility>

#include "libbeamcore/ets/internal/scan.hpp"
#include "libbeamcore/ets/internal/table_object.hpp"

namespace beam::ets {

using namespace beam::detail::ets;

namespace {

constexpr std::size_t rows_a_reduction = 8;

match_spec compiled(const term& spec) {
    auto made = match_spec::compile(spec);
    if (!made) bad("the match specification is malformed: " + made.error().detail);
    return *std::move(made);
}

/// `[{Pattern, [], [Body]}]`
match_spec pattern_spec(const term& pattern, const term& body) {
    if (!pattern.is_tuple() && pattern != atoms::underscore && !variable_number(pattern))
        return compiled(list({tuple(atoms::underscore, list({atoms::false_}), list({body}))}));
    return compiled(list({tuple(pattern, nil, list({body}))}));
}

key_bound bound_of(const open_table& t, const match_spec& spec) {
    return {spec, t->keypos, t->type == table_type::ordered_set};
}

/// Counts rows that were looked at, and charges for them.
class cost {
public:
    ~cost() { charge(int(1 + rows_ / rows_a_reduction)); }
    cost() = default;
    cost(const cost&) = delete;
    void row() { ++rows_; }
    [[nodiscard]] std::size_t rows() const { return rows_; }

private:
    std::size_t rows_ = 0;
};

/// Shows the rows that can match: all at once, or from the last to the first.
template <class F>
void visit(const open_table& t, const match_spec& spec, bool reverse, F f) {
    const key_bound bound = bound_of(t, spec);
    if (!reverse || bound.whole()) {
        for_rows(t.store(), bound, f);
        return;
    }
    scan_from from;
    from.reverse = true;
    bound.limit(from);
    std::vector<term> batch;
    std::optional<term> last;
    for (bool more = true; more;) {
        batch.clear();
        more = t.store().scan(from, rows_at_once, batch);
        if (batch.empty()) return;
        for (const term& row : batch) f(row);
        last = bound.key_of(batch.back());
        from.after = &*last;
    }
}

std::vector<term> select_all(const table& t, const match_spec& spec, bool reverse) {
    const open_table found(t, right::read);
    cost looked;
    std::vector<term> results;
    visit(found, spec, reverse && found->type == table_type::ordered_set, [&](const term& row) {
        looked.row();
        if (auto r = spec.run(row)) results.push_back(*std::move(r));
    });
    return results;
}

// -- parts ----------------------------------------------------------------------------------------

using detail::scan_state;

/// The next part: results that are left from the last one, then rows until a limit is reached.
class part {
public:
    explicit part(scan_state&& s) : state_(std::move(s)), found_(state_.of, right::read) {}

    selection run() {
        take_surplus();
        const key_bound bound = bound_of(found_, state_.spec);
        if (!is_done() && bound.whole()) by_key(*bound.whole());
        while (!is_done()) by_order(bound);
        result_.looked_at = looked_.rows();
        if (!state_.at_end || !state_.surplus.empty())
            result_.next = continuation(std::make_shared<const scan_state>(std::move(state_)));
        return std::move(result_);
    }

private:
    [[nodiscard]] bool is_full() const { return result_.found.size() >= state_.limit.results; }
    [[nodiscard]] bool is_done() const {
        return state_.at_end || is_full() || looked_.rows() >= state_.limit.cost_max;
    }

    void take_surplus() {
        const std::size_t n = std::min(state_.surplus.size(), state_.limit.results);
        const auto end = state_.surplus.begin() + std::ptrdiff_t(n);
        result_.found.assign(std::make_move_iterator(state_.surplus.begin()),
                             std::make_move_iterator(end));
        state_.surplus.erase(state_.surplus.begin(), end);
    }

    void look_at(const term& row) {
        looked_.row();
        auto r = state_.spec.run(row);
        if (!r) return;
        (is_full() ? state_.surplus : result_.found).push_back(*std::move(r));
    }

    void by_key(const term& key) {
        rows all;
        found_.store().find(key, all);
        for (const row& r : all) look_at(r);
        state_.at_end = true;
    }

    void by_order(const key_bound& bound) {
        scan_from from{.after = state_.after ? &*state_.after : nullptr, .reverse = state_.reverse};
        bound.limit(from);
        const std::size_t room = std::min(state_.limit.results - result_.found.size(),
                                          state_.limit.cost_max - looked_.rows());
        batch_.clear();
        const bool more =
            found_.store().scan(from, std::clamp(room, min_batch, rows_at_once), batch_);
        std::size_t i = 0;
        // All rows of a key together: the next part begins behind a key.
        while (i < batch_.size() && (!is_done() || same_key(bound, i))) look_at(batch_[i++]);
        if (i > 0) state_.after = bound.key_of(batch_[i - 1]);
        state_.at_end = !more && i == batch_.size();
    }
    [[nodiscard]] bool same_key(const key_bound& bound, std::size_t i) const {
        return i > 0 && bound.key_of(batch_[i]) == bound.key_of(batch_[i - 1]);
    }

    static constexpr std::size_t min_batch = 4;
    static constexpr std::size_t rows_at_once = beam::detail::ets::rows_at_once;
    scan_state state_;
    const open_table found_;
    cost looked_;
    selection result_;
    std::vector<term> batch_;
};

selection select_part(const table& t, const match_spec& spec, const select_limit& limit,
                      bool reverse) {
    if (limit.results == 0 || limit.cost_max == 0) bad("a limit is at least 1");
    scan_state s{.of = t, .spec = spec, .limit = limit};
    {
        const open_table found(t, right::read);
        s.reverse = reverse && found->type == table_type::ordered_set;
        // What comes later goes on with this very table, whatever its name is then.
        s.of = table(found->slot, found->unique);
    }
    return part(std::move(s)).run();
}

// -- changes --------------------------------------------------------------------------------------

/// Deletes a row that matches, or what has become of it if that does still.
std::size_t delete_row(const open_table& t, const match_spec& spec, const term& row) {
    if (const std::size_t n = t.store().erase_object(row)) return n;
    if (!t->has_one_row_a_key()) return 0;
    const term& key = row.elements()[t->keypos - 1];
    for (;;) {
        rows now;
        t.store().find(key, now);
        if (now.empty() || !spec.is_true(now.front())) return 0;
        if (const std::size_t n = t.store().erase_object(now.front())) return n;
    }
}

/// f(row) for rows that were copied before, so that it may change the table.
template <class F>
void for_copies(const open_table& t, const match_spec& spec, F f) {
    const key_bound bound = bound_of(t, spec);
    if (bound.whole()) {
        rows all;
        t.store().find(*bound.whole(), all);
        for (const row& r : all) f(term(r));
        return;
    }
    scan_from from;
    bound.limit(from);
    std::vector<term> batch;
    std::optional<term> last;
    for (bool more = true; more;) {
        batch.clear();
        more = t.store().scan(from, rows_at_once, batch);
        if (batch.empty()) return;
        last = bound.key_of(batch.back());
        from.after = &*last;
        for (const term& row : batch) f(row);
    }
}

}  // namespace

// -- select ---------------------------------------------------------------------------------------

std::vector<term> select(const table& t, const match_spec& spec) {
    return select_all(t, spec, false);
}
std::vector<term> select(const table& t, const term& spec) {
    return select_all(t, compiled(spec), false);
}
selection select(const table& t, const match_spec& spec, const select_limit& limit) {
    return select_part(t, spec, limit, false);
}
selection select(const table& t, const term& spec, const select_limit& limit) {
    return select_part(t, compiled(spec), limit, false);
}
selection select(const continuation& c) {
    if (!c) return {};
    return part(scan_state(*c.state())).run();
}

std::vector<term> select_reverse(const table& t, const match_spec& spec) {
    return select_all(t, spec, true);
}
std::vector<term> select_reverse(const table& t, const term& spec) {
    return select_all(t, compiled(spec), true);
}
selection select_reverse(const table& t, const match_spec& spec, const select_limit& limit) {
    return select_part(t, spec, limit, true);
}
selection select_reverse(const table& t, const term& spec, const select_limit& limit) {
    return select_part(t, compiled(spec), limit, true);
}

std::size_t select_count(const table& t, const match_spec& spec) {
    const open_table found(t, right::read);
    cost looked;
    std::size_t n = 0;
    visit(found, spec, false, [&](const term& row) {
        looked.row();
        n += spec.is_true(row);
    });
    return n;
}
std::size_t select_count(const table& t, const term& spec) {
    return select_count(t, compiled(spec));
}

std::size_t select_delete(const table& t, const match_spec& spec) {
    const open_table found(t, right::write);
    cost looked;
    std::size_t n = 0;
    for_copies(found, spec, [&](const term& row) {
        looked.row();
        if (spec.is_true(row)) n += delete_row(found, spec, row);
    });
    return n;
}
std::size_t select_delete(const table& t, const term& spec) {
    return select_delete(t, compiled(spec));
}

std::size_t select_replace(const table& t, const match_spec& spec) {
    const open_table found(t, right::write);
    if (!found->has_one_row_a_key()) bad("a row of a bag cannot be replaced");
    cost looked;
    std::size_t n = 0;
    auto change = [&](const row* r) -> std::optional<term> {
        if (!r) return std::nullopt;
        return spec.run(r->to_term());
    };
    for_copies(found, spec, [&](const term& row) {
        looked.row();
        const auto replacement = spec.run(row);
        if (!replacement) return;
        const std::size_t keypos = found->keypos;
        check_row(*replacement, keypos);
        const term& key = row.elements()[keypos - 1];
        if (replacement->elements()[keypos - 1] != key)
            bad("the row for the key " + shown(key) + " has another key: " + shown(*replacement));
        n += found.store().update(
            key,
            [](void* context, const beam::ets::row* now) -> std::optional<term> {
                return (*static_cast<decltype(change)*>(context))(now);
            },
            &change);
    });
    return n;
}
std::size_t select_replace(const table& t, const term& spec) {
    return select_replace(t, compiled(spec));
}

// -- match ----------------------------------------------------------------------------------------

std::vector<term> match(const table& t, const term& pattern) {
    return select(t, pattern_spec(pattern, atoms::bindings));
}
selection match(const table& t, const term& pattern, const select_limit& limit) {
    return select(t, pattern_spec(pattern, atoms::bindings), limit);
}
std::vector<term> match_object(const table& t, const term& pattern) {
    return select(t, pattern_spec(pattern, atoms::whole));
}
selection match_object(const table& t, const term& pattern, const select_limit& limit) {
    return select(t, pattern_spec(pattern, atoms::whole), limit);
}
void match_delete(const table& t, const term& pattern) {
    select_delete(t, pattern_spec(pattern, atoms::true_));
}

// -- all rows -------------------------------------------------------------------------------------

namespace detail {

void each_row(const table& t, bool reverse, fold_function f, void* context) {
    std::vector<term> batch;
    std::optional<term> last;
    table of = t;
    for (bool more = true; more;) {
        batch.clear();
        {
            const open_table found(of, right::read);
            of = table(found->slot, found->unique);
            const scan_from from{.after = last ? &*last : nullptr,
                                 .reverse = reverse && found->type == table_type::ordered_set};
            more = found.store().scan(from, beam::detail::ets::rows_at_once, batch);
            if (batch.empty()) return;
            last = batch.back().elements()[found->keypos - 1];
        }
        charge(int(1 + batch.size() / rows_a_reduction));
        for (const term& row : batch) f(context, row);
    }
}

}  // namespace detail

std::vector<term> tab2list(const table& t) {
    const open_table found(t, right::read);
    cost looked;
    std::vector<term> all;
    all.reserve(found.store().size());
    auto add = [&](const term& row) {
        looked.row();
        all.push_back(row);
    };
    found.store().each({[](void* context, const term& row) {
                            (*static_cast<decltype(add)*>(context))(row);
                            return true;
                        },
                        &add});
    return all;
}

// -- match specifications outside tables ------------------------------------------------------------

term match_spec_run(const term& terms, const match_spec& spec) {
    const auto all = terms.as_list();
    if (!all) bad(shown(terms) + " is no proper list");
    charge(int(1 + all->size() / rows_a_reduction));
    std::vector<term> results;
    for (const term& t : *all)
        if (auto r = spec.run(t)) results.push_back(*std::move(r));
    return list_of(std::move(results));
}

term test_ms(const term& object, const term& spec) {
    auto failed = [](const std::string& why) {
        return tuple(atoms::error, list({tuple(atoms::error, charlist(why))}));
    };
    if (!object.is_tuple()) return failed("the object is not a tuple");
    const auto made = match_spec::compile(spec);
    if (!made) return failed(made.error().detail);
    auto r = made->run(object);
    return tuple(atoms::ok, r ? *r : term(atoms::false_));
}

}  // namespace beam::ets
