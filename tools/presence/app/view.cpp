#include "tools/presence/app/view.hpp"

#include <chrono>

#include "libbeamcore/pubsub/hybrid_clock.hpp"
#include "libbeamcore/release/answered.hpp"
#include "libbeamcore/release/node_facts.hpp"
#include "libbeamcore/runtime/nodes.hpp"
#include "tools/presence/app/limits.hpp"
#include "tools/presence/app/names.hpp"

namespace presence {

namespace {

using beam::atom;
using beam::term;
using beam::tracker::hybrid_clock;

std::string text_of(const term& t) {
    const auto text = t.as_text();
    return text ? std::string(*text) : std::string();
}
std::string text_in(const term& map, const char* key) {
    const term* found = map.map_find(atom(key));
    return found ? text_of(*found) : std::string();
}

std::string_view before_at(atom node) {
    const std::string_view name = node.name();
    return name.substr(0, name.find('@'));
}

bool is_ambiguous(atom node) {
    std::vector<atom> known = beam::nodes(beam::node_kind::connected);
    known.push_back(beam::node());
    for (const atom other : known)
        if (other != node && before_at(other) == before_at(node)) return true;
    return false;
}

}  // namespace

seen_session read(const beam::tracker::presence& entry) {
    seen_session s;
    s.user = text_of(entry.key);
    s.id = text_of(entry.session);
    s.topic = text_in(entry.meta, "topic");
    s.status = text_in(entry.meta, "status");
    if (const term* meta = entry.meta.map_find(atom("meta"))) s.meta = *meta;
    if (const term* listens = entry.meta.map_find(atom("listens"))) s.listens = *listens == true;
    if (const term* since = entry.meta.map_find(atom("since_ms")))
        s.since_ms = since->as_int64().value_or(0);
    s.node = entry.ref.node;
    s.process = entry.process;
    s.ref = to_string(entry.ref);
    return s;
}

beam::awaitable<asked<std::vector<beam::tracker::presence>>> entries_of(std::string user) {
    return beam::answered(beam::tracker::get(tracker_name(), all_sessions, user));
}

beam::awaitable<asked<std::vector<seen_session>>> listening_sessions(std::string user) {
    auto entries = co_await entries_of(std::move(user));
    if (!entries) co_return tl::unexpected<beam::request_error>(std::move(entries.error()));
    std::vector<seen_session> listening;
    for (const beam::tracker::presence& entry : *entries)
        if (seen_session s = read(entry); s.listens) listening.push_back(std::move(s));
    co_return listening;
}

const beam::tracker::presence* headline(const std::vector<beam::tracker::presence>& entries) {
    const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::system_clock::now().time_since_epoch());
    const auto believed = now + tracker_config().clock_ahead_max;
    return beam::tracker::headline(entries, hybrid_clock::stamp_of(believed.count()));
}

std::string short_name(atom node) {
    if (node == beam::node() && beam::node().name() == "nonode@nohost")
        return beam::this_node_facts().name;
    return std::string(is_ambiguous(node) ? node.name() : before_at(node));
}

term shown(const seen_session& s) {
    const auto or_null = [](const std::string& text) { return text.empty() ? term() : term(text); };
    return beam::map({{atom("user"), s.user},
                      {atom("session"), s.id},
                      {atom("node"), s.node.name()},
                      {atom("via"), short_name(s.node)},
                      {atom("topic"), or_null(s.topic)},
                      {atom("status"), or_null(s.status)},
                      {atom("meta"), s.meta},
                      {atom("listens"), s.listens},
                      {atom("since_ms"), s.since_ms},
                      {atom("ref"), s.ref}});
}

}  // namespace presence
