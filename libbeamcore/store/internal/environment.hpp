// environment: one open LMDB file.
//
// Reads come from any process at any time, writes from one thread at a time (the committer's). `state_` is
// held shared by a read and exclusively by what LMDB wants to be alone for: raising the map, making a
// database's handle known, closing. A read transaction is begun and ended within one read: it lies in no
// coroutine, so the lock is never held while a process waits.
#pragma once

#include <lmdb.h>

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

#include "libbeamcore/base/result.hpp"
#include "libbeamcore/store/store.hpp"

namespace beam::store::detail {

/// One request on its way through a commit.
struct pending_write {
    from to;
    std::vector<operation> operations;
    bool is_cas = false;
    std::size_t bytes = 0;
    write_answer answer{};
};

class environment {
public:
    environment(std::string path, const open_options& options);
    ~environment();
    environment(const environment&) = delete;
    environment& operator=(const environment&) = delete;

    [[nodiscard]] result<void> open();
    void close();

    /// Applies all writes in one transaction and fills in their answers. True: the file is not to be trusted
    /// any more (see is_fatal).
    bool commit(std::vector<pending_write>& writes);

    [[nodiscard]] result<std::optional<std::string>> get(std::string_view db, std::string_view key);
    [[nodiscard]] result<page> scan(std::string_view db, const scan_options& options);
    [[nodiscard]] result<std::uint64_t> count(std::string_view db);
    [[nodiscard]] result<std::vector<std::string>> databases();
    [[nodiscard]] result<statistics> info();
    [[nodiscard]] const std::string& file() const { return file_; }

private:
    using database_map = std::map<std::string, MDB_dbi, std::less<>>;

    [[nodiscard]] result<void> claim();
    [[nodiscard]] result<void> check_after_crashes(unsigned cut_off);
    void give_up_claim();
    [[nodiscard]] int open_environment();
    [[nodiscard]] int open_databases();
    void close_locked();
    [[nodiscard]] int raise_map();

    [[nodiscard]] int try_commit(std::vector<pending_write>& writes);
    [[nodiscard]] int apply(MDB_txn* txn, database_map& created, pending_write& w, bool& changed);
    [[nodiscard]] int database_for_writing(MDB_txn* txn, database_map& created,
                                           const std::string& name, MDB_dbi& dbi);
    [[nodiscard]] int put_one(MDB_txn* txn, MDB_dbi dbi, const operation& op);
    [[nodiscard]] int erase_one(MDB_txn* txn, MDB_dbi dbi, const operation& op, bool& changed);
    [[nodiscard]] int erase_all(MDB_txn* txn, MDB_dbi dbi, const operation& op, bool& changed);

    /// `read(txn, dbi)` in a read transaction; not called if there is no such database.
    template <class F>
    [[nodiscard]] result<void> reading(std::string_view db, F read);

    const std::string path_;
    const std::string file_;
    const open_options options_;
    std::pair<std::uint64_t, std::uint64_t> claimed_{};  // device and inode of the folder
    bool has_claim_ = false;

    std::shared_mutex state_;
    MDB_env* env_ = nullptr;
    database_map databases_;

    std::mutex idle_mutex_;
    std::vector<MDB_txn*> idle_;  // reset read transactions, to be renewed

    std::atomic<std::uint64_t> commits_{0}, requests_{0}, largest_{0}, failed_{0}, raises_{0};
};

}  // namespace beam::store::detail
