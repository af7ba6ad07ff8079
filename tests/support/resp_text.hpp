// RESP replies as text to compare with, and written again.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>

#include "libbeamcore/io/resp_reply.hpp"
#include "libbeamcore/io/resp_writer.hpp"

/// The bytes in quotes; those that are not printable as `\x0a`.
inline std::string quoted_bytes(std::string_view bytes) {
    std::string text = "\"";
    for (const char c : bytes) {
        char shown[5] = {c};
        if (c < ' ' || c > '~' || c == '"' || c == '\\')
            std::snprintf(shown, sizeof shown, "\\x%02x", static_cast<unsigned char>(c));
        text += shown;
    }
    return text + '"';
}

/// Writes a reply that was read, as it is in version 3.
inline void write_reply(beam::io::resp::writer& to, const beam::io::resp::reply& r) {
    using kind = beam::io::resp::reply_kind;
    switch (r.kind) {
        case kind::null:
            return to.null();
        case kind::simple:
            return to.simple(r.text);
        case kind::error:
            return to.error(r.text);
        case kind::integer:
            return to.integer(r.integer);
        case kind::bulk:
            return to.bulk(r.text);
        case kind::boolean:
            return to.boolean(r.integer != 0);
        case kind::real:
            return to.real(r.number);
        case kind::big_number:
            return to.big_number(r.text);
        case kind::bulk_error:
            return to.bulk_error(r.text);
        case kind::verbatim:
            return to.verbatim(std::string_view(r.text).substr(4), r.text.substr(0, 3));
        case kind::array:
            to.array(r.elements.size());
            break;
        case kind::map:
            to.map(r.elements.size() / 2);
            break;
        case kind::set:
            to.set(r.elements.size());
            break;
        case kind::push:
            to.push(r.elements.size());
            break;
    }
    for (const auto& e : r.elements) write_reply(to, e);
}

/// One line: `[:1 "bulk" %[+key _]]`.
inline std::string resp_text(const beam::io::resp::reply& r) {
    using kind = beam::io::resp::reply_kind;
    std::string text;
    switch (r.kind) {
        case kind::bulk:
            return quoted_bytes(r.text);
        case kind::bulk_error:
            return "!" + quoted_bytes(r.text);
        case kind::verbatim:
            return "=" + quoted_bytes(r.text);
        case kind::array:
            break;
        case kind::map:
            text = "%";
            break;
        case kind::set:
            text = "~";
            break;
        case kind::push:
            text = ">";
            break;
        default: {
            beam::io::resp::writer line(text, beam::io::resp::protocol::resp3);
            write_reply(line, r);
            text.resize(text.size() - 2);
            return text;
        }
    }
    text += '[';
    for (const auto& e : r.elements) {
        if (text.back() != '[') text += ' ';
        text += resp_text(e);
    }
    return text + ']';
}
