#include "tools/ratelimit/app/rules.hpp"

#include <algorithm>

#include "tools/ratelimit/app/answers.hpp"
#include "tools/ratelimit/app/names.hpp"

namespace ratelimit {

namespace {

namespace ets = beam::ets;

constexpr std::size_t blocked_place = 9;

}  // namespace

limit rule::limit() const {
    return {count, nanoseconds(period), burst, kind};
}
void rule::set(const ratelimit::limit& l) {
    count = l.count;
    period = l.period.count();
    burst = l.burst;
    kind = l.kind;
}

ets::table make_rules_table() {
    ets::table_options options;
    options.access = ets::table_access::public_;
    options.named = true;
    return ets::new_table(rules_name(), options);
}

std::optional<rule> find_rule(const std::string& name) {
    auto found = ets::typed_table<rule>(rules_name()).lookup(name);
    if (!found && name == default_rule) {
        found.emplace();
        found->name = name;
    }
    return found;
}

std::vector<rule> all_rules() {
    std::vector<rule> all;
    ets::typed_table<rule>(rules_name()).each([&](rule r) { all.push_back(std::move(r)); });
    std::sort(all.begin(), all.end(), [](const rule& a, const rule& b) { return a.name < b.name; });
    return all;
}

void count_blocked(const std::string& rule_name) {
    ets::counter_update one;
    one.position = blocked_place;
    if (ets::member(rules_name(), rule_name)) ets::update_counter(rules_name(), rule_name, one);
}

std::optional<std::string> bad_rule_name(const std::string& text) {
    return bad_text("the rule's name", text, name_max);
}
std::optional<std::string> bad_key(const std::string& text) {
    return bad_text("the key", text, key_max);
}

}  // namespace ratelimit
