// poller: says when the descriptors of streams are ready.
//
// Asio wants a system call for each wait, and one thread that all news pass through: a request then costs two changes of
// threads. Here a descriptor is registered once, edge-triggered, and whoever has time asks for news:
//
//   * A scheduler that has nothing to run asks, and one that would sleep waits here for news instead
//     (runtime/detail/idle_source.hpp). Who is told runs at once, in the same thread, and nobody else need wake up.
//   * It is the same scheduler each time, as long as it comes back for more. Two that shared small requests would cost
//     more than they give: each waits for the other's locks, and on a machine that is full they take turns with the
//     clients. When there is more news than it can fetch at once it tells all, and the others take over from its queue.
//   * What several write in answer to news that were fetched at once is sent when all of them have run (put_off()). A
//     peer that sleeps is woken by the first of the answers, which costs the sender some 2 us, and finds the others
//     while it is awake: a client of a cache with 50 connections asks for news 8 times for 100 answers, not 50 times,
//     and with 16 requests at once on each 13 times, not 75 (the server's time in the kernel: 227 to 172 ns a request).
//   * While all schedulers are busy, or the one that asked is stuck, the monitor asks once a millisecond
//     (runtime/internal/hog_watch.hpp). When the schedulers have ended, whoever ends the node asks until all is sent.
//
// Rules, and what breaks without them:
//   * One at a time asks and tells (asking_). Two would tell one descriptor's news in the wrong order.
//   * Places are looked up under mutex_, and news are told without it, so a watcher may add and remove while it is told. It
//     may be told once more after its remove(), from news that were fetched before; it finds that out under its own
//     lock.
//   * What is put off is sent in any case: by the scheduler that told, when it comes back for more; by it as well when a
//     process has used up its turn, or some have run (hurry()); by the monitor when it is stuck. So nothing is put off
//     but while others_come_, which whoever sends all resets (both under put_off_mutex_): later it would stay.
//   * Whoever fetches takes the interrupt, and it may be for a scheduler that is about to wait, and has to until then: for
//     the monitor, or for another that has taken the seat. So it looks at its word once more when the place is its own.
//     Without, it slept with work in its queue until news or a timer came.
//   * An edge is told once. A watcher that does not read on until there is nothing must remember that there was one.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "libbeamcore/base/result.hpp"
#include "libbeamcore/base/unique_fd.hpp"
#include "libbeamcore/runtime/detail/idle_source.hpp"
#include "libbeamcore/runtime/runtime.hpp"

struct epoll_event;

namespace beam::io::detail {

class poller final : public beam::detail::idle_source {
public:
    /// Who is told.
    class watcher {
    public:
        watcher(const watcher&) = delete;
        watcher& operator=(const watcher&) = delete;
        /// `events`: epoll's.
        virtual void on_events(std::uint32_t events) = 0;
        /// Those have been told that were to be told before.
        virtual void send_put_off() = 0;

    protected:
        watcher() = default;
        ~watcher() = default;
    };
    using handle = std::uint64_t;

    explicit poller(runtime& node);
    ~poller();

    /// From now on the schedulers ask.
    void start();
    /// Waits so many nanoseconds at most, and tells. For when there are no schedulers any more.
    void serve(std::int64_t at_most) noexcept;

    /// Watches for input and the peer's end from now on. Errors: as the system says.
    [[nodiscard]] result<handle> add(int fd, std::weak_ptr<watcher> who);
    /// Whether it also watches for room to write. Asks the kernel: if there is room, that is told.
    void watch_output(handle h, int fd, bool on);
    void remove(handle h, int fd);
    /// Whether others are told news before this thread looks for more, and `who` is to send afterwards. Asked under the
    /// watcher's lock.
    [[nodiscard]] bool put_off(std::shared_ptr<watcher> who);

    bool look(const void* scheduler) noexcept override;
    bool wait(const void* scheduler, const std::atomic<std::uint32_t>& woken,
              std::optional<std::int64_t> at_most) noexcept override;
    void hurry() noexcept override;
    bool leave(const void* scheduler) noexcept override;
    void interrupt() noexcept override;
    bool is_attended() noexcept override;

private:
    struct place {
        std::weak_ptr<watcher> who;
        std::uint32_t serial = 0;
    };
    struct news {
        handle about = 0;
        std::uint32_t events = 0;
    };

    [[nodiscard]] bool takes_seat(const void* scheduler) noexcept;
    void note_asked() noexcept;
    std::size_t fetch(std::optional<std::int64_t> at_most);
    void tell(const news& n) noexcept;
    void tell_all() noexcept;
    void note_others();
    void send_all(bool others_come) noexcept;

    runtime& node_;
    unique_fd epoll_;
    unique_fd wake_;

    std::mutex mutex_;  // of the places
    std::vector<place> places_;
    std::vector<std::uint32_t> free_;

    std::mutex asking_;  // whoever holds it fetches and tells
    static constexpr std::size_t fetched_at_once = 64;
    std::array<news, fetched_at_once> fetched_;
    std::size_t told_ = 0, known_ = 0;  // of fetched_

    std::mutex put_off_mutex_;
    bool others_come_ = false;
    std::vector<std::shared_ptr<watcher>> put_off_;
    std::atomic<bool> has_put_off_{false};

    std::atomic<const void*> asker_{nullptr};  // the scheduler; null: who comes first
    std::atomic<bool> waits_{false};           // it does, in fetch()
    std::atomic<std::uint64_t> asked_{0};      // how often it has
    std::uint64_t asked_before_ = 0;           // the monitor's
};

}  // namespace beam::io::detail
