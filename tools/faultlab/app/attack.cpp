#include "tools/faultlab/app/attack.hpp"

#include <algorithm>
#include <set>

#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/runtime/process_info.hpp"
#include "libbeamcore/runtime/spawn.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "libbeamcore/term/syntax.hpp"
#include "tools/faultlab/app/hold.hpp"

namespace faultlab {

namespace {

using namespace std::chrono_literals;
using beam::atom;
using beam::awaitable;
using std::chrono::nanoseconds;
using victims = tl::expected<std::vector<target>, beam::request_error>;

constexpr auto end_within = 2s;  // an exit signal that is not trapped ends a process at once
constexpr auto first_pause = 1ms, longest_pause = 50ms;

// What became of one victim.
struct hit {
    target victim;
    std::chrono::milliseconds at{};
    bool was_there = true;
    bool ended = false;  // its process did
    std::string reason;
    std::optional<beam::pid> successor;
    bool is_back = false;  // it lives, in that process or another
    std::chrono::microseconds took{};
};

beam::term shown(const hit& h, fault what) {
    return beam::map({{atom("event"), "hit"},
                      {atom("at_ms"), h.at.count()},
                      {atom("fault"), name_of(what)},
                      {atom("name"), h.victim.name},
                      {atom("application"), h.victim.application},
                      {atom("pid"), h.victim.pid},
                      {atom("was_there"), h.was_there},
                      {atom("ended"), h.ended},
                      {atom("reason"), h.ended ? beam::term(h.reason) : beam::atoms::null},
                      {atom("new_pid"), h.successor ? beam::term(*h.successor) : beam::atoms::null},
                      {atom("back"), h.is_back},
                      {atom("took_us"), h.took.count()}});
}

class attack {
public:
    attack(beam::self me, beam::pid client, beam::pid lease,
           std::shared_ptr<const attack_plan> plan)
        : me_(me), teller_(client), lease_(lease), plan_(std::move(plan)) {}

    awaitable<beam::answer> run();

private:
    awaitable<std::optional<hit>> strike(std::uint64_t draw);
    awaitable<void> end_it(hit& h);
    awaitable<void> hold_it(hit& h);
    awaitable<void> find_successor(hit& h, std::set<beam::pid> before);

