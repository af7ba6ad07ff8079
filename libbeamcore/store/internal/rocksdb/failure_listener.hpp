// failure_listener: hears of what fails on RocksDB's own threads.
#pragma once

#include <rocksdb/listener.h>

#include <functional>
#include <mutex>
#include <string>
#include <utility>

#include "libbeamcore/base/result.hpp"
#include "libbeamcore/store/internal/rocksdb/failure.hpp"

namespace beam::store::detail {

class failure_listener final : public rocksdb::EventListener {
public:
    explicit failure_listener(std::string folder) : folder_(std::move(folder)) {}

    void tell(std::function<void(error)> whom) {
        std::lock_guard lock(mutex_);
        whom_ = std::move(whom);
    }

    // From now on RocksDB takes no writes. A compaction that was stopped by close() is no failure.
    void OnBackgroundError(rocksdb::BackgroundErrorReason /*reason*/,
                           rocksdb::Status* why) override {
        if (why->IsShutdownInProgress()) return;
        std::lock_guard lock(mutex_);
        if (whom_) whom_(rocksdb_failure(*why, folder_));
    }

    // The store ends, and is opened anew.
    void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason /*reason*/, rocksdb::Status /*why*/,
                              bool* is_automatic) override {
        *is_automatic = false;
    }

private:
    const std::string folder_;
    std::mutex mutex_;
    std::function<void(error)> whom_;
};

}  // namespace beam::store::detail
