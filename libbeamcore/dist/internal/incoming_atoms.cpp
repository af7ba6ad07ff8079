#include "libbeamcore/dist/internal/incoming_atoms.hpp"

#include <string_view>

namespace beam::dist::detail {

namespace {

constexpr unsigned is_new = 8, segment_bits = 7, is_long_atoms = 1;

// Half a byte for each reference, the lower one first, and one more for them all.
unsigned half_byte(std::string_view bytes, std::size_t i) {
    const auto b = std::uint8_t(bytes[i / 2]);
    return i % 2 == 0 ? b & 0xFU : b >> 4U;
}

}  // namespace

result<std::span<const atom>> incoming_atoms::read(byte_reader& from) {
    const std::size_t count = from.u8();
    if (count == 0) {
        if (!from.ok()) return fail("bad_frame", "a distribution header that is cut");
        return std::span<const atom>();
    }
    const auto halves = from.bytes(count / 2 + 1);
    if (!from.ok()) return fail("bad_frame", "a distribution header that is cut");
    const bool is_long = (half_byte(halves, count) & is_long_atoms) != 0;
    if (slots_.empty()) slots_.resize(cache_slots);
    for (std::size_t i = 0; i < count; ++i) {
        const unsigned how = half_byte(halves, i);
        auto& slot = slots_[(how & segment_bits) * 256 + from.u8()];
        if ((how & is_new) != 0) {
            auto made = read_new(from, is_long);
            if (!made) return pass(made);
            slot = *made;
        }
        if (!from.ok()) return fail("bad_frame", "a distribution header that is cut");
        if (!slot) return fail("bad_frame", "a reference to an atom that was never sent");
        references_[i] = *slot;
    }
    return std::span<const atom>(references_.data(), count);
}

result<atom> incoming_atoms::read_new(byte_reader& from, bool is_long) {
    const auto text = from.bytes(is_long ? from.u16() : from.u8());
    if (!from.ok()) return fail("bad_frame", "a distribution header that is cut");
    if (auto known = existing_atom(text)) return *known;
    if (!budget_.take()) return fail("too_many_atoms", "more new atoms than a peer may bring");
    auto made = try_atom(text);
    if (!made && made.error().is("not_utf8")) return fail("bad_atom", "an atom that is not UTF-8");
    return made;
}

}  // namespace beam::dist::detail
