#include "libbeamcore/node/internal/boot.hpp"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <future>

#include "libbeamcore/base/duration.hpp"
#include "libbeamcore/base/log.hpp"
#include "libbeamcore/dist/cookie.hpp"
#include "libbeamcore/dist/distribution.hpp"
#include "libbeamcore/dist/node_name.hpp"
#include "libbeamcore/node/internal/acceptor.hpp"
#include "libbeamcore/node/internal/cluster.hpp"
#include "libbeamcore/node/internal/control_messages.hpp"
#include "libbeamcore/node/internal/event_log.hpp"
#include "libbeamcore/node/internal/lifecycle.hpp"
#include "libbeamcore/node/internal/router.hpp"
#include "libbeamcore/otp/application.hpp"
#include "libbeamcore/otp/dynamic_supervisor.hpp"
#include "libbeamcore/otp/supervisor.hpp"
#include "libbeamcore/release/code_server.hpp"
#include "libbeamcore/release/node_facts.hpp"
#include "libbeamcore/term/syntax.hpp"

namespace beam {

namespace {

using namespace control;
using booted = std::promise<result<void>>;

server_options named(const atom& name) {
    server_options o;
    o.name = name;
    return o;
}

bool is_yes(const std::string& text) {
    return text == "1" || text == "true" || text == "yes" || text == "on";
}

// What `--dist-NAME` says. beamd has looked at it already. Errors: those of what reads it.
result<void> apply_settings(const node_options& node, dist::options& o) {
    const auto said = [&](const char* name) {
        const auto at = node.dist_settings.find(name);
        return at == node.dist_settings.end() ? std::string() : at->second;
    };
    if (const auto text = said("tick"); !text.empty()) {
        const auto time = parse_duration(text);
        if (!time) return pass(time);
        o.ticktime = std::chrono::ceil<std::chrono::milliseconds>(*time);
    }
    // The default cluster has what it needs.
    if (!node.members.empty()) return {};
    if (const auto text = said("join"); !text.empty()) {
        auto list = dist::parse_node_list(text);
        if (!list) return pass(list);
        o.find.nodes = *std::move(list);
    }
    if (const auto text = said("dns"); !text.empty()) {
        auto names = dist::parse_dns_names(text, dist::split_node_name(o.name)->name);
        if (!names) return pass(names);
        o.find.dns_names = *std::move(names);
    }
    if (const auto text = said("port"); !text.empty())
        o.listen_port = static_cast<std::uint16_t>(std::atoi(text.c_str()));
    if (is_yes(said("hidden"))) o.visible = false;
    return {};
}

// The default cluster is one user's, on this machine: no EPMD, and a cookie of its own. Errors: those of the cookie's file.
result<dist::options> cluster_options(const node_options& node) {
    dist::options o;
    o.name = node_options::full_name_of(node.name);
    auto cookie = dist::read_or_create_cookie(dist::cluster_cookie_path(node.runtime_folder));
    if (!cookie) return pass(cookie);
    o.cookie = std::move(*cookie);
    o.find.registers = false;
    o.find.folder = node.runtime_folder;
    for (const auto& member : node.members)
        o.find.members.push_back(node_options::full_name_of(member));
    return o;
}

// What `--dist` asks for. Errors: `bad_node_name`, and those of the cookie's file and of tls_files_in().
result<dist::options> dist_options(const node_options& node) {
    if (!node.members.empty()) return cluster_options(node);
    dist::options o;
    o.name = node.name;
    if (!dist::is_own_node_name(node.name))
        return fail("bad_node_name", "a node that others reach is called name@host, as in --node " +
                                         node.name + "@127.0.0.1");
    auto path = dist::erlang_cookie_path();
    if (!path) return pass(path);
    auto cookie = dist::read_or_create_cookie(*path);
    if (!cookie) return pass(cookie);
    o.cookie = std::move(*cookie);
    o.listen_address = node.dist;
    o.insecure = node.dist_insecure;
    if (node.dist_tls.empty()) return o;
    auto files = dist::tls_files_in(node.dist_tls);
    if (!files) return pass(files);
    o.tls = std::move(*files);
    return o;
}

std::vector<child_spec> children_of(node_context* node) {
    std::vector<child_spec> list;
    list.push_back(supervisor::child_of(
        term(node_names::connections()),
        dynamic_supervisor::child({.max_restarts = 1000}, server_name(node_names::connections()))));
    list.emplace_back(term(node_names::events()), child<event_log>(named(node_names::events())));
    list.emplace_back(term(node_names::lifecycle()),
                      child<lifecycle>(named(node_names::lifecycle()), node));
    return list;
}

// A child that is started after the others. Errors: `code`.
awaitable<result<void>> add_child(child_spec spec, const char* code) {
    auto adding = supervisor::start_child(server_ref(node_names::supervisor()), std::move(spec));
    const start_result started = co_await adding;
    if (started) co_return result<void>();
    co_return fail(code, to_string(started.error(), {.max_bytes = 500}));
}

awaitable<result<void>> start_distribution(self me, node_context* node) {
    auto o = dist_options(node->options);
    if (o) {
        if (auto applied = apply_settings(node->options, *o); !applied) o = pass(applied);
    }
    if (!o) co_return fail("cannot_distribute", o.error().detail);
    const bool has_fellows = o->find.joins();
    if (has_fellows) {
        // First, for a fellow that is connected asks it at once.
        auto adding = add_child(cluster_child(node), "cannot_distribute");
        if (auto added = co_await adding; !added) co_return added;
    }
    auto adding = add_child(child_spec(term(atom("net_kernel")), dist::child(std::move(*o))),
                            "cannot_distribute");
    if (auto added = co_await adding; !added) co_return added;
    auto joining = join_cluster(me, node);
    co_await joining;
    co_return result<void>();
}

// The init process: starts all, and sees to it that the node does not outlive its own supervisor.
process run_node(self me, node_context* node, booted* done) {
    (void)me.trap_exit(true);
    supervisor_flags flags;
    flags.strategy = restart_strategy::one_for_one;
    flags.intensity = 10;
    flags.period = std::chrono::seconds(10);
    install_loader();
    application::set_node_stop(application::node_stop([node](atom name, const term& reason) {
        log(log_level::critical, "node", "an application's end stops the node",
            {{"application", name.name()}, {"reason", to_string(reason, {.max_bytes = 500})}});
        node->finish(70);
    }));
    auto starting =
        supervisor::start_link(flags, children_of(node), server_name(node_names::supervisor()));
    const start_result started_tree = co_await starting;
    if (!started_tree) {
        done->set_value(
            fail("cannot_boot", "the control server does not start: " +
                                    to_string(started_tree.error(), {.max_bytes = 500})));
        co_return;
    }
    if (!node->options.dist.empty() || !node->options.members.empty()) {
        auto distributing = start_distribution(me, node);
        if (auto distributed = co_await distributing; !distributed) {
            done->set_value(std::move(distributed));
            co_return;
        }
    }
    // Who has come meanwhile is served by a node that has joined.
    auto accepting = add_child(child_spec(term(node_names::acceptor()),
                                          child<acceptor>(named(node_names::acceptor()), node)),
                               "cannot_boot");
    if (auto accepts = co_await accepting; !accepts) {
        done->set_value(
            fail("cannot_boot", "the control server does not start: " + accepts.error().detail));
        co_return;
    }
    for (const std::string& name : node->options.applications) {
        auto ensuring = ensure_everywhere(name, restart_type::permanent);
        const auto failure = co_await ensuring;
        if (!failure) continue;
        done->set_value(fail("application_failed", failure->error.why));
        co_return;
    }
    auto expected = node_state::starting;
    node->state.compare_exchange_strong(expected, node_state::ready);
    done->set_value({});
    for (;;) {
        const exit_message m = co_await me.receive<exit_message>();
        if (is_ending(node->state)) continue;
        log(log_level::critical, "node", "the control server is gone",
            {{"reason", to_string(m.reason, {.max_bytes = 500})}});
        node->finish(70);
    }
}

}  // namespace

result<void> boot_node(runtime& node, node_context& context) {
    context.live.take(context.settings);
    // In this order, so that the callbacks of applications go before their modules.
    code_server::of(node).set_own_folder(std::filesystem::path(context.options.store_folder()) /
                                         "releases" / "lib");
    node_facts facts;
    facts.name = context.options.name;
    facts.store_folder = context.options.store_folder();
    facts.log_file = context.options.log_path();
    facts.socket = context.options.socket_path();
    for (const auto& member : context.options.members)
        facts.default_cluster.push_back(node_options::full_name_of(member));
    set_node_facts(node, std::move(facts));
    booted done;
    auto result = done.get_future();
    const pid init = node.spawn(run_node, &context, &done);
    (void)init;
    return result.get();
}

void notify_link(runtime& node) {
    if (const auto p = node.whereis(node_names::lifecycle())) node.send(*p, link_readable{});
}

}  // namespace beam
