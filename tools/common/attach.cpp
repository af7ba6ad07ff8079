#include "tools/common/attach.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "tools/common/default_cluster.hpp"
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

// A node by its files.
struct node_place {
    node_place(const std::string& folder, std::string name)
        : node(std::move(name)),
          socket(socket_path(folder, node)),
          lock(folder + "/" + node + ".lock"),
          spawn(folder + "/" + node + ".spawn") {}

    std::string node, socket, lock, spawn;
};

bool try_connect(const node_place& at, deadline until, unique_fd& fd) {
    const auto got = connect_to(at.socket, until, fd);
    if (got == connect_result::busy)
        too_late("the node \"" + at.node + "\" takes no more connections", at.node);
    return got == connect_result::connected;
}

// Nobody listens, but the lock is held: it is starting or stopping.
bool wait_while_held(const node_place& at, deadline until, unique_fd& fd) {
    for (pause p; look_at_lock(at.lock) == lock_state::held; p.wait(until)) {
        if (try_connect(at, until, fd)) return true;
        if (until.is_over())
            too_late("the node \"" + at.node + "\" is starting or stopping", at.node);
    }
    return false;
}

// The exclusive right to start this node. With `fd`, it is also tried to connect, and whoever can needs no right.
unique_fd take_spawn_right(const node_place& at, deadline until, unique_fd* fd) {
    unique_fd right(::open(at.spawn.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!right) throw cannot_open(at.spawn);
    for (pause p;; p.wait(until)) {
        if (::flock(right.get(), LOCK_EX | LOCK_NB) == 0) return right;
        if (errno != EWOULDBLOCK && errno != EINTR) throw cannot_open(at.spawn);
        if (fd && try_connect(at, until, *fd)) return {};
        if (until.is_over())
            too_late("another tool is starting the node \"" + at.node + "\" and is not done",
                     at.node);
    }
}

std::string program_for(const attach_options& o) {
    auto program = o.beamd.empty() ? find_beamd() : o.beamd;
    if (program.empty())
        throw failure(exit_code::unavailable, "beamd is neither beside " + o.tool + " nor in PATH");
    return program;
}

detached_program start_node(const attach_options& o, const std::string& node) {
    return {program_for(o),
            {"--node", node, "--spawned", "--started-by",
             o.tool + " (pid " + std::to_string(::getpid()) + ")"},
            false};
}

// Whether what beamd said leaves hope: it was ready, or somebody who started it by hand was quicker.
bool may_run(const std::string& line) {
    return line == "ready" || line.find("is already running") != std::string::npos;
}

// Throws what beamd said on its ready descriptor.
[[noreturn]] void start_failed(std::string line, const std::string& node) {
    if (line == "ready") line = "it ended at once";
    if (line.empty()) line = "beamd ended before it was ready; try: beamd logs --node " + node;
    std::string next = "beamd doctor --node " + node;
    if (const auto at = line.find("; try: "); at != std::string::npos) {
        next = line.substr(at + 7);
        line.resize(at);
    }
    throw failure(exit_code::unavailable, "cannot start the node \"" + node + "\": " + line, next);
}

// It runs, is not about to end (which takes its socket away first), and nobody is starting it: so it has joined the others.
// Costs no connection.
bool is_settled(const node_place& at) {
    return ::access(at.socket.c_str(), F_OK) == 0 && look_at_lock(at.lock) == lock_state::held &&
           look_at_lock(at.spawn) == lock_state::free;
}

// Starts at once all that do not run, and waits until those are ready, which they are when they have joined. The rights are
// taken in the members' order, so two tools never wait for each other. Whether there were any.
bool start_missing(const attach_options& o, const std::vector<node_place>& members) {
    struct start {
        const node_place* at;
        unique_fd right;
        detached_program program;
    };
    std::vector<start> starts;
    for (const auto& at : members) {
        if (is_settled(at)) continue;
        auto right = take_spawn_right(at, o.until, nullptr);
        unique_fd fd;
        if (try_connect(at, o.until, fd) || wait_while_held(at, o.until, fd) ||
            try_connect(at, o.until, fd))
            continue;
        starts.push_back({&at, std::move(right), start_node(o, at.node)});
    }
    // All of them, so that who failed is gone when the error is said.
    std::vector<std::string> lines;
    lines.reserve(starts.size());
    for (auto& s : starts) lines.push_back(s.program.first_line(o.until));
    for (std::size_t i = 0; i < starts.size(); ++i)
        if (!may_run(lines[i])) start_failed(std::move(lines[i]), starts[i].at->node);
    return !starts.empty();
}

unique_fd attach_to_cluster(const attach_options& o, const std::string& folder,
                            const std::vector<std::string>& names) {
    std::vector<node_place> others;
    for (const auto& name : names)
        if (name != o.node) others.emplace_back(folder, name);
    const node_place named(folder, o.node);
    unique_fd fd;
    if (try_connect(named, o.until, fd) && std::all_of(others.begin(), others.end(), is_settled))
        return fd;
    fd.reset();
    std::vector<node_place> all;
    all.reserve(names.size());
    for (const auto& name : names) all.emplace_back(folder, name);
    for (int attempt = 0;; ++attempt) {
        const bool started = start_missing(o, all);
        if (try_connect(named, o.until, fd) || wait_while_held(named, o.until, fd) ||
            try_connect(named, o.until, fd)) {
            // Who was killed just before may have looked alive: it holds its lock until it has ended.
            const bool is_whole = std::all_of(others.begin(), others.end(), is_settled);
            if (!started || is_whole || attempt == 2) return fd;
            fd.reset();
        } else if (attempt == 2) {
            start_failed("ready", o.node);
        }
    }
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
    if (o.spawn) {
        if (const auto members = default_cluster(o.node); !members.empty())
            return attach_to_cluster(o, folder, members);
    }
    const node_place at(folder, o.node);
    if (try_connect(at, o.until, fd)) return fd;
    if (!o.spawn) {
        if (wait_while_held(at, o.until, fd) || try_connect(at, o.until, fd)) return fd;
        throw failure(exit_code::unavailable,
                      "no node \"" + o.node + "\" is running, and none may be started",
                      "beamd --daemon --node " + o.node);
    }
    const auto right = take_spawn_right(at, o.until, &fd);
    if (fd) return fd;
    for (int attempt = 0;; ++attempt) {
        if (try_connect(at, o.until, fd) || wait_while_held(at, o.until, fd) ||
            try_connect(at, o.until, fd))
            return fd;
        auto line = start_node(o, o.node).first_line(o.until);
        if (try_connect(at, o.until, fd)) return fd;
        // `ready`, and gone already; or a node that somebody started by hand had the lock meanwhile
        // and let it go. Not for ever.
        if (!may_run(line) || attempt == 2) start_failed(std::move(line), o.node);
    }
}

}  // namespace beam::tool
