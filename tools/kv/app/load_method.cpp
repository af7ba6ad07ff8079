// kv.load: many keys in one request, a log entry a shard; what import uses.
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tools/kv/app/answers.hpp"
#include "tools/kv/app/change_requests.hpp"
#include "tools/kv/app/cluster_known.hpp"
#include "tools/kv/app/limits.hpp"
#include "tools/kv/app/methods.hpp"
#include "tools/kv/app/router.hpp"

namespace kv {

namespace {

using beam::atom;
using beam::awaitable;
using beam::request;
using beam::request_error;

struct load_entry {
    std::string key, value;
    std::int64_t expires_ms = 0;
    BEAM_FIELDS(load_entry, key, value, expires_ms)
};
struct load_params {
    std::vector<load_entry> entries;
    std::int64_t timeout_ms = patience_default_ms;
    BEAM_FIELDS(load_params, entries, timeout_ms)
};

/// The same again does no harm, so after a failure all of it may be asked for again.
awaitable<beam::answer> load(request&, load_params p) {
    if (auto why = bad_patience(p.timeout_ms)) co_return malformed(*why);
    if (p.entries.size() > operations_max) co_return malformed("at most 1000 keys at once");
    auto k = co_await settled();
    if (!k) co_return tl::unexpected<request_error>(std::move(k.error()));
    std::map<std::uint32_t, std::vector<operation>> by_shard;
    for (load_entry& e : p.entries) {
        auto why = bad_key(e.key);
        if (!why) why = bad_value(e.value);
        if (!why && e.expires_ms < 0) why = "expires_ms is not below 0";
        if (why) co_return malformed(*why);
        operation o;
        o.key = std::move(e.key);
        o.bytes = std::move(e.value);
        o.expires_ms = e.expires_ms;
        by_shard[shard_of(o.key, k->facts.view->meta.shards)].push_back(std::move(o));
    }
    std::vector<beam::future<routed_answer>> writing;
    std::string key;
    for (auto& [shard, operations] : by_shard) {
        key = operations.front().key;
        writing.push_back(
            router::write(std::move(operations), std::chrono::milliseconds(p.timeout_ms)));
    }
    std::optional<routed_answer> failure;
    for (auto& w : writing) {
        beam::outcome<routed_answer> a = co_await w.outcome();
        if (!a)
            failure.emplace();
        else if (a->what.what != answer::kind::done)
            failure = *std::move(a);
    }
    if (failure) {
        request_error e = co_await failed(*std::move(failure), key, true);
        co_return tl::unexpected<request_error>(std::move(e));
    }
    co_return beam::map({{atom("loaded"), std::uint64_t(p.entries.size())}});
}

}  // namespace

void add_load_method(beam::application_definition& app) {
    app.method("load", load, {.restartable = true});
}

}  // namespace kv
