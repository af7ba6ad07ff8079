// frequency_sketch: about how often a key was used lately, in four bits a counter.
//
// A count-min sketch with four counters a key, halved when as many uses were counted as there are ten entries'
// worth: what was popular long ago is forgotten. From "TinyLFU: A Highly Efficient Cache Admission Policy"
// (Einziger, Friedman, Manes).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace cache {

class frequency_sketch {
public:
    /// Room for the keys of `entries` entries. Grows only; growing forgets everything.
    void cover(std::size_t entries);
    void count(std::uint64_t hash);
    /// 0 to 15.
    [[nodiscard]] unsigned estimate(std::uint64_t hash) const;

private:
    static constexpr std::size_t halved_at_once = 4096;

    [[nodiscard]] std::size_t word_of(std::uint64_t hash, unsigned row) const;
    void halve_some();

    std::vector<std::uint64_t> words_;  // sixteen counters each
    std::size_t counted_ = 0;
    std::size_t halving_ = 0;  // words still to be halved
};

}  // namespace cache
