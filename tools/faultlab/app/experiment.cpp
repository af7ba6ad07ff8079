#include "tools/faultlab/app/experiment.hpp"

#include <algorithm>
#include <map>

#include "libbeamcore/runtime/timer.hpp"
#include "tools/faultlab/app/lab.hpp"
#include "tools/faultlab/app/round.hpp"
#include "tools/faultlab/app/round_run.hpp"

namespace faultlab {

namespace {

using namespace std::chrono_literals;
using beam::atom;
using beam::awaitable;
using std::chrono::microseconds;
using std::chrono::nanoseconds;

constexpr auto late_within =
    1s;  // what comes too late is waited for, or the next fault gets the blame
constexpr nanoseconds first_pause = 100us, longest_pause = 20ms;

class experiment {
public:
    experiment(beam::self me, beam::pid client, beam::pid lease,
               std::shared_ptr<const run_plan> plan)
        : me_(me),
          teller_(client),
          lease_(lease),
          plan_(std::move(plan)),
          lab_(me, *plan_, lease),
          round_run_(me, *plan_, lab_) {}

    awaitable<beam::answer> run();

private:
    awaitable<bool> wait_until(nanoseconds at);
    awaitable<void> look_around();
    awaitable<void> run_round(round& r);
    awaitable<void> settle(const round& r);
    awaitable<std::vector<program_ended>> ends_told();
    beam::term started_event() const;
    beam::term summary();

