#include "libbeamcore/term/atom.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <vector>

#include "libbeamcore/base/hash.hpp"
#include "libbeamcore/base/utf8.hpp"
#include "libbeamcore/term/atoms.hpp"
#include "libbeamcore/term/internal/atom_table.hpp"

namespace beam {

constinit std::atomic<detail::atom_entry*>
    detail::atom_segments[detail::atoms_max / detail::atom_segment_size] = {};
constinit std::atomic<const detail::atom_entry*> detail::short_atom[detail::short_atoms] = {};

namespace {

using detail::atom_entry;
using detail::atom_entry_at;
using detail::atom_segment_size;
using detail::atom_segments;

constexpr std::uint32_t free_slot = 0xffff'ffff;

// Where the texts are found: open addressing, at most half full, a slot is an atom's index.
struct slots {
    explicit slots(std::size_t n) : mask(n - 1), index(new std::atomic<std::uint32_t>[n]) {
        for (std::size_t i = 0; i < n; ++i) index[i].store(free_slot, std::memory_order_relaxed);
    }
    std::size_t mask;
    std::unique_ptr<std::atomic<std::uint32_t>[]> index;
};

// Rules:
// 1. Entries and texts are written once, before their index is published, and never move: a reader
//    that has an index may read the entry. Segments are published by their pointer (release).
// 2. One writer at a time (insert_). It stores the index into `slots` last, with release; readers
//    load it with acquire. Without it a reader could see an index before the entry.
// 3. A larger `slots` replaces a full one and the old one stays, for readers may still be in it;
//    they miss only what came later, and insert() looks again under the lock. All old ones together
//    are smaller than the current one.
class table {
public:
    table() {
        auto first = std::make_unique<slots>(2048);
        slots_.store(first.get(), std::memory_order_release);
        all_slots_.push_back(std::move(first));
#define BEAM_X(identifier, text) add_static(text);
        BEAM_WELL_KNOWN_ATOMS(BEAM_X)
#undef BEAM_X
    }

    std::optional<std::uint32_t> find(std::string_view text, std::uint64_t hash) const noexcept {
        const auto& s = *slots_.load(std::memory_order_acquire);
        for (auto i = hash & s.mask;; i = (i + 1) & s.mask) {
            auto index = s.index[i].load(std::memory_order_acquire);
            if (index == free_slot) return {};
            const auto& e = atom_entry_at(index);
            if (e.hash == hash && e.name() == text) return index;
        }
    }

    // None when the table is full.
    std::optional<std::uint32_t> insert(std::string_view text, std::uint64_t hash) {
        std::lock_guard lock(insert_);
        if (auto found = find(text, hash)) return found;
        if (count_.load(std::memory_order_relaxed) >= limit_.load(std::memory_order_relaxed))
            return {};
        return add(keep(text), text, hash);
    }

    std::size_t count() const noexcept {
        return count_.load(std::memory_order_relaxed);
    }
    std::size_t limit() const noexcept {
        return limit_.load(std::memory_order_relaxed);
    }
    std::size_t set_limit(std::size_t limit) noexcept {
        std::lock_guard lock(insert_);
        limit = std::clamp(limit, count(), detail::atoms_max);
        limit_.store(limit, std::memory_order_relaxed);
        return limit;
    }

private:
    void add_static(std::string_view text) {
        add(text.data(), text, xxh3_64(text));
    }

    std::uint32_t add(const char* kept, std::string_view text, std::uint64_t hash) {
        auto index = std::uint32_t(count_.load(std::memory_order_relaxed));
        auto& segment = atom_segments[index / atom_segment_size];
        if (!segment.load(std::memory_order_relaxed))
            segment.store(new atom_entry[atom_segment_size], std::memory_order_release);
        segment.load(std::memory_order_relaxed)[index % atom_segment_size] = {
            kept, hash, detail::head_of(text), std::uint32_t(text.size()), index};
        if (2 * (index + 1) > slots_.load(std::memory_order_relaxed)->mask) grow();
        put(*slots_.load(std::memory_order_relaxed), hash, index);
        count_.store(index + 1, std::memory_order_relaxed);
        return index;
    }

