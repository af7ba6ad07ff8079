#include "tools/faultlab/app/lab.hpp"

#include <algorithm>
#include <unordered_map>

#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/runtime/process_info.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "libbeamcore/term/syntax.hpp"
#include "tools/faultlab/app/worker.hpp"

namespace faultlab {

namespace {

using namespace std::chrono_literals;

// What the parent bears beyond the give-ups that faults can cause: programs that will not start.
constexpr int spare_restarts = 3;
constexpr auto parent_period = std::chrono::hours(48);  // longer than any run
constexpr auto answer_within = 10s;
constexpr std::chrono::nanoseconds first_pause = 200us, longest_pause = 20ms;

// Waits longer each time, so that a quick recovery is seen at once and a slow one costs nothing.
class pause {
public:
    [[nodiscard]] std::chrono::nanoseconds next() {
        const auto now = next_;
        next_ = std::min<std::chrono::nanoseconds>(2 * next_, longest_pause);
        return now;
    }

private:
    std::chrono::nanoseconds next_ = first_pause;
};

}  // namespace

lab::lab(beam::self me, const run_plan& plan, beam::pid lease) : me_(me), plan_(plan) {
    if (!plan.has_programs()) return;
    auto setting = std::make_shared<program_setting>(plan.programs);
    setting->experiment = me.id();
    setting->lease = lease;
    setting_ = std::move(setting);
}

bool lab::is_simple() const {
    return plan_.rules.strategy == beam::restart_strategy::simple_one_for_one;
}

beam::child_spec lab::spec_of(std::size_t which) const {
    const std::string& name = plan_.names[which];
    if (!plan_.has_programs())
        return {name, worker::child(me_.id(), name), plan_.rules.restart,
                beam::shutdown_type(worker_shutdown)};
    // It needs its grace, and the time of what it leaves behind.
    return {name, program::child(setting_, name, plan_.commands[which]), plan_.rules.restart,
            beam::shutdown_type(2 * plan_.programs.grace + std::chrono::seconds(10))};
}

std::vector<beam::child_spec> lab::specs() const {
    std::vector<beam::child_spec> list;
    if (is_simple()) {
        list.emplace_back(beam::term("worker"), worker::child(me_.id()), plan_.rules.restart,
                          beam::shutdown_type(worker_shutdown));
        return list;
    }
    for (std::size_t i = 0; i < plan_.names.size(); ++i) list.push_back(spec_of(i));
    return list;
}

beam::awaitable<std::optional<std::string>> lab::start() {
    beam::supervisor_flags flags;
    flags.strategy = plan_.rules.strategy;
    flags.intensity = plan_.rules.intensity;
    flags.period = plan_.rules.period;
    beam::supervisor_flags above;
    above.intensity = int(plan_.faults.size()) + spare_restarts;
    above.period = parent_period;
    std::vector<beam::child_spec> tested;
    tested.push_back(
        beam::supervisor::child_of(beam::term("tested"), beam::supervisor::child(flags, specs())));
    auto starting = beam::supervisor::start_link(above, std::move(tested));
    beam::start_result r = co_await starting;
    beam::outcome<beam::pid> p = beam::started_pid(std::move(r));
    if (!p) {
        const auto told = co_await me_.receive_for<program_ended>(0s);
        if (told) co_return told->name + " " + told->how;
        co_return beam::to_string(p.error(), {.max_bytes = 400});
    }
    parent_ = *p;
    auto looking = look(beam::monotonic_time() + answer_within);
    auto seen = co_await looking;
    if (!seen) co_return "the supervisor under test does not answer";
    if (is_simple()) {
        auto starting_children = start_missing(*seen);
        co_await starting_children;
    }
    co_return std::nullopt;
}

beam::awaitable<void> lab::stop() {
    if (!parent_) co_return;
    const beam::ref watch = beam::monitor(parent_);
    beam::exit(parent_, beam::atoms::shutdown);
    (void)co_await me_.receive_if<beam::down_message>(
        [watch](const beam::down_message& d) { return d.monitor == watch; });
}

beam::awaitable<std::optional<beam::pid>> lab::find_tested(std::chrono::nanoseconds until) {
    pause between;
    for (;;) {
        const auto left = until - beam::monotonic_time();
        if (left <= 0ns) co_return std::nullopt;
        auto asking = beam::supervisor::which_children(parent_);
        const bool answered = co_await asking.wait_for(left);
        if (!answered) co_return std::nullopt;
        beam::outcome<std::vector<beam::child_info>> children = co_await asking.outcome();
        if (!children) {
            over_ = true;
            co_return std::nullopt;
        }
        for (const beam::child_info& c : *children)
            if (c.pid && !c.restarting) co_return *c.pid;
        co_await me_.sleep_for(between.next());
    }
}

beam::awaitable<std::optional<sighting>> lab::look(std::chrono::nanoseconds until) {
    pause between;
    for (;;) {
        auto finding = find_tested(until);
        const std::optional<beam::pid> found = co_await finding;
        if (!found) co_return std::nullopt;
        tested_ = *found;
        const auto left = until - beam::monotonic_time();
        if (left <= 0ns) co_return std::nullopt;
        auto asking = beam::supervisor::which_children(tested_);
        const bool answered = co_await asking.wait_for(left);
        if (!answered) co_return std::nullopt;
        beam::outcome<std::vector<beam::child_info>> children = co_await asking.outcome();
        if (children) co_return sighted(*children);
        // It ended just now; its parent will know of another one in a moment.
        co_await me_.sleep_for(between.next());
    }
}

sighting lab::sighted(const std::vector<beam::child_info>& children) const {
    std::unordered_map<std::string, std::size_t> places;
    for (std::size_t i = 0; i < plan_.names.size(); ++i)
        places[is_simple() ? "worker " + plan_.names[i] : plan_.names[i]] = i;
    sighting s;
    s.tested = tested_;
    s.pids.resize(plan_.names.size());
    for (const beam::child_info& c : children) {
        if (c.restarting) s.restarting = true;
        if (!c.pid || c.restarting) continue;
        beam::term name = c.id;
        if (is_simple()) {
            const auto info = beam::process_info(*c.pid);
            if (!info) continue;
            name = info->label;
        }
        const auto text = name.as_text();
        const auto at = text ? places.find(std::string(*text)) : places.end();
        if (at != places.end()) s.pids[at->second] = *c.pid;
    }
    return s;
}

beam::awaitable<void> lab::start_missing(sighting s) {
    for (std::size_t i = 0; i < s.pids.size(); ++i) {
        if (s.pids[i]) continue;
        auto starting =
            beam::supervisor::start_child(s.tested, beam::supervisor::arguments(plan_.names[i]));
        (void)co_await starting.outcome();
    }
}

beam::awaitable<void> lab::stop_and_start(std::size_t which, beam::pid child) {
    const beam::term name(plan_.names[which]);
    auto stopping =
        beam::supervisor::terminate_child(tested_, is_simple() ? beam::term(child) : name);
    (void)co_await stopping.outcome();
    if (!is_restarted(plan_.rules, fault::terminate_hang)) co_return;
    if (is_simple()) {
        auto starting = beam::supervisor::start_child(tested_, beam::supervisor::arguments(name));
        (void)co_await starting.outcome();
        co_return;
    }
    auto starting = beam::supervisor::restart_child(tested_, name);
    (void)co_await starting.outcome();
}

}  // namespace faultlab
