// local_coordinator: the coordinator that is cluster.mdb. See local.hpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "libbeamcore/base/result.hpp"
#include "tools/kv/coordinator/local_file.hpp"
#include "tools/kv/coordinator/local_life.hpp"
#include "tools/kv/coordinator/local_wake.hpp"
#include "tools/kv/coordinator/local_watch.hpp"
#include "tools/kv/coordinator/open.hpp"
#include "tools/kv/coordinator/values.hpp"

namespace kv {

class local_coordinator final : public coordinator {
public:
    local_coordinator(const local_options& options, std::string folder, local_file file,
                      local_wake wake)
        : folder_(std::move(folder)),
          known_{options.uuid},
          file_(std::move(file)),
          wake_(std::move(wake)),
          watch_(folder_, file_, wake_, options.look_every) {}

    [[nodiscard]] beam::result<void> open() { return watch_.open(); }

    beam::result<cluster_view> snapshot() override;
    beam::result<std::vector<known_record>> read(const std::vector<std::uint32_t>& shards) override;
    beam::result<std::vector<changed_record>> change(
        const std::vector<record_swap>& changes) override;
    beam::result<void> create(const first_cluster& first) override;
    beam::result<std::uint64_t> write_plan(const plan& next, std::uint64_t expected_rev) override;
    beam::result<void> join(const join_request& request) override;
    beam::result<void> leave() override;
    beam::result<std::uint64_t> set_store_state(const store_id& store, store_state state,
                                                std::uint64_t expected_rev) override;
    beam::result<known_record> overwrite_record(std::uint32_t shard, const store_id& primary,
                                                const std::vector<store_id>& isr,
                                                std::uint64_t expected_rev) override;
    beam::result<void> retire(const std::string& where) override;
    beam::result<void> mark_outdated(const cluster_meta& what, const std::string& why) override;
    bool wait(std::uint64_t rev, steady_time deadline) override {
        return watch_.wait(rev, deadline);
    }
    void interrupt() override { watch_.interrupt(); }

private:
    /// A transaction on the cluster that is known.
    [[nodiscard]] beam::result<local_transaction> on_cluster(bool writes);
    [[nodiscard]] beam::result<void> finish(local_transaction txn);
    [[nodiscard]] beam::result<known_record> record_in(const local_transaction& txn,
                                                       std::uint32_t shard);
    [[nodiscard]] beam::result<kept_view> look();
    [[nodiscard]] beam::result<void> note_deaths(const std::vector<member>& dead);
    [[nodiscard]] beam::result<void> note_leaving();
    [[nodiscard]] std::vector<member> dead_of(const cluster_view& view) const;
    [[nodiscard]] beam::result<void> enter(local_transaction& txn, const join_request& request);
    [[nodiscard]] beam::result<void> enter_store(local_transaction& txn, const cluster_view& seen,
                                                 const join_request& request);

    const std::string folder_;
    cluster_identity known_;
    const local_file file_;
    const local_wake wake_;
    local_watch watch_;
    std::optional<local_life> life_;
    join_request joined_;
};

}  // namespace kv
