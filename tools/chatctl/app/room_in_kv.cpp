// How a room writes to kv: one transaction at a time, by a process of its own, so that others are answered meanwhile; all that is
// said by the time it is done goes into the next one. What is not known to be written is not shown to anybody.
#include <algorithm>
#include <iterator>
#include <utility>

#include "libbeamcore/base/log.hpp"
#include "libbeamcore/runtime/spawn.hpp"
#include "libbeamcore/term/syntax.hpp"
#include "tools/chatctl/app/kv_rooms.hpp"
#include "tools/chatctl/app/limits.hpp"
#include "tools/chatctl/app/room.hpp"
#include "tools/tenant/requests.hpp"

namespace chat {

namespace {

/// Where nobody knows whether it was written, the room is opened again: from then on it is there, or never will be.
beam::process write_posts(beam::self, beam::pid to, std::string name, room_head before,
                          addition what) {
    room::written done;
    beam::outcome<room_head> head = co_await in_kv().append(name, before, std::move(what));
    if (head) {
        done.head = *std::move(head);
    } else {
        done.why = head.error();
    }
    if (tenant::has_code(done.why, "unknown")) {
        beam::outcome<kept_room> is =
            co_await kv_rooms::open_again(name, before.record.number, before.last_id);
        if (is) done.opened = *std::move(is);
    }
    room::tell_written(to, std::move(done));
}

}  // namespace

std::optional<room::under_way> room::next_write() {
    under_way w;
    while (!handed_.empty()) {
        handed h = std::move(handed_.front());
        handed_.pop_front();
        const bool is_more = h.posts.size() > posts_at_once;
        if (is_more) h.posts.resize(posts_at_once);
        w.posts = log_.fresh(h.posts);
        const bool is_had = w.posts.empty() && covers(log_.seen(), h.seen);
        // Marks count when all that they speak of is here.
        if (is_more) h.seen.clear();
        if (!is_had) {
            w.given = std::move(h);
            return w;
        }
        beam::reply(h.caller, beam::outcome<bool>(true));
    }
    if (unsaved_.empty()) return std::nullopt;
    w.said = next_batch(posts_at_once);
    w.posts = numbered(w.said);
    return w;
}

void room::write_next() {
    if (writing_) return;
    writing_ = next_write();
    if (!writing_) return;
    addition what = adding(writing_->posts, true);
    if (writing_->given) raise(what.record.seen, writing_->given->seen);
    room_head before;
    before.record = record_;
    before.last_id = log_.last_id();
    before.version = version_;
    beam::spawn_link(write_posts, id(), name_, std::move(before), std::move(what));
}

beam::cast_result room::handle_cast(written m) {
    if (!writing_) return {};
    under_way done = *std::exchange(writing_, std::nullopt);
    if (m.head) {
        version_ = m.head->version;
        is_failing_ = false;
        settle(std::move(done));
    } else if (m.opened) {
        settle_opened(std::move(done), *std::move(m.opened));
    } else {
        const beam::outcome<void> failed = beam::fail_term(m.why);
        for (const unsaved& u : done.said) answer(u, failed);
        if (done.given)
            beam::reply(done.given->caller, beam::outcome<bool>(beam::fail_term(m.why)));
        if (!std::exchange(is_failing_, true))
            beam::log(beam::log_level::warning, "chat", "a room could not be written",
                      {{"room", name_}, {"reason", beam::to_string(m.why)}});
        if (is_replaced(m.why) || !tenant::is_definite(m.why)) return step_down(m.why);
    }
    std::erase_if(looking_, [this](const looking& l) { return look_now(l); });
    // What it has now is all that it has written: who has seen more in kv has seen what another home wrote.
    if (!looking_.empty()) return step_down(tenant::failure("conflict", "it was replaced"));
    write_next();
    return {};
}

/// It is written.
void room::settle(under_way done) {
    for (post& p : done.posts) log_.keep(std::move(p));
    for (const unsaved& u : done.said) answer(u, beam::outcome<void>());
    if (done.given) {
        log_.also_seen(done.given->seen);
        beam::reply(done.given->caller, beam::outcome<bool>(true));
    }
    if (!done.posts.empty()) tell_members();
}

/// What of it is there was written; what is not never will be, and goes again under the new epoch.
void room::settle_opened(under_way done, kept_room is) {
    record_ = std::move(is.head.record);
    version_ = is.head.version;
    log_.begin_epoch(record_.epoch);
    log_.also_seen(record_.seen);
    // Nobody else has written since, so it is this, or nothing.
    const bool is_there = !is.posts.empty();
    for (post& p : is.posts) log_.keep(std::move(p));
    if (done.given) handed_.push_front(*std::move(done.given));
    if (is_there)
        for (const unsaved& u : done.said) answer(u, beam::outcome<void>());
    else
        unsaved_.insert(unsaved_.begin(), std::move_iterator(done.said.begin()),
                        std::move_iterator(done.said.end()));
    if (is_there) tell_members();
}

// -- who reads ----------------------------------------------------------------------------------------

bool room::look_now(const looking& l) {
    if (kept_ == medium::kv && l.what.version > version_) return false;
    beam::reply(l.caller, last_ones(l.what));
    return true;
}

beam::call_result<std::vector<post>> room::handle_call(since m, beam::from caller) {
    looking l{m, caller};
    if (look_now(l)) return beam::noreply{};
    if (!writing_) return step_down(tenant::failure("conflict", "it was replaced"));
    looking_.push_back(std::move(l));
    return beam::noreply{};
}

namespace {

template <class T>
std::vector<T> all_of(std::optional<T> one) {
    std::vector<T> all;
    if (one) all.push_back(*std::move(one));
    return all;
}

}  // namespace

/// Ends, for another home to go on, or because nothing can be read. Of what waits nothing has been done; what is under way may be.
beam::stop_with room::step_down(const beam::term& why) {
    const auto tell = [](const auto& said, const auto& given, const beam::term& what) {
        const beam::outcome<void> failed = beam::fail_term(what);
        for (const unsaved& u : said) answer(u, failed);
        for (const handed& h : given)
            beam::reply(h.caller, beam::outcome<bool>(beam::fail_term(what)));
    };
    tell(std::exchange(unsaved_, {}), std::exchange(handed_, {}),
         tenant::failure("conflict", "the room's home has ended"));
    if (writing_)
        tell(writing_->said, all_of(writing_->given),
             tenant::failure("unknown", "the room's home has ended"));
    // Of what is in the mailbox it is known.
    const bool is_unknown = tenant::has_code(why, "unknown");
    const beam::term told = is_unknown ? tenant::failure("unavailable", tenant::text_of(why)) : why;
    return beam::stop_with{
        beam::tuple(beam::atoms::shutdown, beam::tuple(beam::atom("not_opened"), told))};
}

}  // namespace chat
