// mailbox_state: one user's mailbox without a process: what waits, who listens, and what each event makes it do.
//
// Pure: it knows the time only as it is told, sends nothing and writes nothing. Each function takes what happened
// and adds to `effects` what is to be done. Who drives it (the mailbox's process, the simulator of the tests) writes
// the changes in one transaction first; only when that is on disk does it send and tell. So nobody is told of what a
// crash could take back, and a mailbox made again from its records goes on where the last one was.
//
// Order: notices are sent to each session in the order of acceptance, each with the number of the one before
// it, and a reader takes none whose predecessor it has not seen. What is not confirmed in time is sent again from the
// oldest on (go back N), that one first and alone, so that a session that hangs gathers one a round.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "libbeamcore/term/pid.hpp"
#include "tools/presence/app/notices/notice.hpp"

namespace presence {

/// When something happens: by the monotonic clock, and by the wall clock.
struct moment {
    std::chrono::nanoseconds now{};
    std::int64_t wall_ms = 0;
};

/// A durable change: a notice was accepted, or one was closed with `state`.
struct change {
    notice what;
    notice_state state = notice_state::queued;
    std::int64_t at_ms = 0;
    bool is_moved = false;  ///< it was kept in another place before
    BEAM_FIELDS(change, what, state, at_ms, is_moved)
};

struct effects {
    std::vector<change> changes;  ///< in one transaction, before all else
    std::vector<std::pair<beam::pid, delivery>> deliveries;
    std::vector<std::pair<beam::pid, settled>> settlements;
    std::vector<std::pair<std::uint64_t, notice_state>> told;  ///< notices that came to a state
};

/// What accept() says.
enum class acceptance : std::uint8_t {
    accepted,
    full,  ///< as many wait as may
};

/// The rules that keep the promises. All hold; the simulator switches one off at a time to prove that it
/// would see a mailbox without it.
struct mailbox_rules {
    bool send_again = true;         ///< what is not confirmed is sent again
    bool newcomers_get_all = true;  ///< a session that comes is sent everything open
    bool close_once = true;         ///< what is closed is not closed again
};

/// Not thread-safe: its one process's.
class mailbox_state {
public:
    /// `next_seq` is greater than any number used before; `open` are the kept notices, in order.
    mailbox_state(std::string user, std::uint64_t next_seq, std::vector<notice> open,
                  const mailbox_rules& rules = {});

    /// A notice of a sender who has not sent it before (the caller looks that up, find_open() among them). Its
    /// number is next_seq() of before.
    acceptance accept(const moment& at, std::string from, std::string id, std::string text,
                      std::chrono::milliseconds ttl, effects& out);

    /// One that was accepted elsewhere, and gets a number here: else the same.
    acceptance adopt(const moment& at, notice n, effects& out);

    /// A session that listens is here. Told again: nothing.
    void session_came(const moment& at, beam::pid session, effects& out);
    /// It is gone, or not to be seen any more.
    void session_left(beam::pid session);

    /// The session's client has received everything up to `seq`.
    void confirm(const moment& at, beam::pid session, std::uint64_t seq, effects& out);
    /// The user, or the client of `by`, has done with a notice: it is settled for all. False: it is not open.
    bool acknowledge(const moment& at, std::uint64_t seq, std::optional<beam::pid> by,
                     effects& out);

    /// Sends again what was not confirmed, and closes what has expired. To be called at wake_at().
    void tick(const moment& at, effects& out);
    /// When tick() has something to do next; nothing: only after another event.
    [[nodiscard]] std::optional<std::chrono::nanoseconds> wake_at(const moment& at) const;

    [[nodiscard]] const std::map<std::uint64_t, notice>& open() const { return open_; }
    [[nodiscard]] const notice* find_open(std::string_view from, std::string_view id) const;
    [[nodiscard]] notice_state state_of(std::uint64_t seq) const;
    /// How often it was sent, by this mailbox since it was started.
    [[nodiscard]] std::uint64_t attempts(std::uint64_t seq) const;
    [[nodiscard]] std::size_t sessions() const { return sessions_.size(); }
    [[nodiscard]] std::uint64_t next_seq() const { return next_seq_; }
    [[nodiscard]] const std::string& user() const { return user_; }

private:
    struct session {
        std::uint64_t confirmed = 0;  // all up to this
        std::uint64_t sent = 0;       // all up to this, since it was last gone back
        std::uint64_t reached = 0;    // all up to this, ever
        std::size_t window = limits::in_flight_max;
        std::chrono::nanoseconds retry_at{};
        std::chrono::nanoseconds backoff = limits::retry_first;
    };

    acceptance take(const moment& at, notice n, bool is_moved, effects& out);
    void pump(const moment& at, beam::pid to, session& s, effects& out);
    void close(const moment& at, std::uint64_t seq, notice_state how, std::optional<beam::pid> by,
               effects& out);
    [[nodiscard]] std::optional<std::uint64_t> oldest_unconfirmed(const session& s) const;

    std::string user_;
    std::uint64_t next_seq_;
    mailbox_rules rules_;
    std::map<std::uint64_t, notice> open_;
    std::map<std::uint64_t, std::uint64_t> attempts_;
    std::set<std::pair<std::int64_t, std::uint64_t>> by_expiry_;
    std::map<std::pair<std::string, std::string>, std::uint64_t, std::less<>> by_id_;
    std::map<beam::pid, session> sessions_;
};

}  // namespace presence
