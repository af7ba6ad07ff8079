// Names for who does not say one: user42 for the node's owner, user43 and so on for other OS users, always
// the same for the same one.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>

#include "libbeamcore/otp/gen_server.hpp"

namespace chat {

class guests : public beam::gen_server<guests> {
    struct name_for {
        using reply = beam::outcome<std::string>;
        std::uint32_t uid = 0;
    };

public:
    /// Error: the store's reason.
    static beam::future<beam::outcome<std::string>> name_of(std::uint32_t uid);

    using arguments = std::tuple<>;
    using calls = beam::messages<name_for>;

    static beam::awaitable<beam::init_result<guests>> init();
    beam::awaitable<beam::outcome<std::string>> handle_call(name_for m);

private:
    std::map<std::uint32_t, std::uint64_t> numbers_;
};

}  // namespace chat
