#include "tools/presence/app/notices/mailbox.hpp"

#include <algorithm>
#include <iterator>

#include "libbeamcore/base/log.hpp"
#include "libbeamcore/otp/dynamic_supervisor.hpp"
#include "libbeamcore/otp/registry.hpp"
#include "libbeamcore/runtime/process_info.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "libbeamcore/term/syntax.hpp"
#include "tools/presence/app/notices/names.hpp"
#include "tools/presence/app/notices/post_office.hpp"
#include "tools/presence/app/notices/records.hpp"
#include "tools/presence/app/view.hpp"

namespace presence {

namespace {

using namespace std::chrono_literals;

constexpr auto stays_idle_for = 30s;
constexpr auto answers_within = 5s;

moment right_now() {
    const auto wall = std::chrono::system_clock::now().time_since_epoch();
    return {beam::monotonic_time(),
            std::chrono::duration_cast<std::chrono::milliseconds>(wall).count()};
}

beam::term key_of(place where, const std::string& user) {
    return beam::tuple(beam::to_term(where), user);
}

}  // namespace

// -- what others see ----------------------------------------------------------------------------------

beam::future<posted> mailbox::post(beam::pid mailbox, letter what, notice_state until,
                                   std::chrono::milliseconds wait) {
    return beam::call<ask_post>(mailbox, beam::timeout(wait + answers_within), std::move(what),
                                until, std::int64_t(wait.count()));
}
beam::future<acknowledged> mailbox::acknowledge(beam::pid mailbox, std::vector<std::string> ids,
                                                bool all) {
    return beam::call<ask_acknowledge>(mailbox, std::move(ids), all);
}
beam::future<acknowledged> mailbox::adopt(beam::pid mailbox, std::vector<change> changes) {
    return beam::call<ask_adopt>(mailbox, std::move(changes));
}
beam::future<acknowledged> mailbox::settle(beam::pid mailbox, std::uint64_t seq, beam::pid by) {
    return beam::call<ask_settle>(mailbox, seq, by);
}
void mailbox::confirm(beam::pid mailbox, beam::pid session, std::uint64_t seq) {
    beam::cast<do_confirm>(mailbox, session, seq);
}
beam::future<std::vector<standing>> mailbox::look(beam::pid mailbox) {
    return beam::call<ask_look>(mailbox);
}
beam::future<notice_state> mailbox::state(beam::pid mailbox, std::uint64_t seq) {
    return beam::call<ask_state>(mailbox, seq);
}
void mailbox::tell(beam::pid mailbox, beam::pid session, bool is_here) {
    beam::cast<session_news>(mailbox, session, is_here);
}

std::optional<beam::pid> find_mailbox(place where, const std::string& user) {
    return beam::registry::whereis(mailboxes_registry(), key_of(where, user));
}

beam::awaitable<beam::outcome<beam::pid>> open_mailbox(place where, std::string user) {
    if (auto running = find_mailbox(where, user)) co_return *running;
    beam::child_spec spec(user, beam::child<mailbox>(where, user), beam::restart_type::transient);
    auto starting = beam::dynamic_supervisor::start_child(mailbox_supervisor(), std::move(spec));
    beam::outcome<beam::start_result> started = co_await starting.outcome();
    if (!started) co_return beam::fail_term(started.error());
    // Its supervisor may have restarted it just now.
    if (auto running = find_mailbox(where, user)) co_return *running;
    co_return beam::started_pid(*std::move(started));
}

std::vector<std::string> mailboxes_here(place where) {
    // [{{{disk, '$1'}, '_', '_'}, [], ['$1']}]: the users of the keys.
    const beam::term user = beam::atom("$1"), any = beam::atom("_");
    const beam::term key = beam::tuple(beam::to_term(where), user);
    const beam::term spec =
        beam::list({beam::tuple(beam::tuple(key, any, any), beam::nil, beam::list({user}))});
    std::vector<std::string> all;
    for (const beam::term& found : beam::registry::select(mailboxes_registry(), spec))
        if (const auto name = found.as_text()) all.emplace_back(*name);
    return all;
}

beam::awaitable<void> stop_mailbox(beam::pid mailbox) {
    auto stopping = beam::dynamic_supervisor::terminate_child(mailbox_supervisor(), mailbox);
    (void)co_await stopping.outcome();
}

std::optional<beam::term> why_not_opened(const beam::term& call_failure) {
    const auto parts = call_failure.elements();
    if (parts.empty() || !parts[0].is_tagged(beam::atoms::shutdown, 2)) return std::nullopt;
    const beam::term what = parts[0].elements()[1];
    if (!what.is_tagged(beam::atom("not_opened"), 2)) return std::nullopt;
    return what.elements()[1];
}

// -- its life -----------------------------------------------------------------------------------------

beam::init_result<mailbox> mailbox::init(place where, std::string user) {
    beam::set_label("mailbox of " + user);
    auto registered = beam::registry::register_key(mailboxes_registry(), key_of(where, user));
    // Another was started before its supervisor had started this one again.
    if (!registered) return beam::ignore{};
    mailbox m;
    m.where_ = where;
    m.user_ = std::move(user);
    // Reading may take its time: it is not the supervisor that waits for it.
    return {std::move(m), beam::then::continue_with(begin_work{})};
}

beam::awaitable<beam::cast_result> mailbox::handle_continue(begin_work) {
    const beam::outcome<void> opened = co_await open();
    if (!opened) co_return end_for(opened.error());
    // Without a tracker nobody is seen; the post office tells when there is one.
    auto listening = co_await listening_sessions(user_);
    if (listening)
        for (const seen_session& s : *listening) begin(s.process);
    asked_at_ = beam::monotonic_time();
    write_soon();
    co_return beam::cast_result();
}

/// Reads what is kept, and begins from there.
beam::awaitable<beam::outcome<void>> mailbox::open() {
    const std::int64_t wall_ms = right_now().wall_ms;
    beam::outcome<records::queue> q = co_await records::of(where_).open(user_, wall_ms);
    if (!q) co_return beam::fail_term(q.error());
    const moment at = right_now();
    written_ = q->head;
    state_ = std::make_unique<mailbox_state>(user_, written_.next_seq, std::move(q->open));
    unwritten_ = {};
    state_->tick(at, unwritten_);
    for (const auto& [session, monitor] : monitors_) state_->session_came(at, session, unwritten_);
    co_return beam::outcome<void>();
}

/// Whoever waits for more than that its notice is kept is told what has become of it so far.
beam::stop_with mailbox::end_for(const beam::term& why) {
    for (poster& p : std::exchange(waiting_, {})) {
        p.what.state = now_of(p.what);
        beam::reply(p.caller, posted{p.what, {}});
    }
    if (where_ == place::kv) post_office::look_later(user_);
    return beam::stop_with{
        beam::tuple(beam::atoms::shutdown, beam::tuple(beam::atom("not_opened"), why))};
}

void mailbox::begin(beam::pid session) {
    if (!session || monitors_.contains(session)) return;
    monitors_.emplace(session, beam::monitor(session));
    state_->session_came(right_now(), session, unwritten_);
}

void mailbox::end(beam::pid session) {
    auto found = monitors_.find(session);
    if (found == monitors_.end()) return;
    beam::demonitor(found->second, {.flush = true});
    monitors_.erase(found);
    state_->session_left(session);
}

bool mailbox::is_idle() const {
    return state_->open().empty() && waiting_.empty() && !writes_soon_;
}

void mailbox::write_soon() {
    // Behind everything that waits already, so that all of it is written in one commit.
    if (!writes_soon_) beam::cast<flush>(id());
    writes_soon_ = true;
}

void mailbox::wake_in_time() {
    const auto now = beam::monotonic_time();
    const auto next = state_->wake_at(right_now()).value_or(asked_at_ + stays_idle_for);
    if (wakes_at_ && *wakes_at_ > now && *wakes_at_ <= next) return;
    wakes_at_ = next;
    // A timer ends at most so late; and a wall clock may be set.
    const auto after = std::clamp<std::chrono::nanoseconds>(next - now, 1ms, 1h);
    beam::send_after(after, id(), wake{});
}

beam::cast_result mailbox::handle_info(wake) {
    wakes_at_.reset();
    if (is_idle() && beam::monotonic_time() >= asked_at_ + stays_idle_for) return beam::stop_with{};
    state_->tick(right_now(), unwritten_);
    write_soon();
    return {};
}

// -- who listens --------------------------------------------------------------------------------------

void mailbox::handle_cast(session_news m) {
    if (m.is_here)
        begin(m.session);
    else
        end(m.session);
    write_soon();
}

void mailbox::handle_info(beam::down_message m) {
    const auto session = m.pid();
    if (!session || monitors_.erase(*session) == 0) return;
    state_->session_left(*session);
}

void mailbox::handle_cast(do_confirm m) {
    state_->confirm(right_now(), m.session, m.seq, unwritten_);
    write_soon();
}

// -- what is asked ------------------------------------------------------------------------------------

beam::awaitable<beam::call_result<posted>> mailbox::handle_call(ask_post m, beam::from caller) {
    asked_at_ = beam::monotonic_time();
    poster p;
    p.caller = caller;
    p.until = m.until;
    p.wait_ms = m.wait_ms;
    if (const notice* n = state_->find_open(m.what.from, m.what.id)) {
        p.what = records::receipt_of(user_, *n);
    } else {
        beam::outcome<std::optional<receipt>> known =
            co_await records::of(where_).find(m.what.from, m.what.id, user_);
        if (!known) co_return posted{{}, known.error()};
        if (*known) {
            p.what = **std::move(known);
        } else {
            const std::uint64_t seq = state_->next_seq();
            const moment at = right_now();
            if (state_->accept(at, m.what.from, m.what.id, std::move(m.what.text),
                               std::chrono::milliseconds(m.what.ttl_ms),
                               unwritten_) == acceptance::full)
                co_return posted{{}, beam::atom("full")};
            p.what = records::receipt_of(user_, state_->open().at(seq));
        }
    }
    unwritten_posters_.push_back(std::move(p));
    write_soon();
    co_return beam::noreply{};
}

beam::awaitable<beam::call_result<acknowledged>> mailbox::handle_call(ask_adopt m,
                                                                      beam::from caller) {
    asked_at_ = beam::monotonic_time();
    std::uint64_t count = 0;
    for (change& c : m.changes) {
        if (!state_->find_open(c.what.from, c.what.id)) {
            beam::outcome<std::optional<receipt>> known =
                co_await records::of(where_).find(c.what.from, c.what.id, user_);
            if (!known) co_return acknowledged{0, known.error()};
            const moment at = right_now();
            if (*known) {
                // It is here already.
            } else if (is_closed(c.state)) {
                unwritten_.changes.push_back(std::move(c));
            } else if (state_->adopt(at, std::move(c.what), unwritten_) == acceptance::full) {
                break;
            }
        }
        ++count;
    }
    acknowledgers_.push_back({caller, count});
    write_soon();
    co_return beam::noreply{};
}

beam::call_result<acknowledged> mailbox::handle_call(ask_acknowledge m, const beam::from& caller) {
    asked_at_ = beam::monotonic_time();
    std::vector<std::uint64_t> chosen;
    for (const auto& [seq, n] : state_->open())
        if (m.all || std::find(m.ids.begin(), m.ids.end(), n.id) != m.ids.end())
            chosen.push_back(seq);
    const moment at = right_now();
    for (const std::uint64_t seq : chosen) (void)state_->acknowledge(at, seq, {}, unwritten_);
    acknowledgers_.push_back({caller, chosen.size()});
    write_soon();
    return beam::noreply{};
}

beam::call_result<acknowledged> mailbox::handle_call(ask_settle m, const beam::from& caller) {
    const moment at = right_now();
    state_->confirm(at, m.by, m.seq, unwritten_);
    const bool was_open = state_->acknowledge(at, m.seq, m.by, unwritten_);
    acknowledgers_.push_back({caller, was_open ? std::uint64_t{1} : 0});
    write_soon();
    return beam::noreply{};
}

std::vector<standing> mailbox::handle_call(ask_look) {
    asked_at_ = beam::monotonic_time();
    std::vector<standing> all;
    all.reserve(state_->open().size());
    for (const auto& [seq, n] : state_->open())
        all.push_back({n, state_->state_of(seq), state_->attempts(seq)});
    return all;
}

notice_state mailbox::handle_call(ask_state m) {
    return state_->state_of(m.seq);
}

// -- writing, and telling what is written -------------------------------------------------------------

notice_state mailbox::now_of(const receipt& r) const {
    if (state_->open().contains(r.seq)) return state_->state_of(r.seq);
    return r.state;
}

beam::awaitable<beam::cast_result> mailbox::handle_cast(flush) {
    writes_soon_ = false;
    effects done = std::exchange(unwritten_, {});
    if (!done.changes.empty() || state_->next_seq() != written_.next_seq) {
        beam::outcome<records::queue_head> written =
            co_await records::of(where_).write(user_, written_, state_->next_seq(), done.changes);
        if (!written) {
            beam::cast_result then = co_await fail(written.error());
            co_return then;
        }
        written_ = *written;
    }
    for (auto& [to, d] : done.deliveries) beam::send(to, std::move(d));
    for (auto& [to, s] : done.settlements) beam::send(to, std::move(s));
    for (const acknowledger& a : std::exchange(acknowledgers_, {}))
        beam::reply(a.caller, acknowledged{a.count, {}});
    answer_posters(done);
    wake_in_time();
    co_return beam::cast_result();
}

/// Who has waited long enough, and who asked only that it is kept.
void mailbox::answer_posters(const effects& done) {
    const auto answer = [](poster& p) {
        if (p.timer) (void)beam::cancel_timer(p.timer);
        beam::reply(p.caller, posted{p.what, {}});
    };
    std::erase_if(waiting_, [&](poster& p) {
        for (const auto& [seq, state] : done.told)
            if (seq == p.what.seq) p.what.state = state;
        if (p.what.state < p.until || p.what.state == notice_state::queued) return false;
        answer(p);
        return true;
    });
    for (poster& p : std::exchange(unwritten_posters_, {})) {
        for (const auto& [seq, state] : done.told)
            if (seq == p.what.seq && is_closed(state)) p.what.state = state;
        p.what.state = now_of(p.what);
        const bool is_far_enough = p.until != notice_state::queued
                                       ? p.what.state >= p.until
                                       : p.what.state != notice_state::queued || monitors_.empty();
        if (is_far_enough || p.wait_ms <= 0) {
            answer(p);
            continue;
        }
        p.timer = beam::start_timer(std::chrono::milliseconds(p.wait_ms), id(), enough_waited{});
        waiting_.push_back(std::move(p));
    }
}

void mailbox::handle_info(beam::timeout_message m) {
    std::erase_if(waiting_, [&](poster& p) {
        if (p.timer != m.timer) return false;
        p.what.state = now_of(p.what);
        beam::reply(p.caller, posted{p.what, {}});
        return true;
    });
}

/// Nothing of it has happened, or nobody knows.
beam::awaitable<beam::cast_result> mailbox::fail(beam::term why) {
    beam::log(beam::log_level::warning, "presence", "a mailbox could not be written",
              {{"user", user_}, {"reason", beam::to_string(why)}});
    for (const acknowledger& a : std::exchange(acknowledgers_, {}))
        beam::reply(a.caller, acknowledged{0, why});
    for (const poster& p : std::exchange(unwritten_posters_, {}))
        beam::reply(p.caller, posted{{}, why});
    // Another has it now, or it is not to be had here: the next one is for who asks next.
    if (records::is_elsewhere(why)) co_return end_for(why);
    const beam::outcome<void> opened = co_await open();
    if (!opened) co_return end_for(opened.error());
    wake_in_time();
    co_return beam::cast_result();
}

}  // namespace presence
