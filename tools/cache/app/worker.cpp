#include "tools/cache/app/worker.hpp"

#include <algorithm>
#include <utility>

#include "libbeamcore/base/heap.hpp"
#include "libbeamcore/runtime/blocking.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/process_info.hpp"
#include "tools/cache/app/application.hpp"

namespace cache {

namespace ets = beam::ets;

namespace {

using std::chrono::milliseconds;

// What is due at nearly the same time is taken out at once.
constexpr std::int64_t tick_min_ms = 5;
// Longer than anybody needs from the table to telling of it.
constexpr std::int64_t burial_ms = 30'000;
const beam::timeout for_ever = beam::infinity{};

// After a flush of so many the memory goes back to the system; of fewer it is kept for what comes.
constexpr std::uint64_t many = 1 << 16;

// What has gone lies between what is there, so the allocator has to look for it.
beam::process give_back_memory(beam::self) {
    auto job = beam::blocking([] { beam::return_free_memory(); });
    co_await job;
}

beam::term every_row() {
    const beam::term row = beam::atom("$1");
    return beam::list({beam::tuple(row, beam::nil, beam::list({row}))});
}

}  // namespace

// -- what others call ---------------------------------------------------------------------------------

beam::future<statistics> worker::stats() {
    return beam::call<ask_statistics>(worker_name(), for_ever);
}
beam::future<void> worker::catch_up() {
    return beam::call<ask_idle>(worker_name(), for_ever);
}
beam::future<limits> worker::set_limits(limits_change to) {
    return beam::call<change_limits>(worker_name(), for_ever, to);
}
beam::future<std::uint64_t> worker::flush() {
    return beam::call<delete_many>(worker_name(), for_ever);
}
beam::future<std::uint64_t> worker::delete_tag(std::string tag) {
    return beam::call<delete_many>(worker_name(), for_ever,
                                   std::optional<std::string>(std::move(tag)));
}
beam::future<explained> worker::explain(std::string key) {
    return beam::call<explain_key>(worker_name(), for_ever, std::move(key));
}
beam::future<scanned> worker::scan(std::uint64_t cursor, std::uint64_t looks) {
    return beam::call<scan_keys>(worker_name(), for_ever, cursor, looks);
}

// -- what it does -------------------------------------------------------------------------------------

worker::worker(std::unique_ptr<session> s)
    : session_(std::move(s)),
      ledger_(std::make_unique<ledger>(session_->now_ms(), session_->bounds().policy)) {}

beam::awaitable<beam::init_result<worker>> worker::init() {
    // The name first: what is told from now on waits in the mailbox, what was told before stands in the table.
    if (!beam::try_register_name(worker_name(), id()))
        co_return beam::stop_with{beam::atom("name_taken")};
    beam::set_label(beam::binary("cache worker"));
    co_await keeper::give_tables();
    worker w(std::make_unique<session>());
    w.begin_reading();
    co_return std::move(w);
}

void worker::begin_reading() {
    // Nobody waits for what the one before has not heard.
    session_->note_heard(session_->unheard());
    session_->settle();
    ets::select_limit limit;
    limit.results = portion;
    auto part = ets::select(entries_name(), every_row(), limit);
    unread_ = part.next;
    for (const beam::term& row : part.found) read_row(ets::row(row));
    work();
}

void worker::read_row(const ets::row& row) {
    const auto e = entry_of(row);
    if (!e) return;
    birth b;
    b.key = row.elements()[0].as_int64().value_or(0);
    b.id = e->id;
    b.put_at_ms = e->put_at;
    b.remove_at_ms = e->remove_at;
    b.tags = e->tags;
    ledger_->born(std::move(b));
}

// Some rows more; true when all are read.
bool worker::read_rows() {
    if (!unread_) return true;
    const auto part = ets::select(*unread_);
    for (const beam::term& row : part.found) read_row(ets::row(row));
    unread_ = part.next;
    if (*unread_) return false;
    unread_.reset();
    // Asked for while nobody knew what there was: all that is there now.
    for (deletion& d : deletions_) d.last_birth = ledger_->births();
    return true;
}

void worker::apply(news m) {
    for (birth& b : m.born) ledger_->born(std::move(b));
    for (const news::change& c : m.changed) {
        const auto e = session_->find(c.key);
        if (e && e->id == c.id) ledger_->changed(c.id, e->remove_at, e->tags);
    }
    for (std::uint64_t id : m.used) ledger_->used(id);
    for (news::end& e : m.gone) {
        ledger_->gone(e.id);
        removals_.add(std::move(e.what));
    }
}

// Takes out at most a portion of what is due; true when nothing is left that is.
bool worker::expire() {
    if (!ledger_->advance(session_->now_ms(), portion)) return false;
    for (std::size_t n = 0; n < portion; ++n) {
        const auto due = ledger_->due();
        if (!due) return true;
        if (session_->take_exactly(due->key, due->id, removal_reason::expired) != 0) continue;
        const auto e = session_->find(due->key);
        if (e && e->id == due->id)
            ledger_->changed(due->id, e->remove_at, e->tags);
        else
            ledger_->gone(due->id);
    }
    return false;
}

// The same for what there is no room for.
bool worker::evict() {
    const limits& most = session_->bounds();
    if (!most.bounded()) return true;
    const totals t = session_->counts();
    std::int64_t entries = t.entries(), bytes = t.bytes;
    for (std::size_t n = 0; n < portion; ++n) {
        if ((most.max_entries == 0 || entries <= most.max_entries) &&
            (most.max_bytes == 0 || bytes <= most.max_bytes))
            return true;
        const auto victim = ledger_->victim();
        if (!victim) return true;  // born, and not told yet
        const auto weight =
            session_->take_exactly(victim->key, victim->id, removal_reason::evicted);
        ledger_->gone(victim->id);
        if (weight == 0) continue;
        --entries;
        bytes -= weight;
    }
    return false;
}

// The same for what somebody wants to be deleted. True when nobody does.
bool worker::delete_some() {
    if (deletions_.empty()) return true;
    deletion& d = deletions_.front();
    for (std::size_t n = 0; n < portion; ++n) {
        const auto next = d.tag ? ledger_->tagged(*d.tag) : ledger_->oldest();
        if (!next || (!d.tag && next->number > d.last_birth)) {
            beam::reply(d.caller, d.deleted);
            if (d.deleted >= many) {
                ledger_->give_back_memory(session_->now_ms());
                beam::spawn(give_back_memory);
            }
            deletions_.pop_front();
            return deletions_.empty();
        }
        if (session_->take_exactly(next->key, next->id, removal_reason::deleted) != 0) ++d.deleted;
        ledger_->gone(next->id);
    }
    return false;
}

bool worker::upkeep() {
    if (!read_rows()) return false;
    return expire() && evict();
}

// A portion of everything; comes back behind what is in the mailbox by then.
void worker::work() {
    session_->look_at_clock();
    const bool kept_up = upkeep();
    const bool done = !unread_ && delete_some();
    news own = session_->take_news();
    for (news::end& e : own.gone) {
        if (ledger_->knows(e.id)) ledger_->gone(e.id);
        removals_.add(std::move(e.what));
    }
    session_->settle();
    if (kept_up) answer_waiters();
    if (session_->now_ms() - burials_forgotten_at_ > burial_ms) {
        ledger_->forget_burials();
        burials_forgotten_at_ = session_->now_ms();
    }
    if (kept_up && done) {
        set_timer();
        return;
    }
    if (!std::exchange(goes_on_, true)) beam::cast<go_on>(id());
}

void worker::set_timer() {
    const auto next = ledger_->next_due_ms();
    if (!next || (timer_ && timer_at_ <= *next)) return;
    if (timer_) beam::cancel_timer(*timer_);
    timer_at_ = std::max(*next, session_->now_ms() + tick_min_ms);
    // Not before the time that is rounded down in now_ms.
    timer_ = beam::send_after(milliseconds(timer_at_ - session_->now_ms()), id(), tick{});
}

statistics worker::count() const {
    statistics s;
    s.counted = session_->counts_at_once();
    s.bounds = session_->bounds();
    if (const auto put = ledger_->oldest_put_ms()) s.oldest_ms = session_->now_ms() - *put;
    return s;
}

void worker::answer_waiters() {
    for (waiter& w : std::exchange(waiters_, {}))
        w.wants_statistics ? beam::reply(w.caller, count()) : beam::reply(w.caller);
    for (scan_waiter& w : std::exchange(scans_, {})) {
        scanned s;
        std::vector<key_hash> hashes;
        s.next = ledger_->scan(w.what.cursor, w.what.looks, hashes);
        for (const key_hash h : hashes) {
            const auto e = session_->find(h);
            if (e && e->is_live(session_->now_ms())) s.keys.emplace_back(e->key());
        }
        beam::reply(w.caller, std::move(s));
    }
}

// -- messages -----------------------------------------------------------------------------------------

beam::call_result<statistics> worker::handle_call(ask_statistics, beam::from caller) {
    waiters_.push_back({true, caller});
    work();
    return beam::noreply{};
}

beam::call_result<void> worker::handle_call(ask_idle, beam::from caller) {
    waiters_.push_back({false, caller});
    work();
    return beam::noreply{};
}

limits worker::handle_call(change_limits m) {
    limits l = session_->bounds();
    if (m.to.max_entries) l.max_entries = *m.to.max_entries;
    if (m.to.max_bytes) l.max_bytes = *m.to.max_bytes;
    if (m.to.ttl_ms) l.ttl_ms = *m.to.ttl_ms;
    if (m.to.policy) l.policy = *m.to.policy;
    ledger_->set_policy(l.policy);
    session_->set_limits(l);
    work();
    return l;
}

beam::call_result<std::uint64_t> worker::handle_call(delete_many m, beam::from caller) {
    deletion d;
    d.tag = std::move(m.tag);
    d.last_birth = ledger_->births();
    d.caller = caller;
    deletions_.push_back(std::move(d));
    work();
    return beam::noreply{};
}

explained worker::handle_call(explain_key m) {
    explained e;
    e.last = removals_.last_of(hash_of(m.key));
    e.remembers = removals_.kept();
    return e;
}

beam::call_result<scanned> worker::handle_call(scan_keys m, beam::from caller) {
    scans_.push_back({m, caller});
    work();
    return beam::noreply{};
}

void worker::handle_cast(news m) {
    session_->note_heard(m.weight);
    apply(std::move(m));
    if (!goes_on_)
        work();
    else
        session_->settle();
}

void worker::handle_cast(go_on) {
    goes_on_ = false;
    work();
}

void worker::handle_cast(keeper_is m) {
    ets::heir heir;
    heir.pid = m.keeper;
    for (beam::atom name : {entries_name(), books_name()}) ets::set_heir(name, heir);
}

void worker::handle_info(tick) {
    timer_.reset();
    work();
}

}  // namespace cache
