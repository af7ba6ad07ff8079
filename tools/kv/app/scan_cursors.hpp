// scan_cursors: where SCAN stands, by the numbers that clients are given.
//
// A cursor of Redis is a number, and a place among keys that are kept in their order is a key: so the node remembers which
// place a number stands for, of all its clients, since a client library may go on with another connection. Numbers are
// random and never reused; a place stays for many cursors to come, and is lost with the node.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <unordered_map>

#include "libbeamcore/otp/gen_server.hpp"
#include "libbeamcore/term/fields.hpp"

namespace kv {

/// Behind a key of a shard, or where the shard begins.
struct scan_place {
    std::uint32_t shard = 0;
    std::optional<std::string> after{};
    BEAM_FIELDS(scan_place, shard, after)
};

/// At most so many places; those that were not asked for longest are forgotten first.
class cursor_table {
public:
    explicit cursor_table(std::size_t most) : most_(most) {}

    /// A number from 1 to 2^53 - 1, which any client can hold.
    [[nodiscard]] std::uint64_t keep(scan_place place);
    /// As often as one likes: an answer may be lost.
    [[nodiscard]] std::optional<scan_place> find(std::uint64_t cursor);

private:
    using place_list = std::list<std::pair<std::uint64_t, scan_place>>;  // the latest first
    std::size_t most_;
    place_list places_;
    std::unordered_map<std::uint64_t, place_list::iterator> by_number_;
};

class scan_cursors : public beam::gen_server<scan_cursors> {
    struct keep_place {
        using reply = std::uint64_t;
        scan_place place;
    };
    struct find_place {
        using reply = std::optional<scan_place>;
        std::uint64_t cursor = 0;
    };

public:
    static beam::future<std::uint64_t> keep(scan_place place);
    /// Nothing: it never was, or was forgotten.
    static beam::future<std::optional<scan_place>> find(std::uint64_t cursor);

    using calls = beam::messages<keep_place, find_place>;

    scan_cursors();

    std::uint64_t handle_call(keep_place m) { return table_.keep(std::move(m.place)); }
    std::optional<scan_place> handle_call(find_place m) { return table_.find(m.cursor); }

    static constexpr std::size_t places_max = 10'000;  ///< of 1 KiB each at most

private:
    cursor_table table_{places_max};
};

}  // namespace kv
