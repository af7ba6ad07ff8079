// Atoms: names that compare in one instruction.
//
// An atom is an index into one table of the OS process, shared by all nodes and modules in it, so
// it may pass anywhere inside the process and outlives any module. Atoms are never freed: do not
// make them from what a stranger sends (existing_atom() looks up without creating; the table is
// bounded).
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/base/result.hpp"

namespace beam {

/// A name of at most 255 characters of UTF-8. A plain 4-byte value; the default is `undefined`.
class BEAM_EXPORT atom {
public:
    static constexpr std::size_t length_max = 255;  ///< characters, as in OTP

    constexpr atom() noexcept = default;

    /// The atom of that text, created if need be. Throws std::length_error (`system_limit`) when
    /// the table is full or the text too long, std::invalid_argument when it is not UTF-8.
    explicit atom(std::string_view text);

    /// The atom of that table index, which an index() must have given.
    [[nodiscard]] static constexpr atom at(std::uint32_t index) noexcept {
        atom a;
        a.index_ = index;
        return a;
    }

    [[nodiscard]] constexpr std::uint32_t index() const noexcept { return index_; }

    /// Its text, UTF-8 and followed by a zero byte; stays where it is as long as the OS process
    /// lives. Takes no lock.
    [[nodiscard]] std::string_view name() const noexcept;

    /// A hash of the text, the same in every OS process. Takes no lock.
    [[nodiscard]] std::uint64_t hash() const noexcept;

    friend constexpr bool operator==(atom a, atom b) noexcept { return a.index_ == b.index_; }

    /// Erlang's order: by text, bytewise (which for UTF-8 is by code point).
    friend std::strong_ordering operator<=>(atom a, atom b) noexcept {
        return a.index_ == b.index_ ? std::strong_ordering::equal : a.name() <=> b.name();
    }

private:
    std::uint32_t index_ = 0;
};

/// The atom of that text, created if need be.
///
/// Errors: `system_limit` (table full, or longer than atom::length_max), `not_utf8`.
[[nodiscard]] BEAM_EXPORT result<atom> try_atom(std::string_view text);

/// The atom of that text if there is one; creates nothing. Takes no lock.
[[nodiscard]] BEAM_EXPORT std::optional<atom> existing_atom(std::string_view text) noexcept;

/// How many atoms there are, well-known ones included.
[[nodiscard]] BEAM_EXPORT std::size_t atom_count() noexcept;

/// How many there may be (default 1,048,576).
[[nodiscard]] BEAM_EXPORT std::size_t atom_limit() noexcept;

/// Sets atom_limit(), clamped to between what there is and 16,777,216. For the start of a program
/// and for tests. Returns what was set.
BEAM_EXPORT std::size_t set_atom_limit(std::size_t limit) noexcept;

}  // namespace beam

template <>
struct std::hash<beam::atom> {
    std::size_t operator()(beam::atom a) const noexcept {
        return a.index() * 0x9E3779B97F4A7C15u;  // spread: tables use the low or the high bits
    }
};
