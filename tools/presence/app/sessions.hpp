// The sessions of this node: which process a user's session is, so that none is there twice.
//
// It also mends what the end of the sessions' supervisor breaks: leases that went with it begin anew. A session that
// ends by itself, or is killed, is gone.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "libbeamcore/otp/gen_server.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "tools/presence/app/session.hpp"

namespace presence {

/// A session that was there already, or not.
struct opened {
    beam::pid session;
    bool is_new = false;
    bool listens = false;
};

class sessions : public beam::gen_server<sessions> {
    struct ask_open {
        using reply = beam::outcome<opened>;
        session_plan plan;
    };
    struct ask_count {
        using reply = std::uint64_t;
    };
    struct restore {};

public:
    /// The user's session of that id on this node, made if there is none. Error: why it did not start.
    static beam::future<beam::outcome<opened>> open(session_plan plan);
    /// How many there are on this node.
    static beam::future<std::uint64_t> count();

    using arguments = std::tuple<>;
    using calls = beam::messages<ask_open, ask_count>;
    using infos = beam::messages<restore>;

    static beam::awaitable<beam::init_result<sessions>> init();
    beam::awaitable<beam::outcome<opened>> handle_call(ask_open m);
    std::uint64_t handle_call(ask_count) const { return by_id_.size(); }
    beam::awaitable<void> handle_info(restore);
    void handle_info(beam::down_message m);

private:
    using session_id = std::pair<std::string, std::string>;  // the user and the session
    struct known {
        beam::pid session;
        beam::pid supervisor;
        session_plan plan;
    };

    void add(beam::pid session, beam::pid supervisor, session_plan plan);

    std::map<session_id, known> by_id_;
    std::map<beam::ref, session_id> by_monitor_;
    std::vector<session_plan> lost_;  // leases that the supervisor's end took along
    bool restores_ = false;
};

}  // namespace presence
