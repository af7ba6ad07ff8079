#include "tools/common/detached_program.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>

#include "tools/common/failure.hpp"
#include "tools/common/interrupt.hpp"

namespace beam::tool {

std::vector<std::string> node_environment(char** environment) {
    std::vector<std::string> out;
    for (char** entry = environment; entry && *entry; ++entry) {
        const std::string_view text = *entry;
        const auto name = text.substr(0, text.find('='));
        bool keep = name.rfind("XDG_", 0) == 0 || name.rfind("BEAM_", 0) == 0;
        for (auto known : {"PATH", "HOME", "LANG", "TZ", "TMPDIR", "CI"})
            keep = keep || name == known;
        if (keep) out.emplace_back(text);
    }
    return out;
}

detached_program::detached_program(const std::string& program, std::vector<std::string> words,
                                   bool keep_environment)
    : name_(program) {
    constexpr int ready_fd = 3;
    words.insert(words.begin(), program);
    words.insert(words.end(), {"--ready-fd", std::to_string(ready_fd)});
    std::vector<char*> arguments;
    arguments.reserve(words.size() + 1);
    for (auto& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    auto kept = node_environment(environ);
    std::vector<char*> filtered;
    filtered.reserve(kept.size() + 1);
    for (auto& entry : kept) filtered.push_back(entry.data());
    filtered.push_back(nullptr);

    int pipe[2];
    if (::pipe2(pipe, O_CLOEXEC) != 0)
        throw failure(exit_code::bug, std::string("no pipe: ") + std::strerror(errno));
    answer_.reset(pipe[0]);
    unique_fd theirs(pipe[1]);
    const pid_t middle = ::fork();
    if (middle < 0)
        throw failure(exit_code::unavailable, std::string("cannot fork: ") + std::strerror(errno));
    if (middle == 0) {
        // Twice, so that it is init's child: a tool that lives on need not reap it.
        ::setsid();
        if (::fork() != 0) ::_exit(0);
        const int null = ::open("/dev/null", O_RDWR);
        const int ready = ::fcntl(theirs.get(), F_DUPFD, 10);
        for (int fd : {0, 1, 2}) ::dup2(null, fd);
        ::dup2(ready, ready_fd);
        ::close_range(ready_fd + 1, ~0U, 0);
        if (::chdir("/") != 0) ::_exit(127);
        ::umask(077);
        struct sigaction standard {};
        standard.sa_handler = SIG_DFL;
        for (int s : {SIGINT, SIGPIPE, SIGHUP, SIGTERM, SIGCHLD})
            ::sigaction(s, &standard, nullptr);
        ::execve(program.c_str(), arguments.data(), keep_environment ? environ : filtered.data());
        ::dprintf(ready_fd, "cannot execute %s: %s\n", program.c_str(), std::strerror(errno));
        ::_exit(127);
    }
    theirs.reset();
    while (::waitpid(middle, nullptr, 0) < 0 && errno == EINTR) {
    }
}

std::string detached_program::first_line(deadline until) {
    std::string line;
    for (;;) {
        pollfd waits[2] = {{answer_.get(), POLLIN, 0}, {interrupt_fd(), POLLIN, 0}};
        const int n = ::poll(waits, 2, until.poll_timeout());
        check_interrupted();
        if (n == 0 && until.is_over())
            throw failure(exit_code::try_again, name_ + " is not ready yet", "a longer --timeout",
                          "timeout");
        if (n <= 0) continue;
        char buffer[4096];
        const auto got = ::read(answer_.get(), buffer, sizeof buffer);
        if (got > 0) line.append(buffer, static_cast<std::size_t>(got));
        if (const auto end = line.find('\n'); end != std::string::npos) return line.substr(0, end);
        if (got == 0) return line;
    }
}

std::string start_detached(const std::string& program, std::vector<std::string> words,
                           bool keep_environment, deadline until) {
    return detached_program(program, std::move(words), keep_environment).first_line(until);
}

}  // namespace beam::tool
