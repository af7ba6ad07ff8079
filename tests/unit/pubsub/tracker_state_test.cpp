#include "libbeamcore/pubsub/tracker_state.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <vector>

#include "libbeamcore/term/syntax.hpp"

using namespace beam;
using namespace beam::tracker;
using namespace std::chrono_literals;

namespace {

const pid p1{1, 1, 0}, p2{2, 1, 0}, p3{3, 1, 0};
const term no_meta = map();

/// What events told, one line each: `+ann:web` joined, `-ann:web` left; `=` begins a whole.
std::vector<std::string> lines_of(const outputs& out) {
    std::vector<std::string> lines;
    for (const auto& e : out.events) {
        std::multiset<std::string> parts;
        for (const auto& d : e.what) {
            for (const auto& p : d->leaves)
                parts.insert("-" + std::string(p.key.bytes()) + ":" +
                             std::string(p.session.bytes()));
            for (const auto& p : d->joins)
                parts.insert("+" + std::string(p.key.bytes()) + ":" +
                             std::string(p.session.bytes()));
        }
        std::string line = e.whole ? "=" : "";
        for (const auto& p : parts) line += p;
        lines.push_back(line);
    }
    return lines;
}

using lines = std::vector<std::string>;

/// Two trackers with a connection between them that a test may cut.
struct pair_of_trackers {
    config c;
    instant at{1s, 1'700'000'000'000};
    state a, b;
    bool connected = true;
    outputs at_a, at_b;  // what was given out and not looked at: events, reports

    explicit pair_of_trackers(const config& wanted = {}, std::uint64_t incarnation_of_b = 1)
        : c(wanted), a(c, atom("a"), 1, 1), b(c, atom("b"), incarnation_of_b, 2) {
        a.node_up(at, atom("b"), at_a);
        b.node_up(at, atom("a"), at_b);
        exchange();
    }

    /// Until nobody has anything more to say.
    void exchange() {
        while (!at_a.messages.empty() || !at_b.messages.empty()) {
            auto to_b = std::exchange(at_a.messages, {}), to_a = std::exchange(at_b.messages, {});
            if (!connected) continue;
            for (auto& m : to_b) b.receive(at, std::move(m.what), at_b);
            for (auto& m : to_a) a.receive(at, std::move(m.what), at_a);
        }
    }
    void pass(std::chrono::nanoseconds d, bool a_runs = true) {
        const auto end = at.now + d;
        while (at.now < end) {
            const auto next = a_runs ? std::min(a.next_wake(), b.next_wake()) : b.next_wake();
            const auto step = std::min(end, std::max(next, at.now)) - at.now;
            at.now += step;
            at.wall_ms += step / 1ms;
            if (a_runs) a.tick(at, at_a);
            b.tick(at, at_b);
            exchange();
        }
    }
    result<dot> track_at_a(pid p, const char* key, const char* session, term meta = no_meta) {
        auto r = a.track(at, p, "lobby", key, session, meta, at_a);
        return r;
    }
    lines news_at_b() {
        auto all = lines_of(at_b);
        at_b.events.clear();
        return all;
    }
    std::vector<report::kind> reports_at_b() {
        std::vector<report::kind> kinds;
        for (const auto& r : at_b.reports) kinds.push_back(r.what);
        at_b.reports.clear();
        return kinds;
    }
    node_info a_at_b() const {
        for (const auto& n : b.nodes(at.now))
            if (n.node == atom("a")) return n;
        return {};
    }
};

}  // namespace

TEST_CASE("changes are gathered and reach the other within ten milliseconds, one event a merge") {
    pair_of_trackers w;
    w.b.subscribe(1, term("lobby"), w.at_b);
    CHECK(w.news_at_b() == lines{"="});
    REQUIRE(w.track_at_a(p1, "ann", "web").has_value());
    REQUIRE(w.track_at_a(p2, "bob", "app").has_value());
    w.exchange();
    CHECK(w.b.list("lobby").empty());
    w.pass(10ms);
    CHECK(w.news_at_b() == lines{"+ann:web+bob:app"});
    CHECK(w.b.list("lobby").size() == 2);
    CHECK(w.b.counters().merges == 1);
}

