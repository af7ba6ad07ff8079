// etcd_membership: the entry of a life of a node, under a lease that a thread keeps.
//
// members/NODE names who lives; holders/STORE says who has a store, so that no two nodes have one. Both go with
// the lease, some time after its life has stopped to keep it. A lease that has run out though its life goes on (the
// process was stopped, etcd was away) is replaced, and the entry made anew, unless somebody has the name by now.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>

#include "libbeamcore/base/result.hpp"
#include "tools/kv/coordinator/coordinator.hpp"
#include "tools/kv/coordinator/etcd_cluster.hpp"

namespace kv {

class etcd_membership {
public:
    etcd_membership(const etcd_options& options, known_cluster& known);
    etcd_membership(const etcd_membership&) = delete;
    etcd_membership& operator=(const etcd_membership&) = delete;
    /// The lease is kept no longer; it runs out.
    ~etcd_membership();

    /// By the thread that has `cluster`. Errors: coordinator::join's.
    [[nodiscard]] beam::result<void> join(etcd_cluster& cluster, const join_request& request);
    /// Errors: coordinator::leave's.
    [[nodiscard]] beam::result<void> leave(etcd_cluster& cluster);

    /// The newest revision that the lease's answers have told.
    [[nodiscard]] std::uint64_t seen_rev() const { return seen_rev_; }
    void interrupt();

private:
    [[nodiscard]] static beam::result<std::string> grant(etcd_cluster& cluster,
                                                         std::chrono::seconds ttl);
    [[nodiscard]] static beam::result<void> enter(etcd_cluster& cluster,
                                                  const join_request& request,
                                                  const std::string& lease);
    void main();
    void keep_lease();
    void stop();

    const std::chrono::seconds ttl_;
    etcd_cluster cluster_;  // the thread's
    std::atomic<std::uint64_t> seen_rev_{0};

    std::mutex mutex_;
    std::condition_variable changed_;
    bool is_stopping_ = false;
    bool is_joined_ = false;
    join_request joined_;
    std::string lease_;  // the thread's while it runs
    std::thread thread_;
};

}  // namespace kv
