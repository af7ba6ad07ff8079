// RESP, the protocol of Redis, as a server reads it: the commands that clients send.
//
// Arrays of bulk strings and inline commands, one after the other without waiting for answers, cut
// anywhere. What is taken and which error a malformed command gets is what redis-server 7 does, but
// for this: a line of a length ends in CRLF, and so does a bulk string (there, any two bytes will
// do); a NUL in an inline command is a byte as any other (there, it hides the rest of the line);
// what can no longer become right is refused at once (there, when the line is whole).
//
//     resp::request_decoder requests;
//     resp::writer out(bytes);
//     ...                                                   // a `data` message came
//     requests.feed(m.bytes);
//     while (auto r = requests.next()) answer(*r, out);     // (*r)[0] is the command's name
//     if (!requests.failure().empty()) out.error(requests.failure());  // the last answer: close
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "libbeamcore/base/export.hpp"

namespace beam::io::resp {

/// One command: its name and its arguments, any bytes. Never empty.
using request = std::span<const std::string_view>;

struct request_limits {
    std::size_t bulk_max = std::size_t(512) << 20;    ///< bytes of one argument
    std::size_t elements_max = std::size_t(1) << 20;  ///< arguments of a command, its name counted
    std::size_t inline_max = std::size_t(64) << 10;   ///< bytes of an inline command
    std::size_t request_max = std::size_t(1) << 30;   ///< bytes of a command as it is sent
};

/// Takes commands out of the bytes of one connection. Looks at each byte once. Keeps memory for what
/// has come of a command, in proportion to that, never for a length that was only announced; commands
/// that lie whole in what was fed are not copied.
class BEAM_EXPORT request_decoder {
public:
    explicit request_decoder(const request_limits& limits = {}) : limits_(limits) {}

    /// Goes on with these bytes, which must stay as they are until next() gives none. If it has not yet
    /// for those before, what is left of them is copied.
    void feed(std::string_view bytes);

    /// The next command; none: it is not whole yet, or failure() says more. The arguments are valid
    /// until the next call of next() or feed(), or until the decoder is moved.
    [[nodiscard]] std::optional<request> next();

    /// What was wrong with the input, for the client: `ERR Protocol error: invalid bulk length`. Empty:
    /// nothing so far. After it no command comes: where one would begin is not known any more.
    [[nodiscard]] std::string_view failure() const { return failure_; }

    /// Bytes of memory that this decoder holds.
    [[nodiscard]] std::size_t memory() const;

private:
    [[nodiscard]] bool read();
    [[nodiscard]] bool read_inline();
    [[nodiscard]] bool read_length(std::int64_t& length, const char* complaint);
    bool fail(std::string_view why);
    void begin();
    void hold();
    void pull();
    void append(std::string_view more);
    void rebase(const char* from, const char* to);

    request_limits limits_;
    // What is being read, within held_ or within what was fed: a command begins at start_, and is
    // read up to at_.
    const char* start_ = nullptr;
    const char* at_ = nullptr;
    const char* end_ = nullptr;
    std::vector<std::string_view> arguments_;
    std::size_t left_ = 0;     // arguments that are still to come
    std::int64_t bulk_ = -1;   // length of the one that is, once it is known
    std::size_t scanned_ = 0;  // bytes after at_ without a newline

    // A command that is not whole. A vector, since its bytes stay where they are in a move.
    std::vector<char> held_;
    bool in_held_ = false;
    std::string_view rest_;   // fed, and not yet looked at
    std::size_t pulled_ = 0;  // bytes before rest_ that are in held_ as well
    std::string text_;        // arguments of an inline command
    std::string failure_;
};

}  // namespace beam::io::resp