TEST_CASE("an entry that comes and goes between two messages is not told of") {
    pair_of_trackers w;
    w.b.subscribe(1, {}, w.at_b);
    (void)w.news_at_b();
    REQUIRE(w.track_at_a(p1, "ann", "web").has_value());
    REQUIRE(w.a.untrack(w.at, p1, "lobby", "ann", w.at_a));
    w.pass(20ms);
    CHECK(w.news_at_b().empty());
    CHECK(w.a_at_b().version == 2);
}

TEST_CASE("TRK-07: an update is one event, with the old entry's counter in the new one") {
    pair_of_trackers w;
    const dot first = *w.track_at_a(p1, "ann", "web", 1);
    w.pass(20ms);
    w.b.subscribe(1, {}, w.at_b);
    (void)w.news_at_b();
    const dot second = *w.a.update(w.at, p1, "lobby", "ann", 2, w.at_a);
    w.pass(20ms);
    CHECK(w.news_at_b() == lines{"+ann:web-ann:web"});
    const auto now = w.b.get("lobby", "ann");
    REQUIRE(now.size() == 1);
    CHECK(now[0].ref == second);
    CHECK(now[0].previous == first.counter);
    CHECK(now[0].meta == term(2));
}

TEST_CASE("a subscriber of a topic hears of that topic only, and first what is there") {
    pair_of_trackers w;
    REQUIRE(w.track_at_a(p1, "ann", "web").has_value());
    REQUIRE(w.a.track(w.at, p1, "attic", "ann", "web", no_meta, w.at_a).has_value());
    w.pass(20ms);
    w.b.subscribe(1, term("lobby"), w.at_b);
    CHECK(w.news_at_b() == lines{"=+ann:web"});
    w.b.subscribe(2, {}, w.at_b);
    CHECK(w.news_at_b() == lines{"=+ann:web+ann:web"});
    w.a.untrack_all(w.at, p1, w.at_a);
    w.pass(20ms);
    CHECK(w.news_at_b() == lines{"-ann:web-ann:web", "-ann:web"});
    w.b.unsubscribe(1);
    w.b.unsubscribe(2);
    REQUIRE(w.track_at_a(p1, "ann", "web").has_value());
    w.pass(20ms);
    CHECK(w.news_at_b().empty());
}

TEST_CASE(
    "TRK-11, TRK-12: a silent node's entries are hidden and kept, and joined again when it is "
    "back") {
    pair_of_trackers w;
    REQUIRE(w.track_at_a(p1, "ann", "web").has_value());
    w.pass(20ms);
    w.b.subscribe(1, {}, w.at_b);
    (void)w.news_at_b();
    (void)w.reports_at_b();
    w.connected = false;
    w.pass(4900ms);
    CHECK(w.news_at_b().empty());
    w.pass(1200ms);
    CHECK(w.news_at_b() == lines{"-ann:web"});
    CHECK(w.reports_at_b() == std::vector{report::kind::down});
    CHECK(w.b.list("lobby").empty());
    CHECK(w.a_at_b().state == node_state::down);
    CHECK(w.a_at_b().entries == 1);
    w.connected = true;
    w.pass(1s);
    CHECK(w.news_at_b() == lines{"+ann:web"});
    CHECK(w.a_at_b().version == 1);
}

TEST_CASE("a node that is back is shown when what was missed is in: nobody sees an old list") {
    pair_of_trackers w;
    REQUIRE(w.track_at_a(p1, "ann", "web").has_value());
    REQUIRE(w.track_at_a(p2, "bob", "web").has_value());
    w.pass(20ms);
    w.b.subscribe(1, {}, w.at_b);
    (void)w.news_at_b();
    w.connected = false;
    w.pass(7s);
    CHECK(w.news_at_b() == lines{"-ann:web-bob:web"});
    w.a.untrack_all(w.at, p2, w.at_a);
    REQUIRE(w.track_at_a(p3, "eve", "web").has_value());
    w.pass(20ms);
    w.connected = true;
    w.pass(1s);
    CHECK(w.news_at_b() == lines{"+ann:web+eve:web"});
}

