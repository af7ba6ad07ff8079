#include "tools/cache/app/timing_wheel.hpp"

#include <bit>

namespace cache {

void timing_wheel::put(slot s, std::int64_t due) {
    std::uint16_t place = due_place;
    if (due > now_) {
        const auto differs = std::uint64_t(due) ^ std::uint64_t(now_);
        const unsigned level = (63 - unsigned(std::countl_zero(differs))) / bits;
        // Beyond eight thousand years there is one place for all.
        const unsigned within =
            level < levels ? unsigned(due >> (bits * level)) % places : places - 1;
        place = std::uint16_t((level < levels ? level : levels - 1) * places + within);
        occupied_[place / places] |= std::uint64_t{1} << (place % places);
    }
    entries_[s] = {due, place};
    chains_[place].push_back(links_, s);
}

void timing_wheel::take(slot s) {
    const std::uint16_t place = entries_[s].place;
    chains_[place].erase(links_, s);
    entries_[s].place = nowhere;
    if (place != due_place && chains_[place].empty())
        occupied_[place / places] &= ~(std::uint64_t{1} << (place % places));
}

void timing_wheel::add(slot s, std::int64_t due_ms) {
    if (!covered(s)) {
        entries_.cover(s);
        links_.cover(s);
        covered_ = s + 1;
    }
    put(s, due_ms);
    ++size_;
}

void timing_wheel::remove(slot s) {
    if (!contains(s)) return;
    take(s);
    --size_;
}

// A lower level comes before a higher one, and in a level the places after the present one: those before it
// are of a time that has passed, and empty. Before all comes a present place that was not moved to its end.
std::optional<std::uint16_t> timing_wheel::next_place() const {
    for (unsigned level = 1; level < levels; ++level) {
        const unsigned present = unsigned(now_ >> (bits * level)) % places;
        if (occupied_[level] >> present & 1) return std::uint16_t(level * places + present);
    }
    for (unsigned level = 0; level < levels; ++level) {
        const unsigned present = unsigned(now_ >> (bits * level)) % places;
        const std::uint64_t ahead = occupied_[level] & (~std::uint64_t{0} << present);
        if (ahead != 0) return std::uint16_t(level * places + unsigned(std::countr_zero(ahead)));
    }
    return std::nullopt;
}

std::int64_t timing_wheel::begin_of(std::uint16_t place) const {
    const unsigned shift = bits * (place / places);
    const std::int64_t above = now_ >> (shift + bits) << (shift + bits);
    return above | std::int64_t(place % places) << shift;
}

bool timing_wheel::advance(std::int64_t now_ms, std::size_t moves) {
    while (const auto place = next_place()) {
        const std::int64_t begin = begin_of(*place);
        if (begin > now_ms) break;
        if (begin > now_) now_ = begin;
        // Those of this place now belong to lower levels: none comes back to it.
        for (chain& all = chains_[*place]; !all.empty(); --moves) {
            if (moves == 0) return false;
            const slot s = all.front();
            take(s);
            put(s, entries_[s].due);
        }
    }
    if (now_ms > now_) now_ = now_ms;
    return true;
}

slot timing_wheel::pop_due() {
    const slot s = chains_[due_place].front();
    if (s != no_slot) remove(s);
    return s;
}

std::optional<std::int64_t> timing_wheel::next_ms() const {
    if (!chains_[due_place].empty()) return now_;
    const auto place = next_place();
    if (!place) return std::nullopt;
    return begin_of(*place);
}

}  // namespace cache
