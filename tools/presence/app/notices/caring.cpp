#include "tools/presence/app/notices/caring.hpp"

#include <chrono>
#include <set>
#include <utility>

#include "libbeamcore/base/log.hpp"
#include "libbeamcore/pubsub/tracker.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/nodes.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "libbeamcore/term/syntax.hpp"
#include "tools/presence/app/names.hpp"
#include "tools/presence/app/notices/disk_records.hpp"
#include "tools/presence/app/notices/mailbox.hpp"
#include "tools/presence/app/notices/names.hpp"
#include "tools/presence/app/notices/owners.hpp"
#include "tools/presence/app/notices/post_office.hpp"
#include "tools/presence/app/notices/reaching.hpp"
#include "tools/presence/app/view.hpp"

namespace presence {

namespace {

using beam::awaitable;
using namespace std::chrono_literals;

constexpr auto between_moves = 2s;

awaitable<void> look(std::string user) {
    auto listening = co_await listening_sessions(user);
    if (!listening || listening->empty()) co_return;
    auto who = co_await find_owner(user);
    if (!who) {
        post_office::look_later(user);
        co_return;
    }
    if (who->node != beam::node()) co_return;
    const beam::outcome<bool> has_open = co_await records::of(who->where).has_open(user);
    if (!has_open) post_office::look_later(user);
    if (!has_open || !*has_open) co_return;
    beam::outcome<beam::pid> opened = co_await open_mailbox(who->where, user);
    if (!opened)
        beam::log(beam::log_level::warning, "presence", "a mailbox did not start",
                  {{"user", user}, {"reason", beam::to_string(opened.error())}});
}

/// Whether all of it is in kv, and off the disk.
awaitable<bool> move_bundle(records::bundle what) {
    auto box = co_await reach_mailbox(what.user, true);
    if (!box) co_return false;
    auto adopting = mailbox::adopt(*box, what.changes);
    beam::outcome<acknowledged> done = co_await adopting.outcome();
    if (!done || done->error != beam::term()) co_return false;
    const bool is_all = done->count == what.changes.size();
    what.changes.resize(done->count);
    beam::outcome<void> dropped = co_await records::drop(std::move(what));
    co_return is_all&& dropped.has_value();
}

/// Whether nothing is left.
awaitable<bool> move_all(std::optional<records::bundle> (*next)(const std::set<std::string>&)) {
    std::set<std::string> left;
    while (auto some = next(left)) {
        // What it accepts now is on the disk when it has ended. No other is started (post_office).
        if (auto running = find_mailbox(place::disk, some->user)) {
            co_await stop_mailbox(*running);
            continue;
        }
        std::string user = some->user;
        const bool is_moved = co_await move_bundle(*std::move(some));
        if (!is_moved) left.insert(std::move(user));
    }
    co_return left.empty();
}

}  // namespace

beam::process look_after(beam::self, std::string user) {
    co_await look(std::move(user));
}

beam::process settle_in(beam::self) {
    for (const std::string& user : mailboxes_here(place::kv)) {
        auto who = co_await find_owner(user);
        if (!who || who->node == beam::node()) continue;
        if (auto box = find_mailbox(place::kv, user)) co_await stop_mailbox(*box);
    }
    auto asking = beam::tracker::list(tracker_name(), std::string(all_sessions));
    auto all = co_await asking.outcome();
    if (!all) co_return;
    std::set<std::string> users;
    for (const beam::tracker::presence& p : *all)
        if (seen_session s = read(p); s.listens) users.insert(std::move(s.user));
    for (const std::string& user : users)
        if (!find_mailbox(place::kv, user)) co_await look(user);
}

beam::process move_to_kv(beam::self me) {
    if (!beam::try_register_name(mover_name(), me.id())) co_return;
    for (;;) {
        const bool is_open_moved = co_await move_all(&records::next_open);
        const bool is_closed_moved = co_await move_all(&records::next_closed);
        if (is_open_moved && is_closed_moved) co_return;
        co_await me.sleep_for(between_moves);
    }
}

}  // namespace presence
