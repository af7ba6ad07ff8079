// What those who use the table tell the worker, many things in one message. Also the class that gathers it.
#pragma once

#include <cstdint>
#include <vector>

#include "libbeamcore/term/term.hpp"
#include "tools/cache/app/ledger.hpp"
#include "tools/cache/app/removals.hpp"

namespace cache {

/// A message to the worker. In each list in the order it happened; see ledger.hpp for what order means between two.
struct news {
    struct end {
        std::uint64_t id = 0;
        removal what;
    };
    struct change {
        key_hash key = 0;
        std::uint64_t id = 0;
    };

    std::vector<birth> born;
    std::vector<end> gone;
    std::vector<change> changed;  ///< the row says what it is now
    std::vector<std::uint64_t> used;
    std::int64_t weight = 0;  ///< how much of `told` it is

    [[nodiscard]] bool empty() const {
        return born.empty() && gone.empty() && changed.empty() && used.empty();
    }
};

}  // namespace cache
