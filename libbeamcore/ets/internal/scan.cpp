#include "libbeamcore/ets/internal/scan.hpp"

namespace beam::detail::ets {

namespace {

int sign(std::weak_ordering c) {
    return c < 0 ? -1 : c > 0 ? 1 : 0;
}

/// The beginning of a pattern is bound: its first element is.
bool begins_bound(const term& pattern) {
    if (pattern.is_tuple())
        return is_ground(pattern.elements()[0]) || begins_bound(pattern.elements()[0]);
    if (const term* head = pattern.head()) return is_ground(*head) || begins_bound(*head);
    return false;
}

int where_tuple(const term& pattern, const term& key);
int where_list(const term& pattern, const term& key);

/// Whether a key lies before (-1), behind (1) or among (0) those that begin as the pattern does.
int where(const term& pattern, const term& key) {
    if (is_ground(pattern)) return sign(compare(key, pattern));
    if (pattern.is_tuple()) return where_tuple(pattern, key);
    if (pattern.kind() == term_kind::list) return where_list(pattern, key);
    return 0;  // a variable, '_' or a map
}

int where_tuple(const term& pattern, const term& key) {
    const auto wanted = pattern.elements(), there = key.elements();
    // Kinds and sizes come first in the order of terms, whatever the elements are.
    if (!key.is_tuple() || there.size() != wanted.size()) return sign(compare(key, pattern));
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        if (const int c = where(wanted[i], there[i])) return c;
        if (!is_ground(wanted[i])) return 0;
    }
    return 0;
}

int where_list(const term& pattern, const term& key) {
    const auto wanted = pattern.list_elements();
    if (key.kind() != term_kind::list) return sign(compare(key, pattern));
    const auto there = key.list_elements();
    auto at = there.begin();
    for (const term& w : wanted) {
        // The key ends earlier: what is in the place of a list decides by its kind alone.
        if (at == there.end()) return sign(compare(there.last_tail(), cons(nil, nil)));
        if (const int c = where(w, *at)) return c;
        if (!is_ground(w)) return 0;
        ++at;
    }
    return 0;
}

}  // namespace

key_bound::key_bound(const match_spec& spec, std::size_t keypos, bool ordered)
    : key_at_(keypos - 1) {
    const auto parts = spec.only_pattern().elements();
    if (parts.size() < keypos) return;
    const term& key = parts[keypos - 1];
    if (is_ground(key))
        whole_ = &key;
    else if (ordered && begins_bound(key))
        beginning_ = &key;
}

void key_bound::limit(scan_from& from) const {
    if (!beginning_) return;
    from.where = [](const void* pattern, const term& key) {
        return where(*static_cast<const term*>(pattern), key);
    };
    from.context = beginning_;
}

void visit_rows(const row_source& source, const key_bound& bound, const row_visitor& visit) {
    if (bound.whole()) {
        rows found;
        source.find(*bound.whole(), found);
        for (const auto& r : found)
            if (!visit(r)) return;
        return;
    }
    scan_from from;
    bound.limit(from);
    if (!from.where) {
        source.each(visit);
        return;
    }
    std::vector<term> batch;
    std::optional<term> last;
    for (bool more = true; more;) {
        batch.clear();
        more = source.scan(from, rows_at_once, batch);
        for (const term& row : batch)
            if (!visit(row)) return;
        if (batch.empty()) return;
        last = bound.key_of(batch.back());
        from.after = &*last;
    }
}

}  // namespace beam::detail::ets
