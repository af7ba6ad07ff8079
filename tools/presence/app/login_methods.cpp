// presence.login, logout, kick: sessions made, changed and ended.
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "libbeamcore/release/answered.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/runtime/nodes.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "libbeamcore/term/syntax.hpp"
#include "tools/presence/app/acting.hpp"
#include "tools/presence/app/answers.hpp"
#include "tools/presence/app/limits.hpp"
#include "tools/presence/app/methods.hpp"
#include "tools/presence/app/names.hpp"
#include "tools/presence/app/opening.hpp"

namespace presence {

namespace {

using beam::answer;
using beam::atom;
using beam::awaitable;
using beam::request;
using beam::term;
using namespace std::chrono_literals;

constexpr const char* lease_id = "default";  // of a session that nobody names
constexpr auto ends_within = 3s;

struct login_params {
    std::string user, session;
    std::optional<std::string> topic, status;
    term meta;
    std::optional<std::int64_t> ttl_ms;
    BEAM_FIELDS(login_params, user, session, topic, status, meta, ttl_ms)
};
struct user_params {
    std::string user, session, as;
    BEAM_FIELDS(user_params, user, session, as)
};

std::optional<std::string> bad_login(const login_params& p) {
    if (auto why = bad_name("the user's name", p.user)) return why;
    if (!p.session.empty())
        if (auto why = bad_name("the session's name", p.session)) return why;
    if (p.topic)
        if (auto why = bad_name("the topic", *p.topic)) return why;
    if (auto why = bad_status(p.status.value_or(""))) return why;
    if (auto why = bad_meta(p.meta)) return why;
    if (!p.ttl_ms) return std::nullopt;
    if (*p.ttl_ms <= 0) return "a lease lasts longer than 0";
    if (*p.ttl_ms > ttl_max.count()) return "a lease lasts at most a year";
    return std::nullopt;
}

session_plan plan_of(const login_params& p) {
    session_plan plan;
    plan.user = p.user;
    plan.id = p.session.empty() ? lease_id : p.session;
    plan.topic = p.topic.value_or("");
    plan.status = p.status.value_or("");
    plan.meta = p.meta;
    plan.since_ms = wall_ms();
    plan.ttl_ms = p.ttl_ms.value_or(ttl_default.count());
    return plan;
}

awaitable<answer> login(request& r, login_params p) {
    if (p.user.empty()) p.user = guest_name(r);
    if (auto why = bad_login(p)) co_return malformed(*why);
    const session_plan plan = plan_of(p);
    session_change change;
    change.topic = p.topic;
    change.status = p.status;
    if (p.meta != term()) change.meta = p.meta;
    change.ttl_ms = p.ttl_ms;
    co_await renew_leases(p.user);
    auto session = co_await open_session(plan, std::move(change));
    if (!session) co_return pass(session);
    const bool seen = co_await seen_by_all();
    co_return beam::map({{atom("user"), plan.user},
                         {atom("session"), plan.id},
                         {atom("node"), beam::node(*session).name()},
                         {atom("via"), short_name(beam::node(*session))},
                         {atom("pid"), beam::to_string(*session)},
                         {atom("seen_by_all"), seen}});
}

// `{timeout, {gen_server, call, _}}`
bool is_timeout(const term& failure) {
    return failure.is_tuple() && failure.elements()[0] == atom("timeout");
}

answer ended(const std::string& user, std::size_t all, std::size_t gone) {
    if (gone == all) return beam::map({{atom("user"), user}, {atom("sessions"), gone}});
    return beam::refuse("unreachable",
                        std::to_string(all - gone) + " of " + std::to_string(all) +
                            " sessions did not end within 3s",
                        "presence nodes", 75);
}

awaitable<answer> logout(request& r, user_params p) {
    if (p.user.empty()) p.user = guest_name(r);
    auto entries = co_await entries_of(p.user);
    if (!entries) co_return pass(entries);
    std::vector<beam::future<bool>> ending;
    for (const beam::tracker::presence& entry : *entries)
        if (p.session.empty() || entry.session == term(p.session))
            ending.push_back(session::end(entry.process, "logged_out"));
    if (ending.empty() && !entries->empty())
        co_return beam::refuse("not_found", p.user + " has no session \"" + p.session + "\"",
                               "presence status " + p.user + " --json");
    if (ending.empty()) co_return not_here(p.user);
    std::size_t gone = 0;
    for (auto& f : ending) {
        beam::outcome<bool> ended_now = co_await f.outcome();
        // One that died before it could answer is gone as well.
        if (ended_now || !is_timeout(ended_now.error())) ++gone;
    }
    co_return ended(p.user, ending.size(), gone);
}

// The origins take the entries out; the sessions end when the others have seen it.
awaitable<answer> kick(request& r, user_params p) {
    if (p.user.empty()) co_return malformed("a user is missing");
    beam::self me = beam::this_process();
    auto who = co_await acting(r, p.as);
    if (!who) co_return pass(who);
    auto entries = co_await entries_of(p.user);
    if (!entries) co_return pass(entries);
    if (entries->empty()) co_return not_here(p.user);
    for (const beam::tracker::presence& entry : *entries) (void)beam::monitor(entry.process);
    auto asking = beam::answered(beam::tracker::kick(tracker_name(), all_sessions, p.user));
    auto asked_for = co_await asking;
    if (!asked_for) co_return pass(asked_for);
    std::size_t gone = 0;
    const auto until = beam::monotonic_time() + ends_within;
    while (gone < entries->size()) {
        const auto left = until - beam::monotonic_time();
        if (left <= 0s) break;
        auto down = co_await me.receive_for<beam::down_message>(left);
        if (down) ++gone;
    }
    co_return ended(p.user, entries->size(), gone);
}

}  // namespace

void add_login_methods(beam::application_definition& app) {
    app.method("login", login, {.restartable = true});
    app.method("logout", logout);
    app.method("kick", kick);
}

}  // namespace presence
