// ratelimit.check: takes from all keys or from none, waits for its turn, and says what it was told.
#include <algorithm>
#include <chrono>

#include "libbeamcore/runtime/exit.hpp"
#include "tools/ratelimit/app/names.hpp"
#include "tools/ratelimit/app/requests.hpp"

namespace ratelimit {

namespace {

using beam::answer;
using beam::awaitable;
using beam::request;
using beam::term;

/// What was taken for a request that is not answered yet. Given back unless it is kept.
class taken {
public:
    taken(beam::ets::table usages, std::uint64_t cost) : usages_(usages), cost_(cost) {}
    void add(std::string row) { rows_.push_back(std::move(row)); }
    void give_back() {
        for (const std::string& row : rows_) refund(usages_, row, cost_);
        rows_.clear();
    }

private:
    beam::ets::table usages_;
    std::uint64_t cost_;
    std::vector<std::string> rows_;
};

// Sleeps until its turn has come. What ends the request meanwhile (the client is gone, or has no more time)
// gives its place back.
awaitable<void> wait_for_turn(nanoseconds turn, taken* places) {
    beam::self me = beam::this_process();
    const bool trapped = me.trap_exit(true);
    auto ended = co_await me.receive_for<beam::exit_message>(turn);
    if (ended) {
        places->give_back();
        beam::exit(ended->reason);
    }
    me.trap_exit(trapped);
}

struct charged {
    std::vector<verdict> verdicts;  // one a key
    bool allowed = true;
};

// All keys or none: each is charged, and as soon as one refuses the others get theirs back.
charged charge_all(const asked& a, std::uint64_t cost, nanoseconds patience, bool durable,
                   taken* places) {
    charged c;
    const beam::ets::table usages = usage_name();
    for (const std::string& row : a.rows) {
        c.verdicts.push_back(charge(usages, row, a.limit, cost, patience, durable));
        c.allowed = c.verdicts.back().allowed;
        if (!c.allowed) break;
        places->add(row);
    }
    if (c.allowed || a.rows.size() == 1) return c;
    places->give_back();
    c.verdicts.clear();
    for (const std::string& row : a.rows) c.verdicts.push_back(look_at(row, a.limit, cost));
    return c;
}

// The answer to several is that of the one that has least.
verdict together(const charged& c) {
    verdict all = c.verdicts.front();
    all.allowed = c.allowed;
    for (const verdict& v : c.verdicts) {
        all.remaining = std::min(all.remaining, v.remaining);
        all.retry_after = std::max(all.retry_after, v.retry_after);
        all.reset_after = std::max(all.reset_after, v.reset_after);
        all.wait = std::max(all.wait, v.wait);
    }
    return all;
}

term shown_check(const asked& a, const charged& c, bool would_block) {
    verdict all = together(c);
    fields f = fields_of(all);
    f.add("waited_ms", ms_up(all.wait));
    if (a.rule.shadow) {
        f.set("allowed", true);
        f.add("shadow", true);
        f.add("would_block", would_block);
    }
    if (a.keys.size() > 1) {
        std::vector<term> each;
        for (std::size_t i = 0; i < a.keys.size(); ++i) {
            fields one = fields_of(c.verdicts[i]);
            one.add("key", a.keys[i]);
            each.push_back(one.to_term());
        }
        f.add("keys", beam::list_of(std::move(each)));
    }
    return f.to_term();
}

nanoseconds patience_of(const key_params& p, const rule& r) {
    if (!p.wait_ms || r.shadow) return nanoseconds(0);
    const auto most = std::chrono::floor<std::chrono::milliseconds>(wait_max).count();
    return std::chrono::milliseconds(std::clamp<std::int64_t>(*p.wait_ms, 0, most));
}

awaitable<answer> check_keys(request&, key_params p) {
    auto a = understand(p);
    if (!a) co_return tl::unexpected<beam::request_error>(std::move(a.error()));
    if (auto fits = check_cost(a->limit, p.cost); !fits) co_return malformed(fits.error().detail);
    const bool durable = p.durable || a->rule.durable;
    taken places(usage_name(), p.cost);
    const charged c = charge_all(*a, p.cost, patience_of(p, a->rule), durable, &places);
    if (!c.allowed) count_blocked(a->rule.name);
    if (c.allowed && durable) {
        auto failed = co_await save_rows(a->rows);
        if (failed) {
            places.give_back();
            co_return tl::unexpected<beam::request_error>(*std::move(failed));
        }
    }
    const nanoseconds turn = together(c).wait;
    if (c.allowed && turn > nanoseconds(0)) co_await wait_for_turn(turn, &places);
    co_return shown_check(*a, c, !c.allowed);
}

}  // namespace

void add_check_method(beam::application_definition& app) {
    app.method("check", check_keys);
}

}  // namespace ratelimit
