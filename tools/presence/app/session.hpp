// A session: a process on the node where its user came in. While it lives its user is seen on all nodes; its end,
// in whatever way, takes its entry out. It stands for a lease, which ends when nobody has renewed it for its time
// to live, or for a client that listens, and ends with that.
//
// What is sent to a listening session and is not the session's own goes on to its client, from this node or
// another: who has something for a user sends it to the processes that listening_sessions() (view.hpp) gives, and the
// client's process, the `listen` request, receives it.
//
// A session outlives the tracker: when that is started again, the session tracks itself again.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "libbeamcore/otp/gen_server.hpp"
#include "libbeamcore/pubsub/tracker.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/term/fields.hpp"

namespace presence {

/// What a session is, and says of itself.
struct session_plan {
    std::string user, id;
    std::string topic;   ///< empty: none
    std::string status;  ///< for people
    beam::term meta;     ///< a map; `undefined`: none
    std::int64_t since_ms = 0;
    std::int64_t ttl_ms = 0;  ///< of a lease; of a listening session 0
    beam::pid client;         ///< of a listening session
    BEAM_FIELDS(session_plan, user, id, topic, status, meta, since_ms, ttl_ms, client)

    [[nodiscard]] bool listens() const { return ttl_ms == 0; }
};

/// What a second login of a session changes; what is not there stays.
struct session_change {
    std::optional<std::string> topic, status;
    std::optional<beam::term> meta;
    std::optional<std::int64_t> ttl_ms;
    BEAM_FIELDS(session_change, topic, status, meta, ttl_ms)
};

/// To a client: its session has ended, and why: `logged_out`, `kicked`, or a tracker's refusal.
struct session_ended {
    std::string why;
    BEAM_FIELDS(session_ended, why)
};

class session : public beam::gen_server<session> {
    struct ask_tracked {
        using reply = std::string;
        BEAM_FIELDS(ask_tracked)
    };
    struct ask_change {
        using reply = std::string;
        session_change what;
        BEAM_FIELDS(ask_change, what)
    };
    struct ask_plan {
        using reply = session_plan;
        BEAM_FIELDS(ask_plan)
    };
    struct ask_end {
        using reply = bool;
        std::string why;
        BEAM_FIELDS(ask_end, why)
    };
    struct do_renew {
        BEAM_FIELDS(do_renew)
    };
    struct track_now {
        BEAM_FIELDS(track_now)
    };
    struct lease_over {
        BEAM_FIELDS(lease_over)
    };

public:
    /// Waits until the session has its entry, also through a restart of the tracker. Empty, or the tracker's code for
    /// why it gets none (`too_many_sessions`, ...); then the session ends.
    static beam::future<std::string> tracked(beam::pid session);
    /// Changes what it says of itself, and renews the lease. Answers as tracked(), and goes on in any case.
    static beam::future<std::string> change(beam::pid session, session_change what);
    static beam::future<session_plan> plan(beam::pid session);
    /// Ends it, on any node; answers when all nodes that are up have seen that, after at most a second.
    static beam::future<bool> end(beam::pid session, std::string why);
    /// The lease begins anew. On any node.
    static void renew(beam::pid session);

    using arguments = std::tuple<session_plan>;
    using calls = beam::messages<ask_tracked, ask_change, ask_plan, ask_end>;
    using casts = beam::messages<do_renew>;
    using infos = beam::messages<track_now, lease_over, beam::tracker::kicked>;
    using continues = beam::messages<track_now>;

    static beam::init_result<session> init(session_plan plan);

    beam::call_result<std::string> handle_call(ask_tracked, const beam::from& caller);
    beam::awaitable<std::string> handle_call(ask_change m);
    session_plan handle_call(ask_plan) const { return plan_; }
    beam::awaitable<beam::call_result<bool>> handle_call(ask_end m);
    void handle_cast(do_renew) { renew_lease(); }
    beam::awaitable<void> handle_continue(track_now);
    beam::awaitable<void> handle_info(track_now);
    beam::cast_result handle_info(lease_over);
    beam::awaitable<beam::cast_result> handle_info(beam::tracker::kicked m);
    beam::cast_result handle_info(beam::down_message m);
    void handle_info(beam::message m);

    BEAM_FIELDS(session, plan_, client_, tracker_, lease_, is_tracked_, refusal_, waiting_)

private:
    beam::awaitable<void> track();
    beam::awaitable<std::optional<std::string>> track_in(std::string topic);
    beam::awaitable<std::string> update_in(std::string topic);
    beam::awaitable<void> leave();
    [[nodiscard]] beam::term shown() const;
    void renew_lease();
    void settle(const std::string& refusal);
    void tell_client(const std::string& why) const;

    session_plan plan_;
    std::optional<beam::ref> client_;   // monitors
    std::optional<beam::ref> tracker_;  // it, while it was there
    std::optional<beam::ref> lease_;    // the timer
    bool is_tracked_ = false;
    std::string refusal_;
    std::vector<beam::from> waiting_;  // until it is tracked
};

}  // namespace presence
