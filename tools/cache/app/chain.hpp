// chain: a doubly linked list of slots whose links lie outside, so that being in a list costs eight bytes and
// leaving it no search.
#pragma once

#include <cstddef>

#include "tools/cache/app/slots.hpp"

namespace cache {

struct chain_link {
    slot before = no_slot;
    slot after = no_slot;
};

/// All chains over one set of links share these; a slot is in at most one of them.
using chain_links = slots<chain_link>;

class chain {
public:
    [[nodiscard]] slot front() const { return first_; }
    [[nodiscard]] slot back() const { return last_; }
    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] bool empty() const { return size_ == 0; }

    void push_back(chain_links& links, slot s) {
        links[s] = {last_, no_slot};
        (last_ == no_slot ? first_ : links[last_].after) = s;
        last_ = s;
        ++size_;
    }
    void erase(chain_links& links, slot s) {
        const chain_link at = links[s];
        (at.before == no_slot ? first_ : links[at.before].after) = at.after;
        (at.after == no_slot ? last_ : links[at.after].before) = at.before;
        --size_;
    }
    void move_to_back(chain_links& links, slot s) {
        if (s == last_) return;
        erase(links, s);
        push_back(links, s);
    }

private:
    slot first_ = no_slot;
    slot last_ = no_slot;
    std::size_t size_ = 0;
};

}  // namespace cache
