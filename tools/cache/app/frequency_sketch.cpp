#include "tools/cache/app/frequency_sketch.hpp"

#include <algorithm>
#include <bit>

namespace cache {

namespace {

constexpr unsigned rows = 4;
constexpr std::size_t uses_an_entry = 10;
constexpr std::size_t words_min = 64;

// Which of a word's counters a row uses: rows have four each, so they do not meet.
unsigned shift_of(std::uint64_t hash, unsigned row) {
    return (row * 4 + unsigned(hash >> (row * 2)) % 4) * 4;
}

}  // namespace

void frequency_sketch::cover(std::size_t entries) {
    if (entries <= words_.size()) return;
    words_.assign(std::bit_ceil(std::max(entries, words_min)), 0);
    counted_ = halving_ = 0;
}

std::size_t frequency_sketch::word_of(std::uint64_t hash, unsigned row) const {
    static constexpr std::uint64_t seeds[rows] = {0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F,
                                                  0x165667B19E3779F9, 0xD6E8FEB86659FD93};
    const std::uint64_t mixed = (hash + seeds[row]) * seeds[row];
    return std::size_t(mixed ^ mixed >> 32) & (words_.size() - 1);
}

void frequency_sketch::count(std::uint64_t hash) {
    if (words_.empty()) cover(words_min);
    bool grew = false;
    for (unsigned row = 0; row < rows; ++row) {
        std::uint64_t& word = words_[word_of(hash, row)];
        const unsigned shift = shift_of(hash, row);
        if ((word >> shift & 15) == 15) continue;
        word += std::uint64_t{1} << shift;
        grew = true;
    }
    if (halving_ > 0) halve_some();
    if (!grew || ++counted_ < words_.size() * uses_an_entry) return;
    counted_ /= 2;
    halving_ = words_.size();
}

void frequency_sketch::halve_some() {
    for (std::size_t left = halved_at_once; left > 0 && halving_ > 0; --left) {
        --halving_;
        words_[halving_] = words_[halving_] >> 1 & 0x7777777777777777;
    }
}

unsigned frequency_sketch::estimate(std::uint64_t hash) const {
    if (words_.empty()) return 0;
    unsigned least = 15;
    for (unsigned row = 0; row < rows; ++row)
        least = std::min(least, unsigned(words_[word_of(hash, row)] >> shift_of(hash, row) & 15));
    return least;
}

}  // namespace cache
