// kv.scan, count: keys by prefix.
#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tools/kv/app/answers.hpp"
#include "tools/kv/app/change_requests.hpp"
#include "tools/kv/app/cluster_known.hpp"
#include "tools/kv/app/methods.hpp"
#include "tools/kv/app/scanning.hpp"

namespace kv {

namespace {

using beam::atom;
using beam::awaitable;
using beam::request;
using beam::request_error;
using beam::term;

constexpr std::size_t items_in_one = 500;

struct scan_params {
    std::string prefix;
    std::optional<std::string> cursor;
    std::optional<std::uint64_t> limit;
    bool keys_only = false;
    std::optional<std::uint32_t> shard;  // only this one
    std::int64_t timeout_ms = patience_default_ms;
    BEAM_FIELDS(scan_params, prefix, cursor, limit, keys_only, shard, timeout_ms)
};

term shown(const scanned_item& item, bool keys_only) {
    std::vector<beam::map_entry> told{{atom("key"), item.key}, {atom("version"), item.is.version}};
    if (!keys_only) told.push_back({atom("value"), item.is.bytes});
    if (item.is.expires_ms != 0) told.push_back({atom("expires_ms"), item.is.expires_ms});
    return beam::map_of(std::move(told));
}

/// Items `{"items": [...], "cursor": KEY}`; the cursor is where to go on after them.
awaitable<beam::answer> scan_keys(request& r, scan_params p) {
    if (auto why = bad_patience(p.timeout_ms)) co_return malformed(*why);
    auto k = co_await settled();
    if (!k) co_return tl::unexpected<request_error>(std::move(k.error()));
    scan_range range;
    range.prefix = p.prefix;
    range.after = p.cursor;
    if (p.keys_only) range.what = scan_range::kind::keys;
    if (p.limit) range.items_max = std::min<std::size_t>(range.items_max, *p.limit);
    range.bytes_max = 128U << 10U;
    const std::uint32_t shards = k->facts.view->meta.shards;
    if (p.shard && *p.shard >= shards)
        co_return malformed("there are " + std::to_string(shards) + " shards, from 0 on");
    scanning all(
        p.shard ? std::vector<std::uint32_t>{*p.shard} : shards_of_prefix(p.prefix, shards),
        std::move(range), std::chrono::milliseconds(p.timeout_ms));
    std::uint64_t told = 0;
    std::string cursor = p.cursor.value_or("");
    bool is_end = false;
    while (!is_end && (!p.limit || told < *p.limit)) {
        const std::size_t max = std::size_t(
            std::min<std::uint64_t>(items_in_one, p.limit ? *p.limit - told : items_in_one));
        auto some = co_await all.next(max);
        if (!some) {
            request_error e = co_await failed(std::move(some.error()), p.prefix, false);
            co_return tl::unexpected<request_error>(std::move(e));
        }
        is_end = some->size() < max;
        if (some->empty()) break;
        told += some->size();
        cursor = some->back().key;
        std::vector<term> items;
        for (const scanned_item& one : *some) items.push_back(shown(one, p.keys_only));
        term page =
            beam::map({{atom("items"), beam::list_of(std::move(items))}, {atom("cursor"), cursor}});
        co_await r.item(std::move(page));
    }
    co_return beam::map({{atom("count"), told}, {atom("cursor"), cursor}, {atom("end"), is_end}});
}

awaitable<beam::answer> count(request&, scan_params p) {
    if (auto why = bad_patience(p.timeout_ms)) co_return malformed(*why);
    auto k = co_await settled();
    if (!k) co_return tl::unexpected<request_error>(std::move(k.error()));
    std::uint64_t all = 0;
    for (const std::uint32_t s : shards_of_prefix(p.prefix, k->facts.view->meta.shards)) {
        auto one = co_await count_keys(s, p.prefix, std::chrono::milliseconds(p.timeout_ms));
        if (!one) {
            request_error e = co_await failed(std::move(one.error()), p.prefix, false);
            co_return tl::unexpected<request_error>(std::move(e));
        }
        all += *one;
    }
    co_return beam::map({{atom("count"), all}});
}

}  // namespace

void add_scan_methods(beam::application_definition& app) {
    app.method("scan", scan_keys, {.restartable = true});
    app.method("count", count, {.restartable = true});
}

}  // namespace kv
