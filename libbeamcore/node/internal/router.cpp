#include "libbeamcore/node/internal/router.hpp"

#include "libbeamcore/otp/application.hpp"
#include "libbeamcore/release/node_facts.hpp"
#include "libbeamcore/runtime/blocking.hpp"
#include "libbeamcore/term/syntax.hpp"

namespace beam::control {

namespace {

constexpr print_options short_reason{.max_bytes = 300};

// What is answered when code_server cannot load `name`.
rpc::failure cannot_load(const std::string& name, const error& e) {
    if (e.is("not_found"))
        return rpc::make_failure(rpc::method_not_found, "unknown_method",
                                 "this node knows no application \"" + name + "\"", "beamd restart",
                                 76);
    if (e.is("foreign_abi"))
        return rpc::make_failure(rpc::refused, "foreign_abi", "load " + name + ": " + e.detail,
                                 "beamd restart", 65);
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
    auto starting = application::ensure_all_started(app, type);
    auto started = co_await starting;
    if (started || application::is_running(app)) co_return std::nullopt;
    co_return rpc::make_failure(rpc::refused, "application_failed",
                                name +
                                    " does not start: " + to_string(started.error(), short_reason) +
                                    "; see " + this_node_facts().log_file.string(),
                                "beamd logs", 70);
}

awaitable<routed> route(std::string method) {
    routed r;
    const std::string name = method.substr(0, method.find('.'));
    if (name.size() == method.size() || !is_application_name(name)) {
        r.failure =
            rpc::make_failure(rpc::method_not_found, "unknown_method",
                              "this node knows no method \"" + method + "\"", "beamd restart", 76);
        co_return r;
    }
    r.module = code_server::current().find(name);
    if (!r.module || !application::is_running(atom(std::string_view(name)))) {
        auto ensuring = ensure_application(name);
        r.failure = co_await ensuring;
        if (r.failure) co_return r;
        r.module = code_server::current().find(name);
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
