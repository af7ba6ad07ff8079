#include "tools/kv/coordinator/coordinator_process.hpp"

#include <utility>

#include "libbeamcore/runtime/send.hpp"
#include "tools/kv/coordinator/coordinator_core.hpp"

namespace kv {

using beam::result;

namespace {

template <class T>
result<coordinator_process::done> as_done(const result<T>& r) {
    if (!r) return beam::pass(r);
    return coordinator_process::done{};
}

}  // namespace

// What others see.

void coordinator_process::subscribe(const server_ref& server, beam::pid subscriber) {
    beam::cast<subscribe_message>(server, subscriber);
}
void coordinator_process::read_record(const server_ref& server, std::uint32_t shard, beam::pid to) {
    beam::cast<read_message>(server, shard, to);
}
void coordinator_process::change_record(const server_ref& server, std::uint32_t shard,
                                        shard_record target, std::uint64_t expected_rev,
                                        beam::pid to) {
    beam::cast<change_message>(server, record_swap{shard, std::move(target), expected_rev}, to);
}

auto coordinator_process::create(const server_ref& server, first_cluster first) -> answer<done> {
    return beam::call<create_request>(server, std::move(first));
}
auto coordinator_process::write_plan(const server_ref& server, plan next,
                                     std::uint64_t expected_rev) -> answer<std::uint64_t> {
    return beam::call<plan_request>(server, std::move(next), expected_rev);
}
auto coordinator_process::join(const server_ref& server, join_request request) -> answer<done> {
    return beam::call<join_as>(server, std::move(request));
}
auto coordinator_process::leave(const server_ref& server) -> answer<done> {
    return beam::call<leave_request>(server);
}
auto coordinator_process::set_store_state(const server_ref& server, store_id store,
                                          store_state state, std::uint64_t expected_rev)
    -> answer<std::uint64_t> {
    return beam::call<state_request>(server, store, state, expected_rev);
}
auto coordinator_process::recover(const server_ref& server, std::uint32_t shard, store_id primary,
                                  std::vector<store_id> isr, std::uint64_t expected_rev)
    -> answer<known_record> {
    return beam::call<recover_request>(server, shard, primary, std::move(isr), expected_rev);
}
auto coordinator_process::view(const server_ref& server)
    -> answer<std::shared_ptr<const cluster_view>> {
    return beam::call<view_request>(server);
}

// What the process does.

beam::init_result<coordinator_process> coordinator_process::init(coordinator_options options,
                                                                 cluster_memory memory) {
    auto backend = open_coordinator(options);
    if (!backend)
        return beam::stop_with{
            beam::tuple(beam::atom(backend.error().code), backend.error().detail)};
    return coordinator_process(*std::move(backend), std::move(memory));
}

coordinator_process::coordinator_process(std::unique_ptr<coordinator> backend,
                                         cluster_memory memory)
    : core_(std::make_unique<coordinator_core>(std::move(backend), std::move(memory))) {}
coordinator_process::coordinator_process(coordinator_process&&) noexcept = default;
coordinator_process::~coordinator_process() = default;

void coordinator_process::handle_cast(subscribe_message m) {
    core_->subscribe(m.subscriber);
}
void coordinator_process::handle_cast(read_message m) {
    core_->read(m.shard, m.to);
}
void coordinator_process::handle_cast(change_message m) {
    core_->change(std::move(m.what), m.to);
}

auto coordinator_process::handle_call(create_request r, const beam::from& to)
    -> beam::call_result<result<done>> {
    core_->call_anyway<done>(to, true, [first = std::move(r.first)](coordinator& c) {
        return as_done(c.create(first));
    });
    return beam::noreply{};
}
auto coordinator_process::handle_call(plan_request r, const beam::from& to)
    -> beam::call_result<result<std::uint64_t>> {
    core_->call<std::uint64_t>(to, true, [r = std::move(r)](coordinator& c) {
        return c.write_plan(r.next, r.expected_rev);
    });
    return beam::noreply{};
}
auto coordinator_process::handle_call(join_as r, const beam::from& to)
    -> beam::call_result<result<done>> {
    core_->call<done>(to, true,
                      [what = std::move(r.what)](coordinator& c) { return as_done(c.join(what)); });
    return beam::noreply{};
}
auto coordinator_process::handle_call(leave_request, const beam::from& to)
    -> beam::call_result<result<done>> {
    core_->call_anyway<done>(to, true, [](coordinator& c) { return as_done(c.leave()); });
    return beam::noreply{};
}
auto coordinator_process::handle_call(state_request r, const beam::from& to)
    -> beam::call_result<result<std::uint64_t>> {
    core_->call<std::uint64_t>(to, true, [r](coordinator& c) {
        return c.set_store_state(r.store, r.state, r.expected_rev);
    });
    return beam::noreply{};
}
auto coordinator_process::handle_call(recover_request r, const beam::from& to)
    -> beam::call_result<result<known_record>> {
    core_->call<known_record>(to, true, [r = std::move(r)](coordinator& c) {
        return c.overwrite_record(r.shard, r.primary, r.isr, r.expected_rev);
    });
    return beam::noreply{};
}
auto coordinator_process::handle_call(view_request, const beam::from& to)
    -> beam::call_result<result<std::shared_ptr<const cluster_view>>> {
    core_->view(to);
    return beam::noreply{};
}

void coordinator_process::handle_info(job_done m) {
    core_->done(m.job);
}
void coordinator_process::handle_info(may_have_changed) {
    core_->look();
}
void coordinator_process::handle_info(tick) {
    core_->tick();
}
void coordinator_process::handle_info(time_to_tend) {
    core_->tend();
}
void coordinator_process::handle_info(beam::down_message m) {
    if (const auto gone = m.pid()) core_->unsubscribe(*gone);
}

}  // namespace kv
