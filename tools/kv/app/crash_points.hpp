// Where tests have a node die, as by kill -9, in the midst of a write: BEAM_KV_CRASH=POINT:N, the Nth time that the node is at
// that point. Honoured only by what is built with BEAM_KV_CRASH_POINTS: debug builds with tests.
//
//   append      a batch with entries of the log was given to the store, and nothing of it is known to be on disk
//   checkpoint  the same, of one with a checkpoint
//   stage       the same, of one with a piece of a snapshot that comes in
//   install     the same, of one that makes such a snapshot the data
//   synced      a batch is on disk, and nobody has been told
//   answer      a write is committed, and its client has not been told
//
// And where they have a shard break a rule, to see that it is noticed: BEAM_KV_BREAK=deduplicate.
#pragma once

#include <string_view>
#include <vector>

#include "tools/kv/shard/config.hpp"
#include "tools/kv/shard/outputs.hpp"

namespace kv {

#ifdef BEAM_KV_CRASH_POINTS
void crash_point(std::string_view name);
/// After these were given to the store.
void crash_point(const std::vector<storage_change>& batch);
[[nodiscard]] rules rules_of_shards();
#else
inline void crash_point(std::string_view) {}
inline void crash_point(const std::vector<storage_change>&) {}
[[nodiscard]] inline rules rules_of_shards() {
    return {};
}
#endif

}  // namespace kv
