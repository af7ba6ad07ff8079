#include "tools/kv/shard/evaluate.hpp"

#include <charconv>
#include <utility>

namespace kv {

namespace {

/// As a sum is written: without zeros in front.
std::optional<std::int64_t> number_in(const std::string& text) {
    std::int64_t n = 0;
    const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), n);
    if (bad != std::errc() || end != text.data() + text.size()) return std::nullopt;
    if (text != std::to_string(n)) return std::nullopt;
    return n;
}

/// Whether what comes of it depends on what is there.
bool looks(const operation& op) {
    return op.what == operation::kind::add || op.what == operation::kind::expire ||
           op.expect_version || op.expect_bytes;
}

/// Why the operation may not be done, or nothing.
std::optional<std::string> objection(const operation& op, const std::optional<value>& there) {
    if (op.expect_version && *op.expect_version != (there ? there->version : 0))
        return there ? "version " + std::to_string(there->version) : std::string("no such key");
    if (op.expect_bytes && (!there || there->bytes != *op.expect_bytes))
        return there ? "another value" : "no such key";
    if (op.what == operation::kind::expire && !there) return "no such key";
    if (op.what != operation::kind::add || !there) return std::nullopt;
    const auto n = number_in(there->bytes);
    if (!n) return "not a number";
    if (std::int64_t sum = 0; __builtin_add_overflow(*n, op.amount, &sum)) return "out of range";
    return std::nullopt;
}

}  // namespace

evaluation evaluate(const write_request& request, const newest_value& newest,
                    std::int64_t wall_ms) {
    evaluation all;
    std::vector<change> expired;
    const auto value_of = [&](const std::string& key) -> std::optional<value> {
        for (auto c = all.changes.rbegin(); c != all.changes.rend(); ++c) {
            if (c->key != key) continue;
            if (!c->bytes) return std::nullopt;
            return value{*c->bytes, 0, c->expires_ms};
        }
        auto there = newest(key);
        if (!there || there->expires_ms == 0 || there->expires_ms > wall_ms) return there;
        expired.push_back({key, std::nullopt, 0});
        return std::nullopt;
    };
    for (const operation& op : request.operations) {
        const auto there = looks(op) ? value_of(op.key) : std::nullopt;
        if (auto why = objection(op, there))
            return {{false, 0, std::move(*why)}, std::move(expired)};
        switch (op.what) {
            case operation::kind::put:
                all.changes.push_back({op.key, op.bytes, op.expires_ms});
                break;
            case operation::kind::remove:
                all.changes.push_back({op.key, std::nullopt, 0});
                break;
            case operation::kind::add: {
                const auto n = there ? *number_in(there->bytes) : 0;
                all.result.detail = std::to_string(n + op.amount);
                all.changes.push_back(
                    {op.key, all.result.detail, there ? there->expires_ms : op.expires_ms});
                break;
            }
            case operation::kind::expire:
                all.changes.push_back({op.key, there->bytes, op.expires_ms});
                break;
        }
    }
    all.changes.insert(all.changes.begin(), expired.begin(), expired.end());
    return all;
}

}  // namespace kv
