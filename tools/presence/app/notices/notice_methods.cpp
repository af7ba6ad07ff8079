// presence.notify, queue, ack, receipt; and confirm, by which the client of a session says what it has received.
#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "libbeamcore/base/utf8.hpp"
#include "libbeamcore/release/answered.hpp"
#include "libbeamcore/runtime/nodes.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "tools/presence/app/acting.hpp"
#include "tools/presence/app/answers.hpp"
#include "tools/presence/app/limits.hpp"
#include "tools/presence/app/methods.hpp"
#include "tools/presence/app/notices/mailbox.hpp"
#include "tools/presence/app/notices/owners.hpp"
#include "tools/presence/app/notices/reaching.hpp"

namespace presence {

namespace {

using beam::answer;
using beam::atom;
using beam::awaitable;
using beam::request;
using beam::term;
using std::chrono::milliseconds;
using namespace std::chrono_literals;

constexpr auto tries_for =
    5s;  // through the death of a mailbox, and of the node that kept it in kv
constexpr auto tries_again_after = 20ms;
constexpr auto delivery_takes =
    1s;  // who asks for nothing more waits so long for somebody who listens

struct notify_params {
    std::string user, as, text, id;
    std::int64_t ttl_ms = milliseconds(limits::ttl_default).count();
    notice_state until = notice_state::queued;
    std::int64_t wait_ms = milliseconds(delivery_takes).count();
    BEAM_FIELDS(notify_params, user, as, text, id, ttl_ms, until, wait_ms)
};
struct queue_params {
    std::string user, as;
    BEAM_FIELDS(queue_params, user, as)
};
struct ack_params {
    std::string as;
    std::vector<std::string> ids;
    bool all = false;
    BEAM_FIELDS(ack_params, as, ids, all)
};
struct receipt_params {
    std::string as, id;
    BEAM_FIELDS(receipt_params, as, id)
};
struct confirm_params {
    std::string user, session;
    std::uint64_t seq = 0;
    bool acknowledge = false;
    BEAM_FIELDS(confirm_params, user, session, seq, acknowledge)
};

std::string name_of(notice_state s) {
    return std::string(beam::to_term(s).as_atom()->name());
}

std::optional<std::string> bad_id(const std::string& id) {
    if (id.empty()) return "the id is empty";
    if (id.size() > limits::id_max) return "the id is longer than 64 bytes";
    return bad_name("the id", id);
}

std::optional<std::string> bad_notify(const notify_params& p) {
    if (auto why = bad_name("the user's name", p.user)) return why;
    if (auto why = bad_id(p.id)) return why;
    if (p.text.empty()) return "the message is empty";
    if (p.text.size() > limits::text_max) return "the message has more than 65536 bytes";
    if (!beam::is_valid_utf8(p.text)) return "the message is not UTF-8";
    if (p.ttl_ms <= 0) return "the time to live is not above 0";
    if (p.ttl_ms > milliseconds(limits::ttl_max).count())
        return "the time to live is longer than 365d";
    if (is_closed(p.until) && p.until != notice_state::acknowledged)
        return "until is delivered or acknowledged";
    return std::nullopt;
}

term shown(const receipt& r) {
    return beam::map({{atom("user"), r.user},
                      {atom("id"), r.id},
                      {atom("state"), name_of(r.state)},
                      {atom("accepted_ms"), r.accepted_ms},
                      {atom("closed_ms"), r.closed_ms == 0 ? term() : term(r.closed_ms)}});
}

term shown(const notice& n, notice_state state, std::uint64_t attempts) {
    return beam::map({{atom("id"), n.id},
                      {atom("from"), n.from},
                      {atom("text"), n.text},
                      {atom("state"), name_of(state)},
                      {atom("attempts"), attempts},
                      {atom("accepted_ms"), n.accepted_ms},
                      {atom("expires_ms"), n.expires_ms}});
}

term names_of(const std::vector<atom>& nodes) {
    std::vector<term> names;
    names.reserve(nodes.size());
    for (const atom n : nodes) names.emplace_back(short_name(n));
    return beam::list_of(std::move(names));
}

answer answer_of(const posted& p, const std::string& user) {
    if (p.error == term()) return shown(p.what);
    if (p.error == atom("full"))
        return beam::refuse("full", std::to_string(limits::open_max) + " messages wait for " + user,
                            "presence queue " + user, 75);
    return refuse_kept(p.error, user);
}

tl::unexpected<beam::request_error> not_answered(const std::string& user) {
    beam::request_error late{"timeout",
                             "the mailbox of " + user + " did not answer in time",
                             "presence queue " + user,
                             75,
                             {},
                             true};
    return tl::unexpected<beam::request_error>(std::move(late));
}

/// A request to a mailbox that came to nothing.
tl::unexpected<beam::request_error> failed(const term& call_failure, const std::string& user) {
    if (const auto why = why_not_opened(call_failure)) return refuse_kept(*why, user);
    return not_answered(user);
}

/// What one try to post came to.
struct tried {
    std::optional<answer> is;  ///< the mailbox's own
    beam::request_error why{};
    bool may_be_kept = false;
    bool may_pass = true;  ///< another try may come to more
};

tried not_posted(beam::request_error why) {
    tried t;
    t.may_be_kept = why.applied_unknown;
    t.why = std::move(why);
    return t;
}

awaitable<tried> post_once(notify_params p, letter what) {
    auto box = co_await reach_mailbox(p.user, true);
    tried t;
    if (!box) {
        t = not_posted(std::move(box.error()));
        t.may_pass = may_pass(t.why);
        co_return t;
    }
    auto posting = mailbox::post(*box, std::move(what), p.until, milliseconds(p.wait_ms));
    beam::outcome<posted> done = co_await posting.outcome();
    if (!done) {
        t = not_posted(failed(done.error(), p.user).value());
        if (was_not_there(done.error())) t.may_be_kept = false;
        t.may_pass = t.why.kind != "bad_record";
        co_return t;
    }
    answer a = answer_of(*done, p.user);
    const bool is_of_kv = done->error.is_tagged(atom("kv"), 3);
    if (!a && is_of_kv)
        t = not_posted(std::move(a.error()));
    else
        t.is = std::move(a);
    co_return t;
}

/// A mailbox that dies under the request is asked again, and the next one when its node does: with the same id the message is
/// kept once.
awaitable<answer> notify(request& r, notify_params p) {
    if (auto why = bad_notify(p)) co_return malformed(*why);
    auto from = co_await acting(r, p.as);
    if (!from) co_return pass(from);
    beam::self me = beam::this_process();
    const letter what{*from, p.id, p.text, p.ttl_ms};
    bool may_be_kept = false;
    beam::request_error why;
    const auto until = beam::monotonic_time() + tries_for;
    do {
        tried t = co_await post_once(p, what);
        if (t.is) co_return *std::move(t.is);
        may_be_kept = may_be_kept || t.may_be_kept;
        why = std::move(t.why);
        if (!t.may_pass && !may_be_kept) {
            if (why.kind == "unreachable") why.why += "; nothing was queued";
            co_return tl::unexpected<beam::request_error>(std::move(why));
        }
        co_await me.sleep_for(tries_again_after);
    } while (beam::monotonic_time() < until);
    if (may_be_kept) co_return not_answered(p.user);
    why.why += ", nothing was queued";
    co_return tl::unexpected<beam::request_error>(std::move(why));
}

awaitable<answer> queue_of(std::string user) {
    std::vector<term> lines;
    auto box = co_await reach_mailbox(user, false);
    if (!box) co_return pass(box);
    auto expired = co_await expired_of(user);
    if (!expired) co_return pass(expired);
    for (const notice& n : *expired) lines.push_back(shown(n, notice_state::expired, 0));
    if (*box) {
        auto looking = mailbox::look(*box);
        beam::outcome<std::vector<standing>> open = co_await looking.outcome();
        // It had nothing any more, and has stopped.
        if (!open && !was_not_there(open.error())) co_return failed(open.error(), user);
        if (open)
            for (const standing& s : *open) lines.push_back(shown(s.what, s.state, s.attempts));
    }
    co_return beam::map(
        {{atom("user"), user}, {atom("messages"), beam::list_of(std::move(lines))}});
}

awaitable<answer> queues() {
    auto collecting = co_await collect_waiting();
    if (!collecting) co_return pass(collecting);
    collected<records::waiting> all = *std::move(collecting);
    std::sort(all.found.begin(), all.found.end(),
              [](const auto& a, const auto& b) { return a.user < b.user; });
    std::vector<term> lines;
    for (const records::waiting& w : all.found)
        lines.push_back(
            beam::map({{atom("user"), w.user},
                       {atom("waiting"), w.notices},
                       {atom("oldest_ms"), w.oldest_ms == 0 ? term() : term(w.oldest_ms)},
                       {atom("expired"), w.expired}}));
    co_return beam::map({{atom("users"), beam::list_of(std::move(lines))},
                         {atom("unreached"), names_of(all.unreached)}});
}

awaitable<answer> queue(request& r, queue_params p) {
    auto who = co_await acting(r, p.as);
    if (!who) co_return pass(who);
    if (p.user.empty()) co_return co_await queues();
    if (auto why = bad_name("the user's name", p.user)) co_return malformed(*why);
    co_return co_await queue_of(p.user);
}

awaitable<answer> ack(request& r, ack_params p) {
    if (p.ids.empty() != p.all) co_return malformed("either ids, or all");
    auto user = co_await acting(r, p.as);
    if (!user) co_return pass(user);
    auto box = co_await reach_mailbox(*user, false);
    if (!box) co_return pass(box);
    std::uint64_t count = 0;
    if (*box) {
        auto asking = mailbox::acknowledge(*box, p.ids, p.all);
        beam::outcome<acknowledged> done = co_await asking.outcome();
        if (!done && !was_not_there(done.error())) co_return failed(done.error(), *user);
        if (done && done->error != term()) co_return refuse_kept(done->error, *user);
        if (done) count = done->count;
    }
    if (count == 0 && !p.all)
        co_return beam::refuse("not_found",
                               "no message \"" + p.ids.front() + "\" waits for " + *user,
                               "presence queue " + *user, 1);
    co_return beam::map({{atom("user"), *user}, {atom("acknowledged"), count}});
}

/// One that waits is queued or delivered: its mailbox knows.
awaitable<void> look_up_state(receipt* r) {
    if (is_closed(r->state)) co_return;
    auto box = co_await reach_mailbox(r->user, false);
    if (!box || !*box) co_return;
    auto asking = mailbox::state(*box, r->seq);
    beam::outcome<notice_state> now = co_await asking.outcome();
    if (now) r->state = *now;
}

awaitable<answer> receipts(request& r, receipt_params p) {
    if (auto why = bad_id(p.id)) co_return malformed(*why);
    auto from = co_await acting(r, p.as);
    if (!from) co_return pass(from);
    auto collecting = co_await collect_receipts(*from, p.id);
    if (!collecting) co_return pass(collecting);
    collected<receipt> all = *std::move(collecting);
    if (all.found.empty() && !all.unreached.empty())
        co_return beam::refuse("unreachable",
                               short_name(all.unreached.front()) +
                                   " cannot be reached from here, and no other node knows it",
                               "presence nodes", 69);
    if (all.found.empty())
        co_return beam::refuse(
            "not_found",
            "no message \"" + p.id + "\" of " + *from + " waits, or was closed in the last day",
            "presence queue", 1);
    std::vector<term> lines;
    for (receipt& one : all.found) {
        co_await look_up_state(&one);
        lines.push_back(shown(one));
    }
    co_return beam::map({{atom("receipts"), beam::list_of(std::move(lines))},
                         {atom("unreached"), names_of(all.unreached)}});
}

/// The process of a session that listens on this node.
awaitable<std::optional<beam::pid>> listening_here(std::string user, std::string id) {
    auto sessions = co_await listening_sessions(std::move(user));
    if (!sessions) co_return std::nullopt;
    for (const seen_session& s : *sessions)
        if (s.id == id && s.process.is_local()) co_return s.process;
    co_return std::nullopt;
}

// A confirmation that is lost costs that the message is sent again, and no more.
awaitable<answer> confirm(request&, confirm_params p) {
    auto session = co_await listening_here(p.user, p.session);
    if (!session)
        co_return beam::refuse("not_found", "no session \"" + p.session + "\" of " + p.user,
                               "presence listen " + p.user, 1);
    auto box = co_await reach_mailbox(p.user, false);
    if (!box) co_return pass(box);
    if (!*box) co_return beam::map({{atom("acknowledged"), std::uint64_t{0}}});
    if (!p.acknowledge) {
        mailbox::confirm(*box, *session, p.seq);
        co_return beam::map({{atom("acknowledged"), std::uint64_t{0}}});
    }
    auto done = co_await beam::answered(mailbox::settle(*box, p.seq, *session));
    if (!done) co_return pass(done);
    if (done->error != term()) co_return refuse_kept(done->error, p.user);
    co_return beam::map({{atom("acknowledged"), done->count}});
}

}  // namespace

void add_notice_methods(beam::application_definition& app) {
    app.method("notify", notify, {.restartable = true});  // the same id is kept once
    app.method("queue", queue, {.restartable = true});
    app.method("ack", ack, {.restartable = true});
    app.method("receipt", receipts, {.restartable = true});
    app.method("confirm", confirm, {.restartable = true});
}

}  // namespace presence
