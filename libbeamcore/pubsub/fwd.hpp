// Forward declarations of the pubsub layer's public types.
#pragma once

namespace beam::tracker {

class hybrid_clock;
class state;
struct bye;
struct change;
struct config;
struct delta;
struct dot;
struct entry;
struct full;
struct got;
struct heartbeat;
struct outputs;
struct presence;
struct removal;
struct seen;
struct sync;
struct topic_diff;

}  // namespace beam::tracker
