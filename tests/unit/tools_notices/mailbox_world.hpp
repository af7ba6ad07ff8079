// A world of one mailbox for the simulator: senders who ask again, sessions that come and go, a network that loses,
// doubles, delays and reorders, an owner that dies and is made again from what it had written. All of it follows from
// one seed.
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

#include "libbeamcore/base/random.hpp"
#include "tools/presence/app/notices/mailbox_state.hpp"
#include "tools/presence/app/notices/reader.hpp"

namespace test {

/// A promise was broken.
struct broken : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Which rules hold: the mailbox's, and those of who drives it and of who reads.
struct notice_rules {
    presence::mailbox_rules mailbox{};
    bool write_first = true;    ///< on disk before anybody is sent or told of it
    bool know_senders = true;   ///< the same from the same sender is kept once
    bool wait_for_gaps = true;  ///< a reader takes none whose predecessor it has not seen
    bool know_repeats = true;   ///< a reader knows again what it has shown
};

class mailbox_world {
public:
    mailbox_world(std::uint64_t seed, const notice_rules& rules);

    /// Bad weather; then all is well, and everything must be acknowledged soon. Throws broken.
    void run();

private:
    using time = std::chrono::nanoseconds;

    struct sender {
        std::uint64_t next = 1;    // the one that is being sent
        std::uint64_t number = 0;  // how many it will send
        std::uint64_t last_seq = 0;
    };
    struct client {
        bool is_here = false;
        beam::pid session;
        presence::reader reader;
        std::uint64_t last_shown = 0;
        std::set<std::uint64_t> shown, to_acknowledge;
    };
    struct event {
        time at{};
        std::uint64_t number = 0;
        std::function<void()> what;
        friend bool operator<(const event& a, const event& b) {
            return std::pair(a.at, a.number) > std::pair(b.at, b.number);  // the earliest is on top
        }
    };
    struct answer {
        std::size_t sender = 0;
        std::uint64_t which = 0;
        std::optional<std::uint64_t> seq;  // nothing: no room
    };

    void at(time after, std::function<void()> what);
    /// The same over the network, perhaps: never, once or twice.
    void travel(std::function<void()> what);
    [[nodiscard]] presence::moment here() const {
        return {now_, 1'000'000 + now_.count() / 1'000'000};
    }
    void run_until(time end);

    void send(std::size_t from);
    void receive(std::size_t from, std::uint64_t which);
    void answered(const answer& a);

    void owner_starts();
    void owner_dies();
    void owner_writes_soon();
    void owner_writes();
    void owner_tells(const presence::effects& e);

    void come(std::size_t who);
    void go(std::size_t who);
    void take(std::size_t who, beam::pid session, const presence::delivery& d);
    void acknowledge(std::size_t who);
    void trouble();
    void check_end();

    [[noreturn]] void fail(const std::string& what) const;

    notice_rules rules_;
    beam::random_generator random_;
    std::uint64_t seed_;
    time now_{};
    bool calm_ = false;
    std::uint64_t events_ = 0;
    std::priority_queue<event> queue_;
    std::uint64_t pids_ = 0;

    std::vector<sender> senders_;
    std::vector<client> clients_;

    // What is on disk.
    std::map<std::uint64_t, presence::notice> open_;
    std::map<std::pair<std::string, std::string>, std::uint64_t> known_;
    std::map<std::uint64_t, presence::notice_state> closed_;
    std::uint64_t next_seq_ = 1;

    // The owner, while it lives.
    std::unique_ptr<presence::mailbox_state> owner_;
    std::uint64_t life_ = 0;
    presence::effects unwritten_;
    std::vector<answer> answers_;
    std::vector<std::pair<std::size_t, std::uint64_t>> acknowledged_;
    bool writing_ = false;

    // What was promised: numbers of notices that a sender was told of.
    std::map<std::uint64_t, std::pair<std::size_t, std::uint64_t>> promised_;
};

}  // namespace test
