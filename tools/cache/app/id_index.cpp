#include "tools/cache/app/id_index.hpp"

#include <algorithm>
#include <utility>

namespace cache {

void id_index::put(part& p, cell c) {
    const std::size_t mask = p.cells.size() - 1;
    std::size_t i = mix(c.id) & mask;
    while (p.cells[i].id != 0) i = (i + 1) & mask;
    p.cells[i] = c;
    ++p.used;
    ++size_;
}

void id_index::grow(part& p) {
    std::vector<cell> old = std::exchange(p.cells, {});
    p.cells.resize(std::max<std::size_t>(16, old.size() * 2));
    size_ -= std::exchange(p.used, 0);
    for (const cell& c : old)
        if (c.id != 0) put(p, c);
}

void id_index::erase(std::uint64_t id) {
    part& p = part_of(id);
    if (p.cells.empty()) return;
    const std::size_t mask = p.cells.size() - 1;
    std::size_t hole = mix(id) & mask;
    while (p.cells[hole].id != id) {
        if (p.cells[hole].id == 0) return;
        hole = (hole + 1) & mask;
    }
    // Those that stand behind it because it was taken move up.
    for (std::size_t i = (hole + 1) & mask; p.cells[i].id != 0; i = (i + 1) & mask) {
        const std::size_t wanted = mix(p.cells[i].id) & mask;
        if (((i - wanted) & mask) < ((i - hole) & mask)) continue;
        p.cells[hole] = p.cells[i];
        hole = i;
    }
    p.cells[hole] = {};
    --p.used;
    --size_;
}

}  // namespace cache
