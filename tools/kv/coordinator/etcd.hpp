// The coordinator that is etcd: through its JSON gateway, so that nothing of gRPC is needed.
//
//     /beamcore/CLUSTER/meta, stores/S, plan, shards/N      as in values.hpp
//     /beamcore/CLUSTER/members/NODE, holders/STORE         under a lease of the life that joined
//     /beamcore/CLUSTER/creating                            while a cluster is made
//
// A key's mod_revision is the revision of what is there. All reads are linearizable. A member whose lease has run out
// is listed no more, and that proves nothing; one that has left is listed as ended.
#pragma once

#include <memory>

#include "libbeamcore/base/result.hpp"
#include "tools/kv/coordinator/open.hpp"

namespace kv {

/// Asks nobody yet. Errors: `bad_options`, `denied` (the password file's mode), the system's.
[[nodiscard]] beam::result<std::unique_ptr<coordinator>> open_etcd(const etcd_options& options);

}  // namespace kv
