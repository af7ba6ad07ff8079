// gen, from outside: how a process of a behaviour is started and stopped.
#include <chrono>

#include "libbeamcore/otp/detail/gen.hpp"
#include "libbeamcore/otp/detail/start_protocol.hpp"
#include "libbeamcore/otp/gen_server.hpp"
#include "libbeamcore/otp/report.hpp"
#include "libbeamcore/runtime/name.hpp"

namespace beam::detail {

gen_start::gen_start(const gen_class* type, const server_options& options, bool link, bool monitor)
    : options_(options), class_(type) {
    options_.spawn.link = link;
    options_.spawn.monitor = monitor;
    options_.spawn.name = options.name.local();
}

gen_start::~gen_start() {
    scope_.reset();
    if (pb_ && state_ == state::begun) spawn_abandon(pb_);
}

bool gen_start::begin() {
    for (;;) {
        pb_ = spawn_begin(options_.spawn, nullptr);
        if (pb_) break;
        if (!options_.spawn.name) {
            reason_ = atoms::system_limit;
            return false;
        }
        if (auto holder = whereis(*options_.spawn.name)) {
            reason_ = tuple(atoms::already_started, *holder);
            return false;
        }
        // Its holder has just died: the name is free again.
    }
    state_ = state::begun;
    body_ = gen_core::make(class_);
    if (options_.spawn.link) body_->parent_ = this_process().id();
    if (!options_.hibernate_after.is_infinite())
        body_->hibernate_after(options_.hibernate_after.duration());
    scope_.emplace(pb_);
    if (!options_.name || options_.spawn.name) return true;
    // A via: the process registers itself.
    try {
        outcome<void> registered = options_.name.register_self();
        if (registered) return true;
        stopped(std::move(registered.error()));
    } catch (...) {
        caught();
    }
    return false;
}

void gen_start::made(then t) {
    body_->init_ready(std::move(t));
    state_ = state::made;
}

void gen_start::ignored() {
    state_ = state::ignored;
}

void gen_start::stopped(term reason) {
    reason_ = std::move(reason);
    state_ = state::failed;
}

void gen_start::caught() noexcept {
    try {
        throw;
    } catch (const ignore&) {
        ignored();
    } catch (const stop_with& s) {
        stopped(s.reason);
    } catch (...) {
        crashed_ = true;
        stopped(thrown_reason(bad_return_tag(*class_, true)));
    }
}

void gen_start::defer(awaitable<void> init) {
    body_->init_later(std::move(init));
    state_ = state::deferred;
}

start_result gen_start::finish() {
    if (state_ == state::none) return fail_term(std::move(reason_));
    if (state_ == state::failed && crashed_) report_crash(self(pb_), reason_);
    scope_.reset();
    if (state_ == state::made || state_ == state::deferred) {
        const bool waits = body_->is_waiting();
        spawned s = spawn_commit(std::exchange(pb_, nullptr), std::move(body_), class_->module(),
                                 class_->class_name().index(), options_.spawn, waits);
        monitor_ = s.monitor;
        return started{s.pid};
    }
    body_.reset();
    process_block* pb = std::exchange(pb_, nullptr);
    if (state_ == state::ignored) {
        spawn_fail(pb, atoms::normal);
        return ignore{};
    }
    spawn_fail(pb, reason_);
    return fail_term(std::move(reason_));
}

// finish() runs now, not when the coroutine does: whoever awaits it must be itself again.
awaitable<start_result> gen_start::finish_waiting() {
    return wait_until_ready(finish());
}

awaitable<start_result> gen_start::wait_until_ready(start_result r) {
    if (!r || !std::holds_alternative<started>(*r)) co_return r;
    pid child = std::get<started>(*r).pid;
    auto request = send_request(child, start_request{}, options_.timeout);
    outcome<start_answer> answer = co_await request.outcome();
    if (!answer) {
        term why = why_of(answer.error());
        if (options_.spawn.link || why == atoms::timeout) {
            self me = this_process();
            co_await forget_failed_child(me, child, why == atoms::timeout);
        }
        co_return fail_term(std::move(why));
    }
    switch (answer->outcome) {
        case start_outcome::ready:
            break;
        case start_outcome::ignored:
            r = ignore{};
            break;
        case start_outcome::failed:
            r = fail_term(std::move(answer->value));
            break;
    }
    co_return r;
}

}  // namespace beam::detail

namespace beam {

namespace {

awaitable<void> stop_and_wait(server_ref server, term reason, timeout limit) {
    self me = this_process();
    ref watched = monitor(server);
    detail::sys_request request;
    request.op = detail::sys_op::terminate;
    request.a = reason;
    auto told = send_request(server, std::move(request), infinity{});
    auto down = co_await me.receive_if<down_message>(
        [watched](const down_message& d) { return d.monitor == watched; }, limit);
    if (!down) {
        demonitor_options flush;
        flush.flush = true;
        demonitor(watched, flush);
        exit(atoms::timeout);
    }
    if (!(down->reason == reason)) exit(std::move(down->reason));
}

}  // namespace

awaitable<void> stop(server_ref server, term reason, timeout limit) {
    return stop_and_wait(server, std::move(reason), limit);
}

namespace detail {

term response_error(const term& call_failure) {
    term server = atoms::undefined;
    auto outer = call_failure.elements();
    if (outer.size() == 2) {
        auto call = outer[1].elements();
        if (call.size() == 3)
            if (const term* first = call[2].head()) server = *first;
    }
    return tuple(why_of(call_failure), std::move(server));
}

}  // namespace detail

}  // namespace beam
