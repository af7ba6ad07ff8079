// local_file: cluster.mdb, an LMDB file that all nodes of a host have open.
//
// LMDB locks by OS process: one that opened a file twice would lose its locks when either is closed. So each file is
// opened once in a process, whoever asks, and closed when the last has let it go.
//
// A process that is killed in a write transaction leaves nothing of it: the next writer gets the lock, and goes on from what was
// committed. One that is stopped (SIGSTOP) there keeps the others from writing until it goes on.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libbeamcore/base/result.hpp"
#include "tools/kv/coordinator/values.hpp"

struct MDB_txn;

namespace kv {

class local_environment;

/// Of one thread, and short. Ends without a trace unless it is committed.
class local_transaction {
public:
    local_transaction(local_transaction&& other) noexcept;
    local_transaction& operator=(local_transaction&&) = delete;
    ~local_transaction();

    /// What it reads is of this revision; what it writes gets it.
    [[nodiscard]] std::uint64_t rev() const { return rev_; }

    // Errors: `corrupt`, `enospc`, the system's.

    [[nodiscard]] beam::result<std::optional<kept_value>> get(const std::string& key) const;
    [[nodiscard]] beam::result<std::vector<kept_value>> all() const;
    [[nodiscard]] beam::result<void> put(const std::string& key, std::string_view value);
    /// Takes away all that is there.
    [[nodiscard]] beam::result<void> clear();
    /// Also: `unknown`, when the disk fails.
    [[nodiscard]] beam::result<void> commit();

private:
    friend class local_file;
    local_transaction(MDB_txn* txn, unsigned database, const local_environment& of);
    [[nodiscard]] beam::error failure(int number) const;

    MDB_txn* txn_;
    unsigned database_;
    const local_environment* of_;
    std::uint64_t rev_;
};

/// One user's hold of the file. Threads may use it at once.
class local_file {
public:
    /// Errors: `corrupt`, `bad_file_system`, `already_open` (in this OS process, by others), the system's.
    [[nodiscard]] static beam::result<local_file> open(const std::string& folder);
    local_file(local_file&&) noexcept = default;
    local_file& operator=(local_file&&) = delete;
    ~local_file();

    /// Errors: `lost` (the file was deleted, or another is in its place), the system's.
    [[nodiscard]] beam::result<local_transaction> read() const;
    /// Waits for whoever writes. Errors: as above.
    [[nodiscard]] beam::result<local_transaction> write() const;

    /// The revision of the last commit, by anybody.
    [[nodiscard]] std::uint64_t last_rev() const;
    [[nodiscard]] bool is_in_place() const;

private:
    explicit local_file(std::shared_ptr<local_environment> env) : env_(std::move(env)) {}
    [[nodiscard]] beam::result<local_transaction> begin(unsigned flags) const;

    std::shared_ptr<local_environment> env_;
};

}  // namespace kv
