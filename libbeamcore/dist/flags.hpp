// The capabilities that two nodes tell each other in the handshake (OTP's DFLAG_..., erts/emulator/beam/dist.h).
//
// Each sends all it has; what applies between them is what both have. One table says what we send, what we cannot
// do without, and why.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include "libbeamcore/base/export.hpp"

namespace beam::dist {

enum class flag : std::uint64_t {
    published = 0x1,
    atom_cache = 0x2,
    extended_references = 0x4,
    dist_monitor = 0x8,
    fun_tags = 0x10,
    dist_monitor_name = 0x20,
    hidden_atom_cache = 0x40,
    new_fun_tags = 0x80,
    extended_pids_ports = 0x100,
    export_ptr_tag = 0x200,
    bit_binaries = 0x400,
    new_floats = 0x800,
    unicode_io = 0x1000,
    dist_hdr_atom_cache = 0x2000,
    small_atom_tags = 0x4000,
    utf8_atoms = 0x10000,
    map_tag = 0x20000,
    big_creation = 0x40000,
    send_sender = 0x80000,
    big_seqtrace_labels = 0x100000,
    exit_payload = 0x400000,
    fragments = 0x800000,
    handshake_23 = 0x1000000,
    unlink_id = 0x2000000,
    mandatory_25_digest = 0x4000000,
    spawn = std::uint64_t(1) << 32,
    name_me = std::uint64_t(1) << 33,
    v4_nc = std::uint64_t(1) << 34,
    alias = std::uint64_t(1) << 35,
    altact_sig = std::uint64_t(1) << 37,
};

/// A set of flags, unknown ones too.
class flags {
public:
    constexpr flags() noexcept = default;
    constexpr explicit flags(std::uint64_t bits) noexcept : bits_(bits) {}
    constexpr flags(std::initializer_list<flag> all) noexcept {
        for (flag f : all) bits_ |= std::uint64_t(f);
    }

    [[nodiscard]] constexpr std::uint64_t bits() const noexcept { return bits_; }
    [[nodiscard]] constexpr bool empty() const noexcept { return bits_ == 0; }
    [[nodiscard]] constexpr bool has(flag f) const noexcept {
        return (bits_ & std::uint64_t(f)) != 0;
    }
    [[nodiscard]] constexpr flags with(flag f) const noexcept {
        return flags(bits_ | std::uint64_t(f));
    }
    [[nodiscard]] constexpr flags without(flag f) const noexcept {
        return flags(bits_ & ~std::uint64_t(f));
    }
    friend constexpr flags operator&(flags a, flags b) noexcept { return flags(a.bits_ & b.bits_); }
    friend constexpr flags operator|(flags a, flags b) noexcept { return flags(a.bits_ | b.bits_); }
    friend constexpr bool operator==(flags, flags) noexcept = default;

private:
    std::uint64_t bits_ = 0;
};

/// Whether we send a flag.
enum class flag_use : std::uint8_t {
    always,
    when_visible,
    when_compact,  ///< own_flags_options::atom_cache and ::fragments decide
    never,
};

/// Who cannot be talked to without it.
enum class flag_need : std::uint8_t {
    optional,
    otp_25,  ///< mandatory since OTP 25: one bit, mandatory_25_digest, may stand for all of them
    ours,    ///< not for OTP 25, but for us
};

struct flag_entry {
    flag bit;
    std::string_view name;  ///< as OTP's documents have it
    flag_use use;
    flag_need need;
    std::string_view why;
};

/// All flags that we know, by ascending bit.
[[nodiscard]] BEAM_EXPORT std::span<const flag_entry> flag_table() noexcept;

struct own_flags_options {
    bool visible = false;  ///< in the nodes() of others; wants `global` spoken (else: hidden)
    bool atom_cache = false;
    bool fragments = false;
};

/// What we send.
[[nodiscard]] BEAM_EXPORT flags own_flags(const own_flags_options& options = {}) noexcept;

/// What the peer's flags mean: mandatory_25_digest stands for all that are mandatory since OTP 25.
[[nodiscard]] BEAM_EXPORT flags expanded(flags peer) noexcept;

/// What applies between us: what both have.
[[nodiscard]] BEAM_EXPORT flags negotiated(flags ours, flags peer) noexcept;

/// What we cannot do without and the peer has not.
[[nodiscard]] BEAM_EXPORT flags missing(flags peer) noexcept;

/// The names: `MAP_TAG, V4_NC`; an unknown bit as `0x200000000000`.
[[nodiscard]] BEAM_EXPORT std::string to_string(flags f);

/// What is missing, and why each is wanted, for people.
[[nodiscard]] BEAM_EXPORT std::string explain_missing(flags f);

}  // namespace beam::dist
