// A world of one shard of kv for the simulator: nodes with clocks and disks that fail, a network that loses, doubles,
// delays and reorders, a coordinator whose answers get lost, clients, and what must hold meanwhile and after. All of
// it follows from one seed.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "kv_disk.hpp"
#include "libbeamcore/base/random.hpp"
#include "tests/support/kv_history.hpp"
#include "tools/kv/shard/shard.hpp"

namespace test {

/// A rule was broken.
struct kv_broken : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// What may go wrong in a run.
struct kv_weather {
    double loss = 0.05, doubling = 0.05;
    std::chrono::milliseconds delay_max{100};
    double coordinator_late = 0.03;  ///< its questions that take seconds
    double spite = 0.1;  ///< a change of the record after which one of those it is about is cut off
    double doom = 0;     ///< steps at which all who are in sync die
    double slow = 0.05;  ///< messages that take up to `delay_max`
    double outages =
        0;  ///< steps at which machines stop that had not synced what they acknowledged
    bool renames = true;  ///< what is left of a store then is another one
    double fickle = 0;    ///< steps at which the plan is what it was before the last change
    std::chrono::milliseconds gap_max{5000};  ///< between two of the steps
    int steps = 40;  ///< things that happen to machines, cables, the coordinator and the plan
    int nodes = 4;
    std::size_t copies = 2;
    bool is_one_host = false;  ///< a dead process is known to be dead
};

class kv_world {
public:
    kv_world(std::uint64_t seed, const kv_weather& w, const kv::rules& rules);

    /// A while of bad weather; then all heals, and the shard must serve and its copies be equal. Throws kv_broken.
    void run();

    struct figures {
        std::uint64_t events = 0, done = 0, reads = 0, replica_reads = 0, terms = 0, pieces = 0,
                      fillings = 0, entry_reads = 0, hand_overs = 0, unknown = 0, joins = 0,
                      definite = 0, lost = 0, expired = 0, pages = 0, recovered = 0, permits = 0,
                      erased = 0, outages = 0, succeeded = 0;
    };
    [[nodiscard]] const figures& counts() const { return counts_; }

private:
    using time = std::chrono::nanoseconds;
    using action = std::function<void()>;

    struct machine {
        kv::store_id store;
        bool is_alive = false, is_paused = false;
        std::uint64_t life = 0;
        double rate = 1;
        time booted{}, clock_then{};
        std::int64_t wall_error_ms = 0;
        std::unique_ptr<kv_disk> disk;
        std::unique_ptr<kv::shard> shard;
        time wake{};
        std::uint64_t wish = 0, permit = 0;  // numbers: asked for, and had
        std::vector<action> waiting;         // while paused
        std::set<kv::store_id> lost;         // the stores that its own is what is left of
    };
    struct client {
        std::uint64_t number = 0;
        bool is_busy = false;
        int open_copies = 0;  // of the request: sent and not answered
        std::uint64_t attempt = 0;
        bool is_read = false;
        std::vector<std::pair<std::string, kv_operation>> parts;  // by key, each once
        kv::write_request write;
        kv::read_request read;
        time called{};
        std::size_t target = 0;
        time give_up{};
    };
    struct event {
        time at{};
        std::uint64_t number = 0;
        action what;
        bool operator<(const event& o) const {
            return std::tie(at, number) > std::tie(o.at, o.number);
        }
    };
    using step = std::function<void(kv::shard&, const kv::instant&, kv::outputs&)>;

    [[noreturn]] void fail(const std::string& what) const;
    [[nodiscard]] std::string state() const;
    void require(bool condition, const char* what) const {
        if (!condition) fail(what);
    }
    [[nodiscard]] time delay();
    [[nodiscard]] kv::instant time_of(const machine& m) const;
    [[nodiscard]] std::optional<std::size_t> node_of(const kv::store_id& s) const;
    void after(time d, action a);

    // Machines.
    void start(std::size_t i);
    void crash(std::size_t i);
    void wipe(std::size_t i);
    void lose_late(std::size_t i);
    void resume(std::size_t i);
    void input(std::size_t i, std::uint64_t life, step s);
    void handle(std::size_t i, kv::outputs out);
    void transmit(std::size_t from, kv::outgoing o);
    void look_up(std::size_t i, kv::look_up l);
    void read_piece(std::size_t i, kv::piece_wanted p);
    void read_entries(std::size_t i, kv::entries_wanted e);
    void expire_due(std::size_t i);
    void permit(std::size_t i, const kv::move_wish& w);

