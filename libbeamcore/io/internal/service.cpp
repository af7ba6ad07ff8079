#include "libbeamcore/io/internal/service.hpp"

#include <pthread.h>
#include <signal.h>

#include "libbeamcore/base/log.hpp"
#include "libbeamcore/runtime/detail/local.hpp"

namespace beam::io::detail {

namespace {
const char service_key = 0;
// A process that cannot even be killed (a dead disk) does not keep the node.
constexpr auto longest_end = std::chrono::seconds(60);
}  // namespace

token next_token() {
    // Of the OS process, not of a runtime: a token is told apart wherever it gets to.
    static std::atomic<std::uint64_t> next{1};
    return token{next.fetch_add(1, std::memory_order_relaxed)};
}

service::service(runtime& node)
    : node_(&node),
      work_(asio::make_work_guard(context_)),
      poller_(std::make_unique<poller>(node)) {}

service::~service() = default;

void* service::make(runtime& node) {
    auto s = std::make_shared<service>(node);
    s->thread_ = std::thread([raw = s.get()] { raw->main(); });
    s->poller_->start();
    return new std::shared_ptr<service>(std::move(s));
}

void service::destroy(void* p) noexcept {
    auto* s = static_cast<std::shared_ptr<service>*>(p);
    (*s)->shut_down();
    delete s;
}

std::shared_ptr<service> service::of(runtime& node) {
    if (node.options().deterministic) return nullptr;
    return *static_cast<std::shared_ptr<service>*>(
        beam::detail::runtime_local(node, &service_key, &service::make, &service::destroy));
}

std::shared_ptr<service> service::current() {
    auto s = of(beam::detail::runtime_of(beam::detail::current()));
    if (!s)
        raise(tuple(atoms::notsup, "input and output need a runtime that is not deterministic"));
    return s;
}

void service::main() {
    pthread_setname_np(pthread_self(), "beam-io");
    // Signals are for other threads; a write to a pipe without a reader gives EPIPE here.
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
    for (;;) {
        try {
            if (context_.run_one() == 0) return;
        } catch (const std::exception& e) {
            // Out of memory, at worst: whoever waits on that descriptor waits on, the others do not.
            log(log_level::error, "io", "a handler failed", {{"what", e.what()}});
        }
        turns_.fetch_add(1, std::memory_order_release);
    }
}

void service::add(io_object* o, std::weak_ptr<void> life) {
    std::lock_guard lock(mutex_);
    objects_.emplace(o, std::move(life));
}

void service::remove(io_object* o) {
    std::lock_guard lock(mutex_);
    objects_.erase(o);
}

std::vector<std::pair<std::shared_ptr<void>, io_object*>> service::living() {
    std::vector<std::pair<std::shared_ptr<void>, io_object*>> found;
    std::lock_guard lock(mutex_);
    for (auto& [object, life] : objects_)
        if (auto alive = life.lock()) found.emplace_back(std::move(alive), object);
    return found;
}

void service::kill_all_ports() {
    for (auto& [alive, object] : living()) object->kill_group();
}

void service::linger_begin() {
    std::lock_guard lock(mutex_);
    ++lingering_;
}

void service::linger_end() {
    std::lock_guard lock(mutex_);
    if (--lingering_ == 0) poller_->interrupt();
}

bool service::lingers() {
    std::lock_guard lock(mutex_);
    return lingering_ > 0;
}

void service::shut_down() {
    // The schedulers have ended, and nobody else looks for what can be written.
    const auto end = std::chrono::steady_clock::now() + longest_end;
    while (lingers()) {
        const std::chrono::nanoseconds left = end - std::chrono::steady_clock::now();
        if (left.count() <= 0) break;
        poller_->serve(left.count());
    }
    work_.reset();
    context_.stop();
    thread_.join();
    node_.store(nullptr);
    for (auto& [alive, object] : living()) object->abandon();
    // What was waiting comes back with an error, and lets go of its object.
    context_.restart();
    context_.poll();
}

}  // namespace beam::io::detail

namespace beam::io {
BEAM_EXPORT void kill_all_ports(runtime& node) {
    if (auto s = detail::service::of(node)) s->kill_all_ports();
}
}  // namespace beam::io
