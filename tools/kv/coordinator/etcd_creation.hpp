// etcd_creation: makes a new cluster in etcd.
//
// It may be more than a transaction holds, so it is written in steps by the one who has `creating`, and is there with the
// last one, which writes `meta`. What a creator who died has left is no cluster, and is erased by the next; so is an earlier
// state of the cluster that was marked as outdated.
#pragma once

#include <string>
#include <vector>

#include "libbeamcore/base/result.hpp"
#include "tools/kv/coordinator/coordinator.hpp"
#include "tools/kv/coordinator/etcd_cluster.hpp"

namespace kv {

class etcd_creation {
public:
    explicit etcd_creation(etcd_cluster& cluster) : cluster_(cluster) {}

    /// See coordinator::create. Also: `conflict` (somebody makes one of this name now).
    [[nodiscard]] beam::result<void> create(const first_cluster& first);

private:
    /// The text of `meta` that is there and may be replaced; empty: there is none.
    [[nodiscard]] beam::result<std::string> to_be_replaced(const first_cluster& first);
    [[nodiscard]] beam::result<void> begin(const std::string& token, const std::string& lease,
                                           const std::string& replaced);
    [[nodiscard]] beam::result<void> write(const first_cluster& first, const std::string& token);
    [[nodiscard]] beam::result<void> step(const std::string& token, std::vector<json> operations);
    [[nodiscard]] beam::error whose_is_it(const json& refused) const;

    etcd_cluster& cluster_;
};

}  // namespace kv
