#include "libbeamcore/otp/task.hpp"

#include <memory>

#include "libbeamcore/otp/detail/gen.hpp"
#include "libbeamcore/otp/report.hpp"
#include "libbeamcore/runtime/body.hpp"
#include "libbeamcore/runtime/detail/local.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/runtime/spawn.hpp"
#include "libbeamcore/runtime/timer.hpp"

BEAM_DEFINE_DESCRIPTOR(beam::detail::task_request);

namespace beam::detail {

namespace {

class task_receive : public receive_base {
public:
    explicit task_receive(process_block* pb)
        : receive_base(pb, descriptor_of<task_request>(), &match, infinity{}, false) {}
    message await_resume() { return finish(); }

private:
    static bool match(receive_base*, message& m) {
        return m.type() == descriptor_of<task_request>();
    }
};

// The request, or the owner's death before it came.
class task_or_down_receive : public receive_base {
public:
    task_or_down_receive(process_block* pb, ref owner)
        : receive_base(pb, nullptr, &match, infinity{}, false), owner_(owner) {}
    message await_resume() { return finish(); }

private:
    static bool match(receive_base* r, message& m) {
        if (m.type() == descriptor_of<task_request>()) return true;
        const auto* d = m.get_if<down_message>();
        return d && d->monitor == static_cast<task_or_down_receive*>(r)->owner_;
    }
    ref owner_;
};

// A task's process. A body, for a coroutine would cost it a frame, and a note of the request in a block of its own.
class task_body final : public process_body {
public:
    explicit task_body(pid watched) : watched_(watched) {}

    static void* operator new(std::size_t n) { return allocate(n); }
    static void operator delete(void* p, std::size_t n) noexcept { deallocate(p, n); }

    [[nodiscard]] const term& callers() const { return callers_; }

    void run(self s) final {
        if (begun_) return finish(s, failure_);
        if (watched_) return begin(s, wait_for_request(s));
        message m = s.try_receive();
        if (!m) return;
        // Its starter sends the request before anybody else knows the pid; only who guesses it comes first.
        if (m.type() != descriptor_of<task_request>())
            return begin(s, wait_for_request(s, std::move(m)));
        begun_ = true;
        start(s, std::move(m));
    }

private:
    void begin(self s, awaitable<void> work) {
        begun_ = true;
        run_waiting(s, std::move(work));
    }

    void start(self s, message m) {
        from to = take(s, std::move(m));
        if (work_.waiting_code) return run_waiting(s, run_waiting_code(s, to));
        request_scope open(s.block());
        try {
            work_.code(to);
        } catch (...) {
            failed(s);
        }
        finish(s, failure_);
    }

    from take(self s, message m) {
        from to{};
        if (auto asked = request_from(m)) {
            to = *asked;
            begin_request(s.block(), m);
        }
        work_ = m.take<task_request>();
        callers_ = std::move(work_.callers);
        return to;
    }

    awaitable<void> run_waiting_code(self s, from to) {
        request_scope open(s.block());
        try {
            awaitable<void> running = work_.waiting_code(to);
            co_await running;
        } catch (...) {
            failed(s);
        }
    }

    awaitable<void> wait_for_request(self s, message early = {}) {
        if (early) beam::send(s.id(), std::move(early));
        message m;
        if (watched_) {
            const ref owner = monitor(watched_);
            m = co_await task_or_down_receive(s.block(), owner);
            if (auto* d = m.get_if<down_message>()) {
                // It has not run: there is nothing to report.
                failure_ = tuple(atoms::shutdown, d->reason);
                co_return;
            }
            demonitor_options flush;
            flush.flush = true;
            demonitor(owner, flush);
        } else {
            m = co_await task_receive(s.block());
        }
        from to = take(s, std::move(m));
        if (work_.waiting_code) {
            co_await run_waiting_code(s, to);
        } else {
            request_scope open(s.block());
            try {
                work_.code(to);
            } catch (...) {
                failed(s);
            }
        }
    }

    void failed(self s) {
        failure_ = reason_of_current_exception();
        report_crash(s, failure_);
    }

