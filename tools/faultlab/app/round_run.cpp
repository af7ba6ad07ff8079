#include "tools/faultlab/app/round_run.hpp"

#include <algorithm>
#include <cstdio>
#include <string_view>
#include <vector>

#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "libbeamcore/term/syntax.hpp"
#include "tools/faultlab/app/worker.hpp"

namespace faultlab {

namespace {

using namespace std::chrono_literals;
using beam::awaitable;
using std::chrono::microseconds;
using std::chrono::nanoseconds;

constexpr int tasks_before = 3;  // a worker has done them when the fault comes: its state
constexpr int tasks_behind = 2;  // and these are sent behind the fault
constexpr nanoseconds first_pause = 100us, longest_pause = 20ms;
constexpr nanoseconds lost_after = 20ms;  // a request that has no answer then is made again

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

}  // namespace

awaitable<void> round_run::run(round& r, beam::pid tested) {
    tested_ = tested;
    for (const observed_child& c : r.children)
        if (c.before) watched_[*c.before] = beam::monitor(*c.before);
    auto giving = give_work(r);
    co_await giving;
    r.begun = beam::monotonic_time();
    auto injecting = inject(r);
    co_await injecting;
    auto watching = is_deadly(r.what) ? watch_the_end(r) : watch_it_last(r);
    co_await watching;
    auto seeing = see_who_is_there(r);
    co_await seeing;
    r.ended_at = beam::monotonic_time();
    if (r.what == fault::init_fail) worker::let_start(me_.id(), tested_, r.children[r.victim].name);
    auto counting = count_work();
    co_await counting;
    count_losses(r);
    for (const auto& [pid, ref] : watched_) beam::demonitor(ref, {.flush = true});
    watched_.clear();
}

// So that there is something to lose.
awaitable<void> round_run::give_work(const round& r) {
    if (plan_.has_programs()) co_return;
    for (const observed_child& c : r.children) {
        if (!c.before) continue;
        for (int i = 0; i < tasks_before; ++i) worker::give_task(*c.before);
        given_[*c.before] += tasks_before;
    }
    const auto until = beam::monotonic_time() + answers_within;
    for (const observed_child& c : r.children) {
        if (!c.before) continue;
        auto asking = ask(*c.before, until);
        (void)co_await asking;  // the answer comes behind the tasks
    }
}

awaitable<void> round_run::inject(const round& r) {
    const observed_child& victim = r.children[r.victim];
    const beam::pid target = *victim.before;
    if (plan_.has_programs()) {
        program::suffer(target, r.what, r.hold);
        co_return;
    }
    if (r.what == fault::init_fail) worker::keep_from_starting(me_.id(), tested_, victim.name);
    worker::suffer(target, r.what, r.hold);
    for (const observed_child& c : r.children) {
        if (!c.before) continue;
        for (int i = 0; i < tasks_behind; ++i) worker::give_task(*c.before);
        given_[*c.before] += tasks_behind;
    }
    if (r.what != fault::terminate_hang) co_return;
    // It must have heard of it before it is told to stop, for an exit signal overtakes messages.
    auto asking = ask(target, beam::monotonic_time() + answers_within);
    (void)co_await asking;
    auto stopping = lab_.stop_and_start(r.victim, target);
    co_await stopping;
}

// The fault ends the process: waits for that, and until the tree has come to rest.
awaitable<void> round_run::watch_the_end(round& r) {
    const beam::pid target = *r.children[r.victim].before;
    const beam::ref watch = watched_[target];
    const auto until = r.begun + r.within;
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
        const bool is_gone = !now && is_restarted(plan_.rules, r.what) && seen->tested == tested_;
        if (settled && !is_gone) co_return;
        if (beam::monotonic_time() >= until) break;
        co_await me_.sleep_for(pause);
        pause = std::min<nanoseconds>(2 * pause, longest_pause);
    }
    r.came_to_rest = false;
}

