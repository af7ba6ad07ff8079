#include "libbeamcore/store/internal/rocksdb/log_check.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <vector>

#include "libbeamcore/base/log.hpp"
#include "libbeamcore/base/unique_fd.hpp"
#include "libbeamcore/store/internal/failure.hpp"
#include "libbeamcore/store/internal/rocksdb/log_end.hpp"

namespace beam::store::detail {

namespace {

/// A file in memory, as it is.
class mapped_file {
public:
    mapped_file(int fd, std::size_t size)
        : at_(size == 0 ? nullptr : ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0)),
          size_(size) {}
    ~mapped_file() {
        if (is_there()) ::munmap(at_, size_);
    }
    mapped_file(const mapped_file&) = delete;
    mapped_file& operator=(const mapped_file&) = delete;

    [[nodiscard]] bool is_there() const { return at_ != nullptr && at_ != MAP_FAILED; }
    [[nodiscard]] std::string_view bytes() const {
        return {static_cast<const char*>(at_), is_there() ? size_ : 0};
    }

private:
    void* at_;
    std::size_t size_;
};

result<void> cut(const std::string& file, std::size_t at) {
    const unique_fd fd(::open(file.c_str(), O_RDWR | O_CLOEXEC));
    if (!fd || ::ftruncate(fd.get(), off_t(at)) != 0 || ::fsync(fd.get()) != 0)
        return failed(errno, file);
    return {};
}

result<void> leave_out(const std::string& file, std::size_t at) {
    log(log_level::warning, "store", "a write that did not come to the disk whole is left out",
        {{"file", file}, {"at", std::to_string(at)}});
    return cut(file, at);
}

struct treatment {
    log_kind kind = log_kind::writes;
    bool may_be_torn = true;  ///< nothing was written after it, to another log
    bool cut_room = false;
    bool may_have_holes = false;
};

struct found_end : log_end {
    bool has_room = false;  ///< behind it
};

/// The file stays as it is.
result<found_end> look_at(const std::string& file, treatment how) {
    const unique_fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    const off_t size = fd ? ::lseek(fd.get(), 0, SEEK_END) : -1;
    if (size < 0) return failed(errno, file);
    const mapped_file log(fd.get(), std::size_t(size));
    if (size > 0 && !log.is_there()) return failed(errno, file);
    log_end end;
    if (how.may_have_holes) end = find_first_hole(log.bytes());
    if (end.verdict != log_verdict::torn) end = find_log_end(log.bytes(), how.kind);
    if (end.verdict == log_verdict::damaged)
        return fail("corrupt", file + ": a record does not end, and others follow it");
    if (end.verdict == log_verdict::torn && !how.may_be_torn)
        return fail("corrupt", file + ": a record does not end, and another log follows it");
    return found_end{end, !end.is_empty && end.at < std::size_t(size)};
}

result<log_end> check_log(const std::string& file, treatment how) {
    auto end = look_at(file, how);
    if (!end) return pass(end);
    result<void> done;
    if (end->verdict == log_verdict::torn)
        done = leave_out(file, end->at);
    else if (how.cut_room && end->has_room)
        done = cut(file, end->at);
    if (!done) return pass(done);
    return *end;
}

// The newest goes first: without its hole nothing shows that those behind it do not count.
result<void> check_from_oldest(const std::vector<std::string>& logs) {
    for (std::size_t i = 0; i < logs.size(); ++i) {
        const auto end = look_at(logs[i], {.may_have_holes = true});
        if (!end) return pass(end);
        if (end->verdict != log_verdict::torn) continue;
        for (std::size_t newer = logs.size() - 1; newer > i; --newer)
            if (auto r = leave_out(logs[newer], 0); !r) return r;
        return leave_out(logs[i], end->at);
    }
    return {};
}

}  // namespace

result<void> check_logs(const std::string& folder, log_checks what) {
    std::vector<std::string> logs, lists;
    std::error_code failure;
    for (const auto& entry : std::filesystem::directory_iterator(folder, failure)) {
        if (entry.path().extension() == ".log") logs.push_back(entry.path());
        if (entry.path().filename().string().compare(0, 9, "MANIFEST-") == 0)
            lists.push_back(entry.path());
    }
    if (failure) return failed(failure.value(), folder);
    for (const std::string& file : lists)
        if (auto r = check_log(file, {log_kind::tables}); !r) return pass(r);
    // Their names are numbers of six digits.
    const auto is_newer = [](const std::string& a, const std::string& b) {
        return a.size() != b.size() ? a.size() > b.size() : a > b;
    };
    std::sort(logs.begin(), logs.end(), is_newer);
    if (what.may_have_holes) return check_from_oldest({logs.rbegin(), logs.rend()});
    // The newest one that has something is the last that was written to.
    bool may_be_torn = true;
    for (const std::string& file : logs) {
        auto end = check_log(file, {log_kind::writes, may_be_torn, what.cut_room});
        if (!end) return pass(end);
        if (!end->is_empty) may_be_torn = false;
    }
    return {};
}

}  // namespace beam::store::detail
