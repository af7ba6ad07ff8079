#include "tools/ratelimit/app/methods.hpp"

#include "libbeamcore/ets/rows.hpp"
#include "tools/ratelimit/app/names.hpp"
#include "tools/ratelimit/app/requests.hpp"

namespace ratelimit {

namespace {

namespace ets = beam::ets;
using beam::answer;
using beam::atom;
using beam::awaitable;
using beam::request;
using beam::term;

constexpr std::uint64_t next_max = 1'000;  // checks that explain looks ahead

awaitable<answer> peek(request&, key_params p) {
    auto a = understand(p);
    if (!a) co_return tl::unexpected<beam::request_error>(std::move(a.error()));
    const auto row = find_row(usage_name(), a->rows.front());
    const limit l = limit_seen(*a, row);
    if (auto fits = check_cost(l, p.cost); !fits) co_return malformed(fits.error().detail);
    co_return fields_of(look(usage_seen(row, l), l, clock_now(), p.cost)).to_term();
}

awaitable<answer> reset(request&, key_params p) {
    auto a = understand(p);
    if (!a) co_return tl::unexpected<beam::request_error>(std::move(a.error()));
    std::uint64_t forgotten = 0;
    std::vector<std::string> durable;
    for (const std::string& name : a->rows) {
        const auto row = find_row(usage_name(), name);
        if (!row) continue;
        ets::erase(usage_name(), name);
        ++forgotten;
        if (row->is_durable()) durable.push_back(name);
    }
    auto failed = co_await save_rows(durable);
    if (failed) co_return tl::unexpected<beam::request_error>(*std::move(failed));
    co_return beam::map({{atom("reset"), forgotten}});
}

awaitable<answer> refund_key(request&, key_params p) {
    auto a = understand(p);
    if (!a) co_return tl::unexpected<beam::request_error>(std::move(a.error()));
    const std::string& name = a->rows.front();
    refund(usage_name(), name, p.cost);
    const auto row = find_row(usage_name(), name);
    if (row && row->is_durable()) {
        auto failed = co_await save_rows(a->rows);
        if (failed) co_return tl::unexpected<beam::request_error>(*std::move(failed));
    }
    const limit l = limit_seen(*a, row);
    co_return fields_of(look(usage_seen(row, l), l, clock_now())).to_term();
}

std::string decimal(std::uint64_t thousandths) {
    std::string text = std::to_string(thousandths / 1000);
    std::string rest = std::to_string(1000 + thousandths % 1000).substr(1);
    while (!rest.empty() && rest.back() == '0') rest.pop_back();
    return rest.empty() ? text : text + "." + rest;
}

awaitable<answer> explain(request&, key_params p) {
    auto a = understand(p);
    if (!a) co_return tl::unexpected<beam::request_error>(std::move(a.error()));
    if (p.next > next_max)
        co_return malformed("at most " + std::to_string(next_max) + " checks are looked ahead");
    const auto row = find_row(usage_name(), a->rows.front());
    const limit l = limit_seen(*a, row);
    if (auto fits = check_cost(l, p.cost); !fits) co_return malformed(fits.error().detail);
    const std::int64_t now = clock_now();
    usage u = usage_seen(row, l);
    const std::uint64_t spent = spent_thousandths(u, l, now);
    fields f = fields_of(look(u, l, now, p.cost));
    f.add("key", a->keys.front());
    f.add("rule", a->rule.name);
    f.add("known", row.has_value());
    f.add("durable", row && row->is_durable());
    f.add("spent", double(spent) / 1000);
    f.add("spent_text", decimal(spent));
    add_limit(f, l);
    std::vector<term> next;
    for (std::uint64_t i = 0; i < p.next; ++i)
        next.push_back(fields_of(take(u, l, now, p.cost)).to_term());
    f.add("next", beam::list_of(std::move(next)));
    co_return f.to_term();
}

}  // namespace

void add_methods(beam::application_definition& app) {
    add_check_method(app);
    app.method("peek", peek, {.restartable = true});
    app.method("reset", reset, {.restartable = true});
    app.method("refund", refund_key);
    app.method("explain", explain, {.restartable = true});
    add_rule_methods(app);
}

}  // namespace ratelimit
