// One client that speaks RESP: what its commands see of it, and the table of commands.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "libbeamcore/io/resp.hpp"
#include "libbeamcore/io/resp_writer.hpp"
#include "libbeamcore/runtime/process.hpp"
#include "tools/cache/app/session.hpp"

namespace cache {

namespace resp = beam::io::resp;

struct resp_client {
    std::uint64_t id = 0;
    std::string name;
    std::string bytes;  ///< replies that are to be sent
    resp::writer out{bytes};
    session data;
    bool closes = false;  ///< after the replies

    resp_client() = default;
    resp_client(const resp_client&) = delete;
    resp_client& operator=(const resp_client&) = delete;
};

/// Its arguments, the command's name counted; gone when the command returns.
using arguments = std::span<const std::string_view>;

/// One command. One that must wait has `waits` instead of `run`, and is given copies of its arguments.
struct resp_command {
    std::string_view name;  ///< in capitals
    int arity = 1;          ///< how many arguments, the name counted; -N: at least N
    void (*run)(resp_client&, arguments) = nullptr;
    beam::awaitable<void> (*waits)(resp_client&, std::vector<std::string>) = nullptr;
    std::string_view flags = "readonly";
    int first_key = 1;  ///< 0: it has none
    int last_key = 1;
};

/// The command of that name, in any case; null if there is none.
[[nodiscard]] const resp_command* find_command(std::string_view name);
[[nodiscard]] std::span<const resp_command> all_commands();

// Where they are defined.
[[nodiscard]] std::span<const resp_command> value_commands();
[[nodiscard]] std::span<const resp_command> key_commands();
[[nodiscard]] std::span<const resp_command> server_commands();

// What several of them say and read.
inline constexpr std::string_view syntax_error = "ERR syntax error";
inline constexpr std::string_view not_an_integer = "ERR value is not an integer or out of range";
[[nodiscard]] bool equals(std::string_view argument, std::string_view capitals);
[[nodiscard]] std::optional<std::int64_t> integer_of(std::string_view argument);
/// When something expires: `amount` seconds or milliseconds from now, or from 1970 on. Nothing if that is beyond what
/// a clock can say.
enum class time_unit : std::uint8_t { s, ms, unix_s, unix_ms };
[[nodiscard]] std::optional<std::int64_t> expiry_of(const session& s, time_unit unit,
                                                    std::int64_t amount);
/// Says that the time is none, for that command.
void invalid_expire(resp_client& c, std::string_view command);

}  // namespace cache
