// What has changed in one step, before it is told.
#pragma once

#include <unordered_map>

#include "libbeamcore/pubsub/tracker_state.hpp"

namespace beam::tracker {

struct state::pending_diff {
    std::unordered_map<term, topic_diff> topics;
};

}  // namespace beam::tracker
