// The post office: on each node, who knows the mailboxes there.
//
// It starts a mailbox when one is asked for, tells mailboxes which sessions come and go (from this node's view of the
// trackers), wakes those of which something has expired, and forgets what was closed a day ago. Once kv has a cluster
// (owners.hpp) it sees to it that kv runs here and that what is on this node's disk moves there, ends mailboxes that another node
// has to keep now, and starts those that it has to. It holds nothing that the next one does not find again, and waits for
// nobody: caring.hpp has the processes that do.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "libbeamcore/otp/child_spec.hpp"
#include "libbeamcore/otp/gen_server.hpp"
#include "libbeamcore/pubsub/tracker.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "tools/kv/app/kv.hpp"
#include "tools/presence/app/notices/notice.hpp"
#include "tools/presence/app/notices/records.hpp"
#include "tools/tenant/running.hpp"

namespace presence {

/// A mailbox's process; none if it is not running and was not to be started, or did not start (`error`).
struct located {
    std::optional<beam::pid> mailbox;
    beam::term error;  ///< `undefined`: none
    BEAM_FIELDS(located, mailbox, error)
};

class post_office : public beam::gen_server<post_office> {
    struct ask_mailbox {
        using reply = located;
        std::string user;
        bool start = false;
        place where = place::disk;
        BEAM_FIELDS(ask_mailbox, user, start, where)
    };
    struct ask_receipts {
        using reply = std::vector<receipt>;
        std::string from;
        std::string id;
        BEAM_FIELDS(ask_receipts, from, id)
    };
    struct ask_waiting {
        using reply = std::vector<records::waiting>;
        BEAM_FIELDS(ask_waiting)
    };
    struct ask_expired {
        using reply = std::vector<notice>;
        std::string user;
        BEAM_FIELDS(ask_expired, user)
    };
    struct look_out {};
    struct tidy_up {};
    struct settle {};
    struct look_at {
        std::string user;
    };
    struct missed {
        std::string user;
    };

public:
    /// From start_kv (caring.hpp).

    // Each asks the post office of a node. One that is not there or cannot be reached: the future's failure, and
    // nothing was done.

    /// A user's mailbox of that place. With `start` false, only one that runs or has something open. Error: `other_place`, if
    /// that node keeps notices elsewhere now.
    static beam::future<located> mailbox_of(beam::atom node, std::string user, bool start,
                                            place where);
    /// This node's: a mailbox of kv's ended since it could not read or write. It is looked after in a while.
    static void look_later(std::string user);

    // What is on that node's disk.

    /// What is known of a sender's notice.
    static beam::future<std::vector<receipt>> receipts(beam::atom node, std::string from,
                                                       std::string id);
    /// The users for whom something waits there.
    static beam::future<std::vector<records::waiting>> waiting(beam::atom node);
    /// A user's notices that expired in the last day.
    static beam::future<std::vector<notice>> expired(beam::atom node, std::string user);

    using arguments = std::tuple<>;
    using calls = beam::messages<ask_mailbox, ask_receipts, ask_waiting, ask_expired>;
    using casts = beam::messages<missed>;
    using infos = beam::messages<beam::tracker::news, look_out, tidy_up, kv::cluster_noted,
                                 tenant::kv_runs, kv::leaders_changed, settle, look_at>;

    static beam::init_result<post_office> init();

    beam::awaitable<beam::call_result<located>> handle_call(ask_mailbox m, beam::from caller);
    beam::awaitable<std::vector<receipt>> handle_call(ask_receipts m);
    beam::call_result<std::vector<records::waiting>> handle_call(ask_waiting,
                                                                 const beam::from& caller);
    beam::awaitable<std::vector<notice>> handle_call(ask_expired m);
    void handle_cast(missed m);
    void handle_info(const beam::tracker::news& m);
    beam::awaitable<void> handle_info(look_out);
    beam::awaitable<void> handle_info(tidy_up);
    void handle_info(kv::cluster_noted);
    void handle_info(tenant::kv_runs);
    void handle_info(kv::leaders_changed);
    void handle_info(settle);
    void handle_info(look_at m);
    void handle_info(beam::down_message m);

private:
    void came(const std::string& user, beam::pid session) const;

    std::optional<beam::ref> tracker_;  // monitors it, while it was there
    beam::ref subscription_;
    std::optional<beam::ref> finder_;  // monitors kv's, while it runs
    bool settles_soon_ = false;
    std::set<std::string> looked_at_later_;
};

/// The store, the mailboxes and the post office, under a supervisor of their own: a child of the application's.
[[nodiscard]] beam::child_spec notices_child();

}  // namespace presence
