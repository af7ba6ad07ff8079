// The tracker's state with 100 000 sessions of one node: what each costs there and at another node, which gets
// them one delta after the other, or all at once; and what their node's death takes.
#include <string>
#include <vector>

#include "libbeamcore/pubsub/tracker_state.hpp"
#include "libbeamcore/term/etf.hpp"
#include "tests/bench/beam/bench.hpp"
#include "tests/bench/beam/resident.hpp"

namespace {

using namespace beam;
using namespace beam::tracker;

const instant start{std::chrono::seconds{1}, 1'700'000'000'000};

instant later(std::chrono::nanoseconds d) {
    return {start.now + d, start.wall_ms + d / std::chrono::milliseconds{1}};
}

// Sessions of n users in rooms of a hundred.
void fill(state& s, int n, outputs& out) {
    for (int i = 0; i < n; ++i) {
        const pid process{std::uint32_t(i + 1), 1, 0};
        const auto made =
            s.track(start, process, "room" + std::to_string(i / 100), "user" + std::to_string(i),
                    "web" + std::to_string(i), map(), out);
        bench::expect(made.has_value(), "a session is refused");
    }
}

// The messages of one kind, as they go over the wire.
template <class Message>
std::vector<std::string> written(const outputs& out) {
    std::vector<std::string> all;
    for (const auto& m : out.messages) {
        if (!std::holds_alternative<Message>(m.what)) continue;
        bench::expect(etf::encode(to_term(m.what), all.emplace_back()).has_value(), "not encoded");
    }
    return all;
}

// Has another node read these and take them in.
void take_all(state& s, const std::vector<std::string>& messages, outputs& out) {
    for (const auto& bytes : messages) {
        auto t = etf::decode(bytes);
        bench::expect(t.has_value(), "not decoded");
        auto m = message_from_term(*t);
        bench::expect(m.has_value(), "not read");
        s.receive(start, std::move(*m), out);
    }
}

double ms_since(std::int64_t begin) {
    return double(bench::now_ns() - begin) / 1e6;
}

// All entries of `a`, each part confirmed at once.
std::vector<std::string> whole_of(state& a, const bench::run& run) {
    outputs out;
    const auto begin = bench::now_ns();
    a.receive(start, beam::tracker::sync{atom("b@bench"), 1, 0, true}, out);
    run.figure("tracker_snapshot", ms_since(begin), "ms");
    for (std::size_t i = 0; i < out.messages.size(); ++i) {
        const auto* part = std::get_if<full>(&out.messages[i].what);
        if (part) a.receive(start, got{atom("b@bench"), 1, part->at, part->index}, out);
    }
    return written<full>(out);
}

}  // namespace

BENCH(tracker) {
    const int n = run.pick(100'000, 100'000, 2000);
    outputs from_a;
    state a({}, atom("a@bench"), 1, 1);
    a.node_up(start, atom("b@bench"), from_a);
    auto begin = bench::now_ns();
    fill(a, n, from_a);
    a.tick(later(std::chrono::milliseconds{10}), from_a);
    run.figure("tracker_track", ms_since(begin) * 1e6 / n, "ns");
    const auto deltas = written<delta>(from_a);
    from_a = {};
    const auto parts = whole_of(a, run);
    std::size_t bytes = 0;
    for (const auto& p : parts) bytes += p.size();
    run.figure("tracker_sent_bytes", double(bytes) / n, "bytes");

    outputs out;
    state quiet({}, atom("b@bench"), 1, 2);
    begin = bench::now_ns();
    take_all(quiet, deltas, out);
    run.figure("tracker_merge_delta", ms_since(begin) * 1e6 / n, "ns");
    bench::expect(quiet.list("room7").size() == 100, "a room is not full");

    state told({}, atom("b@bench"), 1, 2);
    told.subscribe(1, {}, out);
    out = {};
    begin = bench::now_ns();
    take_all(told, parts, out);
    run.figure("tracker_merge_full", ms_since(begin), "ms");
    bench::expect(out.events.size() == 1, "not one event for all");
    out = {};
    begin = bench::now_ns();
    told.tick(later(std::chrono::seconds{6}), out);
    run.figure("tracker_hide", ms_since(begin), "ms");
    bench::expect(out.events.size() == 1, "not one event for all that leave");
}

// What another node holds of each session, texts and all. By itself, so that no memory was used before.
BENCH(tracker_memory) {
    const int n = run.pick(100'000, 100'000, 2000);
    state b({}, atom("b@bench"), 1, 2);
    outputs out;
    const double before = bench::resident_bytes();
    for (int i = 1; i <= n; ++i) {
        entry e;
        e.counter = std::uint64_t(i);
        e.topic = "room" + std::to_string(i / 100);
        e.key = "user" + std::to_string(i);
        e.session = "web" + std::to_string(i);
        e.meta = map();
        delta d{atom("a@bench"), 1, e.counter - 1, e.counter, {}};
        d.changes.push_back({e.counter, 0, e});
        b.receive(start, std::move(d), out);
        out = {};
    }
    run.figure("tracker_entry_bytes", (bench::resident_bytes() - before) / n, "bytes");
    bench::expect(b.list("room7").size() == 100, "a room is not full");
}
