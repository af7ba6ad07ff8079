// RESP, the protocol of Redis, as a client reads it: the replies of versions 2 and 3.
//
// All types of both versions but the streamed ones, which no server sends. Attributes are read and
// left out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libbeamcore/base/export.hpp"

namespace beam::io::resp {

enum class reply_kind : std::uint8_t {
    null,        ///< of all three kinds
    simple,      ///< text
    error,       ///< text, its first word a code
    integer,     ///< integer
    bulk,        ///< text: any bytes
    array,       ///< elements
    boolean,     ///< integer: 1 or 0
    real,        ///< number
    big_number,  ///< text: decimal digits, perhaps with a sign in front
    bulk_error,  ///< text: any bytes
    verbatim,    ///< text: three letters that name a format, a colon, and what is meant
    map,         ///< elements: each key, and after it its value
    set,         ///< elements, which may be equal to each other
    push,        ///< elements: what was not asked for just now
};

struct reply {
    reply_kind kind = reply_kind::null;
    std::string text;
    std::int64_t integer = 0;
    double number = 0;
    std::vector<reply> elements;

    [[nodiscard]] bool is_error() const {
        return kind == reply_kind::error || kind == reply_kind::bulk_error;
    }
    friend bool operator==(const reply&, const reply&) = default;
};

struct reply_limits {
    std::size_t bulk_max = std::size_t(512) << 20;    ///< bytes of one bulk string
    std::size_t elements_max = std::size_t(1) << 24;  ///< of one array, map (pairs) or set
    std::size_t line_max = std::size_t(64) << 10;  ///< bytes of a simple string, an error, a number
    std::size_t depth_max = 32;                    ///< arrays in each other
};

/// Takes replies out of the bytes of one connection, cut anywhere. Looks at each byte once; memory is
/// taken for what has come, never for a length that was only announced.
class BEAM_EXPORT reply_decoder {
public:
    explicit reply_decoder(const reply_limits& limits = {}) : limits_(limits) {}

    /// Goes on with these bytes, once next() has given none; they must stay as they are until it does
    /// so again.
    void feed(std::string_view bytes);

    /// The next reply; none: it is not whole yet, or failure() says more.
    [[nodiscard]] std::optional<reply> next();

    /// What was wrong with the input: `an invalid integer`. Empty: nothing so far. After it no reply comes.
    [[nodiscard]] std::string_view failure() const { return failure_; }

private:
    // An array, a map or another one whose elements are still coming.
    struct open {
        reply made;
        std::size_t left;
    };
    static constexpr std::size_t crlf_size = 2;
    // Read as a map, and left out.
    static constexpr auto attribute = reply_kind(0xff);

    [[nodiscard]] std::optional<std::string_view> line();
    bool read();
    bool read_line(char type, std::string_view rest);
    bool begin_bulk(reply_kind kind, std::string_view length);
    bool read_bulk();
    bool begin_elements(reply_kind kind, std::string_view length);
    bool close();
    bool complete(reply made);
    bool fail(const char* why);

    reply_limits limits_;
    std::string_view rest_;  // fed, and not yet read
    std::string line_;       // what has come of a line that was cut
    bool line_is_whole_ = false;
    reply bulk_;  // what has come of a bulk string
    std::size_t bulk_left_ =
        0;  // bytes of it that are to come, CRLF counted; 0: none is being read
    std::vector<open> open_;
    std::optional<reply> done_;
    const char* failure_ = "";
};

}  // namespace beam::io::resp
