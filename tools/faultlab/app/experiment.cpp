#include "tools/faultlab/app/experiment.hpp"

#include <algorithm>
#include <cstdio>
#include <map>

#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "libbeamcore/term/syntax.hpp"
#include "tools/faultlab/app/lab.hpp"
#include "tools/faultlab/app/round.hpp"
#include "tools/faultlab/app/worker.hpp"

namespace faultlab {

namespace {

using namespace std::chrono_literals;
using beam::atom;
using beam::awaitable;
using std::chrono::microseconds;
using std::chrono::nanoseconds;

constexpr int tasks_before = 3;      // a worker has done them when the fault comes: its state
constexpr int tasks_behind = 2;      // and these are sent behind the fault
constexpr auto answer_within = 10s;  // a supervisor that nothing was done to
constexpr auto late_within =
    1s;  // what came too late is waited for, so that the next fault is judged fairly
constexpr nanoseconds first_pause = 100us, longest_pause = 20ms;

microseconds since(nanoseconds begun) {
    return std::chrono::duration_cast<microseconds>(beam::monotonic_time() - begun);
}

// Whether the OS has stopped the program: what SIGSTOP did, as the kernel sees it.
bool is_stopped(std::int64_t os_pid) {
    char path[64], line[512] = "";
    std::snprintf(path, sizeof path, "/proc/%lld/stat", static_cast<long long>(os_pid));
    std::FILE* file = std::fopen(path, "re");
    if (!file) return false;
    const std::size_t n = std::fread(line, 1, sizeof line - 1, file);
    std::fclose(file);
    const std::string_view text(line, n);
    const auto at = text.rfind(") ");
    return at != std::string_view::npos && at + 2 < text.size() && text[at + 2] == 'T';
}

class experiment {
public:
    experiment(beam::self me, beam::pid client, beam::pid lease,
               std::shared_ptr<const run_plan> plan)
        : me_(me),
          teller_(client),
          lease_(lease),
          plan_(std::move(plan)),
          lab_(me, *plan_, lease) {}

    awaitable<beam::answer> run();

private:
    awaitable<bool> wait_until(nanoseconds at);
    awaitable<void> look_around();
    awaitable<void> run_round(round& r);
    awaitable<void> give_work(round& r);
    awaitable<void> inject(const round& r);
    awaitable<void> watch_the_end(round& r, nanoseconds begun);
    awaitable<void> watch_it_last(round& r, nanoseconds begun);
    awaitable<void> see_who_is_there(round& r, nanoseconds begun);
    awaitable<std::optional<pulse>> ask(beam::pid child, nanoseconds until);
    awaitable<void> count_work();
    awaitable<void> settle(const round& r);
    awaitable<std::vector<program_ended>> ends_told();
    void count_losses(round& r);
    beam::term started_event() const;
    beam::term summary();

