#include "tools/presence/app/notices/post_office.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "libbeamcore/base/log.hpp"
#include "libbeamcore/otp/dynamic_supervisor.hpp"
#include "libbeamcore/otp/registry.hpp"
#include "libbeamcore/otp/supervisor.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/nodes.hpp"
#include "libbeamcore/runtime/spawn.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "libbeamcore/term/syntax.hpp"
#include "tools/presence/app/names.hpp"
#include "tools/presence/app/notices/mailbox.hpp"
#include "tools/presence/app/notices/names.hpp"
#include "tools/presence/app/notices/owners.hpp"
#include "tools/presence/app/view.hpp"

namespace presence {

namespace {

using namespace std::chrono_literals;

constexpr auto looks_again_after = 20ms;  // the tracker is being started again
constexpr auto tidies_up_every = 60s;
constexpr std::size_t tidied_at_once = 1000;
constexpr auto reached_within = 5s;

// Mailboxes are killed to see them come back; one that cannot live is given up after these.
constexpr beam::dynamic_supervisor_flags mailboxes_flags{.max_restarts = 1000,
                                                         .max_seconds = std::chrono::seconds(5)};

beam::server_ref office_of(beam::atom node) {
    if (node == beam::node()) return post_office_name();
    return {post_office_name(), node};
}

std::int64_t wall_ms_now() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

/// Reads the whole store, so that the post office need not.
beam::process count_waiting(beam::self, beam::from caller) {
    std::vector<records::waiting> all = co_await records::all_waiting();
    beam::reply(caller, std::move(all));
}

struct notices_sup {
    static beam::supervisor_init init() {
        std::vector<beam::child_spec> children;
        children.push_back(beam::child_spec("store", records::child()));
        children.push_back(beam::supervisor::child_of(
            "mailboxes", beam::registry::child(beam::registry_options(mailboxes_registry()))));
        children.push_back(beam::supervisor::child_of(
            "mailbox_sup", beam::dynamic_supervisor::child(mailboxes_flags, mailbox_supervisor())));
        children.push_back(beam::child_spec("post_office", beam::child<post_office>()));
        beam::supervisor_flags flags;
        flags.strategy = beam::restart_strategy::rest_for_one;
        flags.intensity = 10;
        return beam::supervisor_init(flags, std::move(children));
    }
};

}  // namespace

beam::child_spec notices_child() {
    return beam::supervisor::child_of("notices", beam::child<notices_sup>());
}

// -- what others see ----------------------------------------------------------------------------------

beam::future<located> post_office::mailbox_of(beam::atom node, std::string user, bool start) {
    return beam::call<ask_mailbox>(office_of(node), beam::timeout(reached_within), std::move(user),
                                   start);
}
beam::future<std::vector<receipt>> post_office::receipts(beam::atom node, std::string from,
                                                         std::string id) {
    return beam::call<ask_receipts>(office_of(node), beam::timeout(reached_within), std::move(from),
                                    std::move(id));
}
beam::future<std::vector<records::waiting>> post_office::waiting(beam::atom node) {
    return beam::call<ask_waiting>(office_of(node), beam::timeout(reached_within));
}
beam::future<std::vector<notice>> post_office::expired(beam::atom node, std::string user) {
    return beam::call<ask_expired>(office_of(node), beam::timeout(reached_within), std::move(user));
}

// -- its life -----------------------------------------------------------------------------------------

beam::init_result<post_office> post_office::init() {
    const beam::pid me = beam::this_process().id();
    if (!beam::try_register_name(post_office_name(), me))
        return beam::stop_with{beam::atom("name_taken")};
    beam::send(me, look_out{});
    beam::send(me, tidy_up{});
    return post_office();
}

beam::awaitable<void> post_office::handle_info(look_out) {
    if (tracker_) co_return;
    const beam::atom shard = beam::tracker::shard_of(tracker_name(), all_sessions);
    if (!beam::whereis(shard)) {
        beam::send_after(looks_again_after, id(), look_out{});
        co_return;
    }
    tracker_ = beam::monitor(shard);
    subscription_ = co_await beam::tracker::subscribe(tracker_name(), std::string(all_sessions));
}

void post_office::handle_info(beam::down_message m) {
    if (!tracker_ || m.monitor != *tracker_) return;
    tracker_.reset();
    beam::send_after(looks_again_after, id(), look_out{});
}

// -- who listens --------------------------------------------------------------------------------------

beam::awaitable<void> post_office::handle_info(beam::tracker::news m) {
    if (m.subscription != subscription_) co_return;
    for (const auto& topic : m.topics) {
        const auto stays = [&](const beam::tracker::presence& p) {
            return std::any_of(topic->joins.begin(), topic->joins.end(),
                               [&](const auto& j) { return j.process == p.process; });
        };
        for (const beam::tracker::presence& p : topic->leaves) {
            const seen_session s = read(p);
            if (!s.listens || stays(p)) continue;
            if (auto box = find_mailbox(s.user)) mailbox::tell(*box, s.process, false);
        }
        for (const beam::tracker::presence& p : topic->joins) {
            const seen_session s = read(p);
            if (s.listens) co_await came(s.user, s.process);
        }
    }
}

beam::awaitable<void> post_office::came(std::string user, beam::pid session) {
    if (auto box = find_mailbox(user)) {
        mailbox::tell(*box, session, true);
        co_return;
    }
    if (owner_of(user) != beam::node() || !records::has_open(user)) co_return;
    // It looks for sessions itself.
    beam::outcome<beam::pid> opened = co_await open_mailbox(user);
    if (!opened)
        beam::log(beam::log_level::warning, "presence", "a mailbox did not start",
                  {{"user", user}, {"reason", beam::to_string(opened.error())}});
}

// -- what is asked ------------------------------------------------------------------------------------

beam::awaitable<located> post_office::handle_call(ask_mailbox m) {
    if (!m.start && !records::has_open(m.user)) co_return located{find_mailbox(m.user), {}};
    beam::outcome<beam::pid> opened = co_await open_mailbox(m.user);
    if (!opened) co_return located{std::nullopt, opened.error()};
    co_return located{*opened, {}};
}

std::vector<receipt> post_office::handle_call(ask_receipts m) {
    return records::find_all(m.from, m.id);
}

beam::call_result<std::vector<records::waiting>> post_office::handle_call(
    ask_waiting, const beam::from& caller) {
    beam::spawn(count_waiting, caller);
    return beam::noreply{};
}

std::vector<notice> post_office::handle_call(ask_expired m) {
    return records::expired(m.user);
}

// -- what time does -----------------------------------------------------------------------------------

beam::awaitable<void> post_office::handle_info(tidy_up) {
    const std::int64_t now = wall_ms_now();
    for (const std::string& user : records::overdue(now, tidied_at_once)) {
        // At its start it closes them; one that runs has done it, or is about to.
        beam::outcome<beam::pid> opened = co_await open_mailbox(user);
        if (!opened) break;
    }
    beam::outcome<std::size_t> forgotten = co_await records::forget(now, tidied_at_once);
    const bool there_is_more = forgotten && *forgotten == tidied_at_once;
    beam::send_after(there_is_more ? std::chrono::nanoseconds(1ms) : tidies_up_every, id(),
                     tidy_up{});
}

}  // namespace presence