// The fault lasts a while: asks the others meanwhile, then the victim until it answers again.
awaitable<void> round_run::watch_it_last(round& r) {
    const auto until = r.begun + r.hold + r.within;
    for (std::size_t i = 0; i < r.children.size(); ++i) {
        if (i == r.victim || !r.children[i].before) continue;
        auto asking = ask(*r.children[i].before, until);
        auto answer = co_await asking;
        if (answer) r.others_answered_after = since(r.begun);
    }
    auto asking = ask_again(*r.children[r.victim].before, until, r.what == fault::drop);
    auto answer = co_await asking;
    if (!answer) co_return;
    if (plan_.has_programs()) {
        auto watching = watch_it_stopped(r, answer->os_pid);
        co_await watching;
    } else {
        r.answered_after = since(r.begun);
    }
}

// Of a program the kernel is asked: it must have been stopped, and run again.
awaitable<void> round_run::watch_it_stopped(round& r, std::int64_t os_pid) {
    const auto until = r.begun + r.hold + r.within;
    bool was_stopped = is_stopped(os_pid);
    nanoseconds pause = first_pause;
    while (beam::monotonic_time() < until) {
        co_await me_.sleep_for(pause);
        pause = std::min<nanoseconds>(2 * pause, longest_pause);
        const bool is_over = beam::monotonic_time() >= r.begun + r.hold;
        const bool stopped = is_stopped(os_pid);
        was_stopped = was_stopped || stopped;
        if (!is_over || stopped) continue;
        if (was_stopped) r.answered_after = since(r.begun);
        co_return;
    }
}

awaitable<void> round_run::see_who_is_there(round& r) {
    const auto until = std::max(r.begun + r.within + (is_lasting(r.what) ? r.hold : 0ms),
                                beam::monotonic_time() + 1s);
    auto looking = lab_.look(until);
    auto seen = co_await looking;
    if (!seen) {
        r.tree_gone = lab_.is_over();
        r.came_to_rest = false;
        co_return;
    }
    r.gave_up = seen->tested != tested_;
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
        if (i == r.victim && c.seen() == fate::restarted) r.recovery = since(r.begun);
        if (c.seen() != fate::same || plan_.has_programs()) continue;
        std::uint64_t& given = given_[*c.after];
        if (i == r.victim && r.what == fault::drop) {
            const std::uint64_t lost = given - std::min(answer->done, given);
            r.lost_messages += lost;
            c.kept_state = lost <= tasks_behind;
            given -= lost;
        } else {
            c.kept_state = answer->done >= given;
        }
    }
}

awaitable<void> round_run::count_work() {
    for (;;) {
        auto m = co_await me_.receive_for<task_done>(0s);
        if (!m) co_return;
        ++done_[m->worker];
    }
}

void round_run::count_losses(round& r) {
    for (const observed_child& c : r.children) {
        if (!c.before || c.seen() == fate::same) continue;
        const std::uint64_t done = done_[*c.before];
        r.lost_messages += given_[*c.before] - std::min(done, given_[*c.before]);
        r.lost_state += done;
        given_.erase(*c.before);
        done_.erase(*c.before);
    }
}

// As ask(); where requests may be lost, again and again.
awaitable<std::optional<pulse>> round_run::ask_again(beam::pid child, nanoseconds until,
                                                     bool are_lost) {
    for (;;) {
        const auto now = beam::monotonic_time();
        auto asking = ask(child, are_lost ? std::min<nanoseconds>(until, now + lost_after) : until);
        auto answer = co_await asking;
        if (answer || beam::monotonic_time() >= until) co_return answer;
    }
}

awaitable<std::optional<pulse>> round_run::ask(beam::pid child, nanoseconds until) {
    const auto left = std::max<nanoseconds>(until - beam::monotonic_time(), 0ns);
    auto asking = pulse_of(child, left);
    beam::outcome<pulse> p = co_await asking.outcome();
    if (!p) co_return std::nullopt;
    co_return *p;
}

}  // namespace faultlab
