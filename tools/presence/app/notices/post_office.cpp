#include "tools/presence/app/notices/post_office.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "libbeamcore/otp/dynamic_supervisor.hpp"
#include "libbeamcore/otp/registry.hpp"
#include "libbeamcore/otp/supervisor.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/nodes.hpp"
#include "libbeamcore/runtime/spawn.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "tools/presence/app/names.hpp"
#include "tools/presence/app/notices/caring.hpp"
#include "tools/presence/app/notices/disk_records.hpp"
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
constexpr auto settles_after = 50ms;  // many shards change at once
constexpr auto looks_later_after = 2s;

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
    auto all = co_await records::on_disk().all_waiting();
    beam::reply(caller, all ? *std::move(all) : std::vector<records::waiting>());
}

/// Answers with a mailbox if something waits in it.
beam::process locate_open(beam::self, beam::from caller, place where, std::string user) {
    located l;
    const beam::outcome<bool> has_open = co_await records::of(where).has_open(user);
    if (!has_open) {
        l.error = has_open.error();
    } else if (!*has_open) {
        l.mailbox = find_mailbox(where, user);
    } else {
        beam::outcome<beam::pid> opened = co_await open_mailbox(where, user);
        if (opened)
            l.mailbox = *opened;
        else
            l.error = opened.error();
    }
    beam::reply(caller, std::move(l));
}

struct notices_sup {
    static beam::supervisor_init init() {
        std::vector<beam::child_spec> children;
        children.push_back(beam::child_spec("store", records::store_child()));
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

beam::future<located> post_office::mailbox_of(beam::atom node, std::string user, bool start,
                                              place where) {
    return beam::call<ask_mailbox>(office_of(node), beam::timeout(reached_within), std::move(user),
                                   start, where);
}
void post_office::look_later(std::string user) {
    beam::cast<missed>(post_office_name(), std::move(user));
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
    kv::tell_of_cluster(me);
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
    if (finder_ && m.monitor == *finder_) {
        finder_.reset();
        beam::spawn_link(tenant::start_kv, id(), std::string("presence"), true);
    }
    if (!tracker_ || m.monitor != *tracker_) return;
    tracker_.reset();
    beam::send_after(looks_again_after, id(), look_out{});
}

// -- who listens --------------------------------------------------------------------------------------

void post_office::handle_info(const beam::tracker::news& m) {
    if (m.subscription != subscription_) return;
    for (const auto& topic : m.topics) {
        const auto stays = [&](const beam::tracker::presence& p) {
            return std::any_of(topic->joins.begin(), topic->joins.end(),
                               [&](const auto& j) { return j.process == p.process; });
        };
        for (const beam::tracker::presence& p : topic->leaves) {
            const seen_session s = read(p);
            if (!s.listens || stays(p)) continue;
            for (const place where : {place::disk, place::kv})
                if (auto box = find_mailbox(where, s.user)) mailbox::tell(*box, s.process, false);
        }
        for (const beam::tracker::presence& p : topic->joins) {
            const seen_session s = read(p);
            if (s.listens) came(s.user, s.process);
        }
    }
}

void post_office::came(const std::string& user, beam::pid session) const {
    bool is_told = false;
    for (const place where : {place::disk, place::kv}) {
        const auto box = find_mailbox(where, user);
        if (!box) continue;
        mailbox::tell(*box, session, true);
        is_told = true;
    }
    // One that is started looks for sessions itself.
    if (!is_told) beam::spawn(look_after, user);
}

// -- what is asked ------------------------------------------------------------------------------------

beam::awaitable<beam::call_result<located>> post_office::handle_call(ask_mailbox m,
                                                                     beam::from caller) {
    if (m.where != place_now()) co_return located{std::nullopt, beam::atom("other_place")};
    if (!m.start) {
        beam::spawn(locate_open, caller, m.where, m.user);
        co_return beam::noreply{};
    }
    beam::outcome<beam::pid> opened = co_await open_mailbox(m.where, m.user);
    if (!opened) co_return located{std::nullopt, opened.error()};
    co_return located{*opened, {}};
}

beam::awaitable<std::vector<receipt>> post_office::handle_call(ask_receipts m) {
    auto all = co_await records::on_disk().find_all(m.from, m.id);
    co_return all ? *std::move(all) : std::vector<receipt>();
}

beam::call_result<std::vector<records::waiting>> post_office::handle_call(
    ask_waiting, const beam::from& caller) {
    beam::spawn(count_waiting, caller);
    return beam::noreply{};
}

beam::awaitable<std::vector<notice>> post_office::handle_call(ask_expired m) {
    auto all = co_await records::on_disk().expired(m.user);
    co_return all ? *std::move(all) : std::vector<notice>();
}

// -- what time does -----------------------------------------------------------------------------------

beam::awaitable<void> post_office::handle_info(tidy_up) {
    const std::int64_t now = wall_ms_now();
    if (place_now() == place::disk) {
        for (const std::string& user : records::overdue(now, tidied_at_once)) {
            // At its start it closes them; one that runs has done it, or is about to.
            beam::outcome<beam::pid> opened = co_await open_mailbox(place::disk, user);
            if (!opened) break;
        }
    } else {
        // What has expired in kv nobody has to close; the disk should be empty.
        beam::spawn(move_to_kv);
    }
    beam::outcome<std::size_t> forgotten = co_await records::forget(now, tidied_at_once);
    const bool there_is_more = forgotten && *forgotten == tidied_at_once;
    beam::send_after(there_is_more ? std::chrono::nanoseconds(1ms) : tidies_up_every, id(),
                     tidy_up{});
}

// -- kv -----------------------------------------------------------------------------------------------

void post_office::handle_info(kv::cluster_noted) {
    if (kv::stop_waiting_for_cluster(id()))
        beam::spawn_link(tenant::start_kv, id(), std::string("presence"), false);
}

void post_office::handle_info(tenant::kv_runs) {
    finder_ = beam::monitor(kv::finder());
    kv::watch_leaders(id());
    beam::spawn(move_to_kv);
}

void post_office::handle_info(kv::leaders_changed) {
    if (std::exchange(settles_soon_, true)) return;
    beam::send_after(settles_after, id(), settle{});
}

void post_office::handle_info(settle) {
    settles_soon_ = false;
    beam::spawn(settle_in);
}

void post_office::handle_cast(missed m) {
    if (!looked_at_later_.insert(m.user).second) return;
    beam::send_after(looks_later_after, id(), look_at{std::move(m.user)});
}

void post_office::handle_info(look_at m) {
    looked_at_later_.erase(m.user);
    beam::spawn(look_after, m.user);
}

}  // namespace presence
