#include "tools/common/child_process.hpp"

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

namespace beam::tool {

namespace {

void take_streams(const child_options& o) {
    if (o.input) ::dup2(*o.input, 0);
    if (o.output) ::dup2(*o.output, 1);
    if (o.error) ::dup2(*o.error, 2);
}

// After fork only what is safe there. `arguments` is made before it.
[[noreturn]] void become(std::vector<char*>& arguments, const child_options& o, int tell_failure,
                         pid_t parent) {
    if (o.own_group) ::setpgid(0, 0);
    if (o.ends_with_us) {
        ::prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (::getppid() != parent) ::_exit(1);  // it was gone before
    }
    take_streams(o);
    if (!o.gets_descriptors) ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    if (o.prepare) o.prepare();
    ::execvp(arguments[0], arguments.data());
    const int why = errno;
    [[maybe_unused]] const auto n = ::write(tell_failure, &why, sizeof why);
    ::_exit(why == ENOENT ? 127 : 126);
}

}  // namespace

child_process::child_process(const std::vector<std::string>& words, const child_options& options)
    : leads_group_(options.own_group) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
        throw failure(exit_code::try_again, std::string("no pipe: ") + std::strerror(errno));
    exec_failure_.reset(ends[0]);
    const unique_fd tells(ends[1]);
    std::vector<char*> arguments;
    arguments.reserve(words.size() + 1);
    for (const auto& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    const pid_t self = ::getpid();
    pid_ = ::fork();
    if (pid_ < 0)
        throw failure(exit_code::try_again,
                      std::string("no process can be made: ") + std::strerror(errno));
    if (pid_ == 0) become(arguments, options, tells.get(), self);
    if (options.own_group) ::setpgid(pid_, pid_);  // here too: whoever comes first
    // glibc has pidfd_open from 2.36 on, as libbeamcore/io says.
    ended_.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
}

int child_process::exec_error() {
    int why = 0;
    const bool failed = ::read(exec_failure_.get(), &why, sizeof why) == sizeof why;
    exec_failure_.reset();
    return failed ? why : 0;
}

bool child_process::ends_by(deadline by) const {
    for (;;) {
        pollfd waits{ended_.get(), POLLIN, 0};
        if (::poll(&waits, 1, by.poll_timeout()) > 0) return true;
        if (by.is_over()) return false;
    }
}

void child_process::kill(int signal) const {
    ::kill(target(), signal);
}

int child_process::reap() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace beam::tool
