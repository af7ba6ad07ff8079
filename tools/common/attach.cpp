#include "tools/common/attach.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "tools/common/failure.hpp"
#include "tools/common/folders.hpp"
#include "tools/common/interrupt.hpp"
#include "tools/common/pause.hpp"

namespace beam::tool {
namespace {

using namespace std::chrono_literals;

[[noreturn]] void too_late(const std::string& why, const std::string& node) {
    throw failure(exit_code::try_again, why, "beamd status --node " + node, "timeout");
}

failure cannot_open(const std::string& path) {
    const int number = errno;
    if (number == ELOOP)
        return failure(exit_code::not_permitted, path + " is a symbolic link", "rm " + path);
    return failure(exit_code::cannot_create, "cannot open " + path + ": " + std::strerror(number),
                   "beamd doctor");
}

// The exclusive right to start this node. Nobody needs it who can connect, so that is tried too.
struct spawn_right {
    unique_fd lock;
    unique_fd connected;
};

spawn_right take_spawn_right(const std::string& folder, const attach_options& o,
                             const std::string& socket) {
    spawn_right right;
    const auto path = folder + "/" + o.node + ".spawn";
    right.lock.reset(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!right.lock) throw cannot_open(path);
    for (pause p;; p.wait(o.until)) {
        if (::flock(right.lock.get(), LOCK_EX | LOCK_NB) == 0) return right;
        if (errno != EWOULDBLOCK && errno != EINTR) throw cannot_open(path);
        if (connect_to(socket, o.until, right.connected) == connect_result::connected) return right;
        if (o.until.is_over())
            too_late("another tool is starting the node \"" + o.node + "\" and is not done",
                     o.node);
    }
}

// Throws what beamd said on its ready descriptor.
[[noreturn]] void start_failed(std::string line, const attach_options& o) {
    if (line.empty()) line = "beamd ended before it was ready; try: beamd logs --node " + o.node;
    std::string next = "beamd doctor --node " + o.node;
    if (const auto at = line.find("; try: "); at != std::string::npos) {
        next = line.substr(at + 7);
        line.resize(at);
    }
    failure error(exit_code::unavailable, "cannot start the node \"" + o.node + "\": " + line,
                  next);
    throw error;
}

}  // namespace

connect_result connect_to(const std::string& path, deadline until, unique_fd& fd) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    check_socket_path(path);
    std::memcpy(address.sun_path, path.data(), path.size());
    unique_fd out(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!out) throw failure(exit_code::bug, std::string("no socket: ") + std::strerror(errno));
    for (;;) {
        // A full queue makes connect() wait, for as long as the send timeout says.
        if (!until.is_never()) {
            const int ms = std::max(1, until.poll_timeout());
            const timeval tv{ms / 1000, (ms % 1000) * 1000};
            ::setsockopt(out.get(), SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv);
        }
        if (::connect(out.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) {
            fd = std::move(out);
            return connect_result::connected;
        }
        switch (errno) {
            case EINTR:
                check_interrupted();
                continue;
            case ENOENT:
            case ENOTDIR:
            case ECONNREFUSED:
                return connect_result::absent;
            case EAGAIN:
                return connect_result::busy;
            case EACCES:
            case EPERM:
                throw failure(exit_code::not_permitted, "not permitted to use the socket " + path);
            default:
                throw failure(exit_code::unavailable,
                              "cannot connect to " + path + ": " + std::strerror(errno));
        }
    }
}

lock_state look_at_lock(const std::string& path) {
    unique_fd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
    if (!fd) {
        if (errno == ENOENT) return lock_state::free;
        throw cannot_open(path);
    }
    // A shared lock, so that two who only look do not take each other for a node.
    return ::flock(fd.get(), LOCK_SH | LOCK_NB) == 0 ? lock_state::free : lock_state::held;
}

std::string find_beamd() {
    char own[4096];
    const auto n = ::readlink("/proc/self/exe", own, sizeof own);
    if (n > 0) {
        const std::string_view path(own, static_cast<std::size_t>(n));
        auto beside = std::string(path.substr(0, path.rfind('/'))) + "/beamd";
        if (::access(beside.c_str(), X_OK) == 0) return beside;
    }
    const char* variable = std::getenv("PATH");
    std::string_view folders = variable ? variable : "/usr/local/bin:/usr/bin:/bin";
    while (!folders.empty()) {
        const auto end = folders.find(':');
        auto path = std::string(folders.substr(0, end)) + "/beamd";
        if (path.front() == '/' && ::access(path.c_str(), X_OK) == 0) return path;
        folders.remove_prefix(end == std::string_view::npos ? folders.size() : end + 1);
    }
    return {};
}

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

std::string start_detached(const std::string& program, std::vector<std::string> words,
                           bool keep_environment, deadline until) {
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
    unique_fd answer(pipe[0]);
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

    std::string line;
    for (;;) {
        pollfd waits[2] = {{answer.get(), POLLIN, 0}, {interrupt_fd(), POLLIN, 0}};
        const int n = ::poll(waits, 2, until.poll_timeout());
        check_interrupted();
        if (n == 0 && until.is_over())
            throw failure(exit_code::try_again, program + " is not ready yet", "a longer --timeout",
                          "timeout");
        if (n <= 0) continue;
        char buffer[4096];
        const auto got = ::read(answer.get(), buffer, sizeof buffer);
        if (got > 0) line.append(buffer, static_cast<std::size_t>(got));
        if (const auto end = line.find('\n'); end != std::string::npos) return line.substr(0, end);
        if (got == 0) return line;
    }
}

unique_fd attach(const attach_options& o) {
    unique_fd fd;
    if (!o.socket.empty()) {
        switch (connect_to(o.socket, o.until, fd)) {
            case connect_result::connected:
                return fd;
            case connect_result::busy:
                too_late("the node at " + o.socket + " takes no more connections", o.node);
            case connect_result::absent:
                break;
        }
        throw failure(exit_code::unavailable, "no node listens at " + o.socket, "beamd status");
    }

    const auto folder = runtime_folder();
    const auto socket = socket_path(folder, o.node);
    const auto lock = folder + "/" + o.node + ".lock";
    const auto try_connect = [&] {
        const auto got = connect_to(socket, o.until, fd);
        if (got == connect_result::busy)
            too_late("the node \"" + o.node + "\" takes no more connections", o.node);
        return got == connect_result::connected;
    };
    // Nobody listens, but the lock is held: it is starting or stopping.
    const auto wait_while_held = [&] {
        for (pause p; look_at_lock(lock) == lock_state::held; p.wait(o.until)) {
            if (try_connect()) return true;
            if (o.until.is_over())
                too_late("the node \"" + o.node + "\" is starting or stopping", o.node);
        }
        return false;
    };

    if (try_connect()) return fd;
    if (!o.spawn) {
        if (wait_while_held() || try_connect()) return fd;
        throw failure(exit_code::unavailable,
                      "no node \"" + o.node + "\" is running, and none may be started",
                      "beamd --daemon --node " + o.node);
    }
    auto right = take_spawn_right(folder, o, socket);
    if (right.connected) return std::move(right.connected);
    const auto program = o.beamd.empty() ? find_beamd() : o.beamd;
    for (int attempt = 0;; ++attempt) {
        if (try_connect() || wait_while_held() || try_connect()) return fd;
        if (program.empty())
            throw failure(exit_code::unavailable,
                          "beamd is neither beside " + o.tool + " nor in PATH");
        const auto line = start_detached(program,
                                         {"--node", o.node, "--spawned", "--started-by",
                                          o.tool + " (pid " + std::to_string(::getpid()) + ")"},
                                         false, o.until);
        if (try_connect()) return fd;
        // `ready`, and gone already; or a node that somebody started by hand had the lock meanwhile
        // and let it go. Not for ever.
        const bool may_retry =
            line == "ready" || line.find("is already running") != std::string::npos;
        if (!may_retry || attempt == 2)
            start_failed(line == "ready" ? "it ended at once" : line, o);
    }
}

}  // namespace beam::tool
