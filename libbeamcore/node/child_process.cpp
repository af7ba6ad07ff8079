#include "libbeamcore/node/child_process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace beam {
namespace {

// Where the child finds its descriptors.
constexpr int child_link_fd = 3;
constexpr int child_listen_fd = 4;
constexpr int child_lock_fd = 5;
constexpr int first_free_fd = 10;

[[noreturn]] void become_child(char* const* arguments, int link, int listen, int lock, int output) {
    ::setpgid(0, 0);
    // Out of the way first: a source may lie where another's target is.
    link = ::fcntl(link, F_DUPFD, first_free_fd);
    listen = ::fcntl(listen, F_DUPFD, first_free_fd);
    lock = ::fcntl(lock, F_DUPFD, first_free_fd);
    output = ::fcntl(output, F_DUPFD, first_free_fd);
    const int null = ::open("/dev/null", O_RDONLY);
    ::dup2(null, 0);
    ::dup2(output, 1);
    ::dup2(output, 2);
    ::dup2(link, child_link_fd);
    ::dup2(listen, child_listen_fd);
    ::dup2(lock, child_lock_fd);
    ::close_range(child_lock_fd + 1, ~0U, 0);
    for (int s : {SIGPIPE, SIGXFSZ}) ::signal(s, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::execv(arguments[0], arguments);
    ::dprintf(2, "beamd: cannot execute %s: %s\n", arguments[0], std::strerror(errno));
    ::_exit(127);
}

}  // namespace

result<child_process> start_child_process(const parent_options& options, int listen_fd,
                                          int lock_fd) {
    int pair[2];
    int pipe[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0)
        return fail("cannot_start", std::strerror(errno));
    child_process child;
    child.link.reset(pair[0]);
    unique_fd their_link(pair[1]);
    if (::pipe2(pipe, O_CLOEXEC) != 0) return fail("cannot_start", std::strerror(errno));
    child.output.reset(pipe[0]);
    unique_fd their_output(pipe[1]);
    // Only our end: the child's stderr must block rather than lose text.
    ::fcntl(pipe[0], F_SETFL, O_NONBLOCK);

    auto node = options.node;
    node.link_fd = child_link_fd;
    node.listen_fd = child_listen_fd;
    node.lock_fd = child_lock_fd;
    auto words = options.child_command;
    for (auto& word : child_arguments(node)) words.push_back(std::move(word));
    std::vector<char*> arguments;
    arguments.reserve(words.size() + 1);
    for (auto& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);

    child.pid = ::fork();
    if (child.pid < 0) return fail("cannot_start", std::strerror(errno));
    if (child.pid == 0)
        become_child(arguments.data(), their_link.get(), listen_fd, lock_fd, their_output.get());
    ::setpgid(child.pid, child.pid);  // here too: whoever comes first
    return child;
}

std::vector<pid_t> children_of_this_process() {
    std::vector<pid_t> out;
    char path[64];
    std::snprintf(path, sizeof path, "/proc/self/task/%d/children", ::getpid());
    if (FILE* file = std::fopen(path, "re")) {
        int pid;
        while (std::fscanf(file, "%d", &pid) == 1) out.push_back(pid);
        std::fclose(file);
    }
    return out;
}

int end_orphans(const std::vector<pid_t>& spared) {
    const pid_t own_group = ::getpgrp();
    int ended = 0;
    // Killing one may hand us its children in turn.
    for (int tick = 0; tick < 200; ++tick) {
        bool any = false;
        for (pid_t pid : children_of_this_process()) {
            if (std::find(spared.begin(), spared.end(), pid) != spared.end()) continue;
            any = true;
            const pid_t group = ::getpgid(pid);
            if (group > 1 && group != own_group) ::kill(-group, SIGKILL);
            ::kill(pid, SIGKILL);
            if (::waitpid(pid, nullptr, WNOHANG) == pid) ++ended;
        }
        if (!any) break;
        const timespec moment{0, 1'000'000};
        ::nanosleep(&moment, nullptr);
    }
    return ended;
}

std::string describe_wait_status(int status) {
    if (WIFSIGNALED(status)) {
        const int signal = WTERMSIG(status);
        return "killed by signal " + std::to_string(signal) + " (" + ::strsignal(signal) + ")";
    }
    return "exited with " + std::to_string(WEXITSTATUS(status));
}

}  // namespace beam