TEST_CASE("TRK-13: a node that is down for long is forgotten, and new when it comes back") {
    config c;
    c.permdown_after = 30s;
    pair_of_trackers w(c);
    REQUIRE(w.track_at_a(p1, "ann", "web").has_value());
    w.pass(20ms);
    w.connected = false;
    w.pass(31s, false);
    CHECK(w.a_at_b().state == node_state::down);
    w.pass(6s, false);
    CHECK(w.a_at_b().state == node_state::permdown);
    CHECK(w.a_at_b().entries == 0);
    CHECK(w.b.held(atom("a")).empty());
    w.connected = true;
    w.pass(1s);
    CHECK(w.b.list("lobby").size() == 1);
}

TEST_CASE(
    "TRK-14: who leaves in good order is forgotten at once, and late messages do not bring it "
    "back") {
    pair_of_trackers w;
    REQUIRE(w.track_at_a(p1, "ann", "web").has_value());
    w.pass(20ms);
    w.b.subscribe(1, {}, w.at_b);
    (void)w.news_at_b();
    outputs late;
    REQUIRE(w.a.track(w.at, p2, "lobby", "bob", "web", no_meta, late).has_value());
    w.a.tick({w.at.now + 10ms, w.at.wall_ms}, late);
    REQUIRE(!late.messages.empty());
    w.a.stop(w.at, w.at_a);
    w.exchange();
    CHECK(w.news_at_b() == lines{"-ann:web"});
    CHECK(w.a_at_b().state == node_state::permdown);
    for (auto& m : late.messages) w.b.receive(w.at, std::move(m.what), w.at_b);
    CHECK(w.news_at_b().empty());
    CHECK(w.a_at_b().state == node_state::permdown);
    CHECK(w.b.counters().stale > 0);
}

TEST_CASE("TRK-15: a node heard for the first time is asked for its entries, then shown") {
    const config c;
    const instant at{1s, 1000};
    state a(c, atom("a"), 1, 1), b(c, atom("b"), 1, 2);
    outputs from_a, from_b;
    REQUIRE(a.track(at, p1, "lobby", "ann", "web", no_meta, from_a).has_value());
    a.tick({at.now + 10ms, 1000}, from_a);  // nobody to send it to
    from_a.messages.clear();
    a.node_up(at, atom("b"), from_a);
    REQUIRE(from_a.messages.size() == 1);
    b.receive(at, from_a.messages[0].what, from_b);
    CHECK(b.list("lobby").empty());
    bool asked = false;
    from_a.messages.clear();
    for (auto& m : from_b.messages) {
        asked = asked || std::holds_alternative<tracker::sync>(m.what);
        a.receive(at, std::move(m.what), from_a);
    }
    CHECK(asked);
    for (auto& m : from_a.messages) b.receive(at, std::move(m.what), from_b);
    CHECK(b.list("lobby").size() == 1);
}

TEST_CASE(
    "a connection that is back within the grace is not noticed; one that is not hides the node") {
    pair_of_trackers w;
    REQUIRE(w.track_at_a(p1, "ann", "web").has_value());
    w.pass(20ms);
    w.b.subscribe(1, {}, w.at_b);
    (void)w.news_at_b();
    w.connected = false;
    w.b.node_down(w.at, atom("a"));
    w.pass(900ms);
    w.connected = true;
    w.b.node_up(w.at, atom("a"), w.at_b);
    w.exchange();
    w.pass(3s);
    CHECK(w.news_at_b().empty());
    w.connected = false;
    w.b.node_down(w.at, atom("a"));
    w.pass(1001ms);
    CHECK(w.news_at_b() == lines{"-ann:web"});
}

