// etcd_cluster: transactions of one thread on a cluster that is known: each is made only if its `meta` is still what it was, so that one
// that lost its data, or was made anew under the same name, is never changed by who knows the old one.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "libbeamcore/base/result.hpp"
#include "tools/kv/coordinator/etcd_gateway.hpp"
#include "tools/kv/coordinator/etcd_text.hpp"

namespace kv {

/// Which cluster is known; shared by the threads of one coordinator.
class known_cluster {
public:
    explicit known_cluster(std::string uuid) : identity_{std::move(uuid)} {}

    /// The value of `meta` that was recognised; empty: not yet.
    [[nodiscard]] std::string meta_text() const;
    [[nodiscard]] cluster_meta meta() const;
    /// `text` null: there is none. Errors: those of recognise(), `corrupt`, `too_new`.
    [[nodiscard]] beam::result<void> recognise(const std::string* text);
    /// A cluster that is to be made. Errors: `wrong_cluster`.
    [[nodiscard]] beam::result<void> may_be(const cluster_meta& meta) const;

private:
    mutable std::mutex mutex_;
    cluster_identity identity_;
    std::string text_;
    cluster_meta meta_;
};

class etcd_cluster {
public:
    using effect = etcd_gateway::effect;
    /// The answers to the operations, in their order, and the revision at which they were made.
    struct made {
        std::uint64_t rev = 0;
        std::vector<json> answers;
    };

    etcd_cluster(const etcd_options& options, known_cluster& known);

    /// All operations in one transaction, on the known cluster only. Errors: call()'s, recognise()'s.
    [[nodiscard]] beam::result<made> guarded(std::vector<json> operations, effect e);

    /// One compare-and-swap, as an operation: `puts` if all of `conditions` hold, else `looks`.
    [[nodiscard]] static json swap(std::vector<json> conditions, std::vector<json> puts,
                                   std::vector<json> looks);
    /// Whether a swap was made, of its answer.
    [[nodiscard]] static bool was_made(const json& answer);
    /// What the looks of a swap that was not made found, or a get: the values.
    [[nodiscard]] std::vector<kept_value> found_in(const json& answer) const;

    /// The whole cluster. Errors: as above; without a cluster that was known: an empty view.
    [[nodiscard]] beam::result<cluster_view> snapshot();

    [[nodiscard]] etcd_gateway& gateway() { return gateway_; }
    [[nodiscard]] const etcd_keys& keys() const { return keys_; }
    [[nodiscard]] known_cluster& known() { return known_; }

private:
    [[nodiscard]] beam::result<void> get_to_know();

    etcd_gateway gateway_;
    const etcd_keys keys_;
    known_cluster& known_;
};

}  // namespace kv
