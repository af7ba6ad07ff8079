// presence.status, list, nodes, health: what is seen here.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "libbeamcore/release/answered.hpp"
#include "tools/presence/app/acting.hpp"
#include "tools/presence/app/answers.hpp"
#include "tools/presence/app/limits.hpp"
#include "tools/presence/app/methods.hpp"
#include "tools/presence/app/names.hpp"
#include "tools/presence/app/sessions.hpp"

namespace presence {

namespace {

using beam::answer;
using beam::atom;
using beam::awaitable;
using beam::request;
using beam::term;
using entries = std::vector<beam::tracker::presence>;

constexpr std::size_t users_an_item = 100;

struct status_params {
    std::string user, as;
    BEAM_FIELDS(status_params, user, as)
};
struct topic_params {
    std::string topic, as;
    BEAM_FIELDS(topic_params, topic, as)
};
struct as_params {
    std::string as;
    BEAM_FIELDS(as_params, as)
};

/// One user: what his newest session says, and all of them.
term shown_user(const std::string& user, const entries& of) {
    std::vector<beam::map_entry> fields{{atom("user"), user}, {atom("online"), !of.empty()}};
    std::vector<term> sessions;
    std::int64_t since_ms = INT64_MAX;
    for (const beam::tracker::presence& entry : of) {
        const seen_session s = read(entry);
        since_ms = std::min(since_ms, s.since_ms);
        sessions.push_back(shown(s));
    }
    if (const auto* newest = headline(of)) {
        const seen_session s = read(*newest);
        fields.push_back({atom("node"), s.node.name()});
        fields.push_back({atom("via"), short_name(s.node)});
        fields.push_back({atom("status"), s.status.empty() ? term() : term(s.status)});
        fields.push_back({atom("since_ms"), since_ms});
    }
    fields.push_back({atom("sessions"), beam::list_of(std::move(sessions))});
    return beam::map_of(std::span(fields));
}

awaitable<answer> status(request& r, status_params p) {
    auto who = co_await acting(r, p.as);
    if (!who) co_return pass(who);
    if (p.user.empty()) p.user = *who;
    if (auto why = bad_name("the user's name", p.user)) co_return malformed(*why);
    auto of = co_await entries_of(p.user);
    if (!of) co_return pass(of);
    co_return shown_user(p.user, *of);
}

awaitable<answer> list(request& r, topic_params p) {
    auto who = co_await acting(r, p.as);
    if (!who) co_return pass(who);
    if (!p.topic.empty())
        if (auto why = bad_name("the topic", p.topic)) co_return malformed(*why);
    auto asking = beam::answered(beam::tracker::list(tracker_name(), p.topic));
    auto all = co_await asking;
    if (!all) co_return pass(all);
    std::stable_sort(all->begin(), all->end(), [](const auto& a, const auto& b) {
        return a.key.as_text() < b.key.as_text();
    });
    std::vector<term> users;
    std::uint64_t count = 0;
    for (auto it = all->begin(); it != all->end();) {
        auto end = std::find_if(it, all->end(), [&](const auto& e) { return e.key != it->key; });
        const entries of(it, end);
        users.push_back(shown_user(read(*it).user, of));
        it = end;
        ++count;
        if (users.size() < users_an_item && it != all->end()) continue;
        term item = beam::map({{atom("users"), beam::list_of(std::exchange(users, {}))}});
        co_await r.item(item);
    }
    co_return beam::map({{atom("count"), count}});
}

term shown_node(const beam::tracker::node_info& n) {
    char incarnation[17];
    std::snprintf(incarnation, sizeof incarnation, "%llx",
                  static_cast<unsigned long long>(n.incarnation));
    return beam::map({{atom("node"), n.node.name()},
                      {atom("name"), short_name(n.node)},
                      {atom("state"), beam::to_term(n.state)},
                      {atom("incarnation"), std::string(incarnation)},
                      {atom("version"), n.version},
                      {atom("entries"), n.entries},
                      {atom("missing"), n.missing},
                      {atom("last_heard_ms"), n.last_heard.count()}});
}

awaitable<answer> nodes(request& r, as_params p) {
    auto who = co_await acting(r, p.as);
    if (!who) co_return pass(who);
    auto asking = beam::answered(beam::tracker::nodes(tracker_name()));
    auto known = co_await asking;
    if (!known) co_return pass(known);
    std::vector<term> shown;
    for (const beam::tracker::node_info& n : *known) shown.push_back(shown_node(n));
    co_return beam::map({{atom("nodes"), beam::list_of(std::move(shown))}});
}

awaitable<answer> health(request& r, as_params p) {
    auto who = co_await acting(r, p.as);
    if (!who) co_return pass(who);
    auto asking = beam::answered(beam::tracker::nodes(tracker_name()));
    auto known = co_await asking;
    if (!known) co_return pass(known);
    auto counting = beam::answered(beam::tracker::counters(tracker_name()));
    auto counters = co_await counting;
    if (!counters) co_return pass(counters);
    auto listing = beam::answered(beam::tracker::list(tracker_name(), all_sessions));
    auto all = co_await listing;
    if (!all) co_return pass(all);
    std::vector<term> down;
    std::uint64_t up = 0;
    for (const beam::tracker::node_info& n : *known) {
        if (n.state == beam::tracker::node_state::down) down.push_back(short_name(n.node));
        if (n.state == beam::tracker::node_state::up) ++up;
    }
    const bool healthy = down.empty();
    co_return beam::map({{atom("healthy"), healthy},
                         {atom("up"), up},
                         {atom("down"), beam::list_of(std::move(down))},
                         {atom("sessions"), all->size()},
                         {atom("digest_mismatches"), counters->digest_mismatches},
                         {atom("clocks_ahead"), counters->clocks_ahead}});
}

}  // namespace

void add_look_methods(beam::application_definition& app) {
    app.method("status", status, {.restartable = true});
    app.method("list", list, {.restartable = true});
    app.method("nodes", nodes, {.restartable = true});
    app.method("health", health, {.restartable = true});
}

}  // namespace presence
