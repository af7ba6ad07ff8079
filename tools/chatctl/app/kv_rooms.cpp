// Rooms in kv. All of a room has the tag {ROOM}, so it is of one shard, and changes in one transaction:
//
//   chat/r/{ROOM}    -> its head: record, last id, state. Each change compares and swaps its version
//   chat/m/{ROOM}ID  -> a message
//
// ID are 16 hexadecimal digits. In names a } is the byte 1, which no name has.
//
// A room that is deleted is `leaving` until its messages are gone, which are more than go in one transaction, and `gone` for a week
// after that. Messages beyond its last id, as a removal that broke off may have left them, are no part of a room: they are
// overwritten as it grows.
#include "tools/chatctl/app/kv_rooms.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "libbeamcore/runtime/nodes.hpp"
#include "tools/chatctl/app/limits.hpp"
#include "tools/chatctl/app/log.hpp"
#include "tools/kv/app/kv.hpp"
#include "tools/tenant/requests.hpp"
#include "tools/tenant/stored_values.hpp"

namespace chat {

namespace {

using beam::awaitable;
using beam::outcome;
using tenant::digits;
using tenant::has_code;
using tenant::tag_of;

constexpr int tries_max = 10;
constexpr std::size_t page_of_posts = 64;  // of up to 64 KiB each
constexpr std::size_t erased_at_once = 500;
// A home in kv outranks any on a disk, whose numbers begin with 1.
constexpr std::uint64_t first_number = std::uint64_t{1} << 32U;

enum class room_state : std::uint8_t {
    lives,
    leaving,
    gone,
};
BEAM_ENUM(room_state, lives, leaving, gone)

struct stored_head {
    room_state state = room_state::lives;
    room_record record;
    std::uint64_t last_id = 0;
    BEAM_FIELDS(stored_head, state, record, last_id)
};
struct found_head {
    stored_head is;
    std::uint64_t version = 0;  // 0: there is none
    [[nodiscard]] bool lives() const { return version != 0 && is.state == room_state::lives; }
};

std::string head_key(const std::string& room) {
    return "chat/r/" + tag_of(room);
}
std::string posts_prefix(const std::string& room) {
    return "chat/m/" + tag_of(room);
}
std::string post_key(const std::string& room, std::uint64_t id) {
    return posts_prefix(room) + digits(id);
}

beam::term not_found() {
    return beam::atom("not_found");
}

/// Of a head that could not be written: to look at it again says what it is now.
bool may_go_on(const beam::term& why) {
    return has_code(why, "conflict") || has_code(why, "unknown");
}

awaitable<outcome<found_head>> head_of(std::string room) {
    const std::string key = head_key(room);
    outcome<std::optional<kv::found>> is = co_await tenant::get(key);
    if (!is) co_return beam::fail_term(is.error());
    found_head head;
    if (!*is) co_return head;
    outcome<stored_head> value = tenant::read_value<stored_head>(key, (*is)->value);
    if (!value) co_return beam::fail_term(value.error());
    head.is = *std::move(value);
    head.version = (*is)->version;
    co_return head;
}

kv::transaction_part head_part(const std::string& room, const stored_head& head,
                               std::uint64_t before) {
    kv::transaction_part p = tenant::put_part(head_key(room), tenant::stored(head));
    if (before == 0)
        p.if_absent = true;
    else
        p.expect_version = before;
    if (head.state == room_state::gone)
        p.ttl_ms = std::chrono::milliseconds(deletions_kept).count();
    return p;
}

/// The version of what it writes.
awaitable<outcome<std::uint64_t>> put_head(std::string room, stored_head head,
                                           std::uint64_t before) {
    std::vector<kv::transaction_part> parts;
    parts.push_back(head_part(room, head, before));
    outcome<kv::written> written = co_await tenant::transact(std::move(parts));
    if (!written) co_return beam::fail_term(written.error());
    co_return written->version;
}

/// Marks of epochs in which nothing was said say nothing.
void begin_epoch(room_record& record, std::uint64_t epoch) {
    std::erase_if(record.seen, [](const auto& m) { return m.second == 0; });
    record.epoch = epoch;
    record.seen[epoch] = 0;
}

/// Makes this node the room's home by writing its head: others' changes expect an older version. Not if there has been another
/// than `expected` since.
awaitable<outcome<room_head>> take_over(std::string room, std::optional<std::uint64_t> expected) {
    const std::uint64_t epoch = new_epoch_id();
    beam::term why;
    for (int tries = 0; tries < tries_max; ++tries) {
        outcome<found_head> found = co_await head_of(room);
        if (!found) co_return beam::fail_term(found.error());
        if (!found->lives()) co_return beam::fail_term(not_found());
        stored_head next = found->is;
        // One that had no answer was done.
        if (next.record.epoch == epoch)
            co_return room_head{std::move(next.record), next.last_id, found->version};
        if (expected && next.record.number != *expected)
            co_return beam::fail_term(tenant::failure("conflict", "the room has another home"));
        ++next.record.number;
        next.record.seats = {beam::node()};
        begin_epoch(next.record, epoch);
        outcome<std::uint64_t> version = co_await put_head(room, next, found->version);
        if (version) co_return room_head{std::move(next.record), next.last_id, *version};
        why = version.error();
        if (!may_go_on(why)) break;
    }
    co_return beam::fail_term(why);
}

awaitable<outcome<std::vector<post>>> posts_after(std::string room, std::uint64_t after,
                                                  std::uint64_t last_id) {
    std::vector<post> posts;
    if (last_id <= after) co_return posts;
    outcome<void> readable;
    const auto take = [&](const kv::scanned_key& item) {
        outcome<post> p = tenant::read_value<post>(item.key, item.value);
        if (!p) readable = beam::fail_term(p.error());
        if (!p || p->id > last_id) return false;
        posts.push_back(*std::move(p));
        return true;
    };
    const outcome<void> read = co_await tenant::each_after(
        posts_prefix(room), post_key(room, after), false, page_of_posts, take);
    if (!read) co_return beam::fail_term(read.error());
    if (!readable) co_return beam::fail_term(readable.error());
    co_return posts;
}

awaitable<outcome<kept_room>> open_room(std::string room, std::optional<std::uint64_t> number,
                                        std::uint64_t after) {
    outcome<room_head> head = co_await take_over(room, number);
    if (!head) co_return beam::fail_term(head.error());
    const std::uint64_t oldest = head->last_id > kept_max ? head->last_id - kept_max : 0;
    outcome<std::vector<post>> posts =
        co_await posts_after(room, std::max(after, oldest), head->last_id);
    if (!posts) co_return beam::fail_term(posts.error());
    kept_room is;
    is.head = *std::move(head);
    is.posts = *std::move(posts);
    co_return is;
}

/// Goes on with a removal until the room is gone. Each step compares and swaps the head, so that it never meets a room that was made
/// again.
awaitable<outcome<void>> finish_removal(std::string room, stored_head head, std::uint64_t version) {
    std::vector<std::string> keys;
    const auto note = [&keys](const kv::scanned_key& item) {
        keys.push_back(item.key);
        return true;
    };
    const outcome<void> read = co_await tenant::each(posts_prefix(room), true, 1000, note);
    if (!read) co_return beam::fail_term(read.error());
    bool is_done = false;
    while (!is_done) {
        is_done = keys.size() <= erased_at_once;
        if (is_done) head.state = room_state::gone;
        std::vector<kv::transaction_part> parts;
        parts.push_back(head_part(room, head, version));
        for (std::size_t n = 0; n < erased_at_once && !keys.empty(); ++n) {
            parts.push_back(tenant::erase_part(std::move(keys.back())));
            keys.pop_back();
        }
        outcome<kv::written> erased = co_await tenant::transact(std::move(parts));
        if (!erased) co_return beam::fail_term(erased.error());
        version = erased->version;
    }
    co_return outcome<void>();
}

awaitable<outcome<void>> make(std::string room, stored_head made) {
    made.record.epoch = new_epoch_id();
    beam::term why;
    for (int tries = 0; tries < tries_max; ++tries) {
        outcome<found_head> found = co_await head_of(room);
        if (!found) co_return beam::fail_term(found.error());
        // One that had no answer was done.
        if (found->lives() && found->is.record.epoch == made.record.epoch)
            co_return outcome<void>();
        if (found->lives()) co_return beam::fail_term(beam::atom("already_exists"));
        if (found->version != 0 && found->is.state == room_state::leaving) {
            const outcome<void> done = co_await finish_removal(room, found->is, found->version);
            why = done ? beam::term() : done.error();
            if (done || may_go_on(why)) continue;
            break;
        }
        made.record.number = first_number;
        // What was said in one of that name that was deleted does not come back.
        if (found->version != 0) {
            made.record.number = found->is.record.number + 1;
            made.record.seen = found->is.record.seen;
        }
        begin_epoch(made.record, made.record.epoch);
        outcome<std::uint64_t> version = co_await put_head(room, made, found->version);
        if (version) co_return outcome<void>();
        why = version.error();
        if (!may_go_on(why)) break;
    }
    co_return beam::fail_term(why);
}

class rooms_in_kv final : public keeping {
public:
    awaitable<outcome<void>> create(std::string room) const override {
        stored_head empty;
        co_return co_await make(std::move(room), std::move(empty));
    }

