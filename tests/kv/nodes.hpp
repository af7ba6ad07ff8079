// Real nodes of a cluster, each a process and its runtime, in a folder of the trial's own.
#pragma once

#include <sys/types.h>

#include <csignal>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/kv/network.hpp"
#include "tools/common/child_process.hpp"

namespace test {

struct kv_cluster_options {
    int nodes = 3;
    bool etcd = false;
    std::string engine;  ///< empty: the default
    std::string breaks;  ///< a rule that shards do not follow (tools/kv/app/crash_points.hpp)
    std::filesystem::path folder;
};

/// An etcd of one member, which can be killed and paused.
class etcd_server {
public:
    /// Throws a failure if there is none that answers.
    etcd_server(std::filesystem::path folder, const std::string& address,
                const kv_network* network);
    ~etcd_server();

    void start();
    void stop();
    void signal(int number) const;
    [[nodiscard]] std::string endpoint() const;

private:
    std::filesystem::path folder_;
    std::string address_;
    int port_ = 0;
    const kv_network* network_;
    std::optional<beam::tool::child_process> process_;
};

class kv_nodes {
public:
    /// Sets this process's environment for the nodes and their clients, starts them and makes the cluster of them. Throws
    /// std::runtime_error if that does not work.
    explicit kv_nodes(const kv_cluster_options& options);
    /// Stops them all; what is left is killed.
    ~kv_nodes();
    kv_nodes(const kv_nodes&) = delete;
    kv_nodes& operator=(const kv_nodes&) = delete;

    [[nodiscard]] const std::vector<std::string>& names() const { return names_; }
    [[nodiscard]] std::size_t size() const { return names_.size(); }

    /// With `crash_at`, each life of its runtime ends at that point: `append:5` (tools/kv/app/crash_points.hpp).
    void start(std::size_t i, const std::string& crash_at = {});
    /// The node and its runtime, at once.
    void kill(std::size_t i);
    /// The runtime alone: its parent starts another.
    void kill_runtime(std::size_t i) const;
    void pause(std::size_t i) const { signal(i, SIGSTOP); }
    void resume(std::size_t i) const { signal(i, SIGCONT); }
    /// Of a node that is down.
    void wipe(std::size_t i) const;
    [[nodiscard]] std::filesystem::path store(std::size_t i) const;
    /// Whether what the node logged tells of its store.
    [[nodiscard]] bool log_names_store(std::size_t i) const;
    /// A node that ended by itself, if one has: it is started again.
    [[nodiscard]] std::optional<std::string> tend();

    [[nodiscard]] kv_network* network() { return network_ ? &*network_ : nullptr; }
    [[nodiscard]] etcd_server* etcd() { return etcd_.get(); }

private:
    void signal(std::size_t i, int number) const;
    void make_cluster() const;

    kv_cluster_options options_;
    std::vector<std::string> names_;
    std::optional<kv_network> network_;
    std::unique_ptr<etcd_server> etcd_;
    std::vector<std::optional<beam::tool::child_process>> processes_;
};

}  // namespace test
