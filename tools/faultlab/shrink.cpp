#include "tools/faultlab/shrink.hpp"

#include <algorithm>
#include <numeric>

namespace faultlab {

namespace {

// The `part`th of so many parts is left out.
fault_places without(const fault_places& all, std::size_t part, std::size_t parts) {
    const std::size_t begin = all.size() * part / parts, end = all.size() * (part + 1) / parts;
    fault_places rest(all.begin(), all.begin() + std::ptrdiff_t(begin));
    rest.insert(rest.end(), all.begin() + std::ptrdiff_t(end), all.end());
    return rest;
}

}  // namespace

shrunk smallest_failing(std::uint64_t count, std::uint64_t trials_max,
                        const std::function<bool(const fault_places&)>& fails) {
    shrunk s;
    s.places.resize(count);
    std::iota(s.places.begin(), s.places.end(), std::uint64_t{0});
    std::size_t parts = 2;
    while (s.places.size() > 1) {
        parts = std::min(parts, s.places.size());
        bool is_smaller = false;
        for (std::size_t part = 0; part < parts && !is_smaller; ++part) {
            if (s.trials == trials_max) return s;
            fault_places rest = without(s.places, part, parts);
            ++s.trials;
            if (!fails(rest)) continue;
            s.places = std::move(rest);
            is_smaller = true;
        }
        if (is_smaller)
            parts = std::max<std::size_t>(parts - 1, 2);
        else if (parts == s.places.size())
            return s;
        else
            parts *= 2;
    }
    return s;
}

}  // namespace faultlab
