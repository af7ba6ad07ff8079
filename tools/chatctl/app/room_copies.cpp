// What a room does about other nodes: gives them copies, takes in what they have and it has not, makes way for
// another home.
#include <algorithm>
#include <chrono>

#include "libbeamcore/runtime/nodes.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "tools/chatctl/app/copies.hpp"
#include "tools/chatctl/app/history.hpp"
#include "tools/chatctl/app/limits.hpp"
#include "tools/chatctl/app/places.hpp"
#include "tools/chatctl/app/room.hpp"
#include "tools/chatctl/app/router.hpp"

namespace chat {

namespace {

constexpr std::chrono::seconds tries_again_after{2};

bool is_in(const std::vector<beam::atom>& nodes, beam::atom node) {
    return std::find(nodes.begin(), nodes.end(), node) != nodes.end();
}

}  // namespace

bool room::has_seat(beam::atom node) const {
    return is_in(in_sync_, node);
}

bool room::is_wanted(beam::atom node) const {
    return is_in(backups_for(name_, other_nodes()), node);
}

room_record room::record_now() const {
    room_record r = record_;
    r.seen = log_.seen();
    return r;
}

void room::sync_later(beam::atom node) {
    (void)beam::send_after(tries_again_after, id(), sync_node{node});
}

// -- who holds it -------------------------------------------------------------------------------------

void room::handle_cast(nodes_changed) {
    if (kept_ == medium::kv) return;
    const std::vector<beam::atom> others = other_nodes();
    for (beam::atom node : others)
        if (!is_in(met_, node) || (is_wanted(node) && !has_seat(node))) sync_with(id(), node);
    met_ = others;
    const auto gone = std::erase_if(in_sync_, [&](beam::atom n) { return !is_in(others, n); });
    if (gone == 0) return;
    // Written with the next message, or with the next who gets a seat.
    record_.seats = {beam::node()};
    record_.seats.insert(record_.seats.end(), in_sync_.begin(), in_sync_.end());
}

beam::awaitable<void> room::seats_changed() {
    record_.seats = {beam::node()};
    for (beam::atom node : backups_for(name_, in_sync_)) record_.seats.push_back(node);
    beam::outcome<void> saved = co_await history::put_record(name_, record_now());
    if (!saved) beam::exit(saved.error());
}

beam::awaitable<void> room::give_seat(beam::atom node) {
    if (!has_seat(node)) in_sync_.push_back(node);
    const std::vector<beam::atom> all = in_sync_;
    for (beam::atom other : all) {
        if (is_wanted(other)) continue;
        std::erase(in_sync_, other);
        copies::drop(other, name_);
    }
    co_await seats_changed();
    // All of them learn who the others are.
    co_await copy_to_seats({}, log_.last_id(), 1);
}

/// What is written is sent to all at once; one that does not take it in time loses its seat.
beam::awaitable<void> room::copy_to_seats(std::vector<post> posts, std::uint64_t before,
                                          std::uint64_t first_kept) {
    copy_part part;
    part.room = name_;
    part.record = record_now();
    for (const post& p : posts) mark(part.record.seen, p);
    part.before = before;
    part.posts = std::move(posts);
    part.first_kept = first_kept;
    std::vector<std::pair<beam::atom, beam::future<beam::outcome<bool>>>> asked;
    for (beam::atom node : in_sync_) asked.emplace_back(node, copies::add(node, part));
    bool lost = false;
    for (auto& [node, adding] : asked) {
        beam::outcome<beam::outcome<bool>> added = co_await adding.outcome();
        if (added && *added) continue;
        std::erase(in_sync_, node);
        sync_later(node);
        lost = true;
    }
    if (lost) co_await seats_changed();
}

// -- comparing and copying ----------------------------------------------------------------------------

/// Takes in what that node has and this room has not. False: it cannot be asked, or needs nothing.
beam::awaitable<bool> room::merge_with(beam::atom node, bool* whole, std::uint64_t* last_id) {
    bool merged = false;
    for (;;) {
        auto asking = copies::compare(node, name_, log_.seen());
        beam::outcome<compared> got = co_await asking.outcome();
        if (!got) {
            sync_later(node);
            co_return false;
        }
        if (got->lives_here) co_return false;
        if (got->is_deleted) {
            (void)router::remove(name_, beam::node());
            co_return false;
        }
        if (got->unseen.empty()) {
            const bool joins_on =
                got->epoch == record_.epoch && got->last_id <= log_.last_id() &&
                (log_.posts().empty() || got->last_id + 1 >= log_.posts().front().id);
            *whole = !merged && got->is_copied && joins_on;
            *last_id = got->last_id;
            if (!is_wanted(node) && got->is_copied) copies::drop(node, name_);
            co_return is_wanted(node);
        }
        merged = true;
        std::vector<post> fresh = log_.fresh(std::move(got->unseen));
        beam::outcome<void> saved = co_await commit(std::move(fresh), true);
        if (!saved) {
            sync_later(node);
            co_return false;
        }
        tell_members();
    }
}

beam::awaitable<void> room::handle_cast(sync_node m) {
    if (kept_ == medium::kv) co_return;
    if (has_seat(m.node) || !is_in(other_nodes(), m.node)) co_return;
    bool joins_on = false;
    std::uint64_t last_id = 0;
    const bool wanted = co_await merge_with(m.node, &joins_on, &last_id);
    if (!wanted) co_return;
    if (!joins_on) {
        last_id = log_.posts().empty() ? log_.last_id() : log_.posts().front().id - 1;
        auto beginning = copies::begin(m.node, name_, record_now(), last_id);
        beam::outcome<beam::outcome<bool>> begun = co_await beginning.outcome();
        if (!begun || !*begun) {
            sync_later(m.node);
            co_return;
        }
    }
    co_await catch_up_from(m.node, last_id);
}

beam::awaitable<void> room::handle_cast(catch_up m) {
    co_await catch_up_from(m.node, m.after);
}

/// A chunk at a time, so that others are answered in between.
beam::awaitable<void> room::catch_up_from(beam::atom node, std::uint64_t after) {
    copy_part part;
    part.room = name_;
    part.record = record_now();
    part.before = after;
    part.posts = log_.after(after, kept_max, chunk_bytes);
    part.first_kept = log_.posts().empty() ? 1 : log_.posts().front().id;
    const std::uint64_t last = part.posts.empty() ? after : part.posts.back().id;
    const bool is_last = last >= log_.last_id();
    part.record.whole = is_last;
    if (is_last && part.record.seats.empty()) part.record.seats.push_back(beam::node());
    if (is_last) part.record.seats.push_back(node);
    auto adding = copies::add(node, std::move(part));
    beam::outcome<beam::outcome<bool>> added = co_await adding.outcome();
    if (!added || !*added) {
        sync_later(node);
        co_return;
    }
    if (is_last)
        co_await give_seat(node);
    else
        beam::cast<catch_up>(id(), node, last);
}

// -- two homes ----------------------------------------------------------------------------------------

beam::awaitable<beam::call_result<beam::outcome<bool>>> room::handle_call(take_in m,
                                                                          beam::from caller) {
    if (kept_ == medium::kv) {
        handed h;
        h.posts = std::move(m.posts);
        h.seen = std::move(m.seen);
        h.caller = caller;
        handed_.push_back(std::move(h));
        write_next();
        co_return beam::noreply{};
    }
    beam::outcome<void> saved = co_await commit(log_.fresh(std::move(m.posts)), true);
    if (!saved) co_return beam::outcome<bool>(beam::pass_term(saved));
    tell_members();
    co_return beam::outcome<bool>(true);
}

beam::awaitable<beam::cast_result> room::handle_cast(make_way m) {
    if (!outranks(m.number, m.epoch, record_.number, record_.epoch)) co_return beam::noreply{};
    // The other one has all that kv has.
    if (kept_ == medium::kv) co_return step_down(beam::atom("moved"));
    for (;;) {
        auto asking = seen(m.home);
        beam::outcome<marks> theirs = co_await asking.outcome();
        if (!theirs) co_return beam::noreply{};
        std::vector<post> mine = log_.unseen(*theirs, chunk_bytes);
        if (mine.empty()) break;
        auto giving = hand_over(m.home, std::move(mine), {});
        beam::outcome<beam::outcome<bool>> taken = co_await giving.outcome();
        if (!taken || !*taken) co_return beam::noreply{};
    }
    // Whatever becomes of the other home, this node has a part in it.
    record_.seats = {beam::node(m.home), beam::node()};
    (void)co_await history::put_record(name_, record_now());
    co_return beam::stop_with{beam::atoms::normal};
}

}  // namespace chat
