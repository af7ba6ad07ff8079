// A mailbox: the process that keeps one user's notices, on the node that owns the user (owners.hpp).
//
// The rules are mailbox_state's. The process writes what they change before it sends or tells anybody, all that came
// meanwhile in one commit; after a crash it goes on from what is kept. When a write fails, nothing of it has happened, or
// nobody knows: who asked is told why, and the mailbox is read again. One that cannot read, or that another owner has
// replaced, ends with `{shutdown, {not_opened, Why}}`: of what waited for it then nothing has been done.
//
// It watches the sessions that it sends to. It stops when nothing waits and nobody has asked for a while: what is
// asked of it then finds no process (`noproc`), has changed nothing, and may be asked again of the next one.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "libbeamcore/otp/gen_server.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/term/fields.hpp"
#include "libbeamcore/term/outcome.hpp"
#include "tools/presence/app/notices/mailbox_state.hpp"
#include "tools/presence/app/notices/notice.hpp"
#include "tools/presence/app/notices/records.hpp"

namespace presence {

/// What is to be kept for a user.
struct letter {
    std::string from;
    std::string id;
    std::string text;
    std::int64_t ttl_ms = 0;
    BEAM_FIELDS(letter, from, id, text, ttl_ms)
};

/// Its receipt; or why it was not kept: `full`, or the store's reason.
struct posted {
    receipt what;
    beam::term error;  ///< `undefined`: none
    BEAM_FIELDS(posted, what, error)
};

struct acknowledged {
    std::uint64_t count = 0;
    beam::term error;  ///< the store's reason; `undefined`: none
    BEAM_FIELDS(acknowledged, count, error)
};

/// A notice as it stands.
struct standing {
    notice what;
    notice_state state = notice_state::queued;
    std::uint64_t attempts = 0;  ///< how often it was sent, by this life of the mailbox
    BEAM_FIELDS(standing, what, state, attempts)
};

class mailbox : public beam::gen_server<mailbox> {
    struct ask_post {
        using reply = posted;
        letter what;
        notice_state until = notice_state::queued;
        std::int64_t wait_ms = 0;
        BEAM_FIELDS(ask_post, what, until, wait_ms)
    };
    struct ask_acknowledge {
        using reply = acknowledged;
        std::vector<std::string> ids;
        bool all = false;
        BEAM_FIELDS(ask_acknowledge, ids, all)
    };
    struct ask_adopt {
        using reply = acknowledged;
        std::vector<change> changes;
        BEAM_FIELDS(ask_adopt, changes)
    };
    struct ask_settle {
        using reply = acknowledged;
        std::uint64_t seq = 0;
        beam::pid by;
        BEAM_FIELDS(ask_settle, seq, by)
    };
    struct ask_look {
        using reply = std::vector<standing>;
        BEAM_FIELDS(ask_look)
    };
    struct ask_state {
        using reply = notice_state;
        std::uint64_t seq = 0;
        BEAM_FIELDS(ask_state, seq)
    };
    struct do_confirm {
        beam::pid session;
        std::uint64_t seq = 0;
        BEAM_FIELDS(do_confirm, session, seq)
    };
    struct session_news {
        beam::pid session;
        bool is_here = false;
    };
    struct begin_work {};
    struct flush {};
    struct wake {};
    struct enough_waited {};

public:
    /// Keeps a notice, or finds the one that was kept for the same sender and id. Answers when it is on disk, and has come
    /// to `until` or further; after `wait_ms` with what it is then. `until` delivered waits only while somebody listens.
    static beam::future<posted> post(beam::pid mailbox, letter what, notice_state until,
                                     std::chrono::milliseconds wait);
    /// The user has done with these, or with all that wait. How many waited.
    static beam::future<acknowledged> acknowledge(beam::pid mailbox, std::vector<std::string> ids,
                                                  bool all);
    /// Takes what another place has kept for the user, in its order; what is known already is left. How many of them are kept
    /// now, from the first on: fewer if there is no room for more.
    static beam::future<acknowledged> adopt(beam::pid mailbox, std::vector<change> changes);
    /// The client of a session has received a notice and done with it.
    static beam::future<acknowledged> settle(beam::pid mailbox, std::uint64_t seq, beam::pid by);
    /// The client of a session has received everything up to that notice.
    static void confirm(beam::pid mailbox, beam::pid session, std::uint64_t seq);
    /// What waits, oldest first.
    static beam::future<std::vector<standing>> look(beam::pid mailbox);
    /// Queued or delivered, for one that waits.
    static beam::future<notice_state> state(beam::pid mailbox, std::uint64_t seq);
    /// A session that listens has come, or is not seen any more.
    static void tell(beam::pid mailbox, beam::pid session, bool is_here);

