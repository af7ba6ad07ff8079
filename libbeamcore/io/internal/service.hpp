// service: the I/O thread of a runtime.
//
// One io_context and one thread a runtime, made when they are first needed. Asio is used for one thing:
// to say when a descriptor is ready (async_wait). The descriptors of streams, which are busy, are watched by a poller of
// our own (poller.hpp). Reading and writing are ours, so that a write need not visit another thread, and sockets,
// pipes and pidfds are treated alike.
//
// Locking. An object (stream, acceptor, child, signal source) has a mutex and its Asio object is only
// touched under it: Asio allows an object to be used by one thread at a time, and that may be the owner's
// scheduler (writing, closing) as well as the I/O thread. Messages are sent under the mutex, which
// keeps their order. Handlers hold the object alive; closing makes them come back with an error. Locks are
// taken in the order stream, child; none is taken by sending.
//
// The end: ~runtime destroys the service when all processes, and with them all handles, are gone. It waits for
// what closes in the background (bounded by linger and grace), ends the thread, and closes what handles
// outside of processes still hold.
#pragma once

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "libbeamcore/io/internal/poller.hpp"
#include "libbeamcore/io/messages.hpp"
#include "libbeamcore/runtime/runtime.hpp"

namespace beam::io::detail {

/// What has to be closed when the service ends.
class io_object {
public:
    io_object(const io_object&) = delete;
    io_object& operator=(const io_object&) = delete;
    /// Closes at once; the I/O thread has ended.
    virtual void abandon() noexcept = 0;
    /// For kill_all_ports.
    virtual void kill_group() noexcept {}

protected:
    io_object() = default;
    ~io_object() = default;
};

/// Wakes a process that waits in read(), write(), accept() or wait().
struct wake {
    token from;
    int stream = 0;
};
inline constexpr int wake_output = -1;  // as wake::stream: for a writer

[[nodiscard]] token next_token();

class service : public std::enable_shared_from_this<service> {
public:
    /// Of the calling process's runtime. Raises `notsup` in deterministic mode: the world outside is not.
    static std::shared_ptr<service> current();
    /// Nothing in deterministic mode.
    static std::shared_ptr<service> of(runtime& node);

    explicit service(runtime& node);
    ~service();

    [[nodiscard]] asio::io_context& context() { return context_; }
    [[nodiscard]] poller& streams() { return *poller_; }

    template <class T>
    void send(pid to, T value) {
        runtime* node = node_.load(std::memory_order_acquire);
        if (node && to) node->send(to, std::move(value));
    }

    void add(io_object* o, std::weak_ptr<void> life);
    void remove(io_object* o);
    void kill_all_ports();

    /// Something is being closed in the background.
    void linger_begin();
    void linger_end();
    [[nodiscard]] bool lingers();
    [[nodiscard]] bool is_running() const { return node_.load() != nullptr; }

private:
    static void* make(runtime& node);
    static void destroy(void* p) noexcept;
    void shut_down();
    void main();
    std::vector<std::pair<std::shared_ptr<void>, io_object*>> living();

    std::atomic<runtime*> node_;
    asio::io_context context_{1};
    asio::executor_work_guard<asio::io_context::executor_type> work_;
    std::thread thread_;
    std::unique_ptr<poller> poller_;
    // Counts handlers: a change says that the thread is through with what it was doing.
    std::atomic<std::uint64_t> turns_{0};

    std::mutex mutex_;
    std::unordered_map<io_object*, std::weak_ptr<void>> objects_;
    std::size_t lingering_ = 0;
};

}  // namespace beam::io::detail
