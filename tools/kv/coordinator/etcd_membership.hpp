// etcd_membership: the entry of a life of a node, under a lease that is kept by tend(). For one thread.
//
// members/NODE names who lives; holders/STORE says who has a store, so that no two nodes have one. Both go with
// the lease, some time after its life has stopped to keep it. A lease that has run out though its life goes on (the
// process was stopped, etcd was away) is replaced, and the entry made anew, unless somebody has the name by now.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>

#include "libbeamcore/base/result.hpp"
#include "tools/kv/coordinator/coordinator.hpp"
#include "tools/kv/coordinator/etcd_cluster.hpp"

namespace kv {

class etcd_membership {
public:
    explicit etcd_membership(const etcd_options& options);
    etcd_membership(const etcd_membership&) = delete;
    etcd_membership& operator=(const etcd_membership&) = delete;

    /// Errors: coordinator::join's.
    [[nodiscard]] beam::result<void> join(etcd_cluster& cluster, const join_request& request);
    /// Errors: coordinator::leave's.
    [[nodiscard]] beam::result<void> leave(etcd_cluster& cluster);

    /// Keeps the lease, or takes another where it has run out.
    void tend(etcd_cluster& cluster);
    /// How often.
    [[nodiscard]] std::chrono::milliseconds tend_every() const {
        return std::chrono::milliseconds(ttl_) / 3;
    }

    /// The newest revision that the lease's answers have told. By any thread.
    [[nodiscard]] std::uint64_t seen_rev() const { return seen_rev_; }

private:
    [[nodiscard]] static beam::result<std::string> grant(etcd_cluster& cluster,
                                                         std::chrono::seconds ttl);
    [[nodiscard]] static beam::result<void> enter(etcd_cluster& cluster,
                                                  const join_request& request,
                                                  const std::string& lease);

    const std::chrono::seconds ttl_;
    std::atomic<std::uint64_t> seen_rev_{0};
    bool is_joined_ = false;
    join_request joined_;
    std::string lease_;
};

}  // namespace kv
