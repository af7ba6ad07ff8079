#include "libbeamcore/store/internal/rocksdb/log_files.hpp"

#include <fcntl.h>
#include <rocksdb/file_system.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <utility>

#include "libbeamcore/store/internal/folder.hpp"

namespace beam::store::detail {

namespace {

// So much at once: a sync that writes it takes hardly longer, and few do.
constexpr std::size_t zeros_at_once = std::size_t{256} << 10;
alignas(4096) constexpr std::array<char, zeros_at_once> zeros{};

/// That zeros could not be written is no failure: then a sync takes longer, and what is wrong shows where a record goes.
class log_file : public rocksdb::FSWritableFileOwnerWrapper {
public:
    log_file(std::unique_ptr<rocksdb::FSWritableFile> file, const std::string& name)
        : FSWritableFileOwnerWrapper(std::move(file)),
          zeros_(::open(name.c_str(), O_WRONLY | O_CLOEXEC)) {}
    ~log_file() override { end_zeros(); }
    log_file(const log_file&) = delete;
    log_file& operator=(const log_file&) = delete;

    rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                             rocksdb::IODebugContext* debug) override {
        go_on_by(data.size());
        return target()->Append(data, options, debug);
    }
    rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                             const rocksdb::DataVerificationInfo& verification,
                             rocksdb::IODebugContext* debug) override {
        go_on_by(data.size());
        return target()->Append(data, options, verification, debug);
    }

private:
    /// Before the record is written: behind it nothing is yet.
    void go_on_by(std::size_t bytes) {
        end_ += bytes;
        if (end_ <= zeroed_to_ || zeros_ < 0) return;
        const std::size_t from = std::max(zeroed_to_, end_ / zeros_at_once * zeros_at_once);
        zeroed_to_ = from + zeros_at_once;
        if (::pwrite(zeros_, zeros.data(), zeros.size(), off_t(from)) != ssize_t(zeros.size()))
            end_zeros();
    }
    void end_zeros() {
        if (zeros_ >= 0) ::close(std::exchange(zeros_, -1));
    }

    int zeros_;
    std::size_t end_ = 0, zeroed_to_ = 0;  // end_ <= zeroed_to_
};

/// All logs in that folder.
rocksdb::IOStatus sync_logs(const std::string& folder) {
    std::error_code failure;
    for (std::filesystem::directory_iterator it(folder, failure), end; !failure && it != end;
         it.increment(failure)) {
        if (it->path().extension() != ".log") continue;
        // One that nobody needs may be gone by now.
        if (const auto r = sync_path(it->path()); !r && !r.error().is("enoent"))
            return rocksdb::IOStatus::IOError(r.error().detail, r.error().code);
    }
    if (failure) return rocksdb::IOStatus::IOError(folder, failure.message());
    return rocksdb::IOStatus::OK();
}

class log_files : public rocksdb::FileSystemWrapper {
public:
    log_files() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}

    [[nodiscard]] const char* Name() const override { return "log_files"; }

    [[nodiscard]] rocksdb::FileOptions OptimizeForLogWrite(
        const rocksdb::FileOptions& file, const rocksdb::DBOptions& database) const override {
        auto o = FileSystemWrapper::OptimizeForLogWrite(file, database);
        o.fallocate_with_keep_size = false;
        return o;
    }

    rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSWritableFile>* file,
                                      rocksdb::IODebugContext* debug) override {
        const bool is_log = name.ends_with(".log");
        if (is_log)
            if (auto s = sync_logs(parent_of(name)); !s.ok()) return s;
        auto s = FileSystemWrapper::NewWritableFile(name, options, file, debug);
        if (s.ok() && is_log) *file = std::make_unique<log_file>(std::move(*file), name);
        return s;
    }
};

}  // namespace

rocksdb::Env* log_environment() {
    static rocksdb::Env* const made =
        rocksdb::NewCompositeEnv(std::make_shared<log_files>()).release();
    return made;
}

}  // namespace beam::store::detail