    beam::self me_;
    teller teller_;
    beam::pid lease_;
    std::shared_ptr<const run_plan> plan_;
    lab lab_;
    sighting last_;  // how the tree was when nobody disturbed it
    restart_history history_;
    std::map<beam::pid, beam::ref> watched_;
    std::map<beam::pid, std::uint64_t> given_, done_;  // tasks, by process
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
    auto looking = lab_.look(beam::monotonic_time() + answer_within);
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
        lab_.look(beam::monotonic_time() + std::max<nanoseconds>(plan_->within, answer_within));
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

awaitable<std::optional<pulse>> experiment::ask(beam::pid child, nanoseconds until) {
    const auto left = std::max<nanoseconds>(until - beam::monotonic_time(), 0ns);
    auto asking = pulse_of(child, left);
    beam::outcome<pulse> p = co_await asking.outcome();
    if (!p) co_return std::nullopt;
    co_return *p;
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
    for (const observed_child& c : r.children)
        if (c.before) watched_[*c.before] = beam::monitor(*c.before);
    auto giving = give_work(r);
    co_await giving;

    lease::count_fault(lease_);
    const auto begun = beam::monotonic_time();
    auto injecting = inject(r);
    co_await injecting;
    auto watching = is_deadly(r.what) ? watch_the_end(r, begun) : watch_it_last(r, begun);
    co_await watching;
    auto seeing = see_who_is_there(r, begun);
    co_await seeing;
    if (r.what == fault::init_fail)
        worker::let_start(me_.id(), last_.tested, r.children[r.victim].name);

    auto hearing = ends_told();
    std::vector<program_ended> ends = co_await hearing;
    const auto the_faults = std::find_if(ends.begin(), ends.end(), [&](const program_ended& e) {
        return e.name == r.children[r.victim].name;
    });
    if (the_faults != ends.end() && is_deadly(r.what)) ends.erase(the_faults);
    unexpected_ += ends.size();

    const bool restarts = is_restarted(plan_->rules, r.what) && r.what != fault::terminate_hang;
    const auto now = beam::monotonic_time();
    if (restarts)
        r.should_give_up = r.what == fault::init_fail ? giving_up::yes
                                                      : history_.one_more(plan_->rules, begun, now);
    // Restarts that nobody asked for were counted too, nobody outside knows when.
    if (unexpected_ > 0 && r.should_give_up == giving_up::no) r.should_give_up = giving_up::either;
    if (r.gave_up)
        history_.clear();
    else if (restarts)
        history_.add(begun, now);
    auto counting = count_work();
    co_await counting;
    count_losses(r);
    judge(r, plan_->rules, plan_->has_programs());
    for (const program_ended& e : ends)
        r.broken.push_back(e.name + " " + e.how + " without a fault");
    for (const auto& [pid, ref] : watched_) beam::demonitor(ref, {.flush = true});
    watched_.clear();

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
    const nanoseconds patience = std::max<nanoseconds>(r.within, answer_within);
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

awaitable<void> experiment::give_work(round& r) {
    if (plan_->has_programs()) co_return;
    for (const observed_child& c : r.children) {
        if (!c.before) continue;
        for (int i = 0; i < tasks_before; ++i) worker::give_task(*c.before);
        given_[*c.before] += tasks_before;
    }
    const auto until = beam::monotonic_time() + answer_within;
    for (observed_child& c : r.children) {
        if (!c.before) continue;
        auto asking = ask(*c.before, until);
        (void)co_await asking;  // the answer comes behind the tasks
    }
}

awaitable<void> experiment::inject(const round& r) {
    const observed_child& victim = r.children[r.victim];
    const beam::pid target = *victim.before;
    if (plan_->has_programs()) {
        program::suffer(target, r.what, r.hold);
        co_return;
    }
    if (r.what == fault::init_fail) worker::keep_from_starting(me_.id(), last_.tested, victim.name);
    worker::suffer(target, r.what, r.hold);
    for (const observed_child& c : r.children) {
        if (!c.before) continue;
        for (int i = 0; i < tasks_behind; ++i) worker::give_task(*c.before);
        given_[*c.before] += tasks_behind;
    }
    if (r.what != fault::terminate_hang) co_return;
    // It must have heard of it before it is told to stop, for an exit signal overtakes messages.
    auto asking = ask(target, beam::monotonic_time() + answer_within);
    (void)co_await asking;
    auto stopping = lab_.stop_and_start(r.victim, target);
    co_await stopping;
}

// The fault ends the process: waits for that, and until the tree has come to rest.
awaitable<void> experiment::watch_the_end(round& r, nanoseconds begun) {
    const beam::pid target = *r.children[r.victim].before;
    const beam::ref watch = watched_[target];
    const auto until = begun + r.within;
    auto down = co_await me_.receive_if<beam::down_message>(
        [watch](const beam::down_message& d) { return d.monitor == watch; },
        std::max<nanoseconds>(until - beam::monotonic_time(), 0ns));
    if (!down) co_return;
    r.ended = true;
    r.reason = beam::to_string(down->reason, {.max_bytes = 300});
    nanoseconds pause = first_pause;
    for (;;) {
        auto looking = lab_.look(until);
        auto seen = co_await looking;
        if (!seen) break;
        // Until its supervisor has heard of the end, it lists the dead.
        const auto& now = seen->pids[r.victim];
        const bool settled = !seen->restarting && now != r.children[r.victim].before;
        const bool is_gone =
            !now && is_restarted(plan_->rules, r.what) && seen->tested == last_.tested;
        if (settled && !is_gone) co_return;
        if (beam::monotonic_time() >= until) break;
        co_await me_.sleep_for(pause);
        pause = std::min<nanoseconds>(2 * pause, longest_pause);
    }
    r.came_to_rest = false;
}

// The fault lasts a while: asks the others meanwhile, then the victim until it answers again.
awaitable<void> experiment::watch_it_last(round& r, nanoseconds begun) {
    const auto until = begun + r.hold + r.within;
    for (std::size_t i = 0; i < r.children.size(); ++i) {
        if (i == r.victim || !r.children[i].before) continue;
        auto asking = ask(*r.children[i].before, until);
        auto answer = co_await asking;
        if (answer) r.others_answered_after = since(begun);
    }
    auto asking = ask(*r.children[r.victim].before, until);
    auto answer = co_await asking;
    if (!answer) co_return;
    if (!plan_->has_programs()) {
        r.answered_after = since(begun);
        co_return;
    }
    bool was_stopped = is_stopped(answer->os_pid);
    nanoseconds pause = first_pause;
    while (beam::monotonic_time() < until) {
        co_await me_.sleep_for(pause);
        pause = std::min<nanoseconds>(2 * pause, longest_pause);
        const bool is_over = beam::monotonic_time() >= begun + r.hold;
        const bool stopped = is_stopped(answer->os_pid);
        was_stopped = was_stopped || stopped;
        if (!is_over || stopped) continue;
        if (was_stopped) r.answered_after = since(begun);
        co_return;
    }
}

awaitable<void> experiment::see_who_is_there(round& r, nanoseconds begun) {
    const auto until = std::max(begun + r.within + (is_lasting(r.what) ? r.hold : 0ms),
                                beam::monotonic_time() + 1s);
    auto looking = lab_.look(until);
    auto seen = co_await looking;
    if (!seen) {
        r.tree_gone = lab_.is_over();
        r.came_to_rest = false;
        co_return;
    }
    r.gave_up = seen->tested != last_.tested;
    // The victim first: its recovery is measured.
    std::vector<std::size_t> order{r.victim};
    for (std::size_t i = 0; i < r.children.size(); ++i)
        if (i != r.victim) order.push_back(i);
    for (const std::size_t i : order) {
        observed_child& c = r.children[i];
        c.after = seen->pids[i];
        if (!c.after) continue;
        auto asking = ask(*c.after, until);
        auto answer = co_await asking;
        c.answers = answer.has_value();
        if (!answer) continue;
        if (i == r.victim && c.seen() == fate::restarted) r.recovery = since(begun);
        if (c.seen() == fate::same && !plan_->has_programs())
            c.kept_state = answer->done >= given_[*c.after];
    }
}

awaitable<void> experiment::count_work() {
    for (;;) {
        auto m = co_await me_.receive_for<task_done>(0s);
        if (!m) co_return;
        ++done_[m->worker];
    }
}

void experiment::count_losses(round& r) {
    for (const observed_child& c : r.children) {
        if (!c.before || c.seen() == fate::same) continue;
        const std::uint64_t done = done_[*c.before];
        r.lost_messages += given_[*c.before] - std::min(done, given_[*c.before]);
        r.lost_state += done;
        given_.erase(*c.before);
        done_.erase(*c.before);
    }
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
