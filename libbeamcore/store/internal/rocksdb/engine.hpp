// rocksdb_engine: a store's data in a folder of RocksDB's.
//
// A database is a column family of that name behind a prefix. It is made before the first batch that puts into it,
// so that one whose first batch was not written may be there, empty. `state_` is held shared by a read and
// exclusively where a database is made or all is closed; `closing_` is held shared by a copy, which takes long.
#pragma once

#include <rocksdb/db.h>

#include <atomic>
#include <map>
#include <memory>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

#include "libbeamcore/store/internal/engine.hpp"
#include "libbeamcore/store/internal/range.hpp"
#include "libbeamcore/store/internal/rocksdb/failure_listener.hpp"
#include "libbeamcore/store/internal/rocksdb/log_forwarder.hpp"
#include "libbeamcore/store/internal/rocksdb/unsynced_mark.hpp"

namespace beam::store::detail {

class rocksdb_engine final : public engine {
public:
    rocksdb_engine(std::string folder, const open_options& options);
    ~rocksdb_engine() override;

    [[nodiscard]] result<void> open() override;
    void close() override;
    void on_failure(std::function<void(error)> tell) override;

    [[nodiscard]] std::optional<commit_failure> commit(std::vector<pending_write>& writes) override;
    [[nodiscard]] bool has_unsynced() const override { return has_unsynced_; }
    [[nodiscard]] std::optional<error> sync() override;

    [[nodiscard]] result<std::optional<std::string>> get(std::string_view db,
                                                         std::string_view key) override;
    [[nodiscard]] result<page> scan(std::string_view db, const scan_options& options) override;
    [[nodiscard]] result<std::uint64_t> count(std::string_view db) override;
    [[nodiscard]] result<std::vector<std::string>> databases() override;
    void describe(statistics& s) override;
    [[nodiscard]] result<void> copy_to(const std::string& folder) override;

private:
    using family = rocksdb::ColumnFamilyHandle;
    struct transaction;

    [[nodiscard]] result<void> check_files(const unsynced_mark& mark) const;
    [[nodiscard]] result<void> renew_mark(const unsynced_mark& found);
    void note_failure();
    [[nodiscard]] rocksdb::Status open_files(bool is_new);
    void add_family(family* f);
    void close_files();
    /// By the thread that commits.
    [[nodiscard]] rocksdb::Status make_database(const std::string& name);

    /// What fails for the whole commit; what is wrong with one request is in its answer.
    [[nodiscard]] rocksdb::Status apply(transaction& t, pending_write& w);
    void check_expectations(transaction& t, pending_write& w);
    [[nodiscard]] rocksdb::Status make_databases(pending_write& w);
    [[nodiscard]] rocksdb::Status apply_one(transaction& t, const operation& op);
    [[nodiscard]] rocksdb::Status erase_range(transaction& t, family* f, const operation& op);
    [[nodiscard]] rocksdb::Status read_value(const transaction& t, const operation& op,
                                             std::optional<std::string>& value);
    /// Null: there is none. For the thread that commits, or with `state_` held.
    [[nodiscard]] family* find(std::string_view db) const;

    [[nodiscard]] error failure(const rocksdb::Status& s) const;

    const std::string folder_;
    const open_options options_;
    const std::shared_ptr<failure_listener> listener_;
    const std::shared_ptr<log_forwarder> logger_;
    std::atomic<bool> has_unsynced_{false};
    unsynced_mark mark_;  // as it is on disk; with state_ held, or by the thread that commits

    std::shared_mutex closing_;  // before state_
    std::shared_mutex state_;
    std::unique_ptr<rocksdb::DB> db_;
    rocksdb::ColumnFamilyOptions family_settings_;
    std::vector<family*> families_;  // RocksDB's own, in which nothing is, and the databases
    std::map<std::string, family*, std::less<>> databases_;
};

}  // namespace beam::store::detail
