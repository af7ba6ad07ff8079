// presence.listen: a session as long as the request, and what is sent to it.
#include <chrono>
#include <cstdio>
#include <string>
#include <variant>

#include "libbeamcore/base/random.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/runtime/nodes.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "tools/presence/app/acting.hpp"
#include "tools/presence/app/answers.hpp"
#include "tools/presence/app/limits.hpp"
#include "tools/presence/app/methods.hpp"
#include "tools/presence/app/notices/notice.hpp"
#include "tools/presence/app/opening.hpp"

namespace presence {

namespace {

using beam::answer;
using beam::atom;
using beam::awaitable;
using beam::request;
using beam::term;

struct listen_params {
    std::string user, as, session, topic, status;
    term meta;
    BEAM_FIELDS(listen_params, user, as, session, topic, status, meta)
};

std::string fresh_id() {
    char text[32];
    std::snprintf(text, sizeof text, "listen-%016llx",
                  static_cast<unsigned long long>(beam::secure_random_64()));
    return text;
}

std::optional<std::string> bad_listen(const listen_params& p) {
    if (!p.user.empty())
        if (auto why = bad_name("the user's name", p.user)) return why;
    if (!p.session.empty())
        if (auto why = bad_name("the session's name", p.session)) return why;
    if (!p.topic.empty())
        if (auto why = bad_name("the topic", p.topic)) return why;
    if (auto why = bad_status(p.status)) return why;
    return bad_meta(p.meta);
}

session_plan plan_of(const listen_params& p, const std::string& user) {
    session_plan plan;
    plan.user = user;
    plan.id = p.session.empty() ? fresh_id() : p.session;
    plan.topic = p.topic;
    plan.status = p.status;
    plan.meta = p.meta;
    plan.since_ms = wall_ms();
    plan.client = beam::this_process().id();
    return plan;
}

term shown(const delivery& d) {
    return beam::map({{atom("event"), "notice"},
                      {atom("id"), d.what.id},
                      {atom("seq"), d.what.seq},
                      {atom("after"), d.after},
                      {atom("from"), d.what.from},
                      {atom("text"), d.what.text},
                      {atom("accepted_ms"), d.what.accepted_ms},
                      {atom("expires_ms"), d.what.expires_ms}});
}
term shown(const settled& s) {
    return beam::map({{atom("event"), "settled"},
                      {atom("id"), s.id},
                      {atom("seq"), s.seq},
                      {atom("state"), beam::to_term(s.state)}});
}

/// Hands on what comes for one life of the session: why it ended, or empty: it died.
awaitable<std::string> hand_on(request& r, beam::ref monitor) {
    beam::self me = beam::this_process();
    for (;;) {
        auto m = co_await me.receive<session_ended, beam::down_message, delivery, settled>();
        if (auto* ended = std::get_if<session_ended>(&m)) co_return ended->why;
        if (auto* d = std::get_if<delivery>(&m)) {
            term item = shown(*d);
            co_await r.item(item);
        } else if (auto* s = std::get_if<settled>(&m)) {
            term item = shown(*s);
            co_await r.item(item);
        } else if (std::get<beam::down_message>(m).monitor == monitor) {
            co_return std::string();
        }
    }
}

awaitable<answer> listen(request& r, listen_params p) {
    if (auto why = bad_listen(p)) co_return malformed(*why);
    auto user = co_await acting(r, p.user.empty() ? p.as : p.user);
    if (!user) co_return pass(user);
    const session_plan plan = plan_of(p, *user);
    for (bool again = false;; again = true) {
        auto session = co_await open_session(plan, session_change());
        if (!session) co_return pass(session);
        const beam::ref monitor = beam::monitor(*session);
        (void)co_await seen_by_all();
        term begun = beam::map({{atom("event"), "listening"},
                                {atom("user"), plan.user},
                                {atom("session"), plan.id},
                                {atom("via"), short_name(beam::node())},
                                {atom("again"), again}});
        co_await r.item(begun);
        const std::string why = co_await hand_on(r, monitor);
        if (why.empty()) continue;
        if (why == "logged_out")
            co_return beam::map({{atom("event"), "ended"}, {atom("why"), why}});
        if (why == "kicked")
            co_return beam::refuse("kicked", "the session was ended by presence kick",
                                   "presence listen " + plan.user);
        co_return refused(why, plan.user);
    }
}

}  // namespace

void add_listen_method(beam::application_definition& app) {
    app.method("listen", listen, {.restartable = true});
}

}  // namespace presence