TEST_CASE("a restarted node's old entries leave with what joins") {
    pair_of_trackers w;
    REQUIRE(w.track_at_a(p1, "ann", "web").has_value());
    w.pass(20ms);
    w.b.subscribe(1, {}, w.at_b);
    (void)w.news_at_b();
    entry e;
    e.counter = 1;
    e.topic = "lobby";
    e.key = "ann";
    e.session = "app";
    w.b.receive(w.at, delta{atom("a"), 2, 0, 1, {{1, 0, e}}}, w.at_b);
    CHECK(w.news_at_b() == lines{"+ann:app-ann:web"});
    // What the old one still sends counts no more.
    w.b.receive(w.at, heartbeat{atom("a"), 1, 1, 0}, w.at_b);
    CHECK(w.b.get("lobby", "ann").at(0).session == term("app"));
    CHECK(w.a_at_b().incarnation == 2);
}

TEST_CASE(
    "a tracker that begins when the nodes are connected already is told at once what there is") {
    pair_of_trackers w;
    REQUIRE(w.track_at_a(p1, "ann", "web").has_value());
    w.pass(10ms);
    w.b = state(w.c, atom("b"), 2, 3);
    w.b.node_up(w.at, atom("a"), w.at_b);
    w.exchange();
    CHECK(w.b.list("lobby").size() == 1);
}

TEST_CASE("a node whose clock went back while it was restarted takes a new incarnation") {
    pair_of_trackers w({}, 5);
    // b saw a later life of a.
    w.b.receive(w.at, heartbeat{atom("a"), 1000, 0, 0}, w.at_b);
    w.exchange();
    REQUIRE(w.track_at_a(p1, "ann", "web").has_value());
    w.pass(3s);
    CHECK(w.a.nodes(w.at.now).front().incarnation > 1000);
    CHECK(w.b.list("lobby").size() == 1);
    CHECK(w.b.list("lobby")[0].ref.incarnation > 1000);
}

TEST_CASE("a node that missed more than is kept gets all entries, in parts that fit a message") {
    config c;
    c.changes_kept = 20;
    c.message_bytes = 1000;
    c.chunks_in_flight = 2;
    pair_of_trackers w(c);
    w.connected = false;
    for (int i = 0; i < 200; ++i)
        REQUIRE(
            w.a.track(w.at, p1, "lobby", std::to_string(i), "web", no_meta, w.at_a).has_value());
    w.exchange();
    w.pass(1s);
    w.connected = true;
    w.pass(2s);
    CHECK(w.b.list("lobby").size() == 200);
    CHECK(w.b.counters().fulls_taken == 1);
    CHECK(w.a.counters().fulls_sent == 1);
    CHECK(w.a_at_b().digest == w.a.nodes(w.at.now).front().digest);
}

TEST_CASE(
    "all entries do not hold up heartbeats: few parts are under way, and more as they are "
    "confirmed") {
    config c;
    c.changes_kept = 4;
    c.message_bytes = 400;
    c.chunks_in_flight = 3;
    pair_of_trackers w(c);
    w.connected = false;
    for (int i = 0; i < 100; ++i)
        REQUIRE(w.track_at_a(p1, std::to_string(i).c_str(), "web").has_value());
    w.exchange();
    auto parts = [](const outputs& out) {
        std::size_t n = 0;
        for (const auto& m : out.messages) n += std::holds_alternative<full>(m.what) ? 1 : 0;
        return n;
    };
    outputs first, second, beat;
    w.a.receive(w.at, tracker::sync{atom("b"), 1, 0, false}, first);
    CHECK(parts(first) == 3);
    const auto at = std::get<full>(first.messages[0].what).at;
    w.a.receive(w.at, got{atom("b"), 1, at, 1}, second);
    CHECK(parts(second) == 2);
    // Nothing is confirmed any more: it will ask again.
    w.a.tick({w.at.now + c.heartbeat, w.at.wall_ms}, beat);
    CHECK(parts(beat) == 0);
    CHECK(!beat.messages.empty());
    outputs late;
    w.a.receive(w.at, got{atom("b"), 1, at, 4}, late);
    CHECK(late.messages.empty());
}

