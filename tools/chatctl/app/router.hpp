// The router makes and removes rooms on its node's disk. Finding one needs no router (places.hpp), so it may die
// without hurting a room; restarted it starts the rooms that should be there and are not.
#pragma once

#include <string>

#include "libbeamcore/otp/gen_server.hpp"
#include "libbeamcore/term/atom.hpp"
#include "tools/chatctl/app/keeping.hpp"

namespace chat {

class router : public beam::gen_server<router> {
    struct create_room {
        using reply = beam::outcome<beam::pid>;
        std::string name;
    };
    struct remove_room {
        using reply = beam::outcome<bool>;
        std::string name;
        BEAM_FIELDS(remove_room, name)
    };

public:
    /// Makes a room here, and returns when the other nodes know it and the first of them hold it, or after a second.
    /// Errors: `already_exists`, `too_many_rooms`, the store's or the start's reason.
    static beam::future<beam::outcome<beam::pid>> create(std::string name);
    /// Ends a room that lives on that node and forgets its messages, everywhere. Errors: `not_found`, the store's
    /// reason.
    static beam::future<beam::outcome<bool>> remove(std::string name, beam::atom node);

    using arguments = std::tuple<>;
    using calls = beam::messages<create_room, remove_room>;

    static beam::awaitable<beam::init_result<router>> init();
    beam::awaitable<beam::outcome<beam::pid>> handle_call(create_room m);
    beam::awaitable<beam::outcome<bool>> handle_call(remove_room m);
};

/// Starts the process of a room that is written down in this node's store, or in kv.
[[nodiscard]] beam::future<beam::start_result> start_room(medium kept, std::string name);

}  // namespace chat
