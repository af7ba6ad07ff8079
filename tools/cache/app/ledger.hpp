// ledger: the books of a cache: which entries there are, when each is to go, and who goes when there is no room.
//
// It holds no values and looks at no table: the worker (worker.hpp) tells it what others did. They do it by themselves
// and tell afterwards, so what is told may come in another order than it happened:
//
//   * An entry has an id of its own from its first put to its end. Exactly one born() and one gone() are told of
//     each. gone() before born() is remembered, and the birth then is none (buried_).
//   * What else is told of an id that is not known (yet, or any more) is dropped. So the time of an entry may be
//     out of date here; the worker looks at the row before it takes anything out, and says what stands there.
//
// So the ledger may know entries that have gone, or miss some for a moment; it is never what counts them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "libbeamcore/term/term.hpp"
#include "tools/cache/app/eviction_order.hpp"
#include "tools/cache/app/id_index.hpp"
#include "tools/cache/app/row.hpp"
#include "tools/cache/app/timing_wheel.hpp"

namespace cache {

/// What is told of a new entry.
struct birth {
    key_hash key = 0;
    std::uint64_t id = 0;
    std::int64_t put_at_ms = 0;
    std::int64_t remove_at_ms = 0;  ///< 0: it stays
    beam::term tags = beam::nil;    ///< a list of binaries
};

class ledger {
public:
    struct known {
        key_hash key = 0;
        std::uint64_t id = 0;
        std::uint64_t number = 0;  ///< of its birth: they are counted as they are told
    };

    ledger(std::int64_t now_ms, policy p) : wheel_(now_ms), order_(p) {}

    // What happened.
    void born(birth b);
    void gone(std::uint64_t id);
    void used(std::uint64_t id);
    /// The entry's time, or its tags, are now these.
    void changed(std::uint64_t id, std::int64_t remove_at_ms, const beam::term& tags);

    [[nodiscard]] bool knows(std::uint64_t id) const { return index_.find(id) != no_slot; }
    [[nodiscard]] std::size_t size() const { return index_.size(); }

    // Who is to go. What is given stays in the books until gone() or changed() is told.
    /// Goes on to `now_ms`, as timing_wheel::advance().
    bool advance(std::int64_t now_ms, std::size_t moves) { return wheel_.advance(now_ms, moves); }
    [[nodiscard]] std::optional<known> due();
    [[nodiscard]] std::optional<std::int64_t> next_due_ms() const { return wheel_.next_ms(); }
    [[nodiscard]] std::optional<known> victim();
    [[nodiscard]] std::optional<known> oldest() const;
    /// The number of the last birth so far.
    [[nodiscard]] std::uint64_t births() const { return births_; }
    [[nodiscard]] std::optional<std::int64_t> oldest_put_ms() const;
    /// One that bears the tag.
    [[nodiscard]] std::optional<known> tagged(std::string_view tag) const;

    /// Orders by another policy from now on, beginning with the order of the first puts. Takes time for each entry
    /// (some 30 ns): for a person's change of mind.
    void set_policy(policy p);
    [[nodiscard]] policy by() const { return order_.by(); }

    /// Keys from `cursor` on (0 at the beginning), looking at about `looks` places. Gives where to go on, 0 at the end.
    /// A key that is there all the time comes exactly once, whatever happens meanwhile.
    std::uint64_t scan(std::uint64_t cursor, std::size_t looks, std::vector<key_hash>& keys) const;

    /// Gives back the memory that entries had, if all have gone. The order of use begins anew.
    void give_back_memory(std::int64_t now_ms);

    /// Forgets burials whose births did not come between two calls: they never will.
    void forget_burials();

private:
    struct node {
        key_hash key = 0;
        beam::term tags = beam::nil;
        std::uint64_t id = 0;  // 0: free
        std::uint64_t number = 0;
        std::int64_t put_at = 0;
    };

    [[nodiscard]] known at(slot s) const { return {nodes_[s].key, nodes_[s].id, nodes_[s].number}; }
    slot take_slot();
    void tag(slot s);
    void untag(slot s);

    slots<node> nodes_;
    slot used_slots_ = 0;
    std::uint64_t births_ = 0;
    std::vector<slot> free_;
    id_index index_;
    timing_wheel wheel_;
    eviction_order order_;
    chain_links age_links_;
    chain by_age_;  // in the order of their births
    std::unordered_map<beam::term, std::unordered_set<slot>> tags_;
    std::unordered_set<std::uint64_t> buried_, buried_before_;
};

}  // namespace cache
