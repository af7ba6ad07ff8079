#include "libbeamcore/io/internal/poller.hpp"

#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <cerrno>
#include <chrono>
#include <utility>

#include "libbeamcore/base/log.hpp"
#include "libbeamcore/io/internal/posix_error.hpp"

namespace beam::io::detail {

namespace {

// So much at once is worth leaving to the schedulers; less is served as quickly by the thread.
constexpr std::size_t many_news = 4;
// Schedulers that do not ask for so long are busy.
constexpr auto longest_silence = std::chrono::milliseconds(2);
constexpr std::uint64_t no_place = ~std::uint64_t{0};

}  // namespace

poller::poller(runtime& node)
    : node_(node),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    epoll_event e{};
    e.events = EPOLLIN;
    e.data.u64 = no_place;
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &e);
}

poller::~poller() = default;

void poller::start() {
    thread_ = std::thread([this] { main(); });
    beam::detail::set_idle_source(node_, this);
}

void poller::stop() {
    {
        std::lock_guard lock(turn_);
        stopping_ = true;
    }
    changed_.notify_all();
    ::eventfd_write(wake_.get(), 1);
    thread_.join();
}

result<poller::handle> poller::add(int fd, std::weak_ptr<watcher> who) {
    std::lock_guard lock(mutex_);
    if (free_.empty()) {
        free_.push_back(std::uint32_t(places_.size()));
        places_.emplace_back();
    }
    const std::uint32_t at = free_.back();
    place& p = places_[at];
    const handle h = std::uint64_t(p.serial) << 32 | at;
    epoll_event e{};
    e.events = EPOLLIN | EPOLLRDHUP | EPOLLET;
    e.data.u64 = h;
    // Told from now on, if only under the lock.
    p.who = std::move(who);
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &e) != 0) {
        const int number = errno;
        p.who.reset();
        return fail_posix(number);
    }
    free_.pop_back();
    return h;
}

void poller::watch_output(handle h, int fd, bool on) {
    epoll_event e{};
    e.events = EPOLLIN | EPOLLRDHUP | EPOLLET | (on ? std::uint32_t(EPOLLOUT) : 0u);
    e.data.u64 = h;
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &e);
}

void poller::remove(handle h, int fd) {
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
    std::lock_guard lock(mutex_);
    place& p = places_[std::uint32_t(h)];
    p.who.reset();
    ++p.serial;
    free_.push_back(std::uint32_t(h));
}

// -- asking and telling, under asking_ ----------------------------------------------------------------

std::size_t poller::fetch(int timeout_ms) {
    epoll_event events[fetched_at_once];
    const int n = ::epoll_wait(epoll_.get(), events, int(fetched_at_once), timeout_ms);
    told_ = 0;
    known_ = n > 0 ? std::size_t(n) : 0;
    for (std::size_t i = 0; i < known_; ++i) fetched_[i] = {events[i].data.u64, events[i].events};
    return known_;
}

void poller::tell(const news& n) noexcept {
    if (n.about == no_place) return;
    std::shared_ptr<watcher> who;
    {
        std::lock_guard lock(mutex_);
        const place& p = places_[std::uint32_t(n.about)];
        if (p.serial == n.about >> 32) who = p.who.lock();
    }
    if (!who) return;
    try {
        who->on_events(n.events);
    } catch (const std::exception& e) {
        // Out of memory, at worst: whoever waits on that descriptor waits on, the others do not.
        log(log_level::error, "io", "news were lost", {{"what", e.what()}});
    }
}

void poller::tell_all() {
    while (told_ < known_) tell(fetched_[told_++]);
}

// -- the schedulers -----------------------------------------------------------------------------------

bool poller::look(const void* scheduler) noexcept {
    if (!left_to_schedulers_.load(std::memory_order_acquire)) return false;
    std::unique_lock lock(asking_, std::try_to_lock);
    if (!lock) return false;
    last_asker_.store(scheduler, std::memory_order_relaxed);
    asked_.store(asked_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    if (told_ == known_ && fetch(0) == 0) return false;
    tell(fetched_[told_++]);
    return true;
}

void poller::stop_looking(const void* scheduler) noexcept {
    if (!left_to_schedulers_.load(std::memory_order_acquire)) return;
    const void* last = last_asker_.load(std::memory_order_relaxed);
    if (last == scheduler || !last) take_back();
}

void poller::take_back() {
    {
        std::lock_guard lock(turn_);
        left_to_schedulers_.store(false, std::memory_order_release);
    }
    changed_.notify_all();
}

// -- the thread ---------------------------------------------------------------------------------------

bool poller::schedulers_ask() const {
    return left_to_schedulers_.load(std::memory_order_acquire) && !stopping_;
}

void poller::main() {
    pthread_setname_np(pthread_self(), "beam-poll");
    // Signals are for other threads.
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
    std::unique_lock turn(turn_);
    while (!stopping_) {
        if (schedulers_ask()) {
            const auto before = asked_.load(std::memory_order_relaxed);
            const bool mine =
                changed_.wait_for(turn, longest_silence, [&] { return !schedulers_ask(); });
            if (!mine && asked_.load(std::memory_order_relaxed) == before)
                left_to_schedulers_.store(false, std::memory_order_release);
            continue;
        }
        turn.unlock();
        std::size_t n = 0;
        {
            std::lock_guard asking(asking_);
            tell_all();
            n = fetch(-1);
            // Before they are told: who is woken by it may go to sleep before this thread comes to it.
            if (n >= many_news) {
                last_asker_.store(nullptr, std::memory_order_relaxed);
                left_to_schedulers_.store(true, std::memory_order_release);
            }
            tell_all();
        }
        turn.lock();
    }
}

}  // namespace beam::io::detail
