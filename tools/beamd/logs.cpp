#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <deque>
#include <nlohmann/json.hpp>

#include "libbeamcore/base/unique_fd.hpp"
#include "tools/beamd/beamd.hpp"
#include "tools/common/failure.hpp"
#include "tools/common/folders.hpp"
#include "tools/common/interrupt.hpp"
#include "tools/common/line_buffer.hpp"

namespace beam::beamd {

using tool::deadline;
using tool::exit_code;
using tool::failure;
using namespace std::chrono_literals;

namespace {

// NAME.log from its beginning to whatever is appended, also across rotation.
class log_reader {
public:
    explicit log_reader(std::string path) : path_(std::move(path)) { open(); }

    [[nodiscard]] bool is_open() const { return static_cast<bool>(fd_); }

    // The next line that is there, or nothing for now.
    std::optional<std::string> next() {
        for (;;) {
            if (auto line = lines_.next()) return line;
            if (!fd_ && !open()) return std::nullopt;
            char buffer[64 * 1024];
            const auto n = ::read(fd_.get(), buffer, sizeof buffer);
            if (n > 0) {
                lines_.append({buffer, static_cast<std::size_t>(n)});
                continue;
            }
            if (n < 0 && errno != EINTR)
                throw failure(exit_code::io_error,
                              "cannot read " + path_ + ": " + std::strerror(errno));
            if (!was_rotated()) return std::nullopt;
            // Everything of the old file was read: the rest is in the new one.
            fd_.reset();
        }
    }

private:
    bool open() {
        fd_.reset(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
        return is_open();
    }

    bool was_rotated() const {
        struct stat mine {
        }, there{};
        return ::stat(path_.c_str(), &there) == 0 && ::fstat(fd_.get(), &mine) == 0 &&
               (mine.st_ino != there.st_ino || mine.st_dev != there.st_dev);
    }

    std::string path_;
    unique_fd fd_;
    tool::line_buffer lines_{16 * 1024 * 1024};
};

}  // namespace

exit_code logs(client& node, const logs_options& options) {
    auto& common = *node.common();
    const auto path = tool::state_folder(tool::runtime_folder()) + "/" + common.node + ".log";
    log_reader reader(path);
    if (!reader.is_open() && !options.follow)
        throw failure(exit_code::no,
                      "the node \"" + common.node + "\" has no log yet (" + path + ")", "",
                      "not_found");

    std::uint64_t printed = 0;
    const auto is_full = [&] { return options.limits.count && printed >= options.limits.count; };
    const auto print = [&](const std::string& line) {
        common.print(line, {{"line", line}});
        ++printed;
    };
    if (options.lines >= 0) {
        std::deque<std::string> last;
        while (auto line = reader.next()) {
            last.push_back(std::move(*line));
            if (last.size() > static_cast<std::size_t>(options.lines)) last.pop_front();
        }
        for (const auto& line : last)
            if (!is_full()) print(line);
    } else {
        for (std::optional<std::string> line; !is_full() && (line = reader.next());) print(*line);
    }
    common.out.flush();
    if (!options.follow) return exit_code::done;

    const auto end_at =
        options.limits.for_time ? deadline::in(*options.limits.for_time) : deadline();
    const auto idle = [&] {
        return options.limits.until_idle ? deadline::in(*options.limits.until_idle) : deadline();
    };
    for (auto idle_at = idle(); !is_full() && !end_at.is_over() && !idle_at.is_over();) {
        while (!is_full()) {
            auto line = reader.next();
            if (!line) break;
            print(*line);
            common.out.flush();
            idle_at = idle();
        }
        tool::check_interrupted();
        ::usleep(50'000);
    }
    return exit_code::done;
}

}  // namespace beam::beamd
