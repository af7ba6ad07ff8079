#include "tools/kv/app/scanning.hpp"

#include <algorithm>

#include "tools/kv/shard/placement.hpp"

namespace kv {

namespace {

routed_answer lost_answer(std::uint32_t shard) {
    routed_answer a;
    a.what.what = answer::kind::unavailable;
    a.shard = shard;
    return a;
}

}  // namespace

std::vector<std::uint32_t> shards_of_prefix(const std::string& prefix, std::uint32_t shards) {
    const auto open = prefix.find('{');
    const auto close = open == std::string::npos ? open : prefix.find('}', open + 1);
    if (close != std::string::npos && close > open + 1) return {shard_of(prefix, shards)};
    std::vector<std::uint32_t> all(shards);
    for (std::uint32_t s = 0; s < shards; ++s) all[s] = s;
    return all;
}

beam::awaitable<tl::expected<std::uint64_t, routed_answer>> count_keys(
    std::uint32_t shard, std::string prefix, std::chrono::nanoseconds patience) {
    constexpr std::size_t counted_at_once = 100'000;
    std::uint64_t count = 0;
    scan_range range;
    range.prefix = std::move(prefix);
    range.what = scan_range::kind::count;
    range.items_max = counted_at_once;
    for (;;) {
        auto asking = router::scan(shard, range, patience);
        beam::outcome<routed_answer> a = co_await asking.outcome();
        if (!a) co_return tl::unexpected<routed_answer>(lost_answer(shard));
        if (a->what.what != answer::kind::found || !a->what.page)
            co_return tl::unexpected<routed_answer>(*std::move(a));
        count += a->what.page->count;
        if (a->what.page->is_end) co_return count;
        range.after = std::move(a->what.page->last);
    }
}

scanning::scanning(std::vector<std::uint32_t> shards, scan_range range,
                   std::chrono::nanoseconds patience)
    : sources_(shards.size()), range_(std::move(range)), patience_(patience) {
    for (std::size_t i = 0; i < shards.size(); ++i) {
        sources_[i].shard = shards[i];
        sources_[i].after = range_.after;
        hungry_.push_back(&sources_[i]);
    }
}

bool scanning::is_later(const source* a, const source* b) {
    return a->page[a->at].first > b->page[b->at].first;
}

/// All that are hungry, at once. One that failed stays so.
beam::awaitable<std::optional<routed_answer>> scanning::refill() {
    const std::vector<source*> asked = std::exchange(hungry_, {});
    std::vector<beam::future<routed_answer>> pages;
    for (const source* s : asked) {
        scan_range r = range_;
        r.after = s->after;
        pages.push_back(router::scan(s->shard, std::move(r), patience_));
    }
    std::optional<routed_answer> failed;
    for (std::size_t i = 0; i < pages.size(); ++i) {
        source& s = *asked[i];
        beam::outcome<routed_answer> a = co_await pages[i].outcome();
        if (!a || a->what.what != answer::kind::found || !a->what.page) {
            failed = a ? *std::move(a) : lost_answer(s.shard);
            hungry_.push_back(&s);
            continue;
        }
        scan_page& page = *a->what.page;
        s.is_end = page.is_end;
        if (!page.is_end) s.after = std::move(page.last);
        s.page = std::move(page.items);
        s.at = 0;
        if (!s.page.empty()) {
            ready_.push_back(&s);
            std::push_heap(ready_.begin(), ready_.end(), is_later);
        } else if (!s.is_end) {
            hungry_.push_back(&s);
        }
    }
    co_return failed;
}

scanned_item scanning::take_least() {
    std::pop_heap(ready_.begin(), ready_.end(), is_later);
    source& from = *ready_.back();
    auto& [key, is] = from.page[from.at++];
    scanned_item item{std::move(key), std::move(is)};
    if (from.at < from.page.size()) {
        std::push_heap(ready_.begin(), ready_.end(), is_later);
    } else {
        ready_.pop_back();
        if (!from.is_end) hungry_.push_back(&from);
    }
    return item;
}

beam::awaitable<tl::expected<std::vector<scanned_item>, routed_answer>> scanning::next(
    std::size_t max) {
    std::vector<scanned_item> some;
    while (some.size() < max) {
        // Until each shard has shown its next key, or its end, none is known to be the least.
        while (!hungry_.empty()) {
            std::optional<routed_answer> failed = co_await refill();
            if (failed) co_return tl::unexpected<routed_answer>(*std::move(failed));
        }
        if (ready_.empty()) break;
        some.push_back(take_least());
    }
    co_return some;
}

}  // namespace kv
