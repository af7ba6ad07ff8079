// lmdb_engine: a store's data in one LMDB file.
//
// `state_` is held shared by a read and exclusively by what LMDB wants to be alone for: raising the map, making a
// database's handle known, closing. A read transaction is begun and ended within one read. `map_` is held shared
// by what reads for long (a copy) and needs no handle, and exclusively where the map goes away.
#pragma once

#include <lmdb.h>

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

#include "libbeamcore/store/internal/engine.hpp"

namespace beam::store::detail {

class lmdb_engine final : public engine {
public:
    lmdb_engine(std::string folder, const open_options& options);
    ~lmdb_engine() override;

    [[nodiscard]] result<void> open() override;
    void close() override;

    [[nodiscard]] std::optional<commit_failure> commit(std::vector<pending_write>& writes) override;

    [[nodiscard]] result<std::optional<std::string>> get(std::string_view db,
                                                         std::string_view key) override;
    [[nodiscard]] result<page> scan(std::string_view db, const scan_options& options) override;
    [[nodiscard]] result<std::uint64_t> count(std::string_view db) override;
    [[nodiscard]] result<std::vector<std::string>> databases() override;
    void describe(statistics& s) override;
    [[nodiscard]] result<void> copy_to(const std::string& folder) override;

private:
    using database_map = std::map<std::string, MDB_dbi, std::less<>>;
    struct transaction;

    [[nodiscard]] result<void> check_after_crashes(unsigned cut_off);
    [[nodiscard]] int open_environment();
    [[nodiscard]] int open_databases();
    void close_locked();
    void end_idle_readers();
    [[nodiscard]] int raise_map();

    [[nodiscard]] int try_commit(std::vector<pending_write>& writes);
    [[nodiscard]] int apply(transaction& t, pending_write& w);
    [[nodiscard]] int check_expectations(transaction& t, pending_write& w);
    [[nodiscard]] int check_collisions(transaction& t, pending_write& w);
    [[nodiscard]] int apply_one(transaction& t, const operation& op);
    [[nodiscard]] int find_database(transaction& t, const operation& op, MDB_dbi& dbi);

    /// `read(txn, dbi)` in a read transaction; not called if there is no such database.
    template <class F>
    [[nodiscard]] result<void> reading(std::string_view db, F read);

    const std::string folder_;
    const std::string file_;
    const open_options options_;

    std::shared_mutex map_;  // before state_
    std::shared_mutex state_;
    MDB_env* env_ = nullptr;
    database_map databases_;

    std::mutex idle_mutex_;
    std::vector<MDB_txn*> idle_;  // reset read transactions, to be renewed

    std::atomic<std::uint64_t> raises_{0};
};

}  // namespace beam::store::detail
