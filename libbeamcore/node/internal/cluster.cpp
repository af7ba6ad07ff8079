#include "libbeamcore/node/internal/cluster.hpp"

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <utility>

#include "libbeamcore/base/log.hpp"
#include "libbeamcore/base/unique_fd.hpp"
#include "libbeamcore/dist/cluster.hpp"
#include "libbeamcore/node/internal/control_messages.hpp"
#include "libbeamcore/node/internal/lifecycle.hpp"
#include "libbeamcore/node/internal/router.hpp"
#include "libbeamcore/otp/application.hpp"
#include "libbeamcore/otp/proc_lib.hpp"
#include "libbeamcore/otp/supervisor.hpp"
#include "libbeamcore/release/code_server.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "libbeamcore/term/syntax.hpp"

namespace beam::control {

namespace {

using namespace std::chrono_literals;

// A member that boots is there within some 50 ms; what takes so much longer is in trouble.
constexpr auto join_limit = 3s;
// How often it is looked whether one that was about to come has given up.
constexpr auto look_interval = 20ms;
// An application may have a store to open.
constexpr auto start_limit = 5s;
constexpr auto objection_limit = 6s;

// As the tools look: who runs, starts or stops holds its lock.
bool is_about(const node_context& node, const std::string& member) {
    const auto path = node.options.runtime_folder + "/" + member + ".lock";
    unique_fd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
    return fd && ::flock(fd.get(), LOCK_SH | LOCK_NB) != 0;
}

std::vector<atom> connected_fellows() {
    std::vector<atom> up;
    for (const atom member : dist::cluster_members())
        if (member != beam::node() && dist::is_node_up(member)) up.push_back(member);
    return up;
}

server_ref server_at(atom node) {
    return {node_names::cluster(), node};
}

bool is_member(atom node) {
    const auto members = dist::cluster_members();
    return std::find(members.begin(), members.end(), node) != members.end();
}

// A node of Erlang's in a list has no such server, and need not.
bool is_stranger(const term& failure) {
    const auto parts = failure.elements();
    return failure == atoms::noproc || (!parts.empty() && parts[0] == atoms::noproc);
}

void cannot_run(atom node, const std::string& application, std::string_view why) {
    log(log_level::warning, "node", "a member of the cluster does not run an application",
        {{"node", node.name()}, {"application", application}, {"why", why}});
}

process run_for_fellow(self, std::string name, from caller) {
    std::string why;
    if (!is_application_name(name)) {
        why = "no application has such a name";
    } else if (!application::is_running(atom(std::string_view(name)))) {
        auto ensuring = ensure_application(name);
        const auto failure = co_await ensuring;
        if (failure) why = failure->error.why;
    }
    reply(caller, std::move(why));
}

process answer_objection(self me, node_context* node, std::int64_t idle_ms, from caller) {
    std::string why;
    const std::int64_t gone = node->now_ms() - node->last_client_ms.load();
    if (node->clients.load() > 0 || gone < idle_ms) {
        why = "it has clients";
    } else {
        auto asking = own_objection(me);
        if (auto own = co_await asking) why = *std::move(own);
    }
    reply(caller, std::move(why));
}

// What runs here runs there, too.
process bring_up_to_date(self, atom fellow) {
    for (const auto& a : application::which_applications()) {
        const std::string name(a.name.name());
        if (!code_server::current().find(name)) continue;
        run_application m;
        m.name = name;
        auto asking = send_request(server_at(fellow), std::move(m), timeout(start_limit));
        const auto answer = co_await std::move(asking).outcome();
        if (answer && !answer->empty()) cannot_run(fellow, name, *answer);
        if (!answer) co_return;
    }
}

process wait_for_members(self me, node_context* node) {
    monitor_nodes(true, node_kind::connected);
    const auto end = monotonic_time() + join_limit;
    for (;;) {
        std::string missing;
        for (const auto& member : node->options.members) {
            const atom full(std::string_view(node->options.full_name_of(member)));
            if (dist::is_node_up(full) || !is_about(*node, member)) continue;
            missing += (missing.empty() ? "" : ",") + member;
        }
        if (missing.empty()) break;
        if (monotonic_time() >= end) {
            log(log_level::warning, "node", "not all members of the cluster have joined",
                {{"missing", missing}});
            break;
        }
        (void)co_await me.receive_for<nodeup_message>(timeout(look_interval));
    }
}

}  // namespace

cluster_server::cluster_server(node_context* node) : node_(node) {
    monitor_nodes(true, node_kind::connected);
}

call_result<std::string> cluster_server::handle_call(const run_application& m, const from& caller) {
    if (!is_member(beam::node(caller.to))) return std::string("only members may ask for that");
    spawn(run_for_fellow, m.name, caller);
    return noreply{};
}

call_result<std::string> cluster_server::handle_call(const may_all_leave& m, const from& caller) {
    spawn(answer_objection, node_, m.idle_ms, caller);
    return noreply{};
}

void cluster_server::handle_cast(const leave_together& m) {
    leave_with_fellows order;
    order.reason = m.reason;
    send(server_ref(node_names::lifecycle()), std::move(order));
}

void cluster_server::handle_info(const nodeup_message& m) {
    if (is_member(m.node)) spawn(bring_up_to_date, m.node);
}

child_spec cluster_child(node_context* node) {
    server_options o;
    o.name = node_names::cluster();
    return {term(node_names::cluster()), child<cluster_server>(o, node)};
}

awaitable<void> join_cluster(self me, node_context* node) {
    if (node->options.members.empty()) co_return;
    // In a process of its own, whose mailbox the news of nodes may fill.
    const spawned waiting = spawn_monitor(wait_for_members, node);
    for (;;) {
        const auto down = co_await me.receive<down_message>();
        if (down.monitor == waiting.monitor) co_return;
    }
}

awaitable<std::optional<rpc::failure>> ensure_everywhere(std::string name, restart_type type) {
    const bool ran = application::is_running(atom(std::string_view(name)));
    auto ensuring = ensure_application(name, type);
    auto failure = co_await ensuring;
    if (failure || ran) co_return failure;
    const auto fellows = connected_fellows();
    std::vector<future<std::string>> requests;
    requests.reserve(fellows.size());
    for (const atom fellow : fellows) {
        run_application m;
        m.name = name;
        requests.push_back(send_request(server_at(fellow), std::move(m), timeout(start_limit)));
    }
    for (std::size_t i = 0; i < fellows.size(); ++i) {
        const auto answer = co_await std::move(requests[i]).outcome();
        if (!answer && is_stranger(answer.error())) continue;
        if (!answer)
            cannot_run(fellows[i], name, to_string(answer.error(), {.max_bytes = 200}));
        else if (!answer->empty())
            cannot_run(fellows[i], name, *answer);
    }
    co_return std::nullopt;
}

awaitable<std::optional<std::string>> objection_of_fellows(std::chrono::milliseconds idle) {
    for (const atom fellow : connected_fellows()) {
        may_all_leave m;
        m.idle_ms = idle.count();
        auto asking = send_request(server_at(fellow), std::move(m), timeout(objection_limit));
        const auto answer = co_await std::move(asking).outcome();
        // One that does not answer is about to end, or in trouble of its own.
        if (answer && !answer->empty()) co_return std::string(fellow.name()) + ": " + *answer;
    }
    co_return std::nullopt;
}

void tell_fellows_to_leave(const std::string& reason) {
    for (const atom fellow : connected_fellows()) cast<leave_together>(server_at(fellow), reason);
}

}  // namespace beam::control
