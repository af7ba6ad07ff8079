// log_forwarder: what RocksDB warns of, in the node's log.
//
// Its own file, LOG, is not made: Debian builds RocksDB with its assertions, one of which ends the process when that
// file cannot be written to twice, on a full disk.
#pragma once

#include <rocksdb/env.h>

#include <mutex>
#include <string>
#include <utility>

namespace beam::store::detail {

class log_forwarder final : public rocksdb::Logger {
public:
    explicit log_forwarder(std::string folder)
        : Logger(rocksdb::InfoLogLevel::WARN_LEVEL), folder_(std::move(folder)) {}

    using rocksdb::Logger::Logv;
    void Logv(const char* format, va_list values) override;
    void Logv(rocksdb::InfoLogLevel level, const char* format, va_list values) override;
    void LogHeader(const char* /*format*/, va_list /*values*/) override {}

    /// The last warning that names a file of the store: a status may name none.
    [[nodiscard]] std::string last_of_file() {
        std::lock_guard lock(mutex_);
        return last_of_file_;
    }

private:
    const std::string folder_;
    std::mutex mutex_;
    std::string last_of_file_;
};

}  // namespace beam::store::detail
