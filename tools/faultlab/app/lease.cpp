#include "tools/faultlab/app/lease.hpp"

#include <signal.h>

#include "libbeamcore/base/log.hpp"
#include "libbeamcore/otp/dynamic_supervisor.hpp"
#include "libbeamcore/runtime/process_info.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "tools/faultlab/app/application.hpp"

namespace faultlab {

namespace {

using namespace std::chrono_literals;

// A program may take its time to end, and so may a worker that will not stop.
constexpr auto gone_within = 60s;
constexpr auto first_pause = 1ms, longest_pause = 50ms;
constexpr std::uint32_t places_at_once = 256;
constexpr int ahead_max = 16;

// Ends when its input does, which is when the node's OS process is gone.
constexpr const char* guard_script = R"(groups=
while read -r verb group; do
    others=
    for g in $groups; do [ "$g" = "$group" ] || others="$others $g"; done
    groups=$others
    [ "$verb" = add ] && groups="$groups $group"
done
for g in $groups; do kill -s KILL -- "-$g"; done)";

beam::io::port_options guard_options() {
    beam::io::port_options o;
    o.argv = {"/bin/sh", "-c", guard_script};
    o.output = beam::io::output_to::discard;
    o.error_output = beam::io::output_to::discard;
    o.cwd = "/";
    return o;
}

// Supervisors that it started end by themselves, for it was their parent.
beam::awaitable<bool> has_children(beam::pid parent) {
    beam::self me = beam::this_process();
    beam::process_walk walk;
    std::vector<beam::process_counters> found;
    while (walk.next(found, places_at_once)) {
        for (const auto& c : found)
            if (c.parent == parent) co_return true;
        found.clear();
        if (me.bump_reductions(places_at_once)) co_await me.yield();
    }
    co_return false;
}

beam::child_start start_of(beam::pid client, std::shared_ptr<leased_work> work) {
    return beam::child_start([client, work = std::move(work)]() -> beam::start_result {
        beam::outcome<beam::pid> p = beam::start_link<lease>(client, work);
        if (!p) return beam::fail_term(std::move(p.error()));
        return beam::started{*p, {}};
    });
}

}  // namespace

beam::awaitable<void> teller::tell(beam::term item) {
    report r;
    r.from = beam::this_process().id();
    r.item = std::move(item);
    beam::send(client_, std::move(r));
    ++ahead_;
    for (; ahead_ > ahead_max; --ahead_) (void)co_await beam::this_process().receive<noted>();
}

beam::future<beam::start_result> lease::take(leased_work work) {
    const beam::pid client = beam::this_process().id();
    auto shared = std::make_shared<leased_work>(std::move(work));
    beam::child_spec spec(beam::atom("lease"), start_of(client, std::move(shared)),
                          beam::restart_type::temporary, beam::shutdown_type(gone_within + 1s));
    return beam::dynamic_supervisor::start_child(leases_supervisor(), std::move(spec));
}

beam::future<std::vector<beam::child_info>> lease::all() {
    return beam::dynamic_supervisor::which_children(leases_supervisor());
}

beam::future<lease_facts> lease::facts(beam::pid lease) {
    return beam::call<describe>(lease);
}
void lease::count_fault(beam::pid lease) {
    beam::cast<fault_injected>(lease);
}
void lease::watch_group(beam::pid lease, pid_t id) {
    beam::cast<group>(lease, id, true);
}
void lease::forget_group(beam::pid lease, pid_t id) {
    beam::cast<group>(lease, id, false);
}

lease::lease(beam::pid client, std::shared_ptr<leased_work> work)
    : client_(client), work_(std::move(work)), begun_(beam::monotonic_time()) {
    (void)process().trap_exit(true);
    beam::set_label(work_->kind + " " + work_->target);
    if (work_->has_programs) {
        auto guard = beam::io::open_port(guard_options());
        if (!guard) beam::exit(beam::tuple(beam::atom("guard"), guard.error().code));
        guard_ = *std::move(guard);
    }
    (void)beam::monitor(client_);
    worker_ = work_->start(client_, id());
}

lease_facts lease::handle_call(describe) const {
    lease_facts f;
    f.kind = work_->kind;
    f.target = work_->target;
    f.fault = work_->fault;
    f.running_ms =
        std::chrono::duration_cast<std::chrono::milliseconds>(beam::monotonic_time() - begun_)
            .count();
    f.faults = faults_;
    return f;
}

void lease::handle_cast(group g) {
    if (!guard_) return;
    const auto told = guard_.try_write((g.is_new ? "add " : "drop ") + std::to_string(g.id) + "\n");
    if (!told || !*told)
        beam::log(beam::log_level::warning, "faultlab", "the guard of programs is not listening",
                  {{"group", std::to_string(g.id)}});
}

// The client is gone, or has its answer.
beam::cast_result lease::handle_info(beam::down_message) {
    return beam::stop_with{beam::atoms::normal};
}

beam::cast_result lease::handle_info(beam::exit_message m) {
    if (m.from != worker_ || m.reason == beam::atoms::normal) return beam::noreply{};
    finished told;
    told.result = beam::refuse("internal", "the experiment itself failed", "beamd logs", 70);
    beam::send(client_, std::move(told));
    return beam::noreply{};
}

beam::awaitable<void> lease::terminate(const beam::term&) {
    beam::exit(worker_, beam::atoms::kill);
    const auto until = beam::monotonic_time() + gone_within;
    std::chrono::nanoseconds pause = first_pause;
    for (;;) {
        auto looking = has_children(worker_);
        const bool any = co_await looking;
        if (!any || beam::monotonic_time() > until) break;
        co_await process().sleep_for(pause);
        pause = std::min<std::chrono::nanoseconds>(2 * pause, longest_pause);
    }
    if (guard_) (void)guard_.kill(SIGKILL);
}

}  // namespace faultlab
