// Requests of an application that keeps something of its own in kv, told in one way when they fail, and answered by primaries
// only: what they say is the newest that was acknowledged.
//
// Reasons of failure are `{kv, Code, Text}`, where Code is one of kv.hpp's. After `unknown` a write may have been done, after any other
// nothing was written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "libbeamcore/runtime/process.hpp"
#include "libbeamcore/term/outcome.hpp"
#include "tools/kv/app/kv.hpp"

namespace tenant {

/// How long kv looks for a usable copy.
inline constexpr std::int64_t patience_ms = 3000;

[[nodiscard]] beam::term failure(const char* code, std::string_view text);
/// Whether it is one of kv's, with that code.
[[nodiscard]] bool has_code(const beam::term& why, const char* code);
/// Whether it is one of kv's, after which nothing was written.
[[nodiscard]] bool is_definite(const beam::term& why);
/// What kv says about it, or nothing.
[[nodiscard]] std::string_view text_of(const beam::term& why);

/// What comes between the first braces of a key, so that all keys of that name are of one shard. Names have neither the byte 1,
/// which stands for a } in them, nor the byte 2.
[[nodiscard]] std::string tag_of(std::string name);
/// The name in a key with such a tag.
[[nodiscard]] std::string name_in(const std::string& key);

/// What kv has under a key; nothing: no such key.
[[nodiscard]] beam::awaitable<beam::outcome<std::optional<kv::found>>> get(std::string key);
/// All of it or nothing. An expectation of a key that is gone does not hold, either: `conflict`.
[[nodiscard]] beam::awaitable<beam::outcome<kv::written>> transact(
    std::vector<kv::transaction_part> parts);
[[nodiscard]] kv::transaction_part put_part(std::string key, std::string value);
[[nodiscard]] kv::transaction_part erase_part(std::string key);

/// The node whose copy of that key's shard is the primary, as far as is known here.
[[nodiscard]] beam::awaitable<beam::outcome<kv::leader>> leader_of(std::string key);

namespace detail {
[[nodiscard]] beam::term flat_reason(const beam::term& why);
[[nodiscard]] beam::term call_failed(const beam::term& why, bool is_write);
}  // namespace detail

/// `{kv, Code, Text}` of what a request came to.
template <class T>
[[nodiscard]] beam::outcome<T> flat(beam::outcome<beam::outcome<T>> called, bool is_write) {
    if (called && *called) return **std::move(called);
    if (called) return beam::fail_term(detail::flat_reason(called->error()));
    return beam::fail_term(detail::call_failed(called.error(), is_write));
}

/// Calls `f(kv::scanned_key&)` for each key with a prefix beyond `after` (empty: from the first one), in their order and `page` at
/// a time, until it says false.
template <class F>
[[nodiscard]] beam::awaitable<beam::outcome<void>> each_after(std::string prefix, std::string after,
                                                              bool keys_only, std::size_t page,
                                                              F f) {
    kv::scan_options o;
    o.after = std::move(after);
    o.limit = page;
    o.keys_only = keys_only;
    o.timeout_ms = patience_ms;
    for (;;) {
        auto asking = kv::scan(prefix, o);
        beam::outcome<kv::scanned_page> some = flat(co_await asking.outcome(), false);
        if (!some) co_return beam::fail_term(some.error());
        for (kv::scanned_key& item : some->items)
            if (!f(item)) co_return beam::outcome<void>();
        if (some->is_end || some->items.empty()) co_return beam::outcome<void>();
        o.after = some->items.back().key;
    }
}
/// The same from the first one.
template <class F>
[[nodiscard]] beam::awaitable<beam::outcome<void>> each(std::string prefix, bool keys_only,
                                                        std::size_t page, F f) {
    return each_after(std::move(prefix), std::string(), keys_only, page, std::move(f));
}

}  // namespace tenant
