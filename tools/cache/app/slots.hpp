// slots: a vector that grows in pieces. What is in it stays where it is, and growing never copies it: with
// millions of entries that would be a pause that everybody sees.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

namespace cache {

/// The number of an entry in the books. Numbers are used again.
using slot = std::uint32_t;
inline constexpr slot no_slot = ~slot{0};

template <class T>
class slots {
public:
    [[nodiscard]] T& operator[](slot s) { return pieces_[s / piece][s % piece]; }
    [[nodiscard]] const T& operator[](slot s) const { return pieces_[s / piece][s % piece]; }
    /// Makes room for number `s`.
    void cover(slot s) {
        while (pieces_.size() * piece <= s) pieces_.push_back(std::make_unique<T[]>(piece));
    }

private:
    static constexpr slot piece = 1024;
    std::vector<std::unique_ptr<T[]>> pieces_;
};

}  // namespace cache
