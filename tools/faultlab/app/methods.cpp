#include "tools/faultlab/app/methods.hpp"

#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/term/syntax.hpp"
#include "tools/faultlab/app/attack.hpp"
#include "tools/faultlab/app/experiment.hpp"
#include "tools/faultlab/app/lease.hpp"
#include "tools/faultlab/app/run_plan.hpp"

namespace faultlab {

namespace {

using beam::answer;
using beam::atom;
using beam::awaitable;
using beam::request;

// Waits until the lease is gone, and with it all that it held.
awaitable<void> give_back(beam::pid lease) {
    try {
        auto stopping = beam::stop(lease);
        co_await stopping;
    } catch (const beam::exit_exception&) {  // it was gone already
    }
}

// Has the work done, and passes on what is told of it.
awaitable<answer> relay(request& r, leased_work work) {
    beam::self me = beam::this_process();
    auto taking = lease::take(std::move(work));
    beam::start_result taken = co_await taking;
    beam::outcome<beam::pid> held = beam::started_pid(std::move(taken));
    if (!held)
        co_return beam::refuse("internal", "no lease: " + beam::to_string(held.error()),
                               "beamd logs", 70);
    const beam::pid holder = *held;
    (void)beam::monitor(holder);
    for (;;) {
        auto m = co_await me.receive<report, finished, beam::down_message>();
        if (auto* told = std::get_if<report>(&m)) {
            const beam::pid worker = told->from;
            beam::term item = std::move(told->item);
            co_await r.item(item);
            beam::send(worker, noted{});
        } else if (auto* end = std::get_if<finished>(&m)) {
            auto giving_back = give_back(holder);
            co_await giving_back;
            co_return std::move(end->result);
        } else {
            co_return beam::refuse(
                "cleared", "it was ended by faultlab clear, or with the application", {}, 1);
        }
    }
}

awaitable<answer> run(request& r, run_params p) {
    auto plan = plan_of(p);
    if (!plan) co_return tl::unexpected<beam::request_error>(plan.error());
    if (p.dry_run) co_return shown(**plan);
    auto relaying = relay(r, work_of(std::shared_ptr<const run_plan>(*plan)));
    answer a = co_await relaying;
    co_return a;
}

awaitable<answer> do_attack(request& r, attack_params p) {
    auto made = plan_of(p);
    if (!made) co_return tl::unexpected<beam::request_error>(made.error());
    const std::shared_ptr<const attack_plan> plan = *made;
    auto looking = victims_of(plan);
    auto victims = co_await looking;
    if (!victims) co_return tl::unexpected<beam::request_error>(victims.error());
    if (p.dry_run) co_return shown(*plan, *victims);
    auto relaying = relay(r, work_of(plan));
    answer a = co_await relaying;
    co_return a;
}

awaitable<std::vector<beam::term>> all_leases(bool ends_them) {
    auto asking = lease::all();
    const std::vector<beam::child_info> children = co_await asking;
    std::vector<beam::term> list;
    for (auto c = children.rbegin(); c != children.rend(); ++c) {
        if (!c->pid) continue;
        const beam::pid holder = *c->pid;
        auto asking_facts = lease::facts(holder);
        beam::outcome<lease_facts> facts = co_await asking_facts.outcome();
        if (!facts) continue;  // it ended just now
        list.push_back(beam::map({{atom("pid"), holder},
                                  {atom("kind"), facts->kind},
                                  {atom("target"), facts->target},
                                  {atom("fault"), facts->fault},
                                  {atom("running_ms"), facts->running_ms},
                                  {atom("faults"), facts->faults}}));
        if (!ends_them) continue;
        auto giving_back = give_back(holder);
        co_await giving_back;
    }
    co_return list;
}

awaitable<answer> list(request&) {
    auto looking = all_leases(false);
    std::vector<beam::term> all = co_await looking;
    co_return beam::map({{atom("running"), beam::list_of(std::move(all))}});
}

awaitable<answer> clear(request&) {
    auto ending = all_leases(true);
    std::vector<beam::term> all = co_await ending;
    co_return beam::map({{atom("cleared"), beam::list_of(std::move(all))}});
}

}  // namespace

void add_methods(beam::application_definition& app) {
    app.method("run", run);
    app.method("attack", do_attack);
    app.method("list", list, {.restartable = true});
    app.method("clear", clear, {.restartable = true});
}

}  // namespace faultlab
