// The starter: begins the breakers that people have set something on, when a node begins. Others begin when they
// are first used.
#pragma once

#include <optional>
#include <string>
#include <tuple>

#include "libbeamcore/otp/gen_server.hpp"
#include "libbeamcore/term/outcome.hpp"

namespace breakers {

class starter : public beam::gen_server<starter> {
public:
    using arguments = std::tuple<>;
    static beam::awaitable<beam::init_result<starter>> init();
};

/// The process of that breaker, made if there is none. Error: the reason of a start that failed.
[[nodiscard]] beam::awaitable<beam::outcome<beam::pid>> ensure_breaker(std::string name);

/// The same for one that is known: it lives, is started again just now, or something was set on it. Nothing for a
/// name never seen, and nothing is made.
[[nodiscard]] beam::awaitable<beam::outcome<std::optional<beam::pid>>> known_breaker(
    std::string name);

}  // namespace breakers
