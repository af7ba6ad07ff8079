#include "libbeamcore/node/log_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <ctime>

namespace beam {
namespace {

// Everything, or false. EAGAIN counts as a failure: a log never holds up a node.
bool write_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const auto n = ::write(fd, bytes.data(), bytes.size());
        if (n < 0) {
            if (errno == EINTR) continue;
            return false;
        }
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
}

std::string timestamp() {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    tm utc{};
    ::gmtime_r(&now.tv_sec, &utc);
    char text[40];
    const auto n = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
    std::snprintf(text + n, sizeof text - n, ".%03ldZ", now.tv_nsec / 1'000'000);
    return text;
}

}  // namespace

log_file::log_file(std::string path, bool echo, std::size_t size_limit)
    : path_(std::move(path)), size_limit_(size_limit), echo_(echo) {
    reopen();
}

void log_file::reopen() {
    fd_.reset(::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600));
    struct stat file {};
    size_ = fd_ && ::fstat(fd_.get(), &file) == 0 ? static_cast<std::size_t>(file.st_size) : 0;
}

void log_file::raw(std::string_view bytes) {
    if (bytes.empty()) return;
    if (echo_) write_all(STDERR_FILENO, bytes);
    if (size_ > 0 && size_ + bytes.size() > size_limit_) rotate();
    if (!fd_) reopen();
    if (lost_ > 0 && fd_) {
        const auto note = timestamp() + " beamd: " + std::to_string(lost_) +
                          " bytes of this log were lost: they could not be written\n";
        if (write_all(fd_.get(), note)) {
            size_ += note.size();
            lost_ = 0;
        }
    }
    if (fd_ && lost_ == 0 && write_all(fd_.get(), bytes))
        size_ += bytes.size();
    else
        lost_ += bytes.size();
    at_line_start_ = bytes.back() == '\n';
}

void log_file::line(std::string_view text) {
    std::string out = at_line_start_ ? "" : "\n";
    out += timestamp() + " beamd[" + std::to_string(::getpid()) + "]: ";
    for (char c : text) out += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
    raw(out + "\n");
}

void log_file::rotate() {
    const auto old = [this](int n) { return path_ + "." + std::to_string(n); };
    for (int n = kept - 1; n >= 1; --n) ::rename(old(n).c_str(), old(n + 1).c_str());
    ::rename(path_.c_str(), old(1).c_str());
    reopen();
}

}  // namespace beam
