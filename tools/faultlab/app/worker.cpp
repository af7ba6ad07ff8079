#include "tools/faultlab/app/worker.hpp"

#include <algorithm>
#include <stdexcept>

#include "libbeamcore/runtime/groups.hpp"
#include "libbeamcore/runtime/process_info.hpp"
#include "libbeamcore/runtime/timer.hpp"

namespace faultlab {

namespace {

using namespace std::chrono_literals;

constexpr auto slow_answer = 20ms;

beam::term failing_group(beam::pid supervisor, const std::string& name) {
    return beam::tuple(supervisor, name);
}

beam::start_result start_worker(beam::pid experiment, const std::string& name) {
    beam::server_options options;
    options.spawn.message_bytes_max = worker_heap_max;
    beam::outcome<beam::pid> p = beam::start_link<worker>(options, experiment, name);
    if (!p) return beam::fail_term(std::move(p.error()));
    return beam::started{*p, {}};
}

beam::child_start start_of_list(beam::pid experiment, const beam::term& arguments) {
    const beam::term* name = arguments.head();
    std::string text = name ? std::string(name->bytes()) : std::string();
    return worker::child(experiment, std::move(text));
}

}  // namespace

void worker::give_task(beam::pid worker) {
    beam::cast<task>(worker);
}

void worker::suffer(beam::pid worker, fault what, std::chrono::milliseconds hold) {
    if (what == fault::kill) return beam::exit(worker, beam::atoms::kill);
    beam::cast<order>(worker, what, hold);
    if (what == fault::storm)
        for (std::uint64_t i = 0; i < storm_messages; ++i) beam::cast<noise>(worker);
    if (what == fault::heap)
        for (std::uint64_t sent = 0; sent <= worker_heap_max; sent += sizeof(ballast))
            beam::cast<ballast>(worker, decltype(ballast::bytes){});
}

beam::child_start worker::child(beam::pid experiment, std::string name) {
    return beam::child_start(
        [experiment, name = std::move(name)] { return start_worker(experiment, name); });
}

beam::child_start worker::child(beam::pid experiment) {
    return beam::child_start::of_arguments(
        [experiment](const beam::term& arguments) { return start_of_list(experiment, arguments); },
        beam::atom("worker"), beam::nil);
}

void worker::keep_from_starting(beam::pid experiment, beam::pid supervisor,
                                const std::string& name) {
    beam::pg::join(failing_scope(), failing_group(supervisor, name), experiment);
}

void worker::let_start(beam::pid experiment, beam::pid supervisor, const std::string& name) {
    (void)beam::pg::leave(failing_scope(), failing_group(supervisor, name), experiment);
}

beam::init_result<worker> worker::init(beam::pid experiment, std::string name) {
    const auto me = beam::process_info(id());
    if (me && !beam::pg::get_members(failing_scope(), failing_group(me->parent, name)).empty())
        return beam::stop_with{beam::atom("init_fail")};
    beam::set_label("worker " + name);
    worker w;
    w.experiment_ = experiment;
    return w;
}

beam::awaitable<void> worker::be_slow() const {
    if (beam::monotonic_time() < slow_until_) co_await process().sleep_for(slow_answer);
}

// Whether what has just come is lost, or comes again later: as if the way to here were bad.
bool worker::is_kept_away(std::optional<beam::from> caller) {
    const auto now = beam::monotonic_time();
    if (now < drop_until_) return true;
    // Behind what is late already, for a way changes no order.
    const auto due = std::max(now < delay_until_ ? now + late_by : now, last_late_);
    if (due <= now && late_.empty()) return false;
    last_late_ = due;
    late_.push_back(std::move(caller));
    (void)beam::send_after(due - now, id(), late{});
    return true;
}

pulse worker::facts() const {
    pulse p;
    p.done = done_;
    return p;
}

beam::awaitable<beam::call_result<pulse>> worker::handle_call(pulse_request, beam::from caller) {
    if (is_kept_away(caller)) co_return beam::noreply{};
    co_await be_slow();
    co_return facts();
}

beam::awaitable<void> worker::handle_cast(task) {
    if (is_kept_away({})) co_return;
    co_await do_task();
}

beam::awaitable<void> worker::handle_info(late) {
    const std::optional<beam::from> caller = std::move(late_.front());
    late_.pop_front();
    if (caller)
        beam::reply(*caller, facts());
    else
        co_await do_task();
}

beam::awaitable<void> worker::do_task() {
    co_await be_slow();
    ++done_;
    beam::send(experiment_, task_done{id()});
}

beam::awaitable<beam::cast_result> worker::handle_cast(order o) {
    switch (o.what) {
        case fault::crash:
        case fault::init_fail:
            throw std::runtime_error("faultlab had it crash");
        case fault::exit_normal:
            co_return beam::stop_with{beam::atoms::normal};
        case fault::hang:
            co_await process().sleep_for(o.hold);
            break;
        case fault::heap:
            co_await process().sleep_for(beam::infinity{});
            break;
        case fault::slow:
            slow_until_ = beam::monotonic_time() + o.hold;
            break;
        case fault::drop:
            drop_until_ = beam::monotonic_time() + o.hold;
            break;
        case fault::delay:
            delay_until_ = beam::monotonic_time() + o.hold;
            break;
        case fault::terminate_hang:
            (void)process().trap_exit(true);
            will_not_stop_ = true;
            break;
        case fault::storm:
        case fault::kill:
            break;
    }
    co_return beam::noreply{};
}

beam::awaitable<void> worker::terminate(const beam::term&) {
    if (will_not_stop_) co_await process().sleep_for(beam::infinity{});
}

}  // namespace faultlab