    pid watched_;
    task_request work_;
    term callers_ = nil;
    term failure_ = atoms::normal;
    bool begun_ = false;
};

pid spawn_task(bool link, pid watched) {
    static const std::uint32_t name = intern_initial_call("task");
    spawn_options o;
    o.link = link;
    process_block* pb = spawn_begin(o, nullptr);
    if (!pb) raise(atoms::system_limit);
    return spawn_commit(pb, std::make_unique<task_body>(watched), nullptr, name, o, !watched).pid;
}

pending request_to(pid task, task_request request) {
    constexpr auto layout = layout_of(request_header, sizeof(task_request), alignof(task_request));
    auto* s = allocate_request(descriptor_of<task_request>(), layout);
    ::new (s->payload()) task_request(std::move(request));
    pending p(task, infinity{}, nullptr);
    p.start(s);
    return p;
}

bool is_here(task_core& t) {
    return !t.request() || t.request()->was_settled();
}

}  // namespace

term callers_of_new_task() {
    return cons(this_process().id(), callers());
}

pid start_task_process(task_request request, bool link) {
    request.callers = callers_of_new_task();
    const pid p = spawn_task(link, {});
    send(p, std::move(request));
    return p;
}

pid start_waiting_task(pid owner) {
    return spawn_task(true, owner);
}

term task_reason(term why, const char* function, const std::vector<pid>& tasks, timeout limit) {
    std::vector<term> pids(tasks.begin(), tasks.end());
    term who = pids.size() == 1 ? pids[0] : list_of(std::move(pids));
    term ms =
        limit.is_infinite() ? term(atoms::infinity) : term(limit.duration().count() / 1'000'000);
    return tuple(std::move(why),
                 tuple(atom("task"), atom(function), list({std::move(who), std::move(ms)})));
}

// -- the owner's side -----------------------------------------------------------------------------

task_core::task_core(beam::pid process, bool linked)
    : owner_(this_process().id()), pid_(process), linked_(linked) {}

task_core task_core::start(task_request request) {
    return start_in(spawn_task(true, {}), true, std::move(request));
}

task_core task_core::start_in(beam::pid process, bool linked, task_request request) {
    task_core t(process, linked);
    request.callers = callers_of_new_task();
    t.request_.emplace(request_to(process, std::move(request)));
    return t;
}

task_core task_core::completed(message value) {
    task_core t(beam::pid{}, false);
    t.value_ = std::move(value);
    return t;
}

task_core::task_core(task_core&& other) noexcept
    : owner_(other.owner_),
      pid_(other.pid_),
      linked_(other.linked_),
      value_(std::move(other.value_)),
      request_(std::move(other.request_)),
      limit_(other.limit_) {
    other.request_.reset();
}

task_core::~task_core() {
    if (!request_ || request_->was_settled()) return;
    if (linked_) unlink(pid_);
    exit(pid_, atoms::shutdown);
}

void task_core::check_owner() const {
    if (this_process().id() != owner_)
        raise(tuple(atoms::badarg, "a task is its owner's, the process that started it"));
}

void task_core::set_limit(timeout limit) {
    check_owner();
    if (is_over()) raise(tuple(atoms::badarg, "the task's value has been taken"));
    limit_ = limit;
    if (request_) request_->set_limit(limit);
}

// The request is done with, whatever came of it.
outcome<message> task_core::finish() {
    outcome<message> r = request_->finish();
    request_.reset();
    return r;
}

message task_core::await_resume() {
    if (value_) return std::move(value_);
    if (!request_->was_settled()) {
        // It goes on without this request: whoever catches this has no more claim to its value.
        outcome<message> nothing = request_->finish();
        exit(task_reason(atoms::timeout, "await", {pid_}, limit_));
    }
    outcome<message> r = finish();
    if (!r) exit(task_reason(std::move(r.error()), "await", {pid_}, limit_));
    return *std::move(r);
}

task_core::answer task_core::poll() {
    if (value_) return outcome<message>(std::move(value_));
    if (!request_ || !request_->is_settled()) return std::nullopt;
    return finish();
}

awaitable<task_core::answer> task_core::yield(timeout limit) {
    check_owner();
    if (request_) {
        pending* one = &*request_;
        (void)co_await pending_wait(one, limit);
    }
    answer a = poll();
    co_return a;
}

void task_core::forget_link() {
    if (!std::exchange(linked_, false)) return;
    unlink(pid_);
}

void task_core::kill() {
    forget_link();
    exit(pid_, atoms::kill);
    request_.reset();
}

task_core::answer task_core::ignore() {
    check_owner();
    answer a = poll();
    forget_link();
    if (request_) {
        (void)request_->finish();
        request_.reset();
    }
    return a;
}

awaitable<task_core::answer> task_core::shutdown(shutdown_type how) {
    check_owner();
    answer here = poll();
    if (here || is_over()) co_return here;

    const bool linked = linked_;
    forget_link();
    const bool kills = std::holds_alternative<brutal_kill>(how);
    exit(pid_, kills ? atoms::kill : atoms::shutdown);
    timeout limit = infinity{};
    if (auto* ms = std::get_if<std::chrono::milliseconds>(&how)) limit = *ms;
    pending* one = &*request_;
    bool settled = co_await pending_wait(one, limit);
    if (!settled) {
        exit(pid_, atoms::kill);
        (void)co_await pending_wait(one, infinity{});
    }
    outcome<message> r = finish();
    if (linked) {
        const beam::pid gone = pid_;
        (void)co_await this_process().receive_if<exit_message>(
            [gone](const exit_message& m) { return m.from == gone; }, std::chrono::seconds(0));
    }
    if (!r && r.error() == (kills ? atoms::killed : atoms::shutdown)) co_return std::nullopt;
    co_return answer(std::move(r));
}

// -- several --------------------------------------------------------------------------------------

awaitable<void> wait_for_any(std::span<task_core* const> tasks, timeout limit) {
    std::vector<pending*> open;
    for (task_core* t : tasks) {
        if (is_here(*t)) co_return;
        open.push_back(t->request());
    }
    std::span<pending* const> all(open);
    (void)co_await pending_wait(all, limit);
}

namespace {

// What is left of a limit that began at `start`.
timeout left_of(timeout limit, std::chrono::nanoseconds start) {
    if (limit.is_infinite()) return limit;
    const auto gone = monotonic_time() - start;
    return gone < limit.duration() ? timeout(limit.duration() - gone)
                                   : timeout(std::chrono::seconds(0));
}

std::vector<pid> pids_of(const std::vector<task_core*>& tasks) {
    std::vector<pid> pids;
    pids.reserve(tasks.size());
    for (const task_core* t : tasks) pids.push_back(t->pid());
    return pids;
}

}  // namespace

awaitable<std::vector<message>> await_all(std::vector<task_core*> tasks, timeout limit) {
    for (const task_core* t : tasks) t->check_owner();
    const auto start = monotonic_time();
    std::vector<message> values(tasks.size());
    std::size_t left = tasks.size();
    while (left > 0) {
        std::vector<task_core*> open;
        for (std::size_t i = 0; i < tasks.size(); ++i) {
            if (values[i]) continue;
            task_core::answer a = tasks[i]->poll();
            if (!a) {
                open.push_back(tasks[i]);
                continue;
            }
            if (!*a) exit(task_reason(std::move(a->error()), "await_many", pids_of(tasks), limit));
            values[i] = std::move(**a);
            --left;
        }
        if (open.empty()) break;
        const timeout rest = left_of(limit, start);
        if (rest.duration().count() == 0)
            exit(task_reason(atoms::timeout, "await_many", pids_of(tasks), limit));
        co_await wait_for_any(open, rest);
    }
    co_return values;
}

awaitable<std::vector<task_core::answer>> yield_all(std::vector<task_core*> tasks, timeout limit) {
    for (const task_core* t : tasks) t->check_owner();
    const auto start = monotonic_time();
    std::vector<task_core::answer> answers;
    for (task_core* t : tasks) {
        const timeout rest = left_of(limit, start);
        task_core::answer a = co_await t->yield(rest);
        answers.push_back(std::move(a));
    }
    co_return answers;
}

}  // namespace beam::detail

namespace beam {

term callers() {
    const auto* t = dynamic_cast<const detail::task_body*>(detail::current_body());
    return t ? t->callers() : term(nil);
}

}  // namespace beam
