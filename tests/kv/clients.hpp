// Clients of a cluster, each a thread: they contend for few keys, through any of the nodes, and write down what they are told.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/kv/record.hpp"
#include "tools/common/client.hpp"

namespace test {

/// A conversation with each node, over its control socket. Starts none.
class kv_asker {
public:
    explicit kv_asker(std::vector<std::string> nodes) : nodes_(std::move(nodes)) {}

    /// Throws a failure, as client does. The request's own deadline is `timeout_ms`; a node that says nothing is waited for
    /// a while longer.
    nlohmann::json ask(const std::string& node, const std::string& method,
                       const nlohmann::json& params, std::int64_t timeout_ms);

    /// A get: what the answer says is added to the event.
    void get(kv_event& e, bool by_primary, std::int64_t timeout_ms);
    /// Any change.
    void change(kv_event& e, std::int64_t timeout_ms);
    /// Puts the value of each under its key, or deletes them, in one transaction.
    void change_together(std::vector<kv_event>& all, std::int64_t timeout_ms);
    /// The keys of these are all that there are with the prefix: one page, of one moment.
    void scan(const std::string& prefix, std::vector<kv_event>& all, std::int64_t timeout_ms);

    [[nodiscard]] const std::vector<std::string>& nodes() const { return nodes_; }

private:
    void tell(kv_event& e, const std::function<void()>& asking);
    [[nodiscard]] beam::client& client_of(const std::string& node, std::int64_t timeout_ms);

    std::vector<std::string> nodes_;
    std::map<std::string, beam::client> clients_;
};

class kv_clients {
public:
    kv_clients(std::vector<std::string> nodes, int count, std::uint64_t seed);
    ~kv_clients() { stop(); }

    void stop();
    [[nodiscard]] kv_record record() const;

    static std::vector<std::string> contended_keys();
    /// Two keys of one shard that are written together only.
    static std::vector<std::string> paired_keys(const std::string& tag);

private:
    void work(int client, std::uint64_t seed);
    void add(kv_record some);

    std::vector<std::string> nodes_;
    std::atomic<bool> is_over_ = false;
    std::vector<std::thread> threads_;
    mutable std::mutex mutex_;
    kv_record record_;
};

/// Nanoseconds of the clock that all clients share.
[[nodiscard]] std::int64_t kv_clock();

}  // namespace test
