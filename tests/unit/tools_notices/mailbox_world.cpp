#include "mailbox_world.hpp"

#include <algorithm>

namespace test {

using namespace presence;
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t client_count = 3;
constexpr auto storm = 120s;
constexpr auto calm = 400s;  // the longest backoff, some times over

std::string sender_name(std::size_t who) {
    return "sender" + std::to_string(who);
}
std::string notice_id(std::uint64_t which) {
    return "id" + std::to_string(which);
}

}  // namespace

mailbox_world::mailbox_world(std::uint64_t seed, const notice_rules& rules)
    : rules_(rules), random_(seed), seed_(seed) {
    senders_.resize(1 + random_.below(3));
    for (sender& s : senders_) s.number = 5 + random_.below(60);
    clients_.resize(client_count);
}

void mailbox_world::fail(const std::string& what) const {
    throw broken("seed " + std::to_string(seed_) + ": " + what);
}

void mailbox_world::at(time after, std::function<void()> what) {
    queue_.push({now_ + after, ++events_, std::move(what)});
}

void mailbox_world::travel(std::function<void()> what) {
    if (calm_) return at(1ms, std::move(what));
    if (random_.below(100) < 15) return;
    const auto delay = [&] {
        return std::chrono::milliseconds(random_.below(random_.below(4) ? 20 : 3000));
    };
    if (random_.below(100) < 10) at(delay(), what);
    at(delay(), std::move(what));
}

void mailbox_world::run_until(time end) {
    while (!queue_.empty() && queue_.top().at <= end) {
        const event next = queue_.top();
        queue_.pop();
        now_ = next.at;
        next.what();
    }
    now_ = end;
}

void mailbox_world::run() {
    owner_starts();
    for (std::size_t i = 0; i < senders_.size(); ++i) send(i);
    trouble();
    run_until(storm);
    calm_ = true;
    if (!owner_) owner_starts();
    come(0);
    run_until(storm + calm);
    check_end();
}

// -- senders ----------------------------------------------------------------------------------------

void mailbox_world::send(std::size_t from) {
    const sender& s = senders_[from];
    if (s.next > s.number) return;
    const std::uint64_t which = s.next;
    travel([this, from, which] { receive(from, which); });
    // No answer: the same again.
    at(std::chrono::milliseconds(200 + random_.below(2000)), [this, from, which] {
        if (senders_[from].next == which) send(from);
    });
}

void mailbox_world::receive(std::size_t from, std::uint64_t which) {
    if (!owner_) return;
    const std::string name = sender_name(from), id = notice_id(which);
    if (rules_.know_senders) {
        if (const notice* n = owner_->find_open(name, id)) {
            answers_.push_back({from, which, n->seq});
            return owner_writes_soon();
        }
        if (auto found = known_.find({name, id}); found != known_.end()) {
            answers_.push_back({from, which, found->second});
            return owner_writes_soon();
        }
    }
    // Some are short-lived.
    const auto ttl = random_.below(20) == 0 ? 5s : 24h;
    const std::uint64_t seq = owner_->next_seq();
    const bool taken =
        owner_->accept(here(), name, id, "text", ttl, unwritten_) == acceptance::accepted;
    answers_.push_back({from, which, taken ? std::optional(seq) : std::nullopt});
    owner_writes_soon();
}

void mailbox_world::answered(const answer& a) {
    sender& s = senders_[a.sender];
    if (!a.seq) return;
    const auto [it, is_new] = promised_.emplace(*a.seq, std::pair(a.sender, a.which));
    if (!is_new && it->second != std::pair(a.sender, a.which))
        fail("two notices were given the number " + std::to_string(*a.seq));
    if (s.next != a.which) return;
    if (*a.seq <= s.last_seq) fail("a later notice was given an earlier place");
    s.last_seq = *a.seq;
    ++s.next;
    at(std::chrono::milliseconds(random_.below(3000)), [this, who = a.sender] { send(who); });
}

// -- the owner --------------------------------------------------------------------------------------

void mailbox_world::owner_starts() {
    ++life_;
    std::vector<notice> open;
    for (const auto& [seq, n] : open_) open.push_back(n);
    owner_ = std::make_unique<mailbox_state>("bob", next_seq_, std::move(open), rules_.mailbox);
    writing_ = false;
    for (const client& c : clients_)
        if (c.is_here) owner_->session_came(here(), c.session, unwritten_);
    owner_writes_soon();
    // Its clock.
    const auto life = life_;
    struct ticking {
        mailbox_world* world;
        std::uint64_t life;
        void operator()() const {
            if (!world->owner_ || world->life_ != life) return;
            world->owner_->tick(world->here(), world->unwritten_);
            world->owner_writes_soon();
            world->at(250ms, *this);
        }
    };
    at(250ms, ticking{this, life});
}

void mailbox_world::owner_dies() {
    owner_.reset();
    unwritten_ = {};
    answers_.clear();
    acknowledged_.clear();
}

void mailbox_world::owner_writes_soon() {
    if (writing_) return;
    writing_ = true;
    const auto life = life_;
    at(std::chrono::milliseconds(random_.below(10)), [this, life] {
        if (!owner_ || life_ != life) return;
        writing_ = false;
        owner_writes();
    });
}

