// One client that speaks RESP: what the commands about connections know of it, those commands, and how replies are sent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "libbeamcore/io/connection.hpp"
#include "libbeamcore/io/resp_writer.hpp"
#include "tools/resp/arguments.hpp"

namespace resp {

using beam::io::resp::protocol;
using beam::io::resp::writer;

/// What clients read a server's abilities from.
inline constexpr std::string_view redis_version = "7.0.0";

struct client {
    std::uint64_t id = 0;
    std::string name;
    std::string bytes;  ///< replies that are to be sent
    writer out{bytes};
    bool closes = false;  ///< after the replies

    client() = default;
    client(const client&) = delete;
    client& operator=(const client&) = delete;
};

/// Grows; one for each client of the application.
[[nodiscard]] std::uint64_t next_client_id();

// -- replies --------------------------------------------------------------------------------------

/// Replies are sent when they are so many, though more commands are here: a client's memory is bounded.
inline constexpr std::size_t replies_max = 256 << 10;

enum class sent : std::uint8_t { all, no_room, lost };
/// Sends the replies, if the client reads; `no_room`: they are kept, and to be written by connection::write().
[[nodiscard]] sent send_replies(beam::io::connection& peer, std::string& bytes);

// -- commands that every server has ---------------------------------------------------------------

void ping(client& c, arguments words);
void echo(client& c, arguments words);
void quit(client& c, arguments words);
void select(client& c, arguments words);
void hello(client& c, arguments words);
void auth(client& c, arguments words);
void about_client(client& c, arguments words);

/// CONFIG GET PATTERN... of these.
void config_get(client& c, arguments words,
                std::span<const std::pair<std::string_view, std::string>> known);

void describe_command(writer& out, std::string_view name, int arity, std::string_view flags,
                      int first_key, int last_key, int key_step);

// What is said of commands that are none.
void unknown_command(client& c, arguments words);
void unknown_subcommand(client& c, std::string_view command, std::string_view sub);
void wrong_arguments(client& c, std::string_view command);

}  // namespace resp