    // The coordinator.
    [[nodiscard]] bool reaches_coordinator(std::size_t i) const;
    void ask_coordinator(std::size_t i, std::function<void(std::size_t)> question);
    void change_record(std::size_t i, const kv::store_id& writer, const kv::record_change& c);
    void tell_record(std::size_t i, std::uint64_t life, bool is_read);
    void tell_plan();
    [[nodiscard]] std::vector<kv::store_id> planned() const;

    // Clients.
    void next_operation(std::size_t c);
    [[nodiscard]] std::string a_key() { return keys_[random_.below(keys_.size())]; }
    void choose_read(client& one);
    void choose_write(client& one);
    void add_part(client& one, const std::string& key);
    void note_page(client& one, const kv::scan_page& page);
    void attempt(std::size_t c);
    void deliver_request(std::size_t c, std::size_t to);
    void answered(std::size_t c, std::uint64_t number, std::uint64_t attempt, std::size_t from,
                  const kv::answer& a);
    void finish(std::size_t c, bool is_answered);

    // What happens.
    void act();
    void act_on_network();
    void isolate(std::size_t i);
    void act_on_machine(std::size_t i);
    void act_on_plan();
    void crash_members();
    void recover();
    void stop_machines();
    void succeed_lost();
    void lead_anew(const machine& m, std::uint64_t epoch);
    void begin_era(const machine& m);
    void heal();
    void pass(time d);

    // What must hold: kv_checks.cpp.
    void check_change(const kv::store_id& writer, const kv::shard_record& before,
                      const kv::shard_record& now) const;
    void check_memory(const machine& m) const;
    void check_actor(std::size_t i);
    void check_older(const machine& m, std::uint64_t epoch, const kv::message& what,
                     const kv::outputs& out) const;
    void check_applied(std::size_t i, const kv::entry& e);
    void check_holders(std::uint64_t seq) const;
    void check_written(const machine& m, const kv::entry& e) const;
    void check_erased(const machine& m);
    void check_acknowledged(const client& c, std::uint64_t number, const kv::answer& a);
    void check_read(std::uint64_t origin, const client& c, const kv::answer& a) const;
    void check_page(std::uint64_t origin, const client& c, const kv::scan_page& page) const;
    void check_history() const;
    void check_agreement();
    void replay(std::map<std::string, kv::value>& model, std::uint64_t seq) const;
    [[nodiscard]] bool is_lost() const;

    std::uint64_t seed_;
    kv_weather weather_;
    kv::rules rules_;
    kv::config config_;
    beam::random_generator random_;
    time now_{1'000'000'000};
    std::uint64_t events_ = 0, stores_ = 0, lives_ = 0;
    std::priority_queue<event> queue_;
    std::vector<machine> machines_;
    std::vector<client> clients_;
    std::vector<std::string> keys_{"a", "b", "c", "d"};
    std::set<std::pair<std::size_t, std::size_t>> cut_;

    kv::known_record record_;
    bool is_coordinator_up_ = true;
    std::set<std::size_t> cut_from_coordinator_;
    std::vector<std::size_t> plan_, plan_before_;
    bool is_healed_ = false, is_ended_ = false;

    std::map<std::uint64_t, kv::shard_record> records_;  // by epoch, as written
    std::map<std::uint64_t, std::pair<kv::store_id, std::uint64_t>>
        actors_;  // who was primary in it
    struct fact {
        kv::log_point before;
        kv::entry what;
        time at{};
    };
    std::map<kv::log_point, fact> facts_;  // all that was ever committed, what was given up too
    std::uint64_t given_up_ = 0;           // what was sent in an epoch below is lost
    std::optional<std::size_t> filled_;    // who got a snapshot last
    time member_died_{};                   // the last one that was in sync
    // What the state was when an operator gave others up, and after which seq.
    std::map<std::string, kv::value> base_data_;
    std::uint64_t base_seq_ = 0, eras_ = 0;
    void note_committed(const kv::entry& e, time when);

    std::vector<kv::entry> committed_;
    std::vector<time> committed_at_;                             // when it was first applied
    std::map<std::string, std::vector<std::uint64_t>> changes_;  // by key: the seqs
    std::map<std::uint64_t, time> asked_;  // by origin: when the read first came
    std::map<kv::request_id, std::uint64_t> committed_requests_;
    std::set<kv::request_id> never_;  // told: nothing was written
    std::uint64_t acknowledged_ = 0;  // the highest seq of an acknowledged write
    std::map<std::string, std::vector<kv_operation>> history_;
    std::vector<std::pair<std::string, std::pair<kv::request_id, kv_operation>>> open_;
    figures counts_;
};

}  // namespace test
