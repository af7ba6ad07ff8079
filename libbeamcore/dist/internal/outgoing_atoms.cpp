#include "libbeamcore/dist/internal/outgoing_atoms.hpp"

#include "libbeamcore/dist/internal/bytes.hpp"

namespace beam::dist::detail {

namespace {

std::size_t slot_of(atom a) {
    return (a.index() * 0x9E3779B1U) >> 21U;  // the upper eleven bits
}
static_assert(cache_slots == 1U << 11U);

}  // namespace

void outgoing_atoms::begin_frame() {
    ++frame_;
    references_.clear();
    has_long_ = false;
}

std::optional<std::uint8_t> outgoing_atoms::place_of(atom a) {
    slot& s = slots_[slot_of(a)];
    const bool is_here = s.is_used && s.kept == a;
    if (s.frame == frame_) {
        if (is_here) return s.place;
        return {};  // another atom of this frame is there
    }
    if (references_.size() == references_max) return {};
    s.frame = frame_;
    s.place = std::uint8_t(references_.size());
    s.kept = a;
    s.is_used = true;
    references_.push_back({std::uint16_t(&s - slots_.data()), !is_here});
    if (!is_here && a.name().size() > 0xFF) has_long_ = true;
    return s.place;
}

void outgoing_atoms::write(std::string& to) const {
    const std::size_t count = references_.size();
    put_u8(to, count);
    if (count == 0) return;
    const std::size_t halves_at = to.size();
    to.append(count / 2 + 1, '\0');
    auto set_half = [&](std::size_t i, unsigned value) {
        char& b = to[halves_at + i / 2];
        b = char(std::uint8_t(b) | value << (i % 2 == 0 ? 0U : 4U));
    };
    for (std::size_t i = 0; i < count; ++i) {
        const reference& r = references_[i];
        set_half(i, (r.is_new ? 8U : 0U) | r.slot >> 8U);
        put_u8(to, r.slot & 0xFFU);
        if (!r.is_new) continue;
        const auto name = slots_[r.slot].kept.name();
        has_long_ ? put_u16(to, name.size()) : put_u8(to, name.size());
        to += name;
    }
    if (has_long_) set_half(count, 1);
}

void outgoing_atoms::forget_frame() {
    for (const reference& r : references_)
        if (r.is_new) slots_[r.slot].is_used = false;
    references_.clear();
}

}  // namespace beam::dist::detail
