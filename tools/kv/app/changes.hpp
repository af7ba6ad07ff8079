// Changes of a shard as those see them who watch it: read from its log, from any entry on that it has still.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tools/kv/app/bytes.hpp"

namespace kv {

struct changes_request {
    std::string prefix;
    std::optional<std::uint64_t>
        after;  ///< of entries after this one; nothing: only where the log ends now
    std::size_t bytes_max = 256U << 10U;  ///< of keys and values, about; one entry at least
    std::chrono::nanoseconds patience{};  ///< waits for the first change so long

    friend bool operator==(const changes_request&, const changes_request&) = default;
};

struct told_change {
    std::string key;
    std::optional<std::string> value;  ///< nothing: it was deleted, or has expired
    std::uint64_t version = 0;         ///< the entry's number
    std::int64_t expires_ms = 0;

    friend bool operator==(const told_change&, const told_change&) = default;
};

struct changes_page {
    bool is_too_old = false;  ///< the log does not go back so far
    std::uint64_t seq = 0;    ///< up to which entry this tells: where to go on
    std::vector<told_change> changes;

    friend bool operator==(const changes_page&, const changes_page&) = default;
};

void write(byte_writer& w, const changes_request& c);
void write(byte_writer& w, const changes_page& p);
void read(byte_reader& r, changes_request& c);
void read(byte_reader& r, changes_page& p);

}  // namespace kv