    awaitable<outcome<std::optional<room_head>>> find(std::string room) const override {
        outcome<found_head> found = co_await head_of(std::move(room));
        if (!found) co_return beam::fail_term(found.error());
        std::optional<room_head> head;
        if (found->lives())
            head = room_head{std::move(found->is.record), found->is.last_id, found->version};
        co_return head;
    }

    awaitable<outcome<kept_room>> open(std::string room) const override {
        co_return co_await open_room(std::move(room), std::nullopt, 0);
    }

    awaitable<outcome<room_head>> append(std::string room, room_head before,
                                         addition what) const override {
        stored_head next;
        next.record = std::move(what.record);
        next.last_id = what.posts.empty() ? before.last_id : what.posts.back().id;
        std::vector<kv::transaction_part> parts;
        parts.push_back(head_part(room, next, before.version));
        for (const post& p : what.posts)
            parts.push_back(tenant::put_part(post_key(room, p.id), tenant::stored(p)));
        // Each write forgets as many as it adds, so what is to go is at most that far below.
        const std::uint64_t n = what.posts.size(), first = what.first_kept;
        for (std::uint64_t id = first > n ? first - n : 1; id < first; ++id)
            parts.push_back(tenant::erase_part(post_key(room, id)));
        outcome<kv::written> written = co_await tenant::transact(std::move(parts));
        if (!written) co_return beam::fail_term(written.error());
        co_return room_head{std::move(next.record), next.last_id, written->version};
    }
};

constexpr rooms_in_kv the_kv;

}  // namespace

const keeping& in_kv() {
    return the_kv;
}

namespace kv_rooms {

std::string leading_key(const std::string& room) {
    return head_key(room);
}

awaitable<outcome<void>> make_unfilled(std::string room, std::uint64_t last_id) {
    stored_head unfilled;
    unfilled.last_id = last_id;
    unfilled.record.whole = false;
    co_return co_await make(std::move(room), std::move(unfilled));
}

awaitable<outcome<kept_room>> open_again(std::string room, std::uint64_t number,
                                         std::uint64_t after) {
    co_return co_await open_room(std::move(room), number, after);
}

awaitable<outcome<marks>> remove(std::string room) {
    beam::term why;
    for (int tries = 0; tries < tries_max; ++tries) {
        outcome<found_head> found = co_await head_of(room);
        if (!found) co_return beam::fail_term(found.error());
        if (found->version == 0 || found->is.state == room_state::gone)
            co_return beam::fail_term(not_found());
        stored_head next = found->is;
        std::uint64_t version = found->version;
        if (found->lives() && !next.record.whole) co_return beam::fail_term(beam::atom("moves"));
        if (next.state == room_state::lives) {
            next.state = room_state::leaving;
            outcome<std::uint64_t> left = co_await put_head(room, next, version);
            if (!left) {
                why = left.error();
                if (may_go_on(why)) continue;
                break;
            }
            version = *left;
        }
        // It is deleted. What is not done now is done by whoever leads its shard (caretaker).
        (void)co_await finish_removal(room, next, version);
        co_return std::move(next.record.seen);
    }
    co_return beam::fail_term(why);
}

awaitable<outcome<void>> bury(std::string room, marks seen) {
    outcome<found_head> found = co_await head_of(room);
    if (!found) co_return beam::fail_term(found.error());
    if (found->version != 0) co_return outcome<void>();
    stored_head gone;
    gone.state = room_state::gone;
    gone.record.number = first_number;
    gone.record.seen = std::move(seen);
    outcome<std::uint64_t> version = co_await put_head(room, std::move(gone), 0);
    if (!version) co_return beam::fail_term(version.error());
    co_return outcome<void>();
}

awaitable<outcome<std::optional<marks>>> deleted(std::string room) {
    outcome<found_head> found = co_await head_of(std::move(room));
    if (!found) co_return beam::fail_term(found.error());
    std::optional<marks> seen;
    if (found->version != 0 && !found->lives()) seen = std::move(found->is.record.seen);
    co_return seen;
}

awaitable<outcome<std::vector<listed_room>>> all() {
    std::vector<listed_room> rooms;
    const auto note = [&rooms](const kv::scanned_key& item) {
        const auto head = tenant::read_value<stored_head>(item.key, item.value);
        // Who opens one that cannot be read is told so.
        if (!head || head->state == room_state::gone) return true;
        rooms.push_back(
            {tenant::name_in(item.key), head->state == room_state::leaving, head->record.whole});
        return true;
    };
    const outcome<void> read = co_await tenant::each("chat/r/{", false, 1000, note);
    if (!read) co_return beam::fail_term(read.error());
    std::sort(rooms.begin(), rooms.end(),
              [](const auto& a, const auto& b) { return a.name < b.name; });
    co_return rooms;
}

}  // namespace kv_rooms

}  // namespace chat
