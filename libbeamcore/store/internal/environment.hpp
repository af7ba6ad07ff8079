// environment: one store's folder with its engine, and what was counted of it.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "libbeamcore/store/internal/engine.hpp"
#include "libbeamcore/store/internal/folder.hpp"

namespace beam::store::detail {

class environment {
public:
    environment(std::string path, const open_options& options)
        : path_(std::move(path)), options_(options) {}
    ~environment() { close(); }
    environment(const environment&) = delete;
    environment& operator=(const environment&) = delete;

    /// Opens what is in the folder, or makes a new store. The first that succeeds chooses the engine.
    [[nodiscard]] result<void> open();
    void close();

    /// Applies all writes in one transaction and fills in their answers. An error: the store must not go on
    /// (see commit_failure).
    [[nodiscard]] std::optional<error> commit(std::vector<pending_write>& writes);

    /// Makes durable what commits left for later: a failure as above.
    [[nodiscard]] std::optional<error> sync();

    /// What holds the data. Not before open() succeeded once; then always the same.
    [[nodiscard]] engine& data() { return *engine_; }
    [[nodiscard]] result<statistics> info();
    /// A copy of what is committed in a new folder.
    [[nodiscard]] result<void> backup(const std::string& folder);

private:
    [[nodiscard]] result<void> open_claimed();
    [[nodiscard]] result<engine_type> choose() const;

    const std::string path_;
    const open_options options_;
    std::mutex opening_;
    folder_claim claim_;
    bool is_open_ = false;
    std::optional<engine_type> type_{};
    std::unique_ptr<engine> engine_;
    std::atomic<std::uint64_t> commits_{0}, requests_{0}, largest_{0}, failed_{0}, late_syncs_{0};
};

}  // namespace beam::store::detail
