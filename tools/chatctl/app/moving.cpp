#include "tools/chatctl/app/moving.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "libbeamcore/otp/dynamic_supervisor.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "tools/chatctl/app/application.hpp"
#include "tools/chatctl/app/copies.hpp"
#include "tools/chatctl/app/history.hpp"
#include "tools/chatctl/app/kv_rooms.hpp"
#include "tools/chatctl/app/log.hpp"
#include "tools/chatctl/app/places.hpp"
#include "tools/chatctl/app/reaching.hpp"
#include "tools/chatctl/app/room.hpp"

namespace chat {

namespace {

using beam::awaitable;
using beam::outcome;

constexpr std::chrono::seconds between_moves{1};

/// What it accepts now is on the disk when it has ended.
awaitable<void> stop_disk_room(std::string name) {
    const auto running = find_local_room(medium::disk, name);
    if (!running) co_return;
    auto ending = beam::dynamic_supervisor::terminate_child(rooms_supervisor(), *running);
    (void)co_await ending.outcome();
}

/// Fills a room that nobody but who does it writes to, so that what is said next comes behind all of it. One that another node fills, too,
/// is refused to one of both. Whether it is whole.
awaitable<bool> fill(std::string name, const room_log* log) {
    outcome<kept_room> is = co_await in_kv().open(name);
    if (!is) co_return false;
    // It was whole before it was opened: its home opens it again.
    if (is->head.record.whole) co_return true;
    room_head head = std::move(is->head);
    room_log there(std::move(is->posts), head.record.seen, head.last_id);
    while (!head.record.whole) {
        std::vector<post> unseen = log->unseen(there.seen(), chunk_bytes);
        const bool is_last = unseen.empty();
        std::vector<post> fresh = there.fresh(std::move(unseen));
        addition what = added_to(there, head.record, fresh);
        what.record.whole = is_last;
        if (what.record.whole) raise(what.record.seen, log->seen());
        outcome<room_head> written = co_await in_kv().append(name, head, std::move(what));
        if (!written) co_return false;
        head = *std::move(written);
        for (post& p : fresh) there.keep(std::move(p));
    }
    co_return true;
}

/// Whether there is a whole room in kv; it is made and filled, if there was none.
awaitable<bool> fill_in_kv(std::string name, const room_log* log, bool is_whole) {
    outcome<std::optional<room_head>> head = co_await in_kv().find(name);
    if (!head) co_return false;
    if (*head && (*head)->record.whole) co_return true;
    // On disks one that was only being copied is not made a room, either.
    if (!is_whole) co_return false;
    if (!*head) {
        const std::uint64_t last_id =
            log->posts().empty() ? log->last_id() : log->posts().front().id - 1;
        const outcome<void> made = co_await kv_rooms::make_unfilled(name, last_id);
        if (!made && made.error() != beam::atom("already_exists")) co_return false;
    }
    const bool is_filled = co_await fill(name, log);
    co_return is_filled;
}

/// Whether kv has all that the log has, and the marks given.
awaitable<bool> hand_over_all(beam::pid to, const room_log* log, marks seen) {
    for (;;) {
        auto asking = room::seen(to);
        outcome<marks> theirs = co_await asking.outcome();
        if (!theirs) co_return false;
        std::vector<post> mine = log->unseen(*theirs, chunk_bytes);
        const bool is_last = mine.empty();
        auto giving = room::hand_over(to, std::move(mine), is_last ? seen : marks());
        outcome<outcome<bool>> taken = co_await giving.outcome();
        if (!taken || !*taken) co_return false;
        if (is_last) co_return true;
    }
}

/// Whether it is in kv, and off the disk.
awaitable<bool> move_room(std::string name) {
    co_await stop_disk_room(name);
    const auto record = history::record_of(name);
    if (!record) co_return true;
    const room_log log(co_await history::load(name), record->seen);
    outcome<std::optional<marks>> gone = co_await kv_rooms::deleted(name);
    if (!gone) co_return false;
    const bool is_deleted = *gone && buries(**gone, log.seen());
    if (!is_deleted) {
        const bool is_whole = co_await fill_in_kv(name, &log, record->whole);
        // A copy that is no room by itself may wait for one that is.
        if (!is_whole) co_return !record->whole;
        auto home = co_await open_in_kv(name);
        if (!home) co_return false;
        // Of a copy that was being made the marks say more than it has.
        marks seen;
        if (record->whole) seen = log.seen();
        const bool is_taken = co_await hand_over_all(*home, &log, std::move(seen));
        if (!is_taken) co_return false;
    }
    // One that was started meanwhile may have accepted something.
    if (find_local_room(medium::disk, name)) co_return false;
    const outcome<void> forgotten = co_await history::remove_room(name);
    co_return forgotten.has_value();
}

awaitable<bool> move_deletion(std::string name, marks seen) {
    outcome<std::optional<room_head>> head = co_await in_kv().find(name);
    if (!head) co_return false;
    // A copy that another node has moved before this was known.
    if (*head && buries(seen, (*head)->record.seen)) {
        auto removed = co_await remove_in_kv(name);
        if (!removed && removed.error().kind != "not_found") co_return false;
    }
    const outcome<void> noted = co_await kv_rooms::bury(name, std::move(seen));
    if (!noted) co_return false;
    const outcome<void> forgotten = co_await history::forget_deletion(name);
    co_return forgotten.has_value();
}

}  // namespace

beam::process move_to_kv(beam::self me) {
    if (!beam::try_register_name(mover_name(), me.id())) co_return;
    for (;;) {
        bool is_all = true;
        for (const auto& [name, seen] : history::deletions()) {
            const bool is_moved = co_await move_deletion(name, seen);
            is_all = is_all && is_moved;
        }
        std::vector<std::string> names = co_await history::rooms();
        for (const std::string& name : names) {
            const bool is_moved = co_await move_room(name);
            is_all = is_all && is_moved;
        }
        if (is_all) co_return;
        co_await me.sleep_for(between_moves);
    }
}

}  // namespace chat
