#include "tools/faultlab/shell_command.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "tools/common/failure.hpp"
#include "tools/common/interrupt.hpp"

namespace faultlab {

namespace {

using beam::tool::deadline;
using beam::tool::exit_code;
using beam::tool::failure;

enum class spawn_as { group, companion };

// After fork only what is safe there. `arguments` is made before it.
[[noreturn]] void become(std::vector<char*>& arguments, int output, int error, spawn_as as,
                         pid_t parent) {
    if (as == spawn_as::group) {
        ::setpgid(0, 0);
    } else {
        // Ctrl-C is the script's to deal with; its death is the end of this.
        ::prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (::getppid() != parent) ::_exit(1);
        ::setpgid(0, 0);
    }
    const int null = ::open("/dev/null", O_RDONLY);
    ::dup2(null, 0);
    ::dup2(output, 1);
    ::dup2(error, 2);
    ::close_range(3, ~0U, 0);
    ::signal(SIGINT, SIG_DFL);
    ::execv(arguments[0], arguments.data());
    ::_exit(127);
}

pid_t start(const std::vector<std::string>& words, int output, int error, spawn_as as) {
    std::vector<std::string> copy = words;
    std::vector<char*> arguments;
    arguments.reserve(copy.size() + 1);
    for (std::string& word : copy) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    const pid_t self = ::getpid();
    const pid_t pid = ::fork();
    if (pid < 0)
        throw failure(exit_code::try_again, std::string("cannot fork: ") + std::strerror(errno));
    if (pid == 0) become(arguments, output, error, as, self);
    ::setpgid(pid, pid);  // here too: whoever comes first
    return pid;
}

int code_of(int status) {
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int reap(pid_t pid) {
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return code_of(status);
}

struct owned_fd {
    int fd;
    explicit owned_fd(int f) : fd(f) {}
    ~owned_fd() {
        if (fd >= 0) ::close(fd);
    }
    owned_fd(const owned_fd&) = delete;
    owned_fd& operator=(const owned_fd&) = delete;
};

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
    const owned_fd null(::open("/dev/null", O_WRONLY | O_CLOEXEC));
    const int output = shows_output ? 2 : null.fd;
    const pid_t pid = start({"/bin/sh", "-c", command}, output, output, spawn_as::group);
    // glibc has pidfd_open from 2.36 on, as libbeamcore/io says.
    const owned_fd ended(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    const seen what = wait_readable(ended.fd, until);
    if (what == seen::ready) {
        const int code = reap(pid);
        ::kill(-pid, SIGKILL);  // what it left behind
        return code;
    }
    ::kill(-pid, SIGKILL);
    (void)reap(pid);
    if (what == seen::interrupted) throw beam::tool::interrupted{};
    return std::nullopt;
}

background_command::background_command(const std::vector<std::string>& arguments) {
    int pipe[2];
    if (::pipe2(pipe, O_CLOEXEC) != 0)
        throw failure(exit_code::try_again, std::string("no pipe: ") + std::strerror(errno));
    const owned_fd theirs(pipe[1]);
    output_ = pipe[0];
    pid_ = start(arguments, pipe[1], pipe[1], spawn_as::companion);
}

background_command::background_command(background_command&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      output_(std::exchange(other.output_, -1)),
      unread_(std::move(other.unread_)) {}

background_command::~background_command() {
    if (pid_ > 0) {
        ::kill(pid_, SIGTERM);
        (void)reap(pid_);
    }
    if (output_ >= 0) ::close(output_);
}

std::optional<std::string> background_command::read_line(const deadline& until) {
    for (;;) {
        if (const auto end = unread_.find('\n'); end != std::string::npos) {
            std::string line = unread_.substr(0, end);
            unread_.erase(0, end + 1);
            return line;
        }
        const seen what = wait_readable(output_, until);
        if (what == seen::interrupted) throw beam::tool::interrupted{};
        if (what == seen::late) return std::nullopt;
        char buffer[4096];
        const auto n = ::read(output_, buffer, sizeof buffer);
        if (n <= 0) return std::nullopt;
        unread_.append(buffer, static_cast<std::size_t>(n));
    }
}

int background_command::wait() {
    return reap(std::exchange(pid_, -1));
}

}  // namespace faultlab
