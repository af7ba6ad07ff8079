#include "tools/common/command.hpp"

#include <signal.h>
#include <unistd.h>

#include <cstring>

#include "tools/common/child_process.hpp"

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

}  // namespace

command_result run_command(const std::vector<std::string>& words,
                           std::optional<std::chrono::nanoseconds> limit) {
    const signals_of_a_command signals;
    child_options options;
    options.own_group = limit && ::isatty(0) != 1;
    options.prepare = [&signals] { signals.restore(); };
    const auto start = deadline::clock::now();
    child_process child(words, options);
    passes_on_to = child.target();
    command_result result;
    if (const int why = child.exec_error()) {
        result.was_executed = false;
        result.why_not = std::strerror(why);
    }
    if (limit && !child.ends_by(deadline::in(*limit))) {
        result.timed_out = true;
        child.kill(SIGTERM);
        child.kill(SIGCONT);
        if (!child.ends_by(deadline::in(patience_after_term)) || options.own_group)
            child.kill(SIGKILL);
    }
    result.exit = child.reap();
    result.took = deadline::clock::now() - start;
    return result;
}

}  // namespace beam::tool
