#include "libbeamcore/runtime/deferred.hpp"

#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>

#include "libbeamcore/runtime/detail/local.hpp"
#include "libbeamcore/runtime/exit.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/runtime/process.hpp"
#include "libbeamcore/runtime/spawn.hpp"
#include "libbeamcore/runtime/timer.hpp"

namespace beam::timer {

namespace {

using std::chrono::nanoseconds;

/// One timer, shared by its process and who cancels it. `mutex` is held while it acts: when cancel
/// has had it nothing more is done.
struct state {
    std::mutex mutex;
    bool cancelled = false;
    pid process;
    callback<void()> act;
};

/// The timers of one node.
struct register_of_timers {
    std::mutex mutex;
    std::uint64_t next = 1;
    std::unordered_map<std::uint64_t, std::shared_ptr<state>> timers;
};

register_of_timers& timers_of_this_node() {
    static const char key = 0;
    void* found = beam::detail::runtime_local(
        this_process().node(), &key, [](runtime&) -> void* { return new register_of_timers; },
        [](void* o) noexcept { delete static_cast<register_of_timers*>(o); });
    return *static_cast<register_of_timers*>(found);
}

/// Takes a timer off the register when its process ends, however it does.
class entry {
public:
    entry(register_of_timers& all, std::uint64_t id) : all_(all), id_(id) {}
    entry(const entry&) = delete;
    entry& operator=(const entry&) = delete;
    ~entry() {
        std::shared_ptr<state> last;  // its callback is destroyed without the lock
        std::lock_guard lock(all_.mutex);
        if (auto it = all_.timers.find(id_); it != all_.timers.end()) {
            last = std::move(it->second);
            all_.timers.erase(it);
        }
    }

private:
    register_of_timers& all_;
    std::uint64_t id_;
};

void act(state& t) {
    std::lock_guard lock(t.mutex);
    if (!t.cancelled) t.act();
}

process once(self me, std::uint64_t id, std::shared_ptr<state> t, nanoseconds at) {
    entry registered(timers_of_this_node(), id);
    co_await me.sleep_for(std::max(nanoseconds(0), at - monotonic_time()));
    act(*t);
}

process again(self me, std::uint64_t id, std::shared_ptr<state> t, nanoseconds next,
              nanoseconds period, pid watched) {
    entry registered(timers_of_this_node(), id);
    if (watched) monitor(watched);
    for (;;) {
        // At least the timers' resolution, so that time passes between two.
        const nanoseconds wait = std::max(nanoseconds(1), next - monotonic_time());
        auto down = co_await me.receive_for<down_message>(wait);
        if (down) co_return;
        act(*t);
        next = std::max(next + period, monotonic_time());
    }
}

process call(self, std::shared_ptr<callback<void()>> code) {
    (*code)();
    co_return;
}

outcome<tref> start(nanoseconds after, callback<void()> code, std::optional<nanoseconds> period,
                    pid watched) {
    const timeout limit(after);
    if (!limit.is_valid() || limit.is_infinite() || !code) return fail_term(atoms::badarg);
    register_of_timers& all = timers_of_this_node();
    auto t = std::make_shared<state>();
    t->act = std::move(code);
    const nanoseconds at = monotonic_time() + after;
    std::lock_guard lock(all.mutex);
    const std::uint64_t id = all.next++;
    all.timers.emplace(id, t);
    t->process = period ? spawn(again, id, t, at, *period, watched) : spawn(once, id, t, at);
    return tref{id};
}

/// Code that runs in a process of its own at each call.
callback<void()> in_a_process(callback<void()> code) {
    if (!code) return {};
    return [shared = std::make_shared<callback<void()>>(std::move(code))] { spawn(call, shared); };
}

}  // namespace

outcome<tref> apply_after(nanoseconds after, callback<void()> code) {
    return start(after, in_a_process(std::move(code)), {}, {});
}

outcome<tref> apply_interval(nanoseconds period, callback<void()> code) {
    return start(period, in_a_process(std::move(code)), period, {});
}

outcome<tref> exit_after(nanoseconds after, pid target, term reason) {
    return start(after, [target, reason = std::move(reason)] { exit(target, reason); }, {}, {});
}

outcome<tref> kill_after(nanoseconds after, pid target) {
    return exit_after(after, target, atoms::kill);
}

outcome<atom> cancel(const tref& timer) {
    register_of_timers& all = timers_of_this_node();
    std::shared_ptr<state> t;
    {
        std::lock_guard lock(all.mutex);
        if (timer.id == 0 || timer.id >= all.next) return fail_term(atoms::badarg);
        if (auto it = all.timers.find(timer.id); it != all.timers.end()) t = it->second;
    }
    static const atom cancelled("cancel");
    if (!t) return cancelled;
    {
        std::lock_guard lock(t->mutex);
        t->cancelled = true;
    }
    exit(t->process, atoms::kill);
    return cancelled;
}

namespace detail {
outcome<tref> send_again(nanoseconds period, const server_ref& to, callback<void()> send) {
    return start(period, std::move(send), period, to.is_name() ? pid{} : to.resolve_or_none());
}
}  // namespace detail

}  // namespace beam::timer
