// poller: says when the descriptors of streams are ready.
//
// Asio wants a system call for each wait, and one thread that all news pass through: a request then costs two changes of
// threads. Here a descriptor is registered once, edge-triggered, and whoever has time asks for news:
//
//   * While little happens, a thread waits for them ("beam-poll").
//   * When much comes at once the thread leaves it to the schedulers, which ask whenever they have nothing to run
//     (runtime/detail/idle_source.hpp): who is told then runs at once, on the scheduler that has asked, and nobody else
//     need wake up. When the one that asked last goes to sleep, or none has asked for a while since all are busy, the
//     thread waits again. So an idle node is idle, and a busy one hears of its clients.
//
// Rules, and what breaks without them:
//   * One at a time asks and tells (asking_). Two would tell one descriptor's news in the wrong order.
//   * Places are looked up under mutex_, and news are told without it, so a watcher may add and remove while it is told. It
//     may be told once more after its remove(), from news that were fetched before; it finds that out under its own
//     lock.
//   * An edge is told once. A watcher that does not read on until there is nothing must remember that there was one.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
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

    protected:
        watcher() = default;
        ~watcher() = default;
    };
    using handle = std::uint64_t;

    explicit poller(runtime& node);
    ~poller();

    void start();
    /// Ends the thread; afterwards nobody is told anything. The schedulers have ended.
    void stop();

    /// Watches for input and the peer's end from now on. Errors: as the system says.
    [[nodiscard]] result<handle> add(int fd, std::weak_ptr<watcher> who);
    /// Whether it also watches for room to write. Asks the kernel: if there is room, that is told.
    void watch_output(handle h, int fd, bool on);
    void remove(handle h, int fd);

    bool look(const void* scheduler) noexcept override;
    void stop_looking(const void* scheduler) noexcept override;

private:
    struct place {
        std::weak_ptr<watcher> who;
        std::uint32_t serial = 0;
    };
    struct news {
        handle about = 0;
        std::uint32_t events = 0;
    };

    void main();
    std::size_t fetch(int timeout_ms);
    void tell(const news& n) noexcept;
    void tell_all();
    [[nodiscard]] bool schedulers_ask() const;
    void take_back();

    runtime& node_;
    unique_fd epoll_;
    unique_fd wake_;
    std::thread thread_;

    std::mutex mutex_;  // of the places
    std::vector<place> places_;
    std::vector<std::uint32_t> free_;

    std::mutex asking_;  // whoever holds it fetches and tells
    static constexpr std::size_t fetched_at_once = 64;
    std::array<news, fetched_at_once> fetched_;
    std::size_t told_ = 0, known_ = 0;  // of fetched_

    std::atomic<bool> left_to_schedulers_{false};
    std::atomic<const void*> last_asker_{nullptr};  // null: none since they may
    std::atomic<std::uint64_t> asked_{0};           // how often schedulers have
    std::mutex turn_;                               // with changed_: the thread's wait for its turn
    std::condition_variable changed_;
    std::atomic<bool> stopping_{false};
};

}  // namespace beam::io::detail
