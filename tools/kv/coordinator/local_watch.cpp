#include "tools/kv/coordinator/local_watch.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "tools/kv/coordinator/folders.hpp"
#include "tools/kv/coordinator/local_life.hpp"

namespace kv {

using beam::result;
using beam::unique_fd;

local_watch::local_watch(std::string folder, const local_file& file, const local_wake& wake,
                         std::chrono::milliseconds look_every)
    : folder_(std::move(folder)), file_(file), wake_(wake), look_every_(look_every) {}

result<void> local_watch::open() {
    stop_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!stop_) return tl::unexpected(system_error(errno, "eventfd"));
    return {};
}

void local_watch::members_are(const kept_view& view) {
    std::vector<watched> members;
    for (std::size_t i = 0; i < view.view.members.size(); ++i) {
        const member& m = view.view.members[i];
        if (m.is_alive) members.push_back({m.node, m.incarnation, view.os_pids[i]});
    }
    std::lock_guard lock(mutex_);
    told_ = std::move(members);
    is_told_ = true;
}

void local_watch::take_members() {
    std::vector<watched> told;
    {
        std::lock_guard lock(mutex_);
        if (!is_told_) return;
        told = std::move(told_);
        is_told_ = false;
    }
    for (watched& w : told) {
        const auto same = std::find_if(watched_.begin(), watched_.end(), [&](const watched& had) {
            return had.node == w.node && had.incarnation == w.incarnation;
        });
        if (same != watched_.end()) {
            w.end = std::move(same->end);
        } else if (w.os_pid > 0 && w.os_pid != ::getpid()) {
            // Taken before the lock is looked at: if that is held then, this is its holder.
            w.end.reset(int(::syscall(SYS_pidfd_open, pid_t(w.os_pid), 0U)));
        }
    }
    watched_ = std::move(told);
}

bool local_watch::has_changed(std::uint64_t rev) const {
    if (file_.last_rev() > rev || !file_.is_in_place()) return true;
    return std::any_of(watched_.begin(), watched_.end(), [&](const watched& w) {
        return !local_life::may_go_on(folder_, w.node, w.incarnation);
    });
}

bool local_watch::wait(std::uint64_t rev, steady_time deadline) {
    for (;;) {
        take_members();
        if (is_interrupted() || has_changed(rev)) return true;
        const auto now = std::chrono::steady_clock::now();
        if (now >= deadline) return false;
        const auto rest = std::chrono::ceil<std::chrono::milliseconds>(deadline - now);
        std::vector<pollfd> fds{{stop_.get(), POLLIN, 0}, {wake_.fd(), POLLIN, 0}};
        for (const watched& w : watched_)
            if (w.end) fds.push_back({w.end.get(), POLLIN, 0});
        const int n =
            ::poll(fds.data(), nfds_t(fds.size()), int(std::min(rest, look_every_).count()));
        if (n <= 0) continue;
        if (fds[1].revents != 0) wake_.drain();
        // A process that is gone is told once; whether its lock is free too is seen in has_changed().
        for (watched& w : watched_)
            for (const pollfd& p : fds)
                if (w.end && p.fd == w.end.get() && p.revents != 0) w.end.reset();
    }
}

void local_watch::interrupt() {
    const std::uint64_t one = 1;
    (void)!::write(stop_.get(), &one, sizeof one);
}

bool local_watch::is_interrupted() const {
    pollfd p{stop_.get(), POLLIN, 0};
    return ::poll(&p, 1, 0) == 1;
}

}  // namespace kv
