// Who asks, and that he is still there.
#pragma once

#include <string>

#include "libbeamcore/release/method.hpp"
#include "libbeamcore/runtime/process.hpp"
#include "tools/presence/app/view.hpp"

namespace presence {

/// Who acts: `as` where the client says it (--as, BEAM_USER), else the guest: user42 for the node's owner, `uid1000` for
/// another OS user. Any command of a user renews his leases, on all nodes that are seen here: that is done. Error: it is
/// no name (2).
[[nodiscard]] beam::awaitable<asked<std::string>> acting(beam::request& r, std::string as);

/// The same, without looking at leases.
[[nodiscard]] std::string guest_name(const beam::request& r);
/// Renews the leases of a user.
[[nodiscard]] beam::awaitable<void> renew_leases(std::string user);

}  // namespace presence
