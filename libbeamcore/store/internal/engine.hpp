// engine: what keeps the data of one open store on disk.
//
// Reads come from any process at any time, and are begun and ended within one call: nothing of a read lies in a
// coroutine. Writes come from one thread at a time (the committer's). An engine has its folder for itself: its
// environment has claimed it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libbeamcore/base/result.hpp"
#include "libbeamcore/store/store.hpp"

namespace beam::store::detail {

/// Whom a write's answer goes to as a message; of others it is the reply to their request.
struct notice {
    pid to;
    std::uint64_t tag = 0;
};

/// One request on its way through a commit.
struct pending_write {
    from to;
    std::optional<notice> notify{};
    std::vector<operation> operations;
    bool is_cas = false;
    bool is_lazy = false;
    bool is_durable = false;
    std::chrono::nanoseconds came{};
    std::size_t bytes = 0;
    write_answer answer{};

    /// Refused before it came to the engine; it is here for its answer, which waits for its turn.
    [[nodiscard]] bool is_refused() const { return operations.empty() && !answer.code.empty(); }
};

/// Why a commit did not happen. Fatal: what is on disk of it is not known, and nobody may go on from there.
struct commit_failure {
    error why;
    bool is_fatal = false;
};

class engine {
public:
    engine() = default;
    virtual ~engine() = default;
    engine(const engine&) = delete;
    engine& operator=(const engine&) = delete;

    /// The folder is there. Nothing happens if it is open.
    [[nodiscard]] virtual result<void> open() = 0;
    /// Waits for the reads that are under way; those that come find it `closed`.
    virtual void close() = 0;
    /// Calls `tell`, from a thread of its own, when something failed without a commit that could say so.
    virtual void on_failure(std::function<void(error)> /*tell*/) {}

    /// Applies all writes in one commit, in order, and fills in their answers; those that are refused it leaves alone. On
    /// failure nothing of any of them may be seen. It is durable unless open_options::sync_interval lets it be later.
    [[nodiscard]] virtual std::optional<commit_failure> commit(
        std::vector<pending_write>& writes) = 0;
    /// Some commit is not durable. By the thread that commits.
    [[nodiscard]] virtual bool has_unsynced() const { return false; }
    /// Now they all are. A failure is fatal. By the thread that commits.
    [[nodiscard]] virtual std::optional<error> sync() { return {}; }

    [[nodiscard]] virtual result<std::optional<std::string>> get(std::string_view db,
                                                                 std::string_view key) = 0;
    [[nodiscard]] virtual result<page> scan(std::string_view db, const scan_options& options) = 0;
    [[nodiscard]] virtual result<std::uint64_t> count(std::string_view db) = 0;
    [[nodiscard]] virtual result<std::vector<std::string>> databases() = 0;
    /// Fills in what it knows: file, sizes, keys.
    virtual void describe(statistics& s) = 0;

    /// Writes a store with all that is committed into `folder`, which is there and empty. Safe on disk when it
    /// returns but for the folder's own entry. May take long; commits go on meanwhile.
    [[nodiscard]] virtual result<void> copy_to(const std::string& folder) = 0;
};

}  // namespace beam::store::detail