TEST_CASE("a message is cut by versions when it would be too large") {
    config c;
    c.message_bytes = 2000;
    pair_of_trackers w(c);
    outputs out;
    for (int i = 0; i < 50; ++i)
        REQUIRE(w.a.track(w.at, p1, "lobby", std::to_string(i), "web", no_meta, out).has_value());
    w.a.tick({w.at.now + 10ms, w.at.wall_ms}, out);
    std::uint64_t version = 0;
    int deltas = 0;
    for (const auto& m : out.messages) {
        const auto* d = std::get_if<delta>(&m.what);
        if (!d) continue;
        CHECK(d->from == version);
        version = d->to;
        ++deltas;
        std::size_t bytes = 0;
        for (const auto& ch : d->changes) bytes += encoded_bytes(*ch.added);
        CHECK(bytes <= c.message_bytes);
    }
    CHECK(version == 50);
    CHECK(deltas > 3);
}

TEST_CASE("a kick removes what was seen; a login at the same moment stays") {
    pair_of_trackers w;
    REQUIRE(w.track_at_a(p1, "ann", "web").has_value());
    w.pass(20ms);
    // At once: ann comes again at a, and b has her kicked.
    REQUIRE(w.track_at_a(p2, "ann", "app").has_value());
    CHECK(w.b.kick_key(w.at, "lobby", "ann", w.at_b) == 1);
    w.exchange();
    REQUIRE(w.at_a.kicked.size() == 1);
    CHECK(w.at_a.kicked[0].process == p1);
    CHECK(w.at_a.kicked[0].key == term("ann"));
    w.pass(20ms);
    for (auto* s : {&w.a, &w.b}) {
        const auto left = s->get("lobby", "ann");
        REQUIRE(left.size() == 1);
        CHECK(left[0].session == term("app"));
    }
}

TEST_CASE("entries that differ at the same version are reported and repaired") {
    pair_of_trackers w;
    entry e;
    e.counter = 1;
    e.topic = "lobby";
    e.key = "ann";
    e.session = "wrong";
    w.b.receive(w.at, delta{atom("a"), 1, 0, 1, {{1, 0, e}}}, w.at_b);
    REQUIRE(w.track_at_a(p1, "ann", "web").has_value());
    w.pass(3s);
    CHECK(w.b.counters().digest_mismatches == 1);
    REQUIRE(w.b.list("lobby").size() == 1);
    CHECK(w.b.list("lobby")[0].session == term("web"));
}

TEST_CASE("entries are repaired while others come and go all the time") {
    pair_of_trackers w;
    entry e;
    e.counter = 1;
    e.topic = "lobby";
    e.key = "ann";
    e.session = "wrong";
    w.b.receive(w.at, delta{atom("a"), 1, 0, 1, {{1, 0, e}}}, w.at_b);
    REQUIRE(w.track_at_a(p1, "ann", "web").has_value());
    for (int i = 0; i < 400; ++i) {
        REQUIRE(w.track_at_a(p2, std::to_string(i).c_str(), "web").has_value());
        w.pass(10ms);
    }
    w.pass(2s);
    CHECK(w.b.counters().digest_mismatches > 0);
    CHECK(w.b.get("lobby", "ann").at(0).session == term("web"));
    CHECK(w.b.list("lobby").size() == 401);
    CHECK(w.a_at_b().digest == w.a.nodes(w.at.now).front().digest);
}

TEST_CASE("a delta that contradicts itself is dropped and reported") {
    pair_of_trackers w;
    (void)w.reports_at_b();
    entry e;
    e.counter = 3;
    e.topic = e.key = e.session = "x";
    const std::vector<delta> bad = {
        {atom("a"), 1, 0, 2, {{1, 0, e}}},   // a version is missing
        {atom("a"), 1, 0, 1, {{1, 0, e}}},   // the counter is not the version
        {atom("a"), 1, 0, 1, {{1, 0, {}}}},  // nothing changes
        {atom("a"), 1, 0, 1, {{1, 5, {}}}},  // removes what is not there yet
        {atom("a"), 1, 2, 1, {}},            // goes back
    };
    for (const auto& d : bad) w.b.receive(w.at, d, w.at_b);
    CHECK(w.reports_at_b() == std::vector(bad.size(), report::kind::bad_message));
    CHECK(w.a_at_b().version == 0);
}

