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
    : range_(std::move(range)), patience_(patience) {
    for (const std::uint32_t s : shards) {
        source& one = sources_.emplace_back();
        one.shard = s;
        one.after = range_.after;
    }
}

/// Of shards whose keys are used up, all at once.
beam::awaitable<std::optional<routed_answer>> scanning::refill() {
    std::vector<source*> asked;
    std::vector<beam::future<routed_answer>> pages;
    for (source& s : sources_) {
        if (s.is_end || !s.ready.empty()) continue;
        scan_range r = range_;
        r.after = s.after;
        asked.push_back(&s);
        pages.push_back(router::scan(s.shard, std::move(r), patience_));
    }
    std::optional<routed_answer> failed;
    for (std::size_t i = 0; i < pages.size(); ++i) {
        source& s = *asked[i];
        beam::outcome<routed_answer> a = co_await pages[i].outcome();
        if (!a) {
            failed = lost_answer(s.shard);
        } else if (a->what.what != answer::kind::found || !a->what.page) {
            failed = *std::move(a);
        } else {
            scan_page& page = *a->what.page;
            s.is_end = page.is_end;
            if (!page.is_end) s.after = std::move(page.last);
            for (auto& item : page.items) s.ready.push_back(std::move(item));
        }
    }
    co_return failed;
}

scanning::source* scanning::least() {
    source* first = nullptr;
    for (source& s : sources_)
        if (!s.ready.empty() && (!first || s.ready.front().first < first->ready.front().first))
            first = &s;
    return first;
}

beam::awaitable<tl::expected<std::vector<scanned_item>, routed_answer>> scanning::next(
    std::size_t max) {
    std::vector<scanned_item> some;
    while (some.size() < max) {
        // Until each shard has shown its next key, or its end, none is known to be the least.
        const auto is_hungry = [](const source& s) { return s.ready.empty() && !s.is_end; };
        while (std::any_of(sources_.begin(), sources_.end(), is_hungry)) {
            std::optional<routed_answer> failed = co_await refill();
            if (failed) co_return tl::unexpected<routed_answer>(*std::move(failed));
        }
        source* from = least();
        if (!from) break;
        some.push_back(
            {std::move(from->ready.front().first), std::move(from->ready.front().second)});
        from->ready.pop_front();
    }
    co_return some;
}

}  // namespace kv
