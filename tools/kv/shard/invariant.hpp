// hold(): what must be true in every run. A broken one is a bug: the shard's process exits and tells it.
#pragma once

#include <stdexcept>

namespace kv {

struct invariant_broken : std::logic_error {
    using std::logic_error::logic_error;
};

/// Throws invariant_broken. `why` says what does not hold any more.
inline void hold(bool condition, const char* why) {
    if (!condition) throw invariant_broken(why);
}

}  // namespace kv
