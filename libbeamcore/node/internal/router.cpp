#include "libbeamcore/node/internal/router.hpp"

#include <algorithm>

#include "libbeamcore/node/internal/cluster.hpp"
#include "libbeamcore/node/internal/failed_starts.hpp"
#include "libbeamcore/otp/application.hpp"
#include "libbeamcore/release/node_facts.hpp"
#include "libbeamcore/runtime/blocking.hpp"
#include "libbeamcore/term/syntax.hpp"

namespace beam::control {

namespace {

constexpr print_options short_reason{.max_bytes = 300};

// {App, {{shutdown, {failed_to_start_child, Id, Why}}, {Module, start, Arguments}}} comes down to Why.
term bottom_of(const term& start_failure) {
    static const atom failed_to_start_child("failed_to_start_child");
    const auto app_and_reason = start_failure.elements();
    if (app_and_reason.size() != 2) return start_failure;
    term reason = app_and_reason[1];
    for (;;) {
        const auto parts = reason.elements();
        term inner;
        if (reason.is_tagged(atoms::shutdown, 2))
            inner = parts[1];
        else if (reason.is_tagged(failed_to_start_child, 3))
            inner = parts[2];
        else if (parts.size() == 2 && parts[1].elements().size() == 3 && !parts[0].as_atom())
            inner = parts[0];
        else
            return reason;
        reason = std::move(inner);
    }
}

// What a person reads and does about it. {Code, Text} is an error of the library.
rpc::failure cannot_start(const std::string& name, const term& start_failure) {
    const term reason = bottom_of(start_failure);
    const auto parts = reason.elements();
    const bool has_text = parts.size() == 2 && parts[0].as_atom() && parts[1].as_text();
    const std::string code = has_text ? std::string(parts[0].as_atom()->name()) : "";
    const std::string text =
        has_text ? std::string(*parts[1].as_text()) : to_string(reason, short_reason);
    const auto is_one_of = [&](std::initializer_list<std::string_view> codes) {
        return std::find(codes.begin(), codes.end(), code) != codes.end();
    };
    std::string advice = "beamd logs --node " + this_node_facts().name;
    int exit = 70;
    if (code == "corrupt") {
        exit = 74;
        advice = "restore that file from a copy, or move it away (its contents are lost)";
    } else if (is_one_of({"enospc", "edquot", "eio", "erofs", "efbig"})) {
        exit = 74;
        advice = "beamd doctor --node " + this_node_facts().name;
    } else if (is_one_of({"eacces", "eperm"})) {
        exit = 77;
        advice = "beamd doctor --node " + this_node_facts().name;
    } else if (is_one_of({"emfile", "enfile", "enomem"})) {
        exit = 75;
    }
    return rpc::make_failure(
        rpc::refused, "application_failed",
        name + " does not start: " + text + "; see " + this_node_facts().log_file.string(), advice,
        exit);
}

// What is answered when code_server cannot load `name`.
rpc::failure cannot_load(const std::string& name, const error& e) {
    if (e.is("not_found"))
        return rpc::make_failure(rpc::method_not_found, "unknown_method",
                                 "this node knows no application \"" + name + "\"", "beamd restart",
                                 76);
    if (e.is("foreign_abi"))
        return rpc::make_failure(rpc::refused, "foreign_abi", "load " + name + ": " + e.detail,
                                 "beamd restart", 65);
    if (e.is("cannot_copy"))
        return rpc::make_failure(rpc::refused, e.code,
                                 "no copy of " + name + " can be made: " + e.detail,
                                 "beamd doctor --node " + this_node_facts().name, 74);
    const int exit = e.is("bad_module") ? 65 : e.is("not_permitted") ? 77 : 69;
    return rpc::make_failure(rpc::refused, e.code, "load " + name + ": " + e.detail, "beamd logs",
                             exit);
}

struct load_result {
    std::shared_ptr<const loaded_module> module;
    std::optional<error> failure;
};

// Loading waits for the disk.
awaitable<load_result> load_module(std::string name) {
    code_server& code = code_server::current();
    load_result r;
    r.module = code.find(name);
    if (r.module) co_return r;
    auto job = blocking([&code, name]() -> load_result {
        auto loaded = code.load(name);
        if (!loaded) return {nullptr, loaded.error()};
        return {*loaded, {}};
    });
    r = co_await job;
    co_return r;
}

awaitable<outcome<application_spec>> load_spec(atom name) {
    auto loading = load_module(std::string(name.name()));
    load_result r = co_await loading;
    if (r.module) co_return application_spec(r.module->definition().spec);
    co_return fail_term(tuple(atom(r.failure->code), r.failure->detail));
}

}  // namespace

void install_loader() {
    application::set_loader(application::loader(&load_spec));
}

awaitable<std::optional<rpc::failure>> ensure_application(std::string name, restart_type type) {
    auto loading = load_module(name);
    load_result loaded = co_await loading;
    if (loaded.failure) co_return cannot_load(name, *loaded.failure);
    const atom app{std::string_view(name)};
    if (application::is_running(app)) co_return std::nullopt;
    failed_starts& failures = failed_starts::current();
    const auto began = failed_starts::clock::now();
    if (auto known = failures.answer(name, began)) co_return known;
    auto starting = application::ensure_all_started(app, type);
    auto started = co_await starting;
    if (started || application::is_running(app)) {
        failures.forget(name);
        co_return std::nullopt;
    }
    rpc::failure why = cannot_start(name, started.error());
    failures.add(name, why, began, failed_starts::clock::now());
    co_return why;
}

awaitable<routed> route(std::string method) {
    routed r;
    const std::string prefix = method.substr(0, method.find('.'));
    if (prefix.size() == method.size() || !is_application_name(prefix)) {
        r.failure =
            rpc::make_failure(rpc::method_not_found, "unknown_method",
                              "this node knows no method \"" + method + "\"", "beamd restart", 76);
        co_return r;
    }
    code_server& code = code_server::current();
    std::string name = code.method_owner(prefix);
    r.module = code.find(name);
    if (!r.module) {
        auto looking = blocking([&code, prefix] { return code.look_up_method_owner(prefix); });
        name = co_await looking;
        r.module = code.find(name);
    }
    if (!r.module || !application::is_running(atom(std::string_view(name)))) {
        auto ensuring = ensure_everywhere(name);
        r.failure = co_await ensuring;
        if (r.failure) co_return r;
        r.module = code.find(name);
    }
    r.method = r.module ? r.module->find_method(method) : nullptr;
    if (!r.method)
        r.failure = rpc::make_failure(rpc::method_not_found, "unknown_method",
                                      name + (r.module ? "-" + r.module->version() : "") +
                                          " has no method \"" + method + "\"",
                                      "beamd restart", 76);
    co_return r;
}

}  // namespace beam::control
