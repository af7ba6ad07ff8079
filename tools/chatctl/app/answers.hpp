// What the methods' answers are made of.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "libbeamcore/release/method.hpp"
#include "libbeamcore/runtime/process.hpp"
#include "libbeamcore/term/outcome.hpp"
#include "tools/chatctl/app/post.hpp"

namespace chat {

/// A room that crashed is back, or has moved to another node, within this, or the request gives up.
inline constexpr std::chrono::seconds room_returns_within{5};
/// Between looks for a room of another node, whose connection may be back without anybody told.
inline constexpr std::chrono::milliseconds looks_again_after{100};

[[nodiscard]] beam::term shown(const post& p, const std::string& room);
[[nodiscard]] beam::term event(const char* name, const std::string& room);
/// Marks as clients have them: numbers as text.
[[nodiscard]] beam::term shown(const marks& m);
[[nodiscard]] marks marks_from(const std::map<std::string, std::uint64_t>& given);

[[nodiscard]] tl::unexpected<beam::request_error> no_such_room(const std::string& name);
[[nodiscard]] tl::unexpected<beam::request_error> exists_already(const std::string& name);
[[nodiscard]] tl::unexpected<beam::request_error> too_many_rooms();
[[nodiscard]] beam::answer malformed(std::string why);

/// The user's name, or the guest name of the request's OS user.
[[nodiscard]] beam::awaitable<beam::outcome<std::string>> who(beam::request& r, std::string user);

// The methods of talking.cpp.

struct send_params {
    std::string room;
    std::string text;
    std::string user;
    std::string key;
    BEAM_FIELDS(send_params, room, text, user, key)
};
struct join_params {
    std::string room;
    std::string user;
    std::optional<std::uint64_t> after;
    std::map<std::string, std::uint64_t> read;
    BEAM_FIELDS(join_params, room, user, after, read)
};
[[nodiscard]] beam::awaitable<beam::answer> send_text(beam::request& r, send_params p);
[[nodiscard]] beam::awaitable<beam::answer> join(beam::request& r, join_params p);

}  // namespace chat
