#include "libbeamcore/io/internal/poller.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <span>
#include <utility>

#include "libbeamcore/base/log.hpp"
#include "libbeamcore/io/internal/posix_error.hpp"

namespace beam::io::detail {

namespace {

constexpr std::uint64_t no_place = ~std::uint64_t{0};
// Of the poller that this thread tells news of: what it runs meanwhile may put off.
constinit thread_local const poller* told_here = nullptr;

constexpr std::int64_t ns_a_second = 1'000'000'000, ns_a_ms = 1'000'000;

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
    beam::detail::set_idle_source(node_, this);
}

void poller::interrupt() noexcept {
    ::eventfd_write(wake_.get(), 1);
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

namespace {

int wait_for_events(int epoll, std::span<epoll_event> events, std::optional<std::int64_t> at_most) {
    if (at_most && *at_most <= 0) return ::epoll_wait(epoll, events.data(), int(events.size()), 0);
    timespec t{};
    if (at_most) t = {time_t(*at_most / ns_a_second), long(*at_most % ns_a_second)};
    const int n =
        ::epoll_pwait2(epoll, events.data(), int(events.size()), at_most ? &t : nullptr, nullptr);
    if (n >= 0 || errno != ENOSYS) return n;
    // An old kernel: to the millisecond, so that a timer may be that late.
    constexpr std::int64_t longest = 3'600'000;
    const int ms = at_most ? int(std::min(*at_most / ns_a_ms + 1, longest)) : -1;
    return ::epoll_wait(epoll, events.data(), int(events.size()), ms);
}

}  // namespace

std::size_t poller::fetch(std::optional<std::int64_t> at_most) {
    epoll_event events[fetched_at_once];
    const int n = wait_for_events(epoll_.get(), events, at_most);
    told_ = known_ = 0;
    for (int i = 0; i < n; ++i) {
        if (events[i].data.u64 == no_place) {
            std::uint64_t count = 0;
            (void)::eventfd_read(wake_.get(), &count);
            continue;
        }
        fetched_[known_++] = {events[i].data.u64, events[i].events};
    }
    return known_;
}

namespace {

template <class F>
void without_fail(F f) noexcept {
    try {
        f();
    } catch (const std::exception& e) {
        // Out of memory, at worst: whoever waits on that descriptor waits on, the others do not.
        log(log_level::error, "io", "news were lost", {{"what", e.what()}});
    }
}

}  // namespace

void poller::tell(const news& n) noexcept {
    std::shared_ptr<watcher> who;
    {
        std::lock_guard lock(mutex_);
        const place& p = places_[std::uint32_t(n.about)];
        if (p.serial == n.about >> 32) who = p.who.lock();
    }
    if (who) without_fail([&] { who->on_events(n.events); });
}

void poller::tell_all() noexcept {
    while (told_ < known_) tell(fetched_[told_++]);
}

// -- put off until all are told -----------------------------------------------------------------------

bool poller::put_off(std::shared_ptr<watcher> who) {
    if (told_here != this) return false;
    std::lock_guard lock(put_off_mutex_);
    if (!others_come_) return false;
    put_off_.push_back(std::move(who));
    has_put_off_.store(true, std::memory_order_relaxed);
    return true;
}

// One alone need not wait for others.
void poller::note_others() {
    if (known_ < 2) return;
    std::lock_guard lock(put_off_mutex_);
    others_come_ = true;
}

void poller::send_all(bool others_come) noexcept {
    std::vector<std::shared_ptr<watcher>> all;
    {
        std::lock_guard lock(put_off_mutex_);
        others_come_ = others_come && others_come_;
        all.swap(put_off_);
        has_put_off_.store(false, std::memory_order_relaxed);
    }
    for (auto& who : all) without_fail([&] { who->send_put_off(); });
}

void poller::hurry() noexcept {
    if (told_here == this && has_put_off_.load(std::memory_order_relaxed)) send_all(true);
}

// -- the schedulers -----------------------------------------------------------------------------------

bool poller::takes_seat(const void* scheduler) noexcept {
    const void* asker = asker_.load(std::memory_order_relaxed);
    return asker == scheduler ||
           (!asker && asker_.compare_exchange_strong(asker, scheduler, std::memory_order_relaxed));
}

bool poller::leave(const void* scheduler) noexcept {
    if (asker_.load(std::memory_order_relaxed) != scheduler) return false;
    if (const std::unique_lock lock(asking_, std::try_to_lock); lock) {
        tell_all();
        send_all(false);
    }
    return asker_.compare_exchange_strong(scheduler, nullptr, std::memory_order_relaxed);
}

void poller::note_asked() noexcept {
    asked_.store(asked_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

bool poller::look(const void* scheduler) noexcept {
    if (!takes_seat(scheduler)) return false;
    std::unique_lock lock(asking_, std::try_to_lock);
    if (!lock) return false;
    note_asked();
    if (told_ == known_) {
        send_all(false);
        if (fetch(0) == 0) return false;
        told_here = this;
        note_others();
    }
    // More than one can serve: in its queue others find what to take over.
    if (told_ == 0 && known_ == fetched_at_once)
        tell_all();
    else
        tell(fetched_[told_++]);
    return true;
}

bool poller::wait(const void* scheduler, const std::atomic<std::uint32_t>& woken,
                  std::optional<std::int64_t> at_most) noexcept {
    if (!takes_seat(scheduler)) return false;
    std::lock_guard lock(asking_);
    note_asked();
    if (told_ < known_ || woken.load(std::memory_order_seq_cst) != 0) return true;
    send_all(false);
    waits_.store(true, std::memory_order_relaxed);
    fetch(at_most);
    waits_.store(false, std::memory_order_relaxed);
    return true;
}

bool poller::is_attended() noexcept {
    if (waits_.load(std::memory_order_relaxed)) return true;
    const std::uint64_t asked = asked_.load(std::memory_order_relaxed);
    if (asked != std::exchange(asked_before_, asked)) return true;
    std::unique_lock lock(asking_, std::try_to_lock);
    if (!lock) return true;
    asker_.store(nullptr, std::memory_order_relaxed);
    tell_all();
    send_all(false);
    if (fetch(0) > 0) tell_all();
    return false;
}

void poller::serve(std::int64_t at_most) noexcept {
    std::lock_guard lock(asking_);
    tell_all();
    send_all(false);
    if (fetch(at_most) > 0) tell_all();
}

}  // namespace beam::io::detail
