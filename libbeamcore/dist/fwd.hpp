// Forward declarations of the dist layer.
#pragma once

namespace beam::dist {

class flags;
class handshake;
struct flag_entry;
struct handshake_options;
struct handshake_result;
struct own_flags_options;
struct peer_offer;

}  // namespace beam::dist
