// Commands about all keys: SCAN and DBSIZE.
#include <algorithm>
#include <string_view>
#include <utility>

#include "tools/kv/app/cluster_known.hpp"
#include "tools/kv/app/resp_client.hpp"
#include "tools/kv/app/scan_cursors.hpp"
#include "tools/kv/app/scanning.hpp"
#include "tools/resp/glob.hpp"

namespace kv {

namespace {

using beam::awaitable;

constexpr std::uint64_t count_max = 10'000;
constexpr std::size_t page_max = 1000;

/// What all that match begin with.
std::string literal_prefix(std::string_view pattern) {
    return std::string(pattern.substr(0, std::min(pattern.find_first_of("*?[\\"), pattern.size())));
}

/// Nothing: there is no cluster, and that was said.
awaitable<std::optional<std::uint32_t>> shards_known(resp_client& c) {
    auto k = co_await settled();
    if (k) co_return k->facts.view->meta.shards;
    c.out.error("CLUSTERDOWN " + k.error().why);
    co_return std::nullopt;
}

/// Looks at about `count` keys from `at` on, and takes those that match. `at` goes behind them; nothing: that was the end.
/// False: it failed, and that was said.
awaitable<bool> scan_from(resp_client& c, std::optional<scan_place>& at, resp::scan_options o,
                          std::uint32_t shards, words& found) {
    scan_range range;
    range.prefix = literal_prefix(o.match);
    range.what = scan_range::kind::keys;
    std::uint64_t left = std::min(o.count, count_max);
    const std::vector<std::uint32_t> all = shards_of_prefix(range.prefix, shards);
    for (auto s = std::lower_bound(all.begin(), all.end(), at->shard); s != all.end();) {
        range.after = at->shard == *s ? at->after : std::nullopt;
        range.items_max = std::size_t(std::min<std::uint64_t>(left, page_max));
        auto asking = router::scan(*s, range, resp_patience);
        store_answer a = co_await asking.outcome();
        if (!is_read(a) || !a->what.page) {
            auto saying = say_failure(c, std::move(a), o.match, false);
            co_await saying;
            co_return false;
        }
        scan_page& page = *a->what.page;
        left -= std::min<std::uint64_t>(left, page.items.size());
        for (auto& [key, is] : page.items)
            if (o.strings && resp::matches(o.match, key)) found.push_back(std::move(key));
        if (page.is_end) {
            if (++s == all.end()) break;
            *at = scan_place{*s, std::nullopt};
        } else {
            *at = scan_place{*s, std::move(page.last)};
        }
        if (left == 0) co_return true;
    }
    at.reset();
    co_return true;
}

awaitable<void> scan(resp_client& c, words all) {
    resp::scan_options o;
    const std::vector<std::string_view> views(all.begin(), all.end());
    if (!resp::read_scan(c.out, views, o)) co_return;
    std::optional<scan_place> at(std::in_place);
    if (o.cursor != 0) {
        auto looking = scan_cursors::find(o.cursor);
        beam::outcome<std::optional<scan_place>> known = co_await looking.outcome();
        at.reset();
        if (known) at = *std::move(known);
        if (!at) {
            c.out.error("ERR invalid cursor: this node does not know it any more; begin with 0");
            co_return;
        }
    }
    auto knowing = shards_known(c);
    const std::optional<std::uint32_t> shards = co_await knowing;
    if (!shards) co_return;
    words found;
    auto scanning = scan_from(c, at, o, *shards, found);
    if (!co_await scanning) co_return;
    std::uint64_t next = 0;
    if (at) {
        auto keeping = scan_cursors::keep(*std::move(at));
        beam::outcome<std::uint64_t> cursor = co_await keeping.outcome();
        if (!cursor) {
            c.out.error("TRYAGAIN the store is being restarted");
            co_return;
        }
        next = *cursor;
    }
    c.out.array(2);
    c.out.bulk(std::to_string(next));
    c.out.array(found.size());
    for (const std::string& key : found) c.out.bulk(key);
}

awaitable<void> dbsize(resp_client& c, words) {
    auto knowing = shards_known(c);
    const std::optional<std::uint32_t> shards = co_await knowing;
    if (!shards) co_return;
    std::uint64_t all = 0;
    for (std::uint32_t s = 0; s < *shards; ++s) {
        auto counting = count_keys(s, std::string(), resp_patience);
        tl::expected<std::uint64_t, routed_answer> n = co_await counting;
        if (!n) {
            auto saying = say_failure(c, store_answer(std::move(n.error())), std::string(), false);
            co_await saying;
            co_return;
        }
        all += *n;
    }
    c.out.integer(std::int64_t(all));
}

constexpr resp_command table[] = {
    {"SCAN", -2, nullptr, scan, "readonly", 0, 0},
    {"DBSIZE", 1, nullptr, dbsize, "readonly", 0, 0},
};

}  // namespace

std::span<const resp_command> scan_commands() {
    return table;
}

}  // namespace kv
