#include "tools/common/command.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "libbeamcore/base/unique_fd.hpp"
#include "tools/common/deadline.hpp"
#include "tools/common/failure.hpp"

namespace beam::tool {

namespace {

using namespace std::chrono_literals;

constexpr auto patience_after_term = 2s;

// A handler can reach nothing else. One command at a time.
volatile sig_atomic_t passes_on_to = 0;

void pass_on(int signal) {
    if (passes_on_to != 0) ::kill(static_cast<pid_t>(passes_on_to), signal);
}

// While a command runs, signals to the tool are the command's.
class signals_of_a_command {
public:
    signals_of_a_command() {
        set(0, SIGINT, SIG_IGN);
        set(1, SIGQUIT, SIG_IGN);
        set(2, SIGTERM, pass_on);
        set(3, SIGHUP, pass_on);
    }
    ~signals_of_a_command() {
        passes_on_to = 0;
        restore();
    }
    signals_of_a_command(const signals_of_a_command&) = delete;
    signals_of_a_command& operator=(const signals_of_a_command&) = delete;

    /// In the command's process too: what was ignored before stays so.
    void restore() const {
        for (const auto& old : old_) ::sigaction(old.signal, &old.action, nullptr);
    }

private:
    struct saved {
        int signal = 0;
        struct sigaction action {};
    };

    void set(int place, int signal, void (*handler)(int)) {
        saved& old = old_[place];
        old.signal = signal;
        ::sigaction(signal, nullptr, &old.action);
        if (old.action.sa_handler == SIG_IGN) return;
        struct sigaction action {};
        action.sa_handler = handler;
        action.sa_flags = SA_RESTART;
        ::sigaction(signal, &action, nullptr);
    }

    saved old_[4];
};

[[noreturn]] void execute(const std::vector<std::string>& words, int tell_failure) {
    std::vector<char*> arguments;
    arguments.reserve(words.size() + 1);
    for (const auto& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    ::execvp(arguments[0], arguments.data());
    const int why = errno;
    [[maybe_unused]] const auto n = ::write(tell_failure, &why, sizeof why);
    ::_exit(why == ENOENT ? 127 : 126);
}

bool ends_by(int process_fd, deadline by) {
    for (;;) {
        pollfd waits{process_fd, POLLIN, 0};
        if (::poll(&waits, 1, by.poll_timeout()) > 0) return true;
        if (by.is_over()) return false;
    }
}

}  // namespace

command_result run_command(const std::vector<std::string>& words,
                           std::optional<std::chrono::nanoseconds> limit) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
        throw failure(exit_code::try_again, std::string("no pipe: ") + std::strerror(errno));
    unique_fd told(ends[0]), tells(ends[1]);
    const bool own_group = limit && ::isatty(0) != 1;
    const signals_of_a_command signals;
    const auto start = deadline::clock::now();
    const pid_t child = ::fork();
    if (child < 0)
        throw failure(exit_code::try_again,
                      std::string("no process can be made: ") + std::strerror(errno));
    if (child == 0) {
        if (own_group) ::setpgid(0, 0);
        signals.restore();
        execute(words, tells.get());
    }
    if (own_group) ::setpgid(child, child);  // whoever is first
    const pid_t whom = own_group ? -child : child;
    passes_on_to = whom;
    tells.reset();
    command_result result;
    int why = 0;
    if (::read(told.get(), &why, sizeof why) == sizeof why) {
        result.was_executed = false;
        result.why_not = std::strerror(why);
    }
    const unique_fd process_fd(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
    if (limit && !ends_by(process_fd.get(), deadline::in(*limit))) {
        result.timed_out = true;
        ::kill(whom, SIGTERM);
        ::kill(whom, SIGCONT);
        if (!ends_by(process_fd.get(), deadline::in(patience_after_term)) || own_group)
            ::kill(whom, SIGKILL);
    }
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    result.took = deadline::clock::now() - start;
    result.exit = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    return result;
}

}  // namespace beam::tool
