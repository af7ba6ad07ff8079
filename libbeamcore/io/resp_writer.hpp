// RESP, the protocol of Redis, as it is written: a server's replies, a client's commands.
//
// A connection speaks version 2 until its client asks for 3 (HELLO 3). Replies are written by what
// they mean; where version 2 has no type for that, they become what redis-server 7 makes of them.
//
//     resp::writer out(bytes);
//     out.map(2);
//     out.bulk("proto"), out.integer(int(out.version()));
//     out.bulk("mode"), out.bulk("standalone");
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "libbeamcore/base/export.hpp"

namespace beam::io::resp {

enum class protocol : std::uint8_t { resp2 = 2, resp3 = 3 };

/// Appends replies to a string. A view of that string, cheap to make and to copy.
class BEAM_EXPORT writer {
public:
    explicit writer(std::string& out, protocol version = protocol::resp2)
        : out_(&out), version_(version) {}

    [[nodiscard]] protocol version() const { return version_; }
    void set_version(protocol version) { version_ = version; }

    /// A line for people or a fixed word: `OK`. A CR or LF in it becomes a space.
    void simple(std::string_view text) { line('+', text); }
    /// An error; its first word is a code: `ERR no such key`. A CR or LF in it becomes a space.
    void error(std::string_view text) { line('-', text); }
    void integer(std::int64_t i) { number(':', i); }
    /// Any bytes.
    void bulk(std::string_view bytes) { bytes_with_size('$', bytes); }
    /// Nothing where else a bulk string is; in version 2 a bulk string of length -1.
    void null();
    /// Nothing where else an array is; in version 2 an array of length -1.
    void null_array();

    /// In version 2 the integer 1 or 0.
    void boolean(bool b);
    /// In version 2 a bulk string. The shortest text that reads back the same; `inf`, `-inf`, `nan`.
    void real(double d);
    /// Decimal digits, perhaps with a sign in front. In version 2 a bulk string.
    void big_number(std::string_view digits);
    /// An error of any bytes. In version 2 as error().
    void bulk_error(std::string_view bytes);
    /// A text in a format of three letters, `txt` or `mkd`. In version 2 a bulk string of the text.
    void verbatim(std::string_view text, std::string_view format = "txt");

    // The elements are written next.
    void array(std::size_t size) { number('*', std::int64_t(size)); }
    /// `size` pairs: each a key, then its value. In version 2 an array of twice as many elements.
    void map(std::size_t size);
    /// In version 2 an array.
    void set(std::size_t size);
    /// What the client did not ask for just now. In version 2 an array.
    void push(std::size_t size);

private:
    void line(char type, std::string_view text);
    void number(char type, std::int64_t i);
    void bytes_with_size(char type, std::string_view bytes);

    std::string* out_;
    protocol version_;
};

/// Appends a command as clients send it: an array of bulk strings.
BEAM_EXPORT void append_request(std::string& out, std::span<const std::string_view> arguments);

}  // namespace beam::io::resp
