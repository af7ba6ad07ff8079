// ratelimit.set_rule, delete_rule and list_rules.
#include "tools/ratelimit/app/limiter.hpp"
#include "tools/ratelimit/app/requests.hpp"
#include "tools/ratelimit/app/tables.hpp"

namespace ratelimit {

namespace {

using beam::answer;
using beam::atom;
using beam::awaitable;
using beam::request;
using beam::term;

struct rule_params {
    std::string name;
    std::string limit;
    std::optional<std::uint64_t> burst;
    std::string algorithm;
    std::string inherit;
    bool shadow = false;
    bool durable = false;
    BEAM_FIELDS(rule_params, name, limit, burst, algorithm, inherit, shadow, durable)
};

term shown(const rule& r) {
    fields f;
    f.add("name", r.name);
    add_limit(f, r.limit());
    f.add("inherit", term(beam::to_term(r.inherit)));
    f.add("shadow", r.shadow);
    f.add("durable", r.durable);
    f.add("blocked", r.blocked);
    return f.to_term();
}

beam::result<inheritance> read_inheritance(const std::string& text) {
    if (text.empty() || text == "scale") return inheritance::scale;
    if (text == "keep") return inheritance::keep;
    if (text == "reset") return inheritance::reset;
    return beam::fail("bad_inherit", "--inherit is scale, keep or reset, not \"" + text + "\"");
}

awaitable<answer> set_rule(request&, rule_params p) {
    if (auto why = bad_rule_name(p.name)) co_return malformed(*why);
    if (!has_tables()) co_return no_tables();
    auto how = read_inheritance(p.inherit);
    if (!how) co_return malformed(how.error().detail);
    auto r = find_rule(p.name);
    if (!r && p.limit.empty()) co_return malformed("a new rule needs --limit, as in 100/m");
    if (!r) r.emplace();
    auto l = limit_of(p, r->limit());
    if (!l) co_return malformed(l.error().detail);
    r->name = p.name;
    r->set(*l);
    r->inherit = *how;
    r->shadow = p.shadow;
    r->durable = p.durable;
    auto setting = answered(limiter::set_rule(*r));
    auto done = co_await setting;
    if (!done) co_return tl::unexpected<beam::request_error>(std::move(done.error()));
    if (!*done && done->error() == atom("too_many_rules"))
        co_return beam::refuse("too_many", "there are " + std::to_string(rules_max) + " rules",
                               "ratelimit rule delete NAME");
    if (!*done) co_return beam::refuse_for(done->error());
    co_return shown(*r);
}

awaitable<answer> delete_rule(request&, rule_params p) {
    auto deleting = answered(limiter::delete_rule(p.name));
    auto done = co_await deleting;
    if (!done) co_return tl::unexpected<beam::request_error>(std::move(done.error()));
    if (!*done) co_return beam::refuse_for(done->error());
    if (!**done)
        co_return beam::refuse("not_found", "no rule \"" + p.name + "\"", "ratelimit rule list");
    co_return beam::map({{atom("name"), p.name}});
}

awaitable<answer> list_rules(request&) {
    if (!has_tables()) co_return no_tables();
    std::vector<term> rules;
    for (const rule& r : all_rules()) rules.push_back(shown(r));
    co_return beam::map({{atom("rules"), beam::list_of(std::move(rules))}});
}

}  // namespace

void add_rule_methods(beam::application_definition& app) {
    app.method("set_rule", set_rule, {.restartable = true});
    app.method("delete_rule", delete_rule);
    app.method("list_rules", list_rules, {.restartable = true});
}

}  // namespace ratelimit
