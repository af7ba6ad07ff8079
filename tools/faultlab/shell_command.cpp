#include "tools/faultlab/shell_command.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "tools/common/failure.hpp"
#include "tools/common/interrupt.hpp"

namespace faultlab {

namespace {

using beam::tool::child_options;
using beam::tool::child_process;
using beam::tool::deadline;
using beam::tool::exit_code;
using beam::tool::failure;

// A group of its own: Ctrl-C is the script's to deal with.
child_process start(const std::vector<std::string>& words, int output, bool ends_with_us) {
    const beam::unique_fd nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    child_options options;
    options.input = nothing.get();
    options.output = options.error = output;
    options.own_group = true;
    options.ends_with_us = ends_with_us;
    options.gets_descriptors = false;
    options.prepare = [] { ::signal(SIGINT, SIG_DFL); };
    return child_process(words, options);
}

enum class seen { ready, late, interrupted };

seen wait_readable(int fd, const deadline& until) {
    for (;;) {
        pollfd both[] = {{fd, POLLIN, 0}, {beam::tool::interrupt_fd(), POLLIN, 0}};
        const int n = ::poll(both, 2, until.poll_timeout());
        if (beam::tool::is_interrupted()) return seen::interrupted;
        if (n > 0 && both[0].revents != 0) return seen::ready;
        if (until.is_over()) return seen::late;
    }
}

}  // namespace

command_result run_command(const std::string& command, bool shows_output, const deadline& until) {
    const beam::unique_fd null(::open("/dev/null", O_WRONLY | O_CLOEXEC));
    auto child = start({"/bin/sh", "-c", command}, shows_output ? 2 : null.get(), false);
    const seen what = wait_readable(child.ended_fd(), until);
    if (what != seen::ready) child.kill(SIGKILL);
    const int code = child.reap();
    child.kill(SIGKILL);  // what it left behind
    if (what == seen::interrupted) throw beam::tool::interrupted{};
    if (what == seen::late) return std::nullopt;
    return code;
}

background_command::background_command(const std::vector<std::string>& arguments) {
    int pipe[2];
    if (::pipe2(pipe, O_CLOEXEC) != 0)
        throw failure(exit_code::try_again, std::string("no pipe: ") + std::strerror(errno));
    output_.reset(pipe[0]);
    const beam::unique_fd theirs(pipe[1]);
    child_.emplace(start(arguments, theirs.get(), true));
}

background_command::~background_command() {
    child_->kill(SIGTERM);
    (void)child_->reap();
}

std::optional<std::string> background_command::read_line(const deadline& until) {
    for (;;) {
        if (const auto end = unread_.find('\n'); end != std::string::npos) {
            std::string line = unread_.substr(0, end);
            unread_.erase(0, end + 1);
            return line;
        }
        const seen what = wait_readable(output_.get(), until);
        if (what == seen::interrupted) throw beam::tool::interrupted{};
        if (what == seen::late) return std::nullopt;
        char buffer[4096];
        const auto n = ::read(output_.get(), buffer, sizeof buffer);
        if (n <= 0) return std::nullopt;
        unread_.append(buffer, static_cast<std::size_t>(n));
    }
}

}  // namespace faultlab