    using arguments = std::tuple<place, std::string>;
    using calls =
        beam::messages<ask_post, ask_acknowledge, ask_adopt, ask_settle, ask_look, ask_state>;
    using continues = beam::messages<begin_work>;
    using casts = beam::messages<do_confirm, session_news, flush>;
    using infos = beam::messages<wake>;

    static beam::init_result<mailbox> init(place where, std::string user);
    beam::awaitable<beam::cast_result> handle_continue(begin_work);

    beam::awaitable<beam::call_result<posted>> handle_call(ask_post m, beam::from caller);
    beam::awaitable<beam::call_result<acknowledged>> handle_call(ask_adopt m, beam::from caller);
    beam::call_result<acknowledged> handle_call(ask_acknowledge m, const beam::from& caller);
    beam::call_result<acknowledged> handle_call(ask_settle m, const beam::from& caller);
    std::vector<standing> handle_call(ask_look);
    notice_state handle_call(ask_state m);
    void handle_cast(do_confirm m);
    void handle_cast(session_news m);
    beam::awaitable<beam::cast_result> handle_cast(flush);
    beam::cast_result handle_info(wake);
    void handle_info(beam::down_message m);
    void handle_info(beam::timeout_message m);

private:
    /// Who is answered when its notice is on disk, and then when it has come far enough.
    struct poster {
        beam::from caller;
        receipt what;
        notice_state until = notice_state::queued;
        std::int64_t wait_ms = 0;
        beam::ref timer;
    };
    struct acknowledger {
        beam::from caller;
        std::uint64_t count = 0;
    };

    void begin(beam::pid session);
    void end(beam::pid session);
    void write_soon();
    void wake_in_time();
    void answer_posters(const effects& done);
    beam::awaitable<beam::cast_result> fail(beam::term why);
    beam::stop_with end_for(const beam::term& why);
    beam::awaitable<beam::outcome<void>> open();
    [[nodiscard]] bool is_idle() const;
    [[nodiscard]] notice_state now_of(const receipt& r) const;

    place where_ = place::disk;
    std::string user_;
    std::unique_ptr<mailbox_state> state_;
    std::map<beam::pid, beam::ref> monitors_;
    effects unwritten_;
    records::queue_head written_;  // as it is kept
    std::vector<poster> unwritten_posters_;
    std::vector<acknowledger> acknowledgers_;
    std::vector<poster> waiting_;
    bool writes_soon_ = false;
    std::optional<std::chrono::nanoseconds> wakes_at_;
    std::chrono::nanoseconds asked_at_{};
};

/// A user's mailbox of that place on this node, if it runs.
[[nodiscard]] std::optional<beam::pid> find_mailbox(place where, const std::string& user);
/// The same, started if need be. Error: why it did not start.
[[nodiscard]] beam::awaitable<beam::outcome<beam::pid>> open_mailbox(place where, std::string user);
/// The users whose mailboxes of that place run on this node.
[[nodiscard]] std::vector<std::string> mailboxes_here(place where);
/// Ends it: what waits for it is asked again of the next one.
[[nodiscard]] beam::awaitable<void> stop_mailbox(beam::pid mailbox);

/// Of a failed call to a mailbox: why it could not read what is kept. Nothing of the request was done then.
[[nodiscard]] std::optional<beam::term> why_not_opened(const beam::term& call_failure);

}  // namespace presence