    static void put(slots& s, std::uint64_t hash, std::uint32_t index) noexcept {
        auto i = hash & s.mask;
        while (s.index[i].load(std::memory_order_relaxed) != free_slot) i = (i + 1) & s.mask;
        s.index[i].store(index, std::memory_order_release);
    }

    void grow() {
        auto larger = std::make_unique<slots>(2 * (all_slots_.back()->mask + 1));
        auto n = std::uint32_t(count_.load(std::memory_order_relaxed));
        for (std::uint32_t i = 0; i < n; ++i) put(*larger, atom_entry_at(i).hash, i);
        slots_.store(larger.get(), std::memory_order_release);
        all_slots_.push_back(std::move(larger));
    }

    const char* keep(std::string_view text) {
        if (text.size() + 1 > room_) {
            room_ = 8192;  // an atom has at most 1020 bytes
            next_ = new char[room_];
        }
        char* kept = next_;
        std::memcpy(kept, text.data(), text.size());
        kept[text.size()] = 0;
        next_ += text.size() + 1;
        room_ -= text.size() + 1;
        return kept;
    }

    std::mutex insert_;
    std::atomic<std::size_t> count_ = 0;
    std::atomic<std::size_t> limit_ = 1'048'576;
    std::atomic<slots*> slots_ = nullptr;
    std::vector<std::unique_ptr<slots>> all_slots_;
    char* next_ = nullptr;
    std::size_t room_ = 0;
};

// Never destroyed: atoms are used by whatever runs last.
table& atoms_table() noexcept {
    static auto* made = new table;
    return *made;
}

}  // namespace

const atom_entry& detail::atom_entry_slowly(std::uint32_t index) noexcept {
    static constexpr atom_entry nothing{"", 0, {}, 0, 0};
    (void)atoms_table();  // a constant of atoms.hpp may be used before there is a table
    if (index >= atoms_max) return nothing;
    const auto* s = atom_segments[index / atom_segment_size].load(std::memory_order_acquire);
    return s ? s[index % atom_segment_size] : nothing;
}

std::optional<atom> detail::existing_short_atom(const atom_head& head, std::uint32_t size,
                                                std::size_t place) noexcept {
    char text[sizeof head];
    std::memcpy(text, &head, sizeof head);
    auto found = beam::existing_atom(std::string_view(text, size));
    if (found) short_atom[place].store(&atom_entry_at(found->index()), std::memory_order_release);
    return found;
}

result<atom> try_atom(std::string_view text) {
    auto& table = atoms_table();
    auto hash = xxh3_64(text);
    if (auto found = table.find(text, hash)) return atom::at(*found);
    if (!is_valid_utf8(text)) return fail("not_utf8", "an atom's text is UTF-8");
    if (text.size() > atom::length_max && utf8_length(text) > atom::length_max)
        return fail("system_limit", "an atom has at most 255 characters");
    if (auto made = table.insert(text, hash)) return atom::at(*made);
    return fail("system_limit",
                "the atom table is full (" + std::to_string(table.limit()) + " atoms)");
}

atom::atom(std::string_view text) {
    auto made = try_atom(text);
    if (!made && made.error().is("not_utf8")) throw std::invalid_argument(made.error().detail);
    if (!made) throw std::length_error("system_limit: " + made.error().detail);
    *this = *made;
}

std::string_view atom::name() const noexcept {
    return atom_entry_at(index_).name();
}

std::uint64_t atom::hash() const noexcept {
    return atom_entry_at(index_).hash;
}

std::optional<atom> existing_atom(std::string_view text) noexcept {
    if (auto found = atoms_table().find(text, xxh3_64(text))) return atom::at(*found);
    return {};
}

std::size_t atom_count() noexcept {
    return atoms_table().count();
}
std::size_t atom_limit() noexcept {
    return atoms_table().limit();
}
std::size_t set_atom_limit(std::size_t limit) noexcept {
    return atoms_table().set_limit(limit);
}

}  // namespace beam