TEST_CASE("a clock far ahead is reported once and not followed") {
    pair_of_trackers w;
    (void)w.reports_at_b();
    const auto wall = w.at.wall_ms;
    w.at.wall_ms += 3'600'000;
    REQUIRE(w.track_at_a(p1, "ann", "web").has_value());
    REQUIRE(w.track_at_a(p2, "bob", "web").has_value());
    outputs out;
    w.a.tick({w.at.now + 10ms, w.at.wall_ms}, w.at_a);
    w.at.wall_ms = wall;
    w.exchange();
    CHECK(w.b.list("lobby").size() == 2);
    CHECK(w.reports_at_b() == std::vector{report::kind::clock_ahead});
    CHECK(w.b.counters().clocks_ahead == 2);
    const dot own = *w.b.track(w.at, p1, "lobby", "eve", "web", no_meta, out);
    for (const auto& p : w.b.get("lobby", "eve"))
        CHECK(hybrid_clock::milliseconds_of(p.hlc) < wall + 60'000);
    CHECK(own.counter == 1);
}

TEST_CASE("limits are refused with a text and change nothing") {
    config c;
    c.sessions_max = 2;
    c.entries_max = 4;
    state s(c, atom("a"), 1, 1);
    const instant at{1s, 0};
    outputs out;
    auto code = [&](pid p, const std::string& topic, const std::string& key,
                    const std::string& session, const term& meta) {
        auto r = s.track(at, p, topic, key, session, meta, out);
        return r ? "ok" : r.error().code;
    };
    const std::string longest(255, 'x'), too_long(256, 'x');
    CHECK(code(p1, longest, longest, longest, std::string(4090, 'x')) == "ok");
    CHECK(code(p1, too_long, "k", "s", no_meta) == "too_long");
    CHECK(code(p1, "t", too_long, "s", no_meta) == "too_long");
    CHECK(code(p1, "t", "k", too_long, no_meta) == "too_long");
    CHECK(code(p1, "t", "k", "s", std::string(4097, 'x')) == "too_long");
    CHECK(code(p1, "t", "k", "s", no_meta) == "ok");
    CHECK(code(p2, "t", "k", "s", no_meta) == "ok");
    CHECK(code(p3, "t", "k", "s", no_meta) == "too_many_sessions");
    CHECK(code(p3, "t", "other", "s", no_meta) == "ok");
    CHECK(code(p3, "t", "another", "s", no_meta) == "too_many_entries");
    CHECK(s.update(at, p1, "t", "k", std::string(4097, 'x'), out).error().code == "too_long");
    CHECK(s.nodes(at.now).front().version == 4);
}

TEST_CASE("TRK-17: each side of a cut goes on, and both agree after it") {
    pair_of_trackers w;
    REQUIRE(w.track_at_a(p1, "ann", "web").has_value());
    REQUIRE(w.b.track(w.at, p1, "lobby", "bob", "web", no_meta, w.at_b).has_value());
    w.pass(20ms);
    CHECK(w.a.list("lobby").size() == 2);
    w.connected = false;
    w.pass(6s);
    REQUIRE(w.a.list("lobby").size() == 1);
    REQUIRE(w.b.list("lobby").size() == 1);
    CHECK(w.a.list("lobby")[0].key == term("ann"));
    CHECK(w.b.list("lobby")[0].key == term("bob"));
    REQUIRE(w.track_at_a(p2, "eve", "web").has_value());
    w.b.untrack_all(w.at, p1, w.at_b);
    w.connected = true;
    w.pass(3s);
    CHECK(w.a.list("lobby").size() == 2);
    CHECK(w.b.list("lobby").size() == 2);
    CHECK(w.b.get("lobby", "bob").empty());
}
