// The tracker's state with 100 000 sessions of one node: what each costs there and at another node, which gets
// them one delta after the other, or all at once; and what their node's death takes.
#include "libbeamcore/pubsub/tracker_state.hpp"
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

template <class Message>
std::vector<term> terms_of(const outputs& out) {
    std::vector<term> all;
    for (const auto& m : out.messages)
        if (std::holds_alternative<Message>(m.what)) all.push_back(to_term(m.what));
    return all;
}

double ms_since(std::int64_t begin) {
    return double(bench::now_ns() - begin) / 1e6;
}

// Has another node take these in, as they come from the wire.
void take_all(state& s, const std::vector<term>& messages, outputs& out) {
    for (const auto& t : messages) {
        auto m = message_from_term(t);
        bench::expect(m.has_value(), "a message cannot be read");
        s.receive(start, std::move(*m), out);
    }
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

    const auto deltas = terms_of<delta>(from_a);
    from_a = {};
    {
        outputs out;
        state b({}, atom("b@bench"), 1, 2);
        begin = bench::now_ns();
        take_all(b, deltas, out);
        run.figure("tracker_merge_delta", ms_since(begin) * 1e6 / n, "ns");
        bench::expect(b.nodes(start.now).size() == 2, "nobody was heard");
    }

    begin = bench::now_ns();
    outputs whole;
    a.receive(start, beam::tracker::sync{atom("b@bench"), 1, 0, false}, whole);
    run.figure("tracker_snapshot", ms_since(begin), "ms");
    for (std::size_t i = 0; i < whole.messages.size(); ++i) {
        const auto* part = std::get_if<full>(&whole.messages[i].what);
        if (part) a.receive(start, got{atom("b@bench"), 1, part->at, part->index}, whole);
    }
    auto parts = terms_of<full>(whole);
    whole = {};

    outputs out;
    state b({}, atom("b@bench"), 1, 2);
    b.subscribe(1, {}, out);
    const double before = bench::resident_bytes();
    begin = bench::now_ns();
    take_all(b, parts, out);
    run.figure("tracker_merge_full", ms_since(begin), "ms");
    bench::expect(out.events.size() == 2, "not one event for all");
    parts.clear();
    out = {};
    bench::expect(b.list("room7").size() == 100, "a room is not full");
    run.figure("tracker_entry_bytes", (bench::resident_bytes() - before) / n, "bytes");

    begin = bench::now_ns();
    b.tick(later(std::chrono::seconds{6}), out);
    run.figure("tracker_hide", ms_since(begin), "ms");
    bench::expect(out.events.size() == 1, "not one event for all that leave");
}
