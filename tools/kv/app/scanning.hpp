// scanning: the keys of all shards in order, page by page, merged.
//
// Each page of a shard is as that shard was at one moment; two shards, or two pages, are of different moments.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "libbeamcore/release/method.hpp"
#include "libbeamcore/runtime/process.hpp"
#include "tools/kv/app/router.hpp"

namespace kv {

struct scanned_item {
    std::string key;
    value is;
};

class scanning {
public:
    /// `shards`: those that are scanned.
    scanning(std::vector<std::uint32_t> shards, scan_range range,
             std::chrono::nanoseconds patience);
    scanning(scanning&&) = default;
    scanning& operator=(scanning&&) = default;
    scanning(const scanning&) = delete;
    scanning& operator=(const scanning&) = delete;
    ~scanning() = default;

    /// The next ones in order, at most `max`; fewer only at the end. Which shard failed, and why: the error.
    [[nodiscard]] beam::awaitable<tl::expected<std::vector<scanned_item>, routed_answer>> next(
        std::size_t max);

private:
    struct source {
        std::uint32_t shard = 0;
        std::vector<std::pair<std::string, value>> page;
        std::size_t at = 0;  // of the page: its next one
        std::optional<std::string> after;
        bool is_end = false;
    };
    [[nodiscard]] static bool is_later(const source* a, const source* b);
    [[nodiscard]] beam::awaitable<std::optional<routed_answer>> refill();
    [[nodiscard]] scanned_item take_least();

    std::vector<source> sources_;
    std::vector<source*> hungry_;  // whose next key is not known
    std::vector<source*> ready_;   // a heap, whose first has the least key
    scan_range range_;
    std::chrono::nanoseconds patience_;
};

/// How many keys a shard has with this prefix, page by page: pages are of different moments. Why not: the error.
[[nodiscard]] beam::awaitable<tl::expected<std::uint64_t, routed_answer>> count_keys(
    std::uint32_t shard, std::string prefix, std::chrono::nanoseconds patience);

/// The shards that keys with this prefix may be in: one if it has a whole {tag}.
[[nodiscard]] std::vector<std::uint32_t> shards_of_prefix(const std::string& prefix,
                                                          std::uint32_t shards);

}  // namespace kv
