// A world of trackers for the simulator: nodes that come and go, a network that loses, doubles, delays and
// reorders, and what must hold meanwhile and after. All of it follows from one seed.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "libbeamcore/base/random.hpp"
#include "libbeamcore/pubsub/tracker_state.hpp"

namespace test {

/// A rule was broken.
struct broken : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// What may go wrong in a run.
struct weather {
    double loss = 0.1, doubling = 0.1;
    std::chrono::milliseconds delay_max{800};
    int steps = 120;  ///< things that people, machines and cables do
    int nodes = 4;
};

class tracker_world {
public:
    tracker_world(std::uint64_t seed, const weather& w, const beam::tracker::rules& rules);

    /// A while of bad weather; then all heals, and everybody must agree within three heartbeats. Throws broken.
    void run();
    /// What one node was sent, to new nodes in other orders: they end with the same. After run().
    void replay(int orders);

    [[nodiscard]] std::uint64_t messages() const { return message_count_; }
    [[nodiscard]] std::uint64_t digest_mismatches() const;
    /// The next entries that travel are changed on their way, so that digests differ.
    void corrupt(int entries) {
        to_corrupt_ = entries;
        may_differ_ = true;
    }

private:
    using clock = std::chrono::nanoseconds;
    using dot = beam::tracker::dot;
    using dots = std::set<dot>;
    using counters = std::set<std::uint64_t>;

    /// What a subscriber believes, from what it was told.
    struct view {
        std::optional<beam::term> topic;
        bool begun = false;
        dots seen;
    };
    struct machine {
        beam::atom name;
        bool alive = false;
        bool paused = false;
        std::uint64_t incarnation = 0;
        std::int64_t clock_error_ms = 0;
        std::unique_ptr<beam::tracker::state> state;
        std::map<std::uint64_t, view> views;
        // By origin: its incarnation and the newest version heard of, and the incarnation that said bye.
        std::map<beam::atom, std::pair<std::uint64_t, std::uint64_t>> heard;
        std::map<beam::atom, std::uint64_t> left;
        std::vector<beam::tracker::message> waiting;  // while paused
    };
    struct flight {
        clock at{};
        std::uint64_t number = 0;
        std::size_t from = 0, to = 0;
        std::uint64_t to_incarnation = 0;
        beam::tracker::message what;
        bool operator<(const flight& o) const {
            return std::tie(at, number) > std::tie(o.at, o.number);
        }
    };

    [[noreturn]] void fail(const machine& m, const std::string& what) const;
    std::size_t any_machine() { return random_.below(machines_.size()); }
    [[nodiscard]] machine* by_name(beam::atom name);
    [[nodiscard]] beam::tracker::instant time_of(const machine& m) const;

    std::size_t add_machine(const std::string& name);
    void start(std::size_t i);
    void crash(std::size_t i);
    void act();
    void act_on_network();
    void act_on_machine(std::size_t i);
    void change_entries(machine& m);
    void heal();
    void pass(clock d);
    void step_to(clock end);
    void deliver(std::size_t to, beam::tracker::message m);
    void handle(machine& m, beam::tracker::outputs& out);
    void dispatch(machine& m, const beam::tracker::outgoing& o);
    void damage(beam::tracker::message& m);

    void record_history(machine& m, const counters& before);
    [[nodiscard]] counters own_counters(const machine& m) const;
    void note_heard(machine& m, const beam::tracker::message& what);
    void check_event(machine& m, const beam::tracker::event& e);
    void check_held(machine& m, beam::atom origin);
    void check_reports(machine& m, const beam::tracker::outputs& out);
    void check_views(const machine& m) const;
    [[nodiscard]] dots visible(const machine& m, const std::optional<beam::term>& topic) const;
    void check_agreement() const;

    std::uint64_t seed_;
    weather weather_;
    beam::tracker::rules rules_;
    beam::random_generator random_;
    beam::tracker::config config_;
    clock now_{1'000'000'000};
    std::vector<machine> machines_;
    std::set<std::pair<std::size_t, std::size_t>> cut_;
    std::priority_queue<flight> flights_;
    std::map<std::pair<beam::atom, std::uint64_t>, std::vector<beam::tracker::change>> history_;
    std::vector<beam::tracker::message> sent_to_first_;
    std::uint64_t message_count_ = 0, next_subscriber_ = 1, starts_ = 0;
    int to_corrupt_ = 0;
    bool may_differ_ = false;
};

}  // namespace test
