// Moving rooms from this node's disk to kv, once that has a cluster.
#pragma once

#include "libbeamcore/runtime/process.hpp"

namespace chat {

/// Moves what is on this node's disk to kv: rooms that lived here, copies of others', and what was deleted. Each is forgotten on the disk
/// when kv has all of it (a copy that was not finished, only behind a finished one); what another node has moved already, or a move that broke off, is known there by its marks. Goes on until
/// all is done. There is one at a time.
beam::process move_to_kv(beam::self me);

}  // namespace chat
