// Processes that other nodes ask for here, and those that are asked for there (spawn_request/5).
#pragma once

#include "libbeamcore/dist/control.hpp"
#include "libbeamcore/dist/internal/peers.hpp"

namespace beam::dist::detail {

void spawn_for(peers& all, peer& from, const control::spawn_request& request);
void spawn_answered(peers& all, peer& from, const control::spawn_reply& reply);

}  // namespace beam::dist::detail
