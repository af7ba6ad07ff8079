#include "tracker_world.hpp"

#include <algorithm>

#include "libbeamcore/term/syntax.hpp"

using namespace beam;
using namespace beam::tracker;
using namespace std::chrono_literals;

namespace test {

namespace {

const std::vector<std::string> topics = {"lobby", "kitchen", "cellar"};
const std::vector<std::string> users = {"ann", "bob", "eve", "dan", "fay"};

pid process_number(std::uint64_t i) {
    return pid{std::uint32_t(100 + i), 1, 0};
}

}  // namespace

tracker_world::tracker_world(std::uint64_t seed, const weather& w, const rules& r)
    : seed_(seed), weather_(w), rules_(r), random_(seed) {
    // Small limits, so that what is rare in life is common here.
    const std::size_t kept[] = {4, 12, 10'000};
    config_.changes_kept = kept[random_.below(3)];
    const std::size_t bytes[] = {300, 900, 64 * 1024};
    config_.message_bytes = bytes[random_.below(3)];
    config_.chunks_in_flight = 1 + random_.below(3);
    config_.sessions_max = 6;
    if (random_.chance(0.3)) config_.permdown_after = 8s;
    for (int i = 0; i < w.nodes; ++i) add_machine("node" + std::to_string(i) + "@sim");
    for (std::size_t i = 0; i < machines_.size(); ++i) start(i);
}

void tracker_world::fail(const machine& m, const std::string& what) const {
    throw broken("seed " + std::to_string(seed_) + ", at " + std::to_string(now_ / 1ms) + " ms, " +
                 std::string(m.name.name()) + ": " + what);
}

tracker_world::machine* tracker_world::by_name(atom name) {
    for (auto& m : machines_)
        if (m.name == name) return &m;
    return nullptr;
}

instant tracker_world::time_of(const machine& m) const {
    return {now_, 1'700'000'000'000 + now_ / 1ms + m.clock_error_ms};
}

std::size_t tracker_world::add_machine(const std::string& name) {
    machine m;
    m.name = atom(name);
    machines_.push_back(std::move(m));
    return machines_.size() - 1;
}

void tracker_world::start(std::size_t i) {
    machine& m = machines_[i];
    m.alive = true;
    m.paused = false;
    // Sometimes the clock has gone back since the last start. No two are the same.
    ++starts_;
    const std::uint64_t when = random_.chance(0.15) ? random_.below(starts_) : starts_;
    m.incarnation = when << 32U | starts_ << 16U;
    m.state = std::make_unique<state>(config_, m.name, m.incarnation, random_(), rules_);
    m.views.clear();
    m.heard.clear();
    m.left.clear();
    history_[{m.name, m.incarnation}];
    for (std::size_t k = 0; k < machines_.size(); ++k) {
        if (k == i || !machines_[k].alive) continue;
        outputs out;
        m.state->node_up(time_of(m), machines_[k].name, out);
        handle(m, out);
        if (!random_.chance(0.5)) continue;
        outputs told;
        machines_[k].state->node_up(time_of(machines_[k]), m.name, told);
        handle(machines_[k], told);
    }
}

void tracker_world::crash(std::size_t i) {
    machine& m = machines_[i];
    m.alive = m.paused = false;
    m.state.reset();
    m.waiting.clear();
    for (auto& other : machines_)
        if (other.alive && random_.chance(0.5)) other.state->node_down(time_of(other), m.name);
}

// -- what happens ---------------------------------------------------------------------------------

void tracker_world::change_entries(machine& m) {
    const counters before = own_counters(m);
    const term topic(topics[random_.below(topics.size())]);
    const term key(users[random_.below(users.size())]);
    const pid process = process_number(random_.below(4));
    outputs out;
    switch (random_.below(8)) {
        case 0:
            m.state->untrack(time_of(m), process, topic, key, out);
            break;
        case 1:
        case 2:
            (void)m.state->update(time_of(m), process, topic, key, int(random_.below(100)), out);
            break;
        case 3:
            m.state->untrack_all(time_of(m), process, out);
            break;
        default:
            (void)m.state->track(time_of(m), process, topic, key, std::to_string(process.id),
                                 map({{atom("at"), int(random_.below(100))}}), out);
    }
    record_history(m, before);
    handle(m, out);
}

void tracker_world::act_on_network() {
    const std::size_t a = any_machine(), b = any_machine();
    if (a == b) return;
    const bool up = cut_.contains({a, b});
    if (up) {
        cut_.erase({a, b});
        if (random_.chance(0.5)) cut_.erase({b, a});
    } else {
        cut_.insert({a, b});
        if (random_.chance(0.6)) cut_.insert({b, a});
    }
    // The nodes may hear of it, or not.
    for (auto [x, y] : {std::pair(a, b), std::pair(b, a)}) {
        if (!machines_[x].alive || machines_[x].paused || !random_.chance(0.5)) continue;
        outputs out;
        if (up)
            machines_[x].state->node_up(time_of(machines_[x]), machines_[y].name, out);
        else
            machines_[x].state->node_down(time_of(machines_[x]), machines_[y].name);
        handle(machines_[x], out);
    }
}

void tracker_world::act_on_machine(std::size_t i) {
    machine& m = machines_[i];
    if (!m.alive) return start(i);
    switch (random_.below(8)) {
        case 0:
            return crash(i);
        case 1: {
            outputs out;
            m.state->stop(time_of(m), out);
            handle(m, out);
            return crash(i);
        }
        case 2:
        case 3: {
            m.paused = !m.paused;
            auto waiting = std::exchange(m.waiting, {});
            for (auto& what : waiting) deliver(i, std::move(what));
            return;
        }
        case 4:
            m.clock_error_ms = std::int64_t(random_.below(5) * 50'000) - 100'000;
            return;
        default: {
            if (m.paused) return;
            if (m.views.size() > 3) {
                m.state->unsubscribe(m.views.begin()->first);
                m.views.erase(m.views.begin());
            }
            view v;
            if (random_.chance(0.5)) v.topic = topics[random_.below(topics.size())];
            const std::uint64_t id = next_subscriber_++;
            m.views[id] = v;
            outputs out;
            m.state->subscribe(id, v.topic, out);
            handle(m, out);
        }
    }
}

void tracker_world::act() {
    const auto what = random_.below(20);
    if (what < 2) return act_on_network();
    if (what < 5) return act_on_machine(any_machine());
    machine& m = machines_[any_machine()];
    if (!m.alive || m.paused) return;
    if (what < 7) {
        const counters before = own_counters(m);
        outputs out;
        m.state->kick_key(time_of(m), topics[random_.below(topics.size())],
                          users[random_.below(users.size())], out);
        record_history(m, before);
        return handle(m, out);
    }
    change_entries(m);
}

// -- the network ----------------------------------------------------------------------------------

void tracker_world::damage(message& m) {
    auto* d = std::get_if<delta>(&m);
    if (!d || to_corrupt_ == 0) return;
    for (auto& c : d->changes) {
        if (!c.added || to_corrupt_ == 0) continue;
        c.added->session = "another";
        --to_corrupt_;
    }
}

void tracker_world::dispatch(machine& m, const outgoing& o) {
    for (const atom name : o.to) {
        machine* to = by_name(name);
        if (!to) fail(m, "a message for nobody");
        if (to == &machines_.front()) sent_to_first_.push_back(o.what);
        const auto from_index = std::size_t(&m - machines_.data());
        const auto to_index = std::size_t(to - machines_.data());
        if (cut_.contains({from_index, to_index}) || random_.chance(weather_.loss)) continue;
        const int copies = random_.chance(weather_.doubling) ? 2 : 1;
        for (int i = 0; i < copies; ++i) {
            flight f;
            f.at = now_ + 1ms +
                   clock(random_.below(std::uint64_t(clock(weather_.delay_max).count()) + 1));
            f.number = message_count_++;
            f.from = from_index;
            f.to = to_index;
            f.what = o.what;
            damage(f.what);
            // Some are written and read, as on a wire.
            if (random_.chance(0.2)) {
                auto read = message_from_term(to_term(f.what));
                if (!read) fail(m, "a message that cannot be read: " + read.error().detail);
                f.what = std::move(*read);
            }
            flights_.push(std::move(f));
        }
    }
}

void tracker_world::deliver(std::size_t to, message what) {
    machine& m = machines_[to];
    if (!m.alive) return;
    if (m.paused) return m.waiting.push_back(std::move(what));
    note_heard(m, what);
    const atom sender = sender_of(what);
    const counters before = own_counters(m);
    outputs out;
    m.state->receive(time_of(m), std::move(what), out);
    record_history(m, before);
    check_held(m, sender);
    handle(m, out);
}

void tracker_world::handle(machine& m, outputs& out) {
    if (m.state && m.state->nodes(now_).front().incarnation != m.incarnation) {
        const auto now = m.state->nodes(now_).front().incarnation;
        if (now < m.incarnation) fail(m, "an incarnation that goes back");
        history_[{m.name, now}] = history_[{m.name, m.incarnation}];
        m.incarnation = now;
    }
    for (const auto& o : out.messages) dispatch(m, o);
    std::set<std::uint64_t> told;
    for (const auto& e : out.events) {
        if (!told.insert(e.subscriber).second) fail(m, "two events of one step");
        check_event(m, e);
    }
    check_reports(m, out);
    if (m.state && random_.chance(0.15)) check_views(m);
}

void tracker_world::step_to(clock end) {
    for (;;) {
        clock next = end;
        if (!flights_.empty()) next = std::min(next, flights_.top().at);
        for (const auto& m : machines_)
            if (m.alive && !m.paused) next = std::min(next, m.state->next_wake());
        now_ = std::max(now_, next);
        while (!flights_.empty() && flights_.top().at <= now_) {
            flight f = flights_.top();
            flights_.pop();
            deliver(f.to, std::move(f.what));
        }
        for (auto& m : machines_) {
            if (!m.alive || m.paused || m.state->next_wake() > now_) continue;
            outputs out;
            m.state->tick(time_of(m), out);
            if (m.state->next_wake() <= now_) fail(m, "a tick that leaves something due");
            handle(m, out);
        }
        if (now_ >= end) return;
    }
}

void tracker_world::pass(clock d) {
    step_to(now_ + d);
}

void tracker_world::heal() {
    weather_.loss = weather_.doubling = 0;
    cut_.clear();
    for (std::size_t i = 0; i < machines_.size(); ++i) {
        machines_[i].paused = false;
        auto waiting = std::exchange(machines_[i].waiting, {});
        for (auto& what : waiting) deliver(i, std::move(what));
    }
    // From here messages keep their order, as on a connection; what was under way arrives first.
    pass(std::exchange(weather_.delay_max, 0ms) + 1ms);
    weather_.delay_max = 0ms;  // from here messages keep their order, as on a connection
    for (auto& m : machines_) {
        if (!m.alive) continue;
        for (const auto& other : machines_) {
            if (&m == &other) continue;
            outputs out;
            if (other.alive)
                m.state->node_up(time_of(m), other.name, out);
            else
                m.state->node_down(time_of(m), other.name);
            handle(m, out);
        }
    }
    pass(3 * config_.heartbeat + 50ms);
}

void tracker_world::run() {
    for (int i = 0; i < weather_.steps; ++i) {
        act();
        pass(clock(random_.below(random_.chance(0.1) ? 2'000'000'000 : 250'000'000)));
    }
    heal();
    check_agreement();
}

void tracker_world::replay(int orders) {
    const std::vector<message> sent = sent_to_first_;
    for (int i = 0; i < orders; ++i) {
        std::vector<message> shuffled = sent;
        for (std::size_t k = shuffled.size(); k > 1; --k)
            std::swap(shuffled[k - 1], shuffled[random_.below(k)]);
        const std::size_t late = add_machine("late" + std::to_string(i) + "@sim");
        start(late);
        for (auto& what : shuffled) {
            deliver(late, what);
            if (random_.chance(0.1)) deliver(late, std::move(what));
        }
        heal();
        check_agreement();
    }
}

std::uint64_t tracker_world::digest_mismatches() const {
    std::uint64_t n = 0;
    for (const auto& m : machines_)
        if (m.alive) n += m.state->counters().digest_mismatches;
    return n;
}

}  // namespace test
