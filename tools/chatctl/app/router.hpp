// The router makes and removes rooms. Finding one needs no router (room.hpp, find_room), so it may die
// without hurting a room; restarted it starts the rooms that should be there and are not.
#pragma once

#include <string>

#include "libbeamcore/otp/gen_server.hpp"

namespace chat {

class router : public beam::gen_server<router> {
    struct create_room {
        using reply = beam::outcome<beam::pid>;
        std::string name;
    };
    struct remove_room {
        using reply = beam::outcome<bool>;
        std::string name;
    };

public:
    /// Makes a room. Errors: `already_exists`, `too_many_rooms`, the store's or the start's reason.
    static beam::future<beam::outcome<beam::pid>> create(std::string name);
    /// Ends a room and forgets its messages. Errors: `not_found`, the store's reason.
    static beam::future<beam::outcome<bool>> remove(std::string name);

    using arguments = std::tuple<>;
    using calls = beam::messages<create_room, remove_room>;

    static beam::awaitable<beam::init_result<router>> init();
    beam::awaitable<beam::outcome<beam::pid>> handle_call(create_room m);
    beam::awaitable<beam::outcome<bool>> handle_call(remove_room m);
};

}  // namespace chat
