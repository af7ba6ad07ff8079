// What a frame of a peer does here.
#pragma once

#include "libbeamcore/base/result.hpp"
#include "libbeamcore/dist/control_reader.hpp"
#include "libbeamcore/dist/internal/peers.hpp"

namespace beam::dist::detail {

/// In the channel's process. Errors: as control_reader, and as etf::decode of the message.
[[nodiscard]] result<void> take_frame(peers& all, peer& from, control_reader& controls,
                                      const frame& f);

}  // namespace beam::dist::detail
