#include "libbeamcore/node/internal/lifecycle.hpp"

#include <unistd.h>

#include <algorithm>

#include "libbeamcore/base/duration.hpp"
#include "libbeamcore/base/log.hpp"
#include "libbeamcore/base/size.hpp"
#include "libbeamcore/io/os_port.hpp"
#include "libbeamcore/node/internal/cluster.hpp"
#include "libbeamcore/otp/application.hpp"
#include "libbeamcore/otp/dynamic_supervisor.hpp"
#include "libbeamcore/otp/proc_lib.hpp"
#include "libbeamcore/release/code_server.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/runtime.hpp"
#include "libbeamcore/runtime/timer.hpp"

namespace beam::control {

namespace {

using namespace std::chrono_literals;

constexpr auto objection_limit = 5s;

void send_to(const atom& name, auto message) {
    if (const auto p = whereis(name)) send(*p, std::move(message));
}

// Tells all clients, gives their requests time to end, stops the applications.
awaitable<void> drain_node(self me, node_context* node) {
    send_to(node_names::acceptor(), stop_accepting{});
    const auto end = monotonic_time() + node->settings.drain;
    std::size_t left = 0;
    auto listing = dynamic_supervisor::which_children(node_names::connections());
    auto connections = co_await std::move(listing).outcome();
    if (connections) {
        for (const auto& c : *connections) {
            if (!c.pid) continue;
            (void)monitor(*c.pid);
            send(*c.pid, drain{});
            ++left;
        }
    }
    while (left > 0) {
        const auto time = std::max(end - monotonic_time(), 0ns);
        auto down = co_await me.receive_for<down_message>(timeout(time));
        if (!down) break;
        --left;
    }
    if (left > 0)
        log(log_level::warning, "node", "requests were cut off",
            {{"connections", std::to_string(left)}});
    auto stopping = application::stop_all();
    co_await stopping;
    log(log_level::info, "node", "stopped");
    node->finish(0);
}

struct objection_heard {
    std::string why;
    bool objects = false;
};

process hear_objection(self, pid asker, std::shared_ptr<const loaded_module> module) {
    auto asking = module->definition().objection();
    const std::optional<std::string> why = co_await asking;
    objection_heard heard;
    heard.objects = why.has_value();
    if (why) heard.why = module->name() + ": " + *why;
    send(asker, std::move(heard));
}

awaitable<void> ask_objections(self me, pid lifecycle, std::chrono::milliseconds idle) {
    objections_heard all;
    auto asking = own_objection(me);
    auto why = co_await asking;
    if (!why) {
        auto asking_others = objection_of_fellows(idle);
        why = co_await asking_others;
    }
    all.may_leave = !why;
    if (why) all.why = *std::move(why);
    send(lifecycle, std::move(all));
}

}  // namespace

awaitable<std::optional<std::string>> own_objection(self me) {
    for (const auto& module : code_server::current().loaded()) {
        if (!module->definition().objection) continue;
        if (!application::is_running(atom(std::string_view(module->name())))) continue;
        const spawned asked = spawn_monitor(hear_objection, me.id(), module);
        auto heard =
            co_await me.receive_for<objection_heard, down_message>(timeout(objection_limit));
        (void)demonitor(asked.monitor, {.flush = true});
        if (const auto* said = heard ? std::get_if<objection_heard>(&*heard) : nullptr) {
            if (said->objects) co_return said->why;
            continue;
        }
        if (!heard) exit(asked.pid, atoms::kill);
        co_return module->name() + " does not answer";
    }
    co_return std::nullopt;
}

lifecycle::lifecycle(node_context* node) : node_(node), log_level_(node->settings.log_level) {
    (void)process().trap_exit(true);
    if (!node->options.spawned) return;
    idle_is_watched_ = true;
    if (node->last_client_ms.load() == 0) node->last_client_ms.store(node->now_ms());
    look_again(node->live.idle);
}

void lifecycle::handle_info(link_readable) {
    while (auto e = node_->link->next()) handle(*std::move(e));
    if (node_->link_read) node_->link_read();
}

void lifecycle::handle(link_event e) {
    switch (e.kind) {
        case link_event::what::stop:
            stop(e.text, e.again);
            return;
        case link_event::what::reread: {
            settings_reread m;
            m.configured = std::move(e.settings);
            return handle_info(std::move(m));
        }
        case link_event::what::listener: {
            accept_on m;
            m.fd = std::move(e.fd);
            send_to(node_names::acceptor(), std::move(m));
            return;
        }
        case link_event::what::exited:
            log(log_level::info, "node", "a port of an earlier runtime ended",
                {{"os_pid", std::to_string(e.pid)}, {"status", std::to_string(e.status)}});
            return;
        case link_event::what::status:
            return;
        case link_event::what::parent_gone:
            io::kill_all_ports(process().node());
            ::_exit(1);
    }
}

void lifecycle::handle_call(stop_node m) {
    leave(m.reason);
}

// The node's own decision: the parent is told, and ends as well.
void lifecycle::leave(const std::string& reason) {
    if (is_ending(node_->state)) return;
    if (node_->link) node_->link->stopping(reason);
    stop(reason, false);
}

void lifecycle::stop(const std::string& reason, bool again) {
    if (is_ending(node_->state)) return;
    node_->state = again ? node_state::restarting : node_state::stopping;
    log(log_level::info, "node", again ? "restarting" : "stopping", {{"reason", reason}});
    (void)proc_lib::spawn_link(drain_node, node_);
}

// -- settings -------------------------------------------------------------------------------------

void lifecycle::handle_info(settings_reread m) {
    const node_settings fresh = node_settings::from_environment(m.configured);
    bool changed = false;
    const auto note = [&](const char* name, const std::string& before, const std::string& now) {
        if (before == now) return false;
        log(log_level::notice, "node", "setting changed",
            {{"setting", name}, {"from", before}, {"to", now}});
        return changed = true;
    };
    if (note("log", log_level_, fresh.log_level)) {
        set_log_threshold(*parse_log_level(fresh.log_level));
        log_level_ = fresh.log_level;
    }
    note("line_max", print_size(node_->live.line_max), print_size(fresh.line_max));
    const bool idle_changed =
        note("idle_exit", print_duration(node_->live.idle.load()), print_duration(fresh.idle));
    node_->live.take(fresh);
    if (idle_changed && idle_is_watched_) look_again(0ms);
    if (!changed) log(log_level::info, "node", "no setting has changed");
}

// -- idle -----------------------------------------------------------------------------------------

void lifecycle::look_again(std::chrono::milliseconds after) {
    if (next_look_) (void)cancel_timer(next_look_);
    next_look_ = send_after(std::max(after, 1ms), id(), idle_check{});
}

void lifecycle::handle_info(idle_check) {
    if (!idle_is_watched_ || is_ending(node_->state)) return;
    flush_suppressed_logs();
    const std::chrono::milliseconds idle = node_->live.idle;
    if (node_->clients.load() > 0) return look_again(idle);
    const std::chrono::milliseconds gone(node_->now_ms() - node_->last_client_ms.load());
    if (gone < idle) return look_again(idle - gone);
    if (gone >= node_->live.idle_max.load()) {
        objections_heard nobody;
        nobody.may_leave = true;
        return handle_info(std::move(nobody));
    }
    (void)proc_lib::spawn_link(ask_objections, id(), idle);
}

void lifecycle::handle_info(objections_heard m) {
    if (is_ending(node_->state)) return;
    const std::chrono::milliseconds gone(node_->now_ms() - node_->last_client_ms.load());
    const std::chrono::milliseconds idle = node_->live.idle;
    if (node_->clients.load() > 0 || gone < idle)
        return look_again(idle);  // somebody came while we asked
    if (!m.may_leave) {
        log(log_level::info, "node", "idle, and stays", {{"because", m.why}});
        const auto rest = node_->live.idle_max.load() - gone;
        return look_again(
            std::clamp<std::chrono::milliseconds>(idle / 5, 10ms, std::max(rest, 10ms)));
    }
    const std::string reason = "no client for " + print_duration(idle);
    tell_fellows_to_leave(reason);
    leave(reason);
}

// One that was started by hand stays, and so does one that has a client by now.
void lifecycle::handle_info(const leave_with_fellows& m) {
    if (idle_is_watched_ && node_->clients.load() == 0) leave(m.reason + ", as the cluster leaves");
}

}  // namespace beam::control
