#include "tools/common/interrupt.hpp"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "tools/common/failure.hpp"

namespace beam::tool {
namespace {

// A signal handler can reach nothing else: these belong to the process, as SIGINT does.
volatile sig_atomic_t seen = 0;
int pipe_fds[2] = {-1, -1};

void on_interrupt(int) {
    if (seen) ::_exit(130);
    seen = 1;
    [[maybe_unused]] auto n = ::write(pipe_fds[1], "", 1);
}

}  // namespace

void catch_interrupts() {
    if (pipe_fds[0] >= 0 || ::pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK) != 0) return;
    struct sigaction old {};
    ::sigaction(SIGINT, nullptr, &old);
    if (old.sa_handler == SIG_IGN) return;  // nohup and background jobs: stay deaf
    struct sigaction action {};
    action.sa_handler = on_interrupt;
    ::sigaction(SIGINT, &action, nullptr);
}

int interrupt_fd() {
    return pipe_fds[0];
}
void interrupt() {
    on_interrupt(SIGINT);
}
bool is_interrupted() {
    return seen != 0;
}

void check_interrupted() {
    if (seen) throw interrupted{};
}

}  // namespace beam::tool
