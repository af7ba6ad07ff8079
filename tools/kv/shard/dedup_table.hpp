// The requests that were done lately, so that none is done twice. A part of the replicated state: only applying an
// entry changes it, and the same entries make the same table everywhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tools/kv/shard/entry.hpp"
#include "tools/kv/shard/ids.hpp"

namespace kv {

class dedup_table {
public:
    static constexpr std::size_t numbers_kept = 64;  ///< the last ones of each client
    static constexpr std::uint64_t client_kept_ms =
        600'000;  ///< since its last, or up to a second before, by the shard's age

    void apply(const entry& e);

    struct memory {
        const outcome* answer =
            nullptr;              ///< what the request was answered; valid until the next apply()
        bool is_settled = false;  ///< its client has said that it needs no answer any more
        /// So far behind its client's last that nobody knows any more whether it was done.
        bool is_too_old = false;
    };
    [[nodiscard]] memory recall(const request_id& id) const;

    [[nodiscard]] std::uint64_t age_ms() const { return age_ms_; }
    [[nodiscard]] std::size_t clients() const { return clients_.size(); }
    [[nodiscard]] std::size_t outcomes() const { return outcomes_; }

    friend bool operator==(const dedup_table&, const dedup_table&) = default;

    // For who stores or sends it.

    struct client {
        std::vector<std::pair<std::uint64_t, outcome>> outcomes;  // by number
        std::uint64_t last_ms = 0, settled = 0;
        friend bool operator==(const client&, const client&) = default;
    };
    using clients_by_id = std::unordered_map<std::uint64_t, client>;
    [[nodiscard]] const clients_by_id& all() const { return clients_; }
    [[nodiscard]] static dedup_table restored(clients_by_id clients, std::uint64_t age_ms);

private:
    clients_by_id clients_;
    std::set<std::pair<std::uint64_t, std::uint64_t>> by_age_;  // last_ms, client
    std::uint64_t age_ms_ = 0;
    std::size_t outcomes_ = 0;  // of all clients
};

}  // namespace kv
