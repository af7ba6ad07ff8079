// kv.get, put, delete, cas, incr, expire, ttl, transaction: values read and written.
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "libbeamcore/runtime/nodes.hpp"
#include "tools/kv/app/answers.hpp"
#include "tools/kv/app/change_requests.hpp"
#include "tools/kv/app/limits.hpp"
#include "tools/kv/app/methods.hpp"
#include "tools/kv/app/router.hpp"

namespace kv {

namespace {

using beam::atom;
using beam::awaitable;
using beam::request;
using beam::request_error;
using beam::term;

template <class T>
using asked = tl::expected<T, request_error>;

struct get_params {
    std::string key;
    bool primary = false, stale = false;
    std::int64_t timeout_ms = patience_default_ms;
    BEAM_FIELDS(get_params, key, primary, stale, timeout_ms)
};

struct transaction_params {
    std::vector<change_params> operations;
    std::int64_t timeout_ms = patience_default_ms;
    BEAM_FIELDS(transaction_params, operations, timeout_ms)
};

/// What was done, or why not.
awaitable<asked<routed_answer>> written(std::vector<operation> operations, std::int64_t patience) {
    std::string key = operations.front().key;
    auto writing = router::write(std::move(operations), std::chrono::milliseconds(patience));
    beam::outcome<routed_answer> a = co_await writing.outcome();
    if (!a) {
        // The router died: the copies that it sent are on their way.
        routed_answer lost;
        lost.what.what = answer::kind::unknown;
        request_error e = co_await failed(std::move(lost), std::move(key), true);
        co_return tl::unexpected<request_error>(std::move(e));
    }
    if (a->what.what == answer::kind::done || a->what.what == answer::kind::refused)
        co_return *std::move(a);
    request_error e = co_await failed(*std::move(a), std::move(key), true);
    co_return tl::unexpected<request_error>(std::move(e));
}

tl::unexpected<request_error> refused(const std::string& detail, const std::string& key) {
    if (detail == "no such key") return no_such_key(key);
    if (detail == several_shards)
        return malformed(
            "a transaction is on keys of one shard; those with the same {tag} in them share one");
    if (detail == "not a number")
        return beam::refuse("not_a_number", "its value is not a decimal number", "kv get " + key);
    if (detail == "out of range")
        return beam::refuse("out_of_range", "the sum does not fit into 64 bits", "kv get " + key);
    return beam::refuse("conflict", "it has " + detail, "kv get " + key, 1);
}

awaitable<beam::answer> change_one(change_params p) {
    if (auto why = bad_change(p)) co_return malformed(*why);
    if (auto why = bad_patience(p.timeout_ms)) co_return malformed(*why);
    const std::string key = p.key, op = p.op;
    const std::int64_t patience = p.timeout_ms;
    std::vector<operation> one;
    one.push_back(operation_of(std::move(p)));
    auto a = co_await written(std::move(one), patience);
    if (!a) co_return tl::unexpected<request_error>(std::move(a.error()));
    if (a->what.what == answer::kind::refused) co_return refused(a->what.result.detail, key);
    std::vector<beam::map_entry> told{{atom("key"), key},
                                      {atom("version"), a->what.result.version},
                                      {atom("node"), short_name(a->node)},
                                      {atom("shard"), a->shard}};
    if (op == "incr") told.push_back({atom("value"), std::stoll(a->what.result.detail)});
    co_return beam::map_of(std::move(told));
}

awaitable<beam::answer> put_method(request&, change_params p) {
    p.op = "put";
    return change_one(std::move(p));
}
awaitable<beam::answer> remove(request&, change_params p) {
    p.op = "delete";
    return change_one(std::move(p));
}
awaitable<beam::answer> incr_method(request&, change_params p) {
    p.op = "incr";
    return change_one(std::move(p));
}
awaitable<beam::answer> expire_method(request&, change_params p) {
    p.op = "expire";
    return change_one(std::move(p));
}
/// A put that must expect something.
awaitable<beam::answer> cas(request&, change_params p) {
    p.op = "put";
    if (!p.expect && !p.expect_version && !p.if_absent) {
        co_return malformed("expect or expect_version is missing");
    }
    beam::answer a = co_await change_one(std::move(p));
    co_return a;
}

awaitable<beam::answer> transaction_method(request&, transaction_params p) {
    if (auto why = bad_patience(p.timeout_ms)) co_return malformed(*why);
    const std::size_t count = p.operations.size();
    auto all = operations_of(std::move(p.operations));
    if (!all) co_return malformed(std::move(all.error().detail));
    const std::string key = all->front().key;
    auto a = co_await written(*std::move(all), p.timeout_ms);
    if (!a) co_return tl::unexpected<request_error>(std::move(a.error()));
    if (a->what.what == answer::kind::refused) co_return refused(a->what.result.detail, key);
    co_return beam::map({{atom("version"), a->what.result.version},
                         {atom("operations"), std::uint64_t(count)},
                         {atom("node"), short_name(a->node)},
                         {atom("shard"), a->shard}});
}

/// The value, with who answered: the primary here, a replica here, or another node.
awaitable<asked<routed_answer>> found(get_params p, bool with_bytes = true) {
    if (auto why = bad_key(p.key)) co_return malformed(*why);
    if (auto why = bad_patience(p.timeout_ms)) co_return malformed(*why);
    read_request r;
    r.key = p.key;
    r.primary_only = p.primary;
    r.stale = p.stale;
    r.without_bytes = !with_bytes;
    r.patience = std::chrono::milliseconds(p.timeout_ms);
    auto reading = router::read(std::move(r));
    beam::outcome<routed_answer> a = co_await reading.outcome();
    if (!a)
        co_return beam::refuse("restarting", "the node's router is being restarted",
                               "kv get " + p.key, 75);
    if (a->what.what == answer::kind::found) co_return *std::move(a);
    request_error e = co_await failed(*std::move(a), p.key, false);
    co_return tl::unexpected<request_error>(std::move(e));
}

const char* who(const routed_answer& a) {
    if (a.node != beam::node().name()) return "remote";
    return a.what.by_primary ? "primary" : "replica";
}

awaitable<beam::answer> get_method(request&, get_params p) {
    const std::string key = p.key;
    auto a = co_await found(std::move(p));
    if (!a) co_return tl::unexpected<request_error>(std::move(a.error()));
    const auto& v = a->what.found;
    if (!v) co_return no_such_key(key);
    std::vector<beam::map_entry> told{
        {atom("key"), key},      {atom("value"), v->bytes},           {atom("version"), v->version},
        {atom("from"), who(*a)}, {atom("node"), short_name(a->node)}, {atom("shard"), a->shard}};
    if (v->expires_ms != 0) told.push_back({atom("ttl_ms"), v->expires_ms - wall_ms()});
    if (!a->what.by_primary)
        told.push_back({atom("age_ms"), a->what.age / std::chrono::milliseconds(1)});
    co_return beam::map_of(std::move(told));
}

awaitable<beam::answer> ttl(request&, get_params p) {
    const std::string key = p.key;
    auto a = co_await found(std::move(p), false);
    if (!a) co_return tl::unexpected<request_error>(std::move(a.error()));
    const auto& v = a->what.found;
    if (!v) co_return no_such_key(key);
    const term left =
        v->expires_ms == 0 ? term(beam::atoms::undefined) : term(v->expires_ms - wall_ms());
    co_return beam::map({{atom("key"), key}, {atom("ttl_ms"), left}});
}

}  // namespace

void add_value_methods(beam::application_definition& app) {
    app.method("get", get_method, {.restartable = true});
    app.method("put", put_method);
    app.method("delete", remove);
    app.method("cas", cas);
    app.method("incr", incr_method);
    app.method("expire", expire_method);
    app.method("ttl", ttl, {.restartable = true});
    app.method("transaction", transaction_method);
}

}  // namespace kv
