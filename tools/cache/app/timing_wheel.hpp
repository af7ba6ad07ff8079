// timing_wheel: when entries are to go, in whole milliseconds. Never looks at an entry whose time is far.
//
// Eight levels of 64 places: a place of level 0 is a millisecond, one of level n 64^n of them. An entry lies in
// the level of the highest bit in which its time differs from the wheel's, so it moves down a level at most
// seven times. A place may hold millions (entries that were put in together), so moving them is done in portions:
// advance() is told how many.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "tools/cache/app/chain.hpp"

namespace cache {

class timing_wheel {
public:
    explicit timing_wheel(std::int64_t now_ms) : now_(now_ms) {}

    /// `s` goes at `due_ms`; not in the wheel yet.
    void add(slot s, std::int64_t due_ms);
    /// Takes it out; nothing if it is not in.
    void remove(slot s);
    [[nodiscard]] bool contains(slot s) const { return covered(s) && entries_[s].place != nowhere; }

    /// Goes on to `now_ms`, moving at most `moves` entries. False: there is more to move before that time.
    bool advance(std::int64_t now_ms, std::size_t moves);
    /// One whose time has come, taken out of the wheel; no_slot if there is none (yet, see advance()).
    [[nodiscard]] slot pop_due();

    /// When there is something to do: not later than the first entry's time.
    [[nodiscard]] std::optional<std::int64_t> next_ms() const;
    [[nodiscard]] std::size_t size() const { return size_; }

private:
    static constexpr unsigned bits = 6, levels = 8, places = 1u << bits;
    static constexpr std::uint16_t due_place = levels * places, nowhere = due_place + 1;

    struct entry {
        std::int64_t due = 0;
        std::uint16_t place = nowhere;
    };

    [[nodiscard]] bool covered(slot s) const { return s < covered_; }
    void put(slot s, std::int64_t due);
    void take(slot s);
    [[nodiscard]] std::optional<std::uint16_t> next_place() const;
    [[nodiscard]] std::int64_t begin_of(std::uint16_t place) const;

    std::int64_t now_;
    std::size_t size_ = 0;
    slot covered_ = 0;
    slots<entry> entries_;
    chain_links links_;
    std::array<chain, due_place + 1> chains_;
    std::array<std::uint64_t, levels> occupied_{};
};

}  // namespace cache
