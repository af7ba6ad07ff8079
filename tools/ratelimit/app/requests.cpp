#include "tools/ratelimit/app/requests.hpp"

#include <algorithm>

#include "tools/ratelimit/app/kept.hpp"
#include "tools/ratelimit/app/names.hpp"
#include "tools/ratelimit/app/tables.hpp"

namespace ratelimit {

namespace {
constexpr std::size_t keys_max = 100;  // of one check
}

tl::expected<asked, beam::request_error> understand(const key_params& p) {
    if (!has_tables()) return no_tables();
    asked a;
    if (p.keys.size() > keys_max)
        return malformed("at most " + std::to_string(keys_max) + " keys are checked at once");
    if (!p.key.empty() || p.keys.empty()) a.keys.push_back(p.key);
    // One that is named twice counts once: of two charges one would be refused for the other's sake.
    for (const std::string& key : p.keys)
        if (std::find(a.keys.begin(), a.keys.end(), key) == a.keys.end()) a.keys.push_back(key);
    for (const std::string& key : a.keys)
        if (auto why = bad_key(key)) return malformed(*why);
    const std::string name = p.rule.empty() ? default_rule : p.rule;
    if (auto why = bad_rule_name(name)) return malformed(*why);
    auto found = find_rule(name);
    if (!found)
        return beam::refuse("not_found", "no rule \"" + name + "\"",
                            "ratelimit rule set " + name + " --limit 100/m");
    a.rule = *std::move(found);
    for (const std::string& key : a.keys) a.rows.push_back(row_name(name, key));
    a.says_limit = says_limit(p);
    auto l = limit_of(p, a.rule.limit());
    if (!l) return malformed(l.error().detail);
    a.limit = *l;
    return a;
}

limit limit_seen(const asked& a, const std::optional<usage_row>& row) {
    return row && !a.says_limit ? row->limit() : a.limit;
}

usage usage_seen(const std::optional<usage_row>& row, const limit& l) {
    if (!row) return {};
    usage u = row->usage();
    adopt(u, row->limit(), l, clock_now(), inheritance::scale);
    return u;
}

verdict look_at(const std::string& row, const limit& l, std::uint64_t cost) {
    return look(usage_seen(find_row(usage_name(), row), l), l, clock_now(), cost);
}

beam::awaitable<std::optional<beam::request_error>> save_rows(std::vector<std::string> rows) {
    for (const std::string& row : rows) {
        auto saving = answered(kept::writer::save(row));
        auto saved = co_await saving;
        if (!saved) co_return std::move(saved.error());
        if (!*saved) co_return beam::refuse_for(saved->error()).value();
    }
    co_return std::nullopt;
}

}  // namespace ratelimit
