#include "tools/common/command.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "libbeamcore/base/unique_fd.hpp"
#include "tools/common/child_process.hpp"
#include "tools/common/deadline.hpp"
#include "tools/common/failure.hpp"

namespace beam::tool {

namespace {

using namespace std::chrono_literals;

constexpr auto patience_after_term = 2s;

// A handler can reach nothing else. One command at a time.
volatile sig_atomic_t passes_on_to = 0;
volatile sig_atomic_t came_early = 0;  // a signal, when there was nobody yet to pass it on to

void pass_on(int signal) {
    if (passes_on_to != 0)
        ::kill(static_cast<pid_t>(passes_on_to), signal);
    else
        came_early = signal;
}

void pass_on_to(pid_t target) {
    passes_on_to = target;
    if (came_early != 0) ::kill(target, came_early);
}

// While a command runs, signals to the tool are the command's.
class signals_of_a_command {
public:
    signals_of_a_command() {
        came_early = 0;
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

/// What a command writes, where somebody wants it.
class captured_output {
public:
    explicit captured_output(const command_options& options)
        : to_(options.output), most_(options.output_max) {
        if (!to_) return;
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) != 0)
            throw failure(exit_code::try_again, std::string("no pipe: ") + std::strerror(errno));
        reads_.reset(ends[0]);
        writes_.reset(ends[1]);
        ::fcntl(reads_.get(), F_SETFL, O_NONBLOCK);
    }

    /// The command's stdout; nothing if it is ours.
    [[nodiscard]] std::optional<int> command_end() const {
        return writes_ ? std::optional(writes_.get()) : std::nullopt;
    }
    /// Once the command has it.
    void begin() { writes_.reset(); }
    /// -1: there is nothing to wait for.
    [[nodiscard]] int fd() const { return reads_.get(); }
    /// While it is read.
    [[nodiscard]] bool is_too_much() const { return fd() >= 0 && to_->size() > most_; }

    void read_some() {
        char buffer[65536];
        const auto n = ::read(fd(), buffer, sizeof buffer);
        if (n > 0) to_->append(buffer, std::size_t(n));
        if (n == 0) stop();
    }
    /// What is there when the command has ended: others that still write may do so for ever.
    void read_rest() {
        int left = 0;
        if (fd() < 0 || ::ioctl(fd(), FIONREAD, &left) != 0) return;
        const auto end = to_->size() + std::size_t(left);
        while (fd() >= 0 && to_->size() < end) read_some();
    }
    void stop() { reads_.reset(); }

private:
    std::string* to_;
    std::size_t most_;
    unique_fd reads_, writes_;
};

enum class waited : std::uint8_t { ended, too_late, too_much };

waited wait_for_end(const child_process& child, deadline by, captured_output& output) {
    for (;;) {
        pollfd waits[2] = {{child.ended_fd(), POLLIN, 0}, {output.fd(), POLLIN, 0}};
        const int n = ::poll(waits, 2, by.poll_timeout());
        if (n > 0 && waits[1].revents != 0) output.read_some();
        if (output.is_too_much()) return waited::too_much;
        if (n > 0 && waits[0].revents != 0) return waited::ended;
        if (by.is_over()) return waited::too_late;
    }
}

}  // namespace

command_result run_command(const std::vector<std::string>& words, const command_options& options) {
    const auto& limit = options.limit;
    captured_output output(options);
    const signals_of_a_command signals;
    child_options of_child;
    of_child.own_group = limit && ::isatty(0) != 1;
    of_child.output = output.command_end();
    of_child.prepare = [&signals] { signals.restore(); };
    const auto start = deadline::clock::now();
    child_process child(words, of_child);
    output.begin();
    pass_on_to(child.target());
    command_result result;
    if (const int why = child.exec_error()) {
        result.was_executed = false;
        result.why_not = std::strerror(why);
    }
    const bool waits = limit || options.output;
    const auto by = limit ? deadline::in(*limit) : deadline();
    const auto how = waits ? wait_for_end(child, by, output) : waited::ended;
    result.timed_out = how == waited::too_late;
    result.too_much = how == waited::too_much;
    if (how != waited::ended) {
        output.stop();
        child.kill(SIGTERM);
        child.kill(SIGCONT);
        if (!child.ends_by(deadline::in(patience_after_term)) || of_child.own_group)
            child.kill(SIGKILL);
    }
    output.read_rest();
    result.exit = child.reap();
    result.took = deadline::clock::now() - start;
    return result;
}

}  // namespace beam::tool
