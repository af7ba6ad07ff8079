#include "libbeamcore/ets/snapshot.hpp"

#include <utility>

#include "libbeamcore/ets/internal/scan.hpp"
#include "libbeamcore/ets/internal/table_object.hpp"

namespace beam::ets {

using namespace beam::detail::ets;

namespace detail {

class snapshot_state {
public:
    snapshot_state(const table& t, std::shared_ptr<const row_source> rows, std::size_t keypos,
                   bool ordered)
        : rows(std::move(rows)), keypos(keypos), ordered(ordered), of_(t) {}
    snapshot_state(const snapshot_state&) = delete;
    ~snapshot_state() {
        const read_section section;
        rows.reset();
        if (table_object* t = object_in(of_.slot(), of_.unique()))
            t->snapshots.fetch_sub(1, std::memory_order_relaxed);
    }

    std::shared_ptr<const row_source> rows;
    const std::size_t keypos;
    const bool ordered;

private:
    using read_section = beam::detail::read_section;
    table of_;
};

}  // namespace detail

using beam::detail::read_section;

snapshot::snapshot(const table& t) {
    const open_table found(t, right::read);
    charge(10);
    state_ = std::make_shared<detail::snapshot_state>(table(found->slot, found->unique),
                                                      found.store().snapshot(), found->keypos,
                                                      found->type == table_type::ordered_set);
    found->snapshots.fetch_add(1, std::memory_order_relaxed);
}

std::size_t snapshot::size() const {
    return state_->rows->size();
}

rows snapshot::lookup(const term& key) const {
    const read_section section;
    charge(1);
    rows found;
    state_->rows->find(key, found);
    return found;
}

bool snapshot::member(const term& key) const {
    const read_section section;
    charge(1);
    return state_->rows->contains(key);
}

static std::optional<term> key_behind(const detail::snapshot_state& s, const term* key) {
    const read_section section;
    charge(1);
    std::vector<term> found;
    s.rows->scan({.after = key}, 1, found);
    if (found.empty()) return std::nullopt;
    return found[0].elements()[s.keypos - 1];
}

std::optional<term> snapshot::first() const {
    return key_behind(*state_, nullptr);
}
std::optional<term> snapshot::next(const term& key) const {
    return key_behind(*state_, &key);
}

std::vector<term> snapshot::select(const match_spec& spec) const {
    const read_section section;
    std::vector<term> results;
    for_rows(*state_->rows, key_bound(spec, state_->keypos, state_->ordered), [&](const term& row) {
        if (auto r = spec.run(row)) results.push_back(*std::move(r));
    });
    charge(int(1 + size() / 8));
    return results;
}

std::size_t snapshot::select_count(const match_spec& spec) const {
    const read_section section;
    std::size_t n = 0;
    for_rows(*state_->rows, key_bound(spec, state_->keypos, state_->ordered),
             [&](const term& row) { n += spec.is_true(row); });
    charge(int(1 + size() / 8));
    return n;
}

std::vector<term> snapshot::to_vector() const {
    std::vector<term> all;
    all.reserve(size());
    each([&all](const term& row) { all.push_back(row); });
    return all;
}

void snapshot::each_row(detail::fold_function f, void* context) const {
    struct call {
        detail::fold_function f;
        void* context;
    } c{f, context};
    const read_section section;
    charge(int(1 + size() / 8));
    state_->rows->each({[](void* p, const term& row) {
                            const auto& made = *static_cast<call*>(p);
                            made.f(made.context, row);
                            return true;
                        },
                        &c});
}

}  // namespace beam::ets
