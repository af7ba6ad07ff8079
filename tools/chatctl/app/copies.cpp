#include "tools/chatctl/app/copies.hpp"

#include "libbeamcore/base/hash.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "tools/chatctl/app/application.hpp"
#include "tools/chatctl/app/directory.hpp"
#include "tools/chatctl/app/history.hpp"
#include "tools/chatctl/app/log.hpp"
#include "tools/chatctl/app/places.hpp"

namespace chat {

namespace {

beam::server_ref at(beam::atom node, const std::string& room) {
    return beam::server_ref(copies::name(unsigned(beam::xxh3_64(room) % copies::count)), node);
}

beam::outcome<bool> lives_here() {
    return beam::fail_term(beam::atom("lives_here"));
}
/// Nothing is added to what is being moved to kv.
beam::outcome<bool> moves() {
    return beam::fail_term(beam::atom("moves"));
}

}  // namespace

beam::atom copies::name(unsigned number) {
    return beam::atom("chat_copies_" + std::to_string(number));
}

beam::future<compared> copies::compare(beam::atom node, const std::string& room, marks seen) {
    return beam::call<compare_with>(at(node, room), copy_within, room, std::move(seen));
}
beam::future<beam::outcome<bool>> copies::begin(beam::atom node, const std::string& room,
                                                room_record record, std::uint64_t before) {
    return beam::call<begin_copy>(at(node, room), copy_within, room, std::move(record), before);
}
beam::future<beam::outcome<bool>> copies::add(beam::atom node, copy_part part) {
    const beam::server_ref to = at(node, part.room);
    return beam::call<add_part>(to, copy_within, std::move(part));
}
beam::future<bool> copies::is_there(beam::atom node) {
    return beam::call<are_you_there>(beam::server_ref(name(0), node),
                                     beam::timeout(std::chrono::seconds(1)));
}
void copies::drop(beam::atom node, const std::string& room) {
    beam::cast<drop_copy>(at(node, room), room);
}
void copies::forget(beam::atom node, const std::string& room, marks seen) {
    beam::cast<forget_room>(at(node, room), room, std::move(seen));
}

beam::awaitable<beam::init_result<copies>> copies::init(unsigned number) {
    if (!beam::try_register_name(name(number), beam::this_process().id()))
        co_return beam::stop_with{beam::atom("name_taken")};
    co_return copies();
}

copies::extent copies::extent_of(const std::string& room) {
    if (auto it = known_.find(room); it != known_.end()) return it->second;
    extent found;
    const auto record = history::record_of(room);
    if (!record) return found;
    if (record->whole) found.epoch = record->epoch;
    found.last_id = history::last_id(room);
    known_[room] = found;
    return found;
}

beam::awaitable<compared> copies::handle_call(compare_with m) {
    compared answer;
    if (find_local_room(m.room)) {
        known_.erase(m.room);
        answer.lives_here = true;
        co_return answer;
    }
    if (const auto gone = history::deleted(m.room)) answer.is_deleted = buries(*gone, m.seen);
    const auto record = history::record_of(m.room);
    if (!record) co_return answer;
    answer.is_copied = true;
    const extent here = extent_of(m.room);
    answer.epoch = here.epoch;
    answer.last_id = here.last_id;
    if (covers(m.seen, record->seen) && here.last_id == 0) co_return answer;
    const room_log log(co_await history::load(m.room), record->seen);
    answer.unseen = log.unseen(m.seen, chunk_bytes);
    co_return answer;
}

beam::awaitable<beam::outcome<bool>> copies::handle_call(begin_copy m) {
    if (find_local_room(m.room)) co_return lives_here();
    if (medium_now() == medium::kv) co_return moves();
    m.record.whole = false;
    known_.erase(m.room);
    beam::outcome<void> written = co_await history::put_record(m.room, m.record, true);
    if (!written) co_return beam::pass_term(written);
    extent& e = known_[m.room];
    e.epoch = m.record.epoch;
    e.last_id = m.before;
    co_return true;
}

beam::awaitable<beam::outcome<bool>> copies::handle_call(add_part m) {
    copy_part& p = m.part;
    if (find_local_room(p.room)) {
        known_.erase(p.room);
        co_return lives_here();
    }
    if (medium_now() == medium::kv) {
        known_.erase(p.room);
        co_return moves();
    }
    const extent e = extent_of(p.room);
    if (e.epoch != p.record.epoch || e.last_id != p.before)
        co_return beam::fail_term(beam::atom("gap"));
    const std::uint64_t last = p.posts.empty() ? p.before : p.posts.back().id;
    const std::string room = p.room;
    beam::outcome<void> written =
        co_await history::append(room, std::move(p.posts), p.first_kept, std::move(p.record));
    if (!written) {
        known_.erase(room);
        co_return beam::pass_term(written);
    }
    known_[room].last_id = last;
    co_return true;
}

beam::awaitable<void> copies::handle_cast(drop_copy m) {
    if (find_local_room(m.room)) co_return;
    known_.erase(m.room);
    (void)co_await history::remove_room(m.room);
}

beam::awaitable<void> copies::handle_cast(forget_room m) {
    // One in kv, which is gone from there, ends by itself.
    if (find_local_room(medium::disk, m.room)) co_return;
    const auto record = history::record_of(m.room);
    if (record) {
        const room_log log(co_await history::load(m.room), record->seen);
        if (!buries(m.seen, log.seen())) co_return;
    }
    known_.erase(m.room);
    if (record || medium_now() == medium::disk) (void)co_await history::remove_room(m.room, m.seen);
    directory::forget(m.room);
}

}  // namespace chat
