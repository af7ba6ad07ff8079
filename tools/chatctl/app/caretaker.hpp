// The caretaker: one on each node, which sees to it that rooms in kv live where their shard is led, that what is on the disk moves
// there when kv gets a cluster, and that kv runs then. Without a cluster it only waits for one.
//
// A room in kv has a process on the node that leads its shard: when that node dies, and another leads, it is opened there; when
// the lead moves, there too, and its former home ends as it finds itself replaced. Where no chat runs on that node, who asks for the
// room opens it on its own.
#pragma once

#include <optional>
#include <string>
#include <tuple>

#include "libbeamcore/otp/gen_server.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/term/atom.hpp"
#include "tools/kv/app/kv.hpp"
#include "tools/tenant/running.hpp"

namespace chat {

class caretaker : public beam::gen_server<caretaker> {
    struct open_room {
        using reply = beam::outcome<beam::pid>;
        std::string name;
        BEAM_FIELDS(open_room, name)
    };
    struct settle {};
    struct tidy_up {};

public:
    /// Has that node open a room of kv's, if it has no process there, and gives its process, which may not have read it yet. Error:
    /// why it did not start.
    static beam::future<beam::outcome<beam::pid>> open(beam::atom node, std::string name);

    using arguments = std::tuple<>;
    using calls = beam::messages<open_room>;
    using infos =
        beam::messages<kv::cluster_noted, settle, tidy_up, tenant::kv_runs, kv::leaders_changed>;

    static beam::init_result<caretaker> init();
    beam::awaitable<beam::outcome<beam::pid>> handle_call(open_room m);
    void handle_info(kv::cluster_noted);
    void handle_info(settle);
    void handle_info(tidy_up);
    void handle_info(tenant::kv_runs);
    void handle_info(kv::leaders_changed);
    void handle_info(beam::down_message m);

private:
    std::optional<beam::ref> finder_;    // monitors kv's, while it runs
    std::optional<beam::ref> settling_;  // monitors who opens rooms, one at a time
    bool settles_soon_ = false;
    bool settles_again_ = false;
};

}  // namespace chat
