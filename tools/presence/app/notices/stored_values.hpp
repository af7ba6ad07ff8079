// Values as both places write them: a term, marked with the format's number.
#pragma once

#include <string>

#include "libbeamcore/runtime/exit.hpp"
#include "libbeamcore/store/store.hpp"
#include "libbeamcore/term/fields.hpp"
#include "libbeamcore/term/term.hpp"

namespace presence::records {

template <class T>
[[nodiscard]] std::string stored(const T& value) {
    const beam::term format = 1;  // a later version converts what it finds
    return beam::store::encode_term(format, beam::to_term(value));
}

/// What cannot be read ends the caller: `{bad_record, Key, Why}`.
template <class T>
[[nodiscard]] T value_of(const std::string& key, const std::string& bytes) {
    const auto bad = [&](const std::string& why) {
        beam::exit(beam::tuple(beam::atom("bad_record"), key, why));
    };
    auto read = beam::store::decode_term(bytes);
    if (!read) bad(read.error().code + ": " + read.error().detail);
    auto value = beam::from_term<T>(read->value);
    if (!value) bad(value.error().detail);
    return *std::move(value);
}

}  // namespace presence::records
