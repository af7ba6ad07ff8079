// The process that shares the groups of a scope (pg.hpp).
#pragma once

#include <unordered_map>
#include <utility>
#include <vector>

#include "libbeamcore/otp/gen_server.hpp"
#include "libbeamcore/runtime/detail/shared_groups.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/runtime/nodes.hpp"

namespace beam::detail {

/// What pg's processes send each other, named as on the wire.
namespace pg_message {
/// Asks for `sync`, which comes back as a cast.
struct discover {
    pid peer;
    BEAM_FIELDS(discover, peer)
};
/// All that the peer has of its own.
struct sync {
    pid peer;
    members_by_group groups;
    BEAM_FIELDS(sync, peer, groups)
};
/// `who` is a pid or a list of pids.
struct join {
    pid peer;
    term group;
    term who;
    BEAM_FIELDS(join, peer, group, who)
};
struct leave {
    pid peer;
    term who;
    std::vector<term> groups;
    BEAM_FIELDS(leave, peer, who, groups)
};
}  // namespace pg_message

class pg_server : public gen_server<pg_server> {
public:
    explicit pg_server(atom scope);
    pg_server(const pg_server&) = delete;
    pg_server& operator=(const pg_server&) = delete;
    ~pg_server() { unshare_groups(node_, scope_, self_); }

    using casts = messages<pg_message::sync>;
    using infos = messages<group_change, pg_message::discover, pg_message::join, pg_message::leave,
                           nodeup_message, nodedown_message>;

    void handle_info(group_change m);
    void handle_info(pg_message::discover m);
    void handle_cast(pg_message::sync m);
    void handle_info(pg_message::join m);
    void handle_info(pg_message::leave m);
    void handle_info(const nodeup_message& m);
    void handle_info(const down_message& m);
    void handle_info(const nodedown_message&) {}
    void handle_info(const term&) {}  // not one of ours: OTP's pg would exit

private:
    using groups = std::unordered_map<term, std::vector<pid>>;
    struct peer {
        ref monitor;
        groups members;
    };

    void broadcast(const term& what);
    void take_over(peer& of, members_by_group now);

    const atom scope_;
    const pid self_;
    runtime& node_;
    groups local_;  // as told to peers: the table may be further
    std::unordered_map<pid, peer> peers_;
};

}  // namespace beam::detail
