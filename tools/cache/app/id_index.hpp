// id_index: the slot of each id. Ids are never 0.
//
// 256 small tables with open addressing: when one is full it alone is made anew, so that no growth takes long.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "tools/cache/app/slots.hpp"

namespace cache {

class id_index {
public:
    void insert(std::uint64_t id, slot s) {
        part& p = part_of(id);
        if ((p.used + 1) * 4 > p.cells.size() * 3) grow(p);
        put(p, {id, s});
    }
    [[nodiscard]] slot find(std::uint64_t id) const {
        const part& p = parts_[mix(id) >> 56];
        if (p.cells.empty()) return no_slot;
        const std::size_t mask = p.cells.size() - 1;
        for (std::size_t i = mix(id) & mask;; i = (i + 1) & mask) {
            if (p.cells[i].id == id) return p.cells[i].at;
            if (p.cells[i].id == 0) return no_slot;
        }
    }
    void erase(std::uint64_t id);
    [[nodiscard]] std::size_t size() const { return size_; }

private:
    struct cell {
        std::uint64_t id = 0;
        slot at = no_slot;
    };
    struct part {
        std::vector<cell> cells;
        std::size_t used = 0;
    };

    static std::uint64_t mix(std::uint64_t id) {
        id *= 0x9E3779B97F4A7C15;
        return id ^ id >> 32;
    }
    part& part_of(std::uint64_t id) { return parts_[mix(id) >> 56]; }
    void put(part& p, cell c);
    void grow(part& p);

    std::array<part, 256> parts_;
    std::size_t size_ = 0;
};

}  // namespace cache