    beam::self me_;
    teller teller_;
    beam::pid lease_;
    std::shared_ptr<const run_plan> plan_;
    lab lab_;
    round_run round_run_;
    sighting last_;  // how the tree was when nobody disturbed it
    restart_history history_;
    std::vector<microseconds> recoveries_;
    std::uint64_t rounds_ = 0, skipped_ = 0, as_promised_ = 0, restarts_ = 0, gave_up_ = 0;
    std::uint64_t lost_messages_ = 0, lost_state_ = 0, unexpected_ = 0;
};

beam::term experiment::started_event() const {
    std::vector<beam::term> names(plan_->names.begin(), plan_->names.end());
    std::vector<beam::term> pids;
    for (const auto& p : last_.pids) pids.push_back(p ? beam::term(*p) : beam::atoms::null);
    return beam::map({{atom("event"), "started"},
                      {atom("strategy"), strategy_names[std::size_t(plan_->rules.strategy)]},
                      {atom("seed"), plan_->seed},
                      {atom("programs"), plan_->has_programs()},
                      {atom("faults"), plan_->faults.size()},
                      {atom("supervisor"), last_.tested},
                      {atom("workers"), beam::list_of(std::move(names))},
                      {atom("pids"), beam::list_of(std::move(pids))}});
}

// Waits for the time of the next fault. False: the tree is gone.
awaitable<bool> experiment::wait_until(nanoseconds at) {
    for (;;) {
        const auto left = std::max<nanoseconds>(at - beam::monotonic_time(), 0ns);
        auto m = co_await me_.receive_for<beam::exit_message>(left);
        if (m) lab_.saw_exit(*m);
        if (m && m->from == lease_) beam::exit(m->reason);
        if (lab_.is_over()) co_return false;
        if (!m) co_return true;
    }
}

awaitable<beam::answer> experiment::run() {
    auto starting = lab_.start();
    const std::optional<std::string> why = co_await starting;
    if (why) co_return beam::refuse("cannot_start", "the tree does not start: " + *why, {}, 1);
    auto looking = lab_.look(beam::monotonic_time() + answers_within);
    auto first = co_await looking;
    if (!first)
        co_return beam::refuse("cannot_start", "the supervisor under test does not answer", {}, 1);
    last_ = *std::move(first);
    auto telling = teller_.tell(started_event());
    co_await telling;
    const auto begun = beam::monotonic_time();
    for (const planned_fault& f : plan_->faults) {
        auto waiting = wait_until(begun + f.at);
        const bool goes_on = co_await waiting;
        if (!goes_on) break;
        auto checking = look_around();
        co_await checking;
        if (lab_.is_over()) break;
        round r;
        r.number = std::size_t(++rounds_);
        r.at =
            std::chrono::duration_cast<std::chrono::milliseconds>(beam::monotonic_time() - begun);
        r.what = plan_->what;
        r.victim = plan_->victim_of(f);
        r.hold = plan_->hold;
        r.within = plan_->within;
        auto running = run_round(r);
        co_await running;
        auto telling_it = teller_.tell(shown(r, plan_->rules));
        co_await telling_it;
        if (r.tree_gone) break;
    }
    // What happens late happened too.
    if (!lab_.is_over()) {
        auto checking = look_around();
        co_await checking;
    }
    auto stopping = lab_.stop();
    co_await stopping;
    co_return summary();
}

// Nothing may have changed since the last look: nobody had a fault.
awaitable<void> experiment::look_around() {
    auto looking =
        lab_.look(beam::monotonic_time() + std::max<nanoseconds>(plan_->within, answers_within));
    auto seen = co_await looking;
    auto telling = ends_told();
    const std::vector<program_ended> told_ends = co_await telling;
    std::map<std::string, std::string> ends;
    for (const program_ended& e : told_ends) ends[e.name] = e.how;
    std::vector<beam::term> changed;
    for (std::size_t i = 0; i < plan_->names.size(); ++i) {
        if (seen && seen->pids[i] == last_.pids[i]) continue;
        const auto told = ends.find(plan_->names[i]);
        changed.push_back(
            beam::map({{atom("name"), plan_->names[i]},
                       {atom("how"), told == ends.end() ? beam::term(beam::atoms::null)
                                                        : beam::term(told->second)},
                       {atom("is_there"), seen && seen->pids[i]}}));
    }
    if (seen) last_ = *std::move(seen);
    if (changed.empty()) co_return;
    unexpected_ += changed.size();
    const beam::term event = beam::map({{atom("event"), "unexpected"},
                                        {atom("tree_gone"), lab_.is_over()},
                                        {atom("workers"), beam::list_of(std::move(changed))}});
    auto saying = teller_.tell(event);
    co_await saying;
}

awaitable<std::vector<program_ended>> experiment::ends_told() {
    std::vector<program_ended> ends;
    for (;;) {
        auto m = co_await me_.receive_for<program_ended>(0s);
        if (!m) co_return ends;
        ends.push_back(*std::move(m));
    }
}

awaitable<void> experiment::run_round(round& r) {
    for (std::size_t i = 0; i < plan_->names.size(); ++i) {
        observed_child c;
        c.name = plan_->names[i];
        c.before = last_.pids[i];
        r.children.push_back(std::move(c));
    }
    if (!r.children[r.victim].before) {
        r.had_victim = false;
        for (observed_child& c : r.children) c.after = c.before;
        ++skipped_;
        co_return;
    }
    lease::count_fault(lease_);
    auto running = round_run_.run(r, last_.tested);
    co_await running;

    auto hearing = ends_told();
    std::vector<program_ended> ends = co_await hearing;
    const auto the_faults = std::find_if(ends.begin(), ends.end(), [&](const program_ended& e) {
        return e.name == r.children[r.victim].name;
    });
    if (the_faults != ends.end() && is_deadly(r.what)) ends.erase(the_faults);
    unexpected_ += ends.size();

    const bool restarts = is_restarted(plan_->rules, r.what) && r.what != fault::terminate_hang;
    if (restarts)
        r.should_give_up = r.what == fault::init_fail
                               ? giving_up::yes
                               : history_.one_more(plan_->rules, r.begun, r.ended_at);
    // Restarts that nobody asked for were counted too, nobody outside knows when.
    if (unexpected_ > 0 && r.should_give_up == giving_up::no) r.should_give_up = giving_up::either;
    if (r.gave_up)
        history_.clear();
    else if (restarts)
        history_.add(r.begun, r.ended_at);
    judge(r, plan_->rules, plan_->has_programs());
    for (const program_ended& e : ends)
        r.broken.push_back(e.name + " " + e.how + " without a fault");
    for (const observed_child& c : r.children)
        if (c.seen() == fate::restarted) ++restarts_;
    if (r.recovery) recoveries_.push_back(*r.recovery);
    as_promised_ += r.broken.empty() ? 1 : 0;
    gave_up_ += r.gave_up ? 1 : 0;
    lost_messages_ += r.lost_messages;
    lost_state_ += r.lost_state;
    auto settling = settle(r);
    co_await settling;
}

// Takes note of how the tree is now. What changes from here on is nobody's fault.
awaitable<void> experiment::settle(const round& r) {
    const nanoseconds patience = std::max<nanoseconds>(r.within, answers_within);
    const auto late_until = beam::monotonic_time() + late_within;
    std::optional<sighting> seen;
    nanoseconds pause = first_pause;
    for (;;) {
        auto looking = lab_.look(beam::monotonic_time() + patience);
        seen = co_await looking;
        if (!seen) co_return;
        // What came too late still came from this fault.
        const bool is_late =
            !r.broken.empty() && is_deadly(r.what) &&
            (seen->restarting || seen->pids[r.victim] == r.children[r.victim].before);
        if (!is_late || beam::monotonic_time() >= late_until) break;
        co_await me_.sleep_for(pause);
        pause = std::min<nanoseconds>(2 * pause, longest_pause);
    }
    if (plan_->rules.strategy == beam::restart_strategy::simple_one_for_one && r.gave_up) {
        auto starting = lab_.start_missing(*seen);
        co_await starting;
        auto looking = lab_.look(beam::monotonic_time() + patience);
        auto again = co_await looking;
        if (again) seen = std::move(again);
    } else if (r.broken.empty()) {
        for (std::size_t i = 0; i < r.children.size(); ++i) seen->pids[i] = r.children[i].after;
    }
    last_ = *std::move(seen);
}

beam::term summary_time(std::vector<microseconds>& times, double share) {
    const auto t = percentile(times, share);
    return t ? beam::term(t->count()) : beam::term(beam::atoms::null);
}

beam::term experiment::summary() {
    const bool kept = as_promised_ + skipped_ == rounds_ && unexpected_ == 0 && !lab_.is_over();
    return beam::map({{atom("event"), "summary"},
                      {atom("strategy"), strategy_names[std::size_t(plan_->rules.strategy)]},
                      {atom("fault"), name_of(plan_->what)},
                      {atom("seed"), plan_->seed},
                      {atom("planned"), plan_->faults.size()},
                      {atom("faults"), rounds_ - skipped_},
                      {atom("skipped"), skipped_},
                      {atom("as_promised"), as_promised_},
                      {atom("unexpected"), unexpected_},
                      {atom("kept"), kept},
                      {atom("restarts"), restarts_},
                      {atom("gave_up"), gave_up_},
                      {atom("lost_messages"), lost_messages_},
                      {atom("lost_state"), lost_state_},
                      {atom("recovery_p50_us"), summary_time(recoveries_, 0.5)},
                      {atom("recovery_p99_us"), summary_time(recoveries_, 0.99)},
                      {atom("recovery_max_us"), summary_time(recoveries_, 1)}});
}

beam::process run_experiment(beam::self me, beam::pid client, beam::pid lease,
                             std::shared_ptr<const run_plan> plan) {
    (void)me.trap_exit(true);
    experiment x(me, client, lease, std::move(plan));
    auto running = x.run();
    finished told;
    told.result = co_await running;
    beam::send(client, std::move(told));
}

}  // namespace

leased_work work_of(std::shared_ptr<const run_plan> plan) {
    leased_work w;
    w.kind = "run";
    w.target = strategy_names[std::size_t(plan->rules.strategy)];
    w.fault = name_of(plan->what);
    w.has_programs = plan->has_programs();
    w.start = [plan = std::move(plan)](beam::pid client, beam::pid lease) {
        return beam::spawn_link(run_experiment, client, lease, plan);
    };
    return w;
}

}  // namespace faultlab
