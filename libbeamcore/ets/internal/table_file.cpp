#include "libbeamcore/ets/internal/table_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <system_error>
#include <utility>

namespace beam::detail::ets {

namespace {

tl::unexpected<error> failed(const std::string& path) {
    return fail("io", path + ": " + std::generic_category().message(errno));
}

}  // namespace

result<new_file> new_file::create(const std::string& path) {
    std::string beside = path + ".XXXXXX";
    unique_fd fd(::mkostemp(beside.data(), O_CLOEXEC));
    if (!fd) return failed(path);
    return new_file(path, std::move(beside), std::move(fd));
}

new_file::~new_file() {
    if (fd_) ::unlink(beside_.c_str());
}

result<void> new_file::write(std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t n = ::write(fd_.get(), bytes.data(), bytes.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return failed(path_);
        bytes.remove_prefix(std::size_t(n));
    }
    return {};
}

result<void> new_file::finish() {
    if (::fsync(fd_.get()) != 0 || ::rename(beside_.c_str(), path_.c_str()) != 0)
        return failed(path_);
    fd_.reset();
    const auto slash = path_.rfind('/');
    const std::string folder = slash == std::string::npos ? "." : path_.substr(0, slash + 1);
    const unique_fd dir(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (dir) (void)::fsync(dir.get());
    return {};
}

result<file_reader> file_reader::open(const std::string& path) {
    unique_fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return failed(path);
    return file_reader(path, std::move(fd));
}

// Reads on; false at the end of the file.
result<bool> file_reader::more() {
    held_.erase(0, std::exchange(at_, 0));
    char room[64 * 1024];
    for (;;) {
        const ssize_t n = ::read(fd_.get(), room, sizeof(room));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return failed(path_);
        held_.append(room, std::size_t(n));
        return n > 0;
    }
}

result<std::string> file_reader::line() {
    for (;;) {
        const auto end = held_.find('\n', at_);
        if (end != std::string::npos) {
            std::string text = held_.substr(at_, end - at_);
            at_ = end + 1;
            return text;
        }
        if (held_.size() - at_ > line_max) return take(line_max);
        auto any = more();
        if (!any) return pass(any);
        if (!*any) return take(held_.size() - at_);
    }
}

result<std::string> file_reader::take(std::size_t bytes) {
    while (held_.size() - at_ < bytes) {
        auto any = more();
        if (!any) return pass(any);
        if (!*any) break;
    }
    const std::size_t n = std::min(bytes, held_.size() - at_);
    std::string text = held_.substr(at_, n);
    at_ += n;
    return text;
}

}  // namespace beam::detail::ets
