// eviction_order: which entry goes next when there is no room, by one of the policies of limits.hpp.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tools/cache/app/chain.hpp"
#include "tools/cache/app/frequency_sketch.hpp"
#include "tools/cache/app/limits.hpp"

namespace cache {

class eviction_order {
public:
    explicit eviction_order(policy p) : policy_(p) {}

    [[nodiscard]] policy by() const { return policy_; }
    /// `hash` is the key's, and the same for the same key.
    void add(slot s, std::uint64_t hash);
    void used(slot s);
    void remove(slot s);
    /// Who goes; it stays in the order until it is removed. no_slot: there is nobody.
    [[nodiscard]] slot victim();
    [[nodiscard]] std::size_t size() const { return fresh_.size() + tried_.size() + kept_.size(); }

private:
    // lru and fifo have one chain, fresh_. TinyLFU has three: newcomers come into a small window (fresh_), from
    // there among those on trial (tried_), and who is used there is kept until others push it back.
    enum class where : std::uint8_t { none, fresh, tried, kept };
    struct place {
        std::uint64_t hash = 0;
        where in = where::none;
    };

    void move(slot s, where to);
    [[nodiscard]] chain& chain_of(where w) {
        return w == where::kept ? kept_ : w == where::tried ? tried_ : fresh_;
    }
    void shrink_window();

    policy policy_;
    slots<place> places_;
    chain_links links_;
    chain fresh_, tried_, kept_;
    slot candidate_ = no_slot;  // the last one that left the window
    frequency_sketch uses_;
};

}  // namespace cache
