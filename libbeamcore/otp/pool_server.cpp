#include "libbeamcore/otp/internal/pool_server.hpp"

#include <algorithm>

#include "libbeamcore/base/log.hpp"
#include "libbeamcore/otp/dynamic_supervisor.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/term/syntax.hpp"

namespace beam::detail {

namespace {

constexpr std::chrono::seconds healthy_life{
    1};  // a worker that lived that long is replaced at once
constexpr std::chrono::milliseconds first_pause{100}, longest_pause{10'000};

child_spec spec_of_worker(const pool_options& options) {
    return child_spec(atom("worker"), options.worker, restart_type::temporary, options.shutdown);
}

// Has a worker started while the pool goes on.
process starts_worker(self, pid pool, pid supervisor, child_spec spec) {
    start_result r = co_await dynamic_supervisor::start_child(supervisor, std::move(spec));
    send(pool, pool_worker_started{std::move(r)});
}

awaitable<void> end_and_wait(self me, pid supervisor) {
    ref watched = monitor(supervisor);
    exit(supervisor, atoms::shutdown);
    (void)co_await me.receive_if<down_message>(
        [watched](const down_message& d) { return d.monitor == watched; });
}

}  // namespace

// -- start and end --------------------------------------------------------------------------------

awaitable<init_result<pool_server>> pool_server::init(pool_options options) {
    if (options.size == 0 || !options.worker) co_return stop_with{atoms::badarg};
    self me = process();
    me.trap_exit(true);
    auto starting = dynamic_supervisor::start_link();
    start_result sup = co_await starting;
    if (!sup) co_return stop_with{std::move(sup.error())};
    pool_server made(std::move(options), std::get<started>(*sup).pid);
    for (unsigned i = 0; i < made.options_.size; ++i) {
        auto request =
            dynamic_supervisor::start_child(made.supervisor_, spec_of_worker(made.options_));
        start_result r = co_await request;
        if (r && std::holds_alternative<started>(*r)) {
            made.adopt(std::get<started>(*r).pid);
            continue;
        }
        co_await end_and_wait(me, made.supervisor_);
        co_return stop_with{
            tuple(atom("failed_to_start_worker"), r ? term(atoms::ignore) : std::move(r.error()))};
    }
    co_return made;
}

// The workers first, so that they are gone when the pool is. Who has one or waits is told by the pool's end.
awaitable<void> pool_server::terminate(const term&) {
    return end_and_wait(process(), supervisor_);
}

cast_result pool_server::handle_info(const exit_message& m) {
    if (m.from == supervisor_) return stop_with{m.reason};
    // A process that was to start a worker did not come to it.
    if (!(m.reason == atoms::normal)) start_later();
    return {};
}

// -- users ----------------------------------------------------------------------------------------

call_result<outcome<pid>> pool_server::handle_call(pool_check_out m, const from& f) {
    if (free_.empty() && (!m.waits || waiting_.size() >= options_.queue_max))
        return outcome<pid>(fail_term(atom("full")));
    auto u = waiting_.insert(waiting_.end(), user{f, m.tag, monitor(f.to), {}});
    by_tag_.emplace(u->tag, u);
    by_monitor_.emplace(u->monitor, u);
    if (!free_.empty()) {
        pid p = free_.back();
        free_.pop_back();
        hand_over(p, u);
    }
    return noreply{};
}

void pool_server::hand_over(pid p, users::iterator u) {
    u->worker = p;
    served_.splice(served_.end(), waiting_, u);
    workers_[p].user = u;
    reply(u->caller, outcome<pid>(p));
}

void pool_server::handle_cast(pool_check_in m) {
    auto w = workers_.find(m.worker);
    if (w == workers_.end()) return;  // it has died meanwhile
    if (!w->second.user || !((*w->second.user)->caller.to == m.owner)) {
        log(log_level::warning, "otp", "worker given back by who does not have it",
            {{"worker", to_string(m.worker)}, {"process", to_string(m.owner)}});
        return;
    }
    release(*w->second.user, m.state);
}

void pool_server::handle_cast(pool_give_up m) {
    auto found = by_tag_.find(m.tag);
    if (found == by_tag_.end()) return;
    users::iterator u = found->second;
    if (u->worker)
        release(u, worker_state::done);
    else
        forget(u);
}

// He has a worker, which is free from now on.
void pool_server::release(users::iterator u, worker_state state) {
    pid p = u->worker;
    forget(u);
    workers_[p].user.reset();
    if (state == worker_state::spent ||
        (state == worker_state::unfinished && options_.unfinished == unfinished_work::replace))
        end_worker(p);
    else
        serve_next(p);
}

void pool_server::forget(users::iterator u) {
    demonitor_options flush;
    flush.flush = true;
    demonitor(u->monitor, flush);
    by_tag_.erase(u->tag);
    by_monitor_.erase(u->monitor);
    (u->worker ? served_ : waiting_).erase(u);
}

void pool_server::serve_next(pid p) {
    if (waiting_.empty())
        free_.push_back(p);
    else
        hand_over(p, waiting_.begin());
}

// -- workers --------------------------------------------------------------------------------------

void pool_server::adopt(pid p) {
    worker& w = workers_[p];
    w.monitor = monitor(p);
    w.born = monotonic_time();
    serve_next(p);
}

void pool_server::end_worker(pid p) {
    workers_[p].leaves = true;
    ++leaving_;
    // Nobody waits for the answer: the worker's end says it all.
    (void)dynamic_supervisor::terminate_child(supervisor_, p);
}

void pool_server::handle_info(const down_message& m) {
    if (auto u = by_monitor_.find(m.monitor); u != by_monitor_.end()) {
        users::iterator gone = u->second;
        if (gone->worker)
            release(gone, worker_state::unfinished);
        else
            forget(gone);
        return;
    }
    auto p = m.pid();
    if (!p) return;
    auto w = workers_.find(*p);
    if (w != workers_.end() && w->second.monitor == m.monitor) lost(*p);
}

// A worker has ended. Who has it learns that by using it; his check-in finds no such worker.
void pool_server::lost(pid p) {
    worker w = workers_.extract(p).mapped();
    if (w.user) forget(*w.user);
    std::erase(free_, p);
    if (w.leaves) --leaving_;
    ++missing_;
    if (w.leaves || monotonic_time() - w.born >= healthy_life) {
        pause_ = {};
        start_worker();
    } else {
        start_later();
    }
}

void pool_server::start_worker() {
    spawn_link(starts_worker, id(), supervisor_, spec_of_worker(options_));
}

void pool_server::start_later() {
    pause_ = std::clamp(pause_ * 2, first_pause, longest_pause);
    (void)send_after(pause_, id(), pool_start_again{});
}

void pool_server::handle_info(pool_worker_started m) {
    if (m.result && std::holds_alternative<started>(*m.result)) {
        --missing_;
        adopt(std::get<started>(*m.result).pid);
        return;
    }
    log(log_level::error, "otp", "worker of a pool not started",
        {{"reason", m.result ? "ignore" : to_string(m.result.error())}});
    start_later();
}

pool_status pool_server::status() const {
    return {free_.size(), served_.size(), leaving_ + missing_, waiting_.size()};
}

}  // namespace beam::detail
