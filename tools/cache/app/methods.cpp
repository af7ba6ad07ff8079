// Methods about the cache as a whole: flush, limits, counts, keys, where RESP is spoken.
#include "tools/cache/app/methods.hpp"

#include <optional>
#include <string>
#include <vector>

#include "libbeamcore/otp/child_start.hpp"
#include "libbeamcore/term/syntax.hpp"
#include "tools/cache/app/application.hpp"
#include "tools/cache/app/method_parts.hpp"
#include "tools/cache/app/resp_server.hpp"
#include "tools/cache/app/worker.hpp"
#include "tools/resp/glob.hpp"
#include "tools/resp/serve_method.hpp"

namespace cache {

using beam::answer;
using beam::atom;
using beam::awaitable;
using beam::request;

answer malformed(std::string why) {
    return beam::refuse("bad_params", std::move(why), {}, 2);
}

answer no_such_key(const std::string& key) {
    return beam::refuse("not_found", "no such key", "cache put " + key + " VALUE", 1);
}

answer worker_died() {
    return beam::refuse("restarting", "the cache's worker is being restarted", {}, 75);
}

std::optional<std::string> bad_ttl(const std::optional<std::int64_t>& ttl) {
    if (ttl && (*ttl < 0 || *ttl > ttl_max_ms)) return "a ttl is between 0 and 1000 years";
    return {};
}

beam::term time_left(const session& s, const entry& e) {
    if (e.expires_at == 0) return beam::atoms::undefined;
    return e.expires_at - s.now_ms();
}

namespace {

struct limits_params {
    std::optional<std::int64_t> max_entries, max_bytes, ttl_ms;
    std::optional<std::string> policy;
    BEAM_FIELDS(limits_params, max_entries, max_bytes, ttl_ms, policy)
};
struct keys_params {
    std::string match = "*";
    BEAM_FIELDS(keys_params, match)
};

awaitable<answer> flush(request&) {
    auto asked = worker::flush();
    beam::outcome<std::uint64_t> deleted = co_await asked.outcome();
    if (!deleted) co_return worker_died();
    co_return beam::map({{atom("deleted"), *deleted}});
}

beam::term shown(const limits& l) {
    auto or_none = [](std::int64_t n) {
        return n == 0 ? beam::term(beam::atoms::undefined) : beam::term(n);
    };
    return beam::map({{atom("max_entries"), or_none(l.max_entries)},
                      {atom("max_bytes"), or_none(l.max_bytes)},
                      {atom("policy"), name_of(l.policy)},
                      {atom("ttl_ms"), or_none(l.ttl_ms)}});
}

awaitable<answer> set_limits(request&, limits_params p) {
    limits_change to;
    to.max_entries = p.max_entries;
    to.max_bytes = p.max_bytes;
    to.ttl_ms = p.ttl_ms;
    for (const auto& n : {p.max_entries, p.max_bytes})
        if (n && *n < 0) co_return malformed("a limit is not negative");
    if (auto why = bad_ttl(p.ttl_ms)) co_return malformed(*why);
    if (p.policy) {
        to.policy = policy_named(*p.policy);
        if (!to.policy) co_return malformed("a policy is one of lru, lfu and fifo");
    }
    auto asked = worker::set_limits(to);
    beam::outcome<limits> now = co_await asked.outcome();
    if (!now) co_return worker_died();
    co_return shown(*now);
}

awaitable<answer> stats(request&) {
    auto asked = worker::stats();
    beam::outcome<statistics> s = co_await asked.outcome();
    if (!s) co_return worker_died();
    const totals& t = s->counted;
    co_return beam::map({{atom("entries"), t.entries()},
                         {atom("evictions"), t.evicted},
                         {atom("inserted"), t.inserted},
                         {atom("updated"), t.updated},
                         {atom("deleted"), t.deleted},
                         {atom("expired"), t.expired},
                         {atom("evicted_live"), t.evicted},
                         {atom("hits"), t.hits},
                         {atom("misses"), t.misses},
                         {atom("bytes"), t.bytes},
                         {atom("limit"), shown(s->bounds)},
                         {atom("oldest_ms"), s->oldest_ms ? beam::term(*s->oldest_ms)
                                                          : beam::term(beam::atoms::undefined)}});
}

awaitable<answer> explain(request&, key_params p) {
    if (auto why = bad_key(p.key)) co_return malformed(*why);
    auto asked = worker::explain(p.key);
    beam::outcome<explained> known = co_await asked.outcome();
    if (!known) co_return worker_died();
    session s;
    const auto e = s.peek(p.key);
    if (e && e->is_live(s.now_ms()))
        co_return beam::map({{atom("key"), p.key},
                             {atom("state"), "live"},
                             {atom("age_ms"), s.now_ms() - e->put_at},
                             {atom("ttl_ms"), time_left(s, *e)},
                             {atom("value_bytes"), e->value().size()},
                             {atom("tags"), e->tags}});
    // Not collected yet, or kept to be served stale.
    if (e)
        co_return beam::map({{atom("key"), p.key},
                             {atom("state"), "expired"},
                             {atom("removed_ago_ms"), s.now_ms() - e->expires_at},
                             {atom("lived_ms"), e->expires_at - e->put_at},
                             {atom("value_bytes"), e->value().size()}});
    if (!known->last)
        co_return beam::map({{atom("key"), p.key},
                             {atom("state"), "unknown"},
                             {atom("remembers"), known->remembers}});
    const removal& r = *known->last;
    co_return beam::map({{atom("key"), p.key},
                         {atom("state"), name_of(r.reason)},
                         {atom("removed_ago_ms"), s.now_ms() - r.at_ms},
                         {atom("lived_ms"), r.at_ms - r.put_at_ms},
                         {atom("value_bytes"), r.bytes}});
}

awaitable<answer> keys(request& r, keys_params p) {
    constexpr std::uint64_t looks = 500;
    std::uint64_t cursor = 0, count = 0;
    do {
        auto asked = worker::scan(cursor, looks);
        beam::outcome<scanned> part = co_await asked.outcome();
        if (!part) co_return worker_died();
        cursor = part->next;
        std::vector<beam::term> found;
        for (const std::string& k : part->keys)
            if (resp::matches(p.match, k)) found.push_back(beam::binary(k));
        if (found.empty()) continue;
        count += found.size();
        beam::term item = beam::map({{atom("keys"), beam::list_of(std::move(found))}});
        co_await r.item(std::move(item));
    } while (cursor != 0);
    co_return beam::map({{atom("count"), count}});
}

awaitable<answer> serve(request&, resp::serve_params p) {
    auto server = beam::child<resp_server>(p.resp, p.any_address);
    auto serving =
        resp::serve(resp::service("cache", servers_name(), std::move(server)), std::move(p));
    co_return co_await serving;
}

}  // namespace

awaitable<std::optional<std::string>> live_entries() {
    auto asked = worker::stats();
    beam::outcome<statistics> s = co_await asked.outcome();
    if (!s || s->counted.entries() == 0) co_return std::nullopt;
    const auto n = s->counted.entries();
    co_return std::to_string(n) + (n == 1 ? " live cache entry" : " live cache entries");
}

void add_methods(beam::application_definition& app) {
    add_value_methods(app);
    app.method("flush", flush);
    app.method("limits", set_limits);
    app.method("stats", stats, {.restartable = true});
    app.method("explain", explain, {.restartable = true});
    app.method("keys", keys, {.restartable = true});
    app.method("serve", serve);
}

}  // namespace cache
