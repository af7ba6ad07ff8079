#include "libbeamcore/node/child_link.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdlib>

#include "libbeamcore/node/parent_protocol.hpp"

namespace beam {
namespace {

using parent_protocol::io;
using parent_protocol::packet;

// Async-signal-safe, and so works in a runtime whose threads are all stuck. SIGALRM's default ends
// the process.
void leave_soon(int) {
    ::alarm(3);
}

void die_with_parent() {
    struct sigaction action {};
    action.sa_handler = leave_soon;
    action.sa_flags = SA_RESTART;
    ::sigaction(SIGUSR2, &action, nullptr);
    struct sigaction standard {};
    standard.sa_handler = SIG_DFL;
    ::sigaction(SIGALRM, &standard, nullptr);
    sigset_t both;
    sigemptyset(&both);
    sigaddset(&both, SIGUSR2);
    sigaddset(&both, SIGALRM);
    ::pthread_sigmask(SIG_UNBLOCK, &both, nullptr);
    ::prctl(PR_SET_PDEATHSIG, SIGUSR2);
}

void close_on_exec(int fd) {
    if (fd >= 0) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
}

}  // namespace

result<child_link> child_link::open(const node_options& options) {
    if (options.link_fd < 0) return fail("no_parent", "no descriptor of the parent was given");
    die_with_parent();
    close_on_exec(options.link_fd);
    close_on_exec(options.listen_fd);
    close_on_exec(options.lock_fd);

    child_link link;
    link.socket_.reset(options.link_fd);
    link.send("hello", std::to_string(parent_protocol::version));
    bool welcome = false;
    for (;;) {
        packet p;
        switch (parent_protocol::receive_packet(link.fd(), p)) {
            case io::closed:
                return fail("no_parent", "the parent is gone");
            case io::would_block: {
                pollfd waits{link.fd(), POLLIN, 0};
                if (::poll(&waits, 1, 5000) == 0) return fail("no_parent", "the parent is silent");
                continue;
            }
            case io::done:
                break;
        }
        if (p.verb == "welcome") {
            if (p.argument(0) != std::to_string(parent_protocol::version))
                return fail("version", "the parent speaks version " + p.argument(0));
            welcome = true;
            link.restarts = std::atoi(p.argument(1).c_str());
            link.node_started_ms = std::atoll(p.argument(2).c_str());
            link.start_reason = p.argument(3);
        } else if (p.verb == "give" && p.fd) {
            link.kept[p.argument(0)] = std::move(p.fd);
        } else if (p.verb == "begin") {
            if (welcome) return link;
            return fail("version", "the parent gave no welcome");
        }
    }
}

std::optional<link_event> child_link::next() {
    while (!gone_) {
        packet p;
        const auto got = parent_protocol::receive_packet(fd(), p);
        if (got == io::would_block) return std::nullopt;
        if (got == io::closed) break;
        link_event event{};
        event.text = p.argument(0);
        if (p.verb == "ping") {
            send("pong");
            continue;
        } else if (p.verb == "stop") {
            event.kind = link_event::what::stop;
            event.again = p.argument(1) == "again";
        } else if (p.verb == "reread") {
            event.kind = link_event::what::reread;
            for (std::size_t i = 0; i + 1 < p.arguments.size(); i += 2)
                event.settings[p.arguments[i]] = p.arguments[i + 1];
        } else if (p.verb == "listener" && p.fd) {
            event.kind = link_event::what::listener;
            event.fd = std::move(p.fd);
        } else if (p.verb == "exited") {
            event.kind = link_event::what::exited;
            event.pid = std::atoi(p.argument(0).c_str());
            event.status = std::atoi(p.argument(1).c_str());
        } else if (p.verb == "status") {
            event.kind = link_event::what::status;
            event.pid = std::atoi(p.argument(0).c_str());
            event.restarts = std::atoi(p.argument(1).c_str());
            event.uptime = std::chrono::milliseconds(std::atoll(p.argument(2).c_str()));
        } else {
            continue;
        }
        return event;
    }
    if (std::exchange(gone_, true)) return std::nullopt;
    link_event event{};
    event.kind = link_event::what::parent_gone;
    return event;
}

void child_link::send(std::string_view verb, std::string_view argument, int fd) {
    std::vector<std::string> arguments;
    if (!argument.empty()) arguments.emplace_back(argument);
    const auto bytes = parent_protocol::encode(verb, arguments);
    // The parent reads at once; its queue is full only while it is being stopped in a debugger.
    while (parent_protocol::send_packet(socket_.get(), bytes, fd) == io::would_block) {
        pollfd waits{socket_.get(), POLLOUT, 0};
        if (::poll(&waits, 1, 1000) == 0) return;
    }
}

void child_link::ready() {
    send("ready");
}
void child_link::failed(std::string_view why) {
    send("failed", why);
}
void child_link::stopping(std::string_view reason) {
    send("stopping", reason);
}
void child_link::restart(std::string_view reason) {
    send("restart", reason);
}
void child_link::keep(std::string_view name, int fd) {
    send("keep", name, fd);
}
void child_link::drop(std::string_view name) {
    send("drop", name);
}
void child_link::reexec_parent() {
    send("reexec");
}
void child_link::ask_status() {
    send("status");
}

}  // namespace beam