void mailbox_world::owner_writes() {
    const effects e = std::exchange(unwritten_, {});
    const auto answers = std::exchange(answers_, {});
    const auto acknowledged = std::exchange(acknowledged_, {});
    const auto tell = [&] {
        owner_tells(e);
        for (const answer& a : answers) travel([this, a] { answered(a); });
        for (const auto& [who, seq] : acknowledged)
            travel([this, who, seq] { clients_[who].to_acknowledge.erase(seq); });
    };
    const bool dies = !calm_ && random_.below(40) == 0;
    if (!rules_.write_first) tell();
    if (dies && random_.below(2)) return owner_dies();  // nothing of it was written
    for (const change& c : e.changes) {
        if (c.state == notice_state::queued) {
            open_.emplace(c.what.seq, c.what);
            known_.emplace(std::pair(c.what.from, c.what.id), c.what.seq);
            next_seq_ = std::max(next_seq_, c.what.seq + 1);
            continue;
        }
        open_.erase(c.what.seq);
        if (!closed_.emplace(c.what.seq, c.state).second)
            fail("notice " + std::to_string(c.what.seq) + " was closed twice");
    }
    if (dies) return owner_dies();  // all of it was, and nobody was told
    if (rules_.write_first) tell();
}

void mailbox_world::owner_tells(const effects& e) {
    for (const auto& [to, d] : e.deliveries) {
        const auto found = std::find_if(clients_.begin(), clients_.end(), [&](const client& c) {
            return c.is_here && c.session == to;
        });
        if (found == clients_.end()) continue;
        const auto who = std::size_t(found - clients_.begin());
        travel([this, who, session = to, d] { take(who, session, d); });
    }
}

// -- clients ----------------------------------------------------------------------------------------

void mailbox_world::come(std::size_t who) {
    client& c = clients_[who];
    if (c.is_here) return;
    // The same client again, or another with nothing in its memory.
    if (!calm_ && random_.below(2)) c = client{};
    c.is_here = true;
    c.session = beam::pid{std::uint32_t(100 + ++pids_), 1, 0};
    const auto tell = [this, session = c.session] {
        if (owner_) owner_->session_came(here(), session, unwritten_), owner_writes_soon();
    };
    at(std::chrono::milliseconds(random_.below(50)), tell);
    acknowledge(who);
}

void mailbox_world::go(std::size_t who) {
    client& c = clients_[who];
    if (!c.is_here) return;
    c.is_here = false;
    at(std::chrono::milliseconds(random_.below(50)), [this, session = c.session] {
        if (owner_) owner_->session_left(session);
    });
}

void mailbox_world::take(std::size_t who, beam::pid session, const delivery& d) {
    client& c = clients_[who];
    if (!c.is_here || c.session != session) return;
    auto verdict = c.reader.take(d.what, rules_.wait_for_gaps ? d.after : 0);
    if (verdict == reader::verdict::out_of_order) return;
    if (verdict == reader::verdict::repeat && !rules_.know_repeats) verdict = reader::verdict::show;
    if (verdict == reader::verdict::show) {
        if (!c.shown.insert(d.what.seq).second)
            fail("notice " + std::to_string(d.what.seq) + " was shown twice");
        if (d.what.seq < c.last_shown) fail("a notice was shown after a later one");
        c.last_shown = d.what.seq;
    }
    // The first client acknowledges what it has shown; the others now and then.
    if (who == 0 || random_.below(4) == 0) c.to_acknowledge.insert(d.what.seq);
    travel([this, session, seq = d.what.seq] {
        if (!owner_) return;
        owner_->confirm(here(), session, seq, unwritten_);
        owner_writes_soon();
    });
}

/// Asks again and again, as long as it is here.
void mailbox_world::acknowledge(std::size_t who) {
    client& c = clients_[who];
    if (!c.is_here) return;
    for (const std::uint64_t seq : c.to_acknowledge)
        travel([this, who, seq, session = c.session] {
            if (!owner_) return;
            (void)owner_->acknowledge(here(), seq, session, unwritten_);
            acknowledged_.emplace_back(who, seq);
            owner_writes_soon();
        });
    at(500ms, [this, who, session = c.session] {
        if (clients_[who].session == session) acknowledge(who);
    });
}

// -- trouble ----------------------------------------------------------------------------------------

void mailbox_world::trouble() {
    if (calm_) return;
    const std::size_t who = random_.below(clients_.size());
    switch (random_.below(8)) {
        case 0:
            if (owner_) owner_dies();
            break;
        case 1:
        case 2:
            if (!owner_) owner_starts();
            break;
        case 3:
        case 4:
            go(who);
            break;
        default:
            come(who);
    }
    at(std::chrono::milliseconds(random_.below(3000)), [this] { trouble(); });
}

void mailbox_world::check_end() {
    for (const sender& s : senders_)
        if (s.next <= s.number) fail("a sender was never answered");
    for (const auto& [seq, which] : promised_)
        if (!closed_.contains(seq))
            fail("notice " + std::to_string(seq) + " of " + sender_name(which.first) +
                 " was accepted and not acknowledged");
    std::set<std::pair<std::size_t, std::uint64_t>> once;
    for (const auto& [seq, which] : promised_)
        if (!once.insert(which).second)
            fail(notice_id(which.second) + " of " + sender_name(which.first) + " was kept twice");
    if (!open_.empty()) fail("a notice is still open");
    if (closed_.size() != promised_.size()) fail("a notice was kept that nobody sent");
}

}  // namespace test