    beam::self me_;
    teller teller_;
    beam::pid lease_;
    std::shared_ptr<const attack_plan> plan_;
    nanoseconds begun_{};
};

awaitable<beam::answer> attack::run() {
    begun_ = beam::monotonic_time();
    std::uint64_t hits = 0, back = 0, nobody = 0;
    for (const planned_fault& f : plan_->faults) {
        const auto wait = begun_ + f.at - beam::monotonic_time();
        if (wait > 0ns) co_await me_.sleep_for(wait);
        if (plan_->during && beam::monotonic_time() >= begun_ + *plan_->during) break;
        auto striking = strike(f.draw);
        std::optional<hit> h = co_await striking;
        if (!h || !h->was_there) {
            ++nobody;
            continue;
        }
        ++hits;
        back += h->is_back ? 1 : 0;
        auto telling = teller_.tell(shown(*h, plan_->what));
        co_await telling;
    }
    co_return beam::map({{atom("event"), "summary"},
                         {atom("target"), plan_->pattern},
                         {atom("fault"), name_of(plan_->what)},
                         {atom("seed"), plan_->seed},
                         {atom("planned"), plan_->faults.size()},
                         {atom("hits"), hits},
                         {atom("nobody_there"), nobody},
                         {atom("back"), back},
                         {atom("kept"), back == hits}});
}

// One fault, into one of those who are there now.
awaitable<std::optional<hit>> attack::strike(std::uint64_t draw) {
    auto looking = victims_of(plan_);
    victims found = co_await looking;
    if (!found) co_return std::nullopt;
    hit h;
    h.victim = (*found)[draw % found->size()];
    h.at = std::chrono::duration_cast<std::chrono::milliseconds>(beam::monotonic_time() - begun_);
    lease::count_fault(lease_);
    std::set<beam::pid> before;
    for (const target& t : *found) before.insert(t.pid);
    const auto struck = beam::monotonic_time();
    auto doing = plan_->what == fault::hang || plan_->what == fault::slow ? hold_it(h) : end_it(h);
    co_await doing;
    if (h.ended) {
        auto finding = find_successor(h, std::move(before));
        co_await finding;
    }
    h.took = std::chrono::duration_cast<std::chrono::microseconds>(beam::monotonic_time() - struck);
    co_return h;
}

awaitable<void> attack::end_it(hit& h) {
    const beam::ref watch = beam::monitor(h.victim.pid);
    beam::exit(h.victim.pid, plan_->what == fault::kill
                                 ? beam::term(beam::atoms::kill)
                                 : beam::tuple(atom("faultlab"), atom("crash")));
    auto down = co_await me_.receive_if<beam::down_message>(
        [watch](const beam::down_message& d) { return d.monitor == watch; }, end_within);
    if (!down) {  // it traps exits, and goes on
        beam::demonitor(watch, {.flush = true});
        h.is_back = true;
        co_return;
    }
    h.was_there = down->reason != beam::atoms::noproc;
    h.ended = h.was_there;
    h.reason = beam::to_string(down->reason, {.max_bytes = 300});
}

awaitable<void> attack::hold_it(hit& h) {
    auto time = plan_->hold;
    if (plan_->during) {
        const auto left = begun_ + *plan_->during - beam::monotonic_time();
        time = std::min(time, std::chrono::duration_cast<std::chrono::milliseconds>(left));
    }
    const beam::ref watch = beam::monitor(h.victim.pid);
    start_hold(h.victim.pid, time, plan_->what == fault::slow);
    auto m = co_await me_.receive<held, released>();
    if (std::holds_alternative<held>(m)) {
        const beam::term event = beam::map({{atom("event"), "holding"},
                                            {atom("fault"), name_of(plan_->what)},
                                            {atom("name"), h.victim.name},
                                            {atom("application"), h.victim.application},
                                            {atom("pid"), h.victim.pid},
                                            {atom("hold_ms"), time.count()}});
        auto telling = teller_.tell(event);
        co_await telling;
        m = co_await me_.receive<released>();
    }
    const released r = std::get<released>(m);
    auto down = co_await me_.receive_if<beam::down_message>(
        [watch](const beam::down_message& d) { return d.monitor == watch; }, 0s);
    beam::demonitor(watch, {.flush = true});
    if (down) {
        h.was_there = down->reason != beam::atoms::noproc;
        h.ended = h.was_there;
        h.reason = beam::to_string(down->reason, {.max_bytes = 300});
        co_return;
    }
    h.is_back = r.was_held;
}

// Of the same name in the same application, and not there before.
awaitable<void> attack::find_successor(hit& h, std::set<beam::pid> before) {
    const auto until = beam::monotonic_time() + plan_->within;
    nanoseconds pause = first_pause;
    for (;;) {
        auto looking = all_targets(plan_->include_system);
        const std::vector<target> all = co_await looking;
        for (const target& t : all) {
            if (t.name != h.victim.name || t.application != h.victim.application) continue;
            if (before.contains(t.pid)) continue;
            h.successor = t.pid;
            h.is_back = true;
            co_return;
        }
        if (beam::monotonic_time() >= until) co_return;
        co_await me_.sleep_for(pause);
        pause = std::min<nanoseconds>(2 * pause, longest_pause);
    }
}

beam::process run_attack(beam::self me, beam::pid client, beam::pid lease,
                         std::shared_ptr<const attack_plan> plan) {
    attack a(me, client, lease, std::move(plan));
    auto running = a.run();
    finished told;
    told.result = co_await running;
    beam::send(client, std::move(told));
}

}  // namespace

leased_work work_of(std::shared_ptr<const attack_plan> plan) {
    leased_work w;
    w.kind = "attack";
    w.target = plan->pattern;
    w.fault = name_of(plan->what);
    w.start = [plan = std::move(plan)](beam::pid client, beam::pid lease) {
        return beam::spawn_link(run_attack, client, lease, plan);
    };
    return w;
}

}  // namespace faultlab
