#include "libbeamcore/dist/flags.hpp"

#include <array>
#include <charconv>

namespace beam::dist {

namespace {

using use = flag_use;
using need = flag_need;

constexpr flag_entry all_flags[] = {
    {flag::published, "PUBLISHED", use::when_visible, need::optional, "in nodes() of others"},
    {flag::atom_cache, "ATOM_CACHE", use::never, need::optional, "dead"},
    {flag::extended_references, "EXTENDED_REFERENCES", use::always, need::otp_25,
     "references of several words"},
    {flag::dist_monitor, "DIST_MONITOR", use::always, need::optional, "monitors across nodes"},
    {flag::fun_tags, "FUN_TAGS", use::always, need::otp_25, "functions as terms"},
    {flag::dist_monitor_name, "DIST_MONITOR_NAME", use::always, need::optional,
     "monitors by registered name"},
    {flag::hidden_atom_cache, "HIDDEN_ATOM_CACHE", use::never, need::optional, "dead"},
    {flag::new_fun_tags, "NEW_FUN_TAGS", use::always, need::otp_25, "functions as terms"},
    {flag::extended_pids_ports, "EXTENDED_PIDS_PORTS", use::always, need::otp_25,
     "pids of more than 18 bits"},
    {flag::export_ptr_tag, "EXPORT_PTR_TAG", use::always, need::otp_25, "fun M:F/A as a term"},
    {flag::bit_binaries, "BIT_BINARIES", use::always, need::otp_25, "bit strings as terms"},
    {flag::new_floats, "NEW_FLOATS", use::always, need::otp_25, "floats as eight bytes"},
    {flag::unicode_io, "UNICODE_IO", use::always, need::optional, "group leaders take Unicode"},
    {flag::dist_hdr_atom_cache, "DIST_HDR_ATOM_CACHE", use::when_compact, need::optional,
     "frames carry a table of their atoms"},
    {flag::small_atom_tags, "SMALL_ATOM_TAGS", use::always, need::optional,
     "short form of short atoms"},
    {flag::utf8_atoms, "UTF8_ATOMS", use::always, need::otp_25, "atoms in UTF-8"},
    {flag::map_tag, "MAP_TAG", use::always, need::otp_25, "maps as terms"},
    {flag::big_creation, "BIG_CREATION", use::always, need::otp_25,
     "a restarted node is told from its former life"},
    {flag::send_sender, "SEND_SENDER", use::always, need::optional, "a message names its sender"},
    {flag::big_seqtrace_labels, "BIG_SEQTRACE_LABELS", use::always, need::optional,
     "trace tokens, which we drop"},
    {flag::exit_payload, "EXIT_PAYLOAD", use::always, need::optional,
     "exit reasons beside the control message"},
    {flag::fragments, "FRAGMENTS", use::when_compact, need::optional,
     "large messages in pieces, so that small ones pass between"},
    {flag::handshake_23, "HANDSHAKE_23", use::always, need::otp_25, "the handshake of version 6"},
    {flag::unlink_id, "UNLINK_ID", use::always, need::optional, "unlink is acknowledged"},
    {flag::mandatory_25_digest, "MANDATORY_25_DIGEST", use::always, need::optional,
     "stands for all that OTP 25 wants"},
    {flag::spawn, "SPAWN", use::always, need::optional, "spawn requests: rpc and erpc"},
    {flag::name_me, "NAME_ME", use::never, need::optional, "asks the peer for a name"},
    {flag::v4_nc, "V4_NC", use::always, need::ours, "pids of 64 bits, as ours are"},
    {flag::alias, "ALIAS", use::always, need::optional, "messages to an alias"},
    {flag::altact_sig, "ALTACT_SIG", use::never, need::optional,
     "replaces alias messages in OTP 28"},
};

template <class Predicate>
constexpr flags all_where(Predicate holds) {
    flags found;
    for (const auto& e : all_flags)
        if (holds(e)) found = found.with(e.bit);
    return found;
}

constexpr flags always_sent = all_where([](const auto& e) { return e.use == use::always; });
constexpr flags of_otp_25 = all_where([](const auto& e) { return e.need == need::otp_25; });
constexpr flags wanted = all_where([](const auto& e) { return e.need != need::optional; });

static_assert(of_otp_25.bits() == 0x1070F94);
static_assert(always_sent.bits() == 0xD075F5FBC);

void append_unknown(std::string& to, std::uint64_t bit) {
    std::array<char, 20> digits;
    const auto end = std::to_chars(digits.begin(), digits.end(), bit, 16).ptr;
    to.append("0x").append(digits.begin(), end);
}

// Calls visit(bit, entry or null) for each flag of `f`, lowest first.
template <class Visit>
void for_each_flag(flags f, Visit visit) {
    const flag_entry* e = std::begin(all_flags);
    for (std::uint64_t left = f.bits(); left != 0; left &= left - 1) {
        const std::uint64_t bit = left & (~left + 1);
        while (e != std::end(all_flags) && std::uint64_t(e->bit) < bit) ++e;
        const bool known = e != std::end(all_flags) && std::uint64_t(e->bit) == bit;
        visit(bit, known ? e : nullptr);
    }
}

}  // namespace

std::span<const flag_entry> flag_table() noexcept {
    return all_flags;
}

flags own_flags(const own_flags_options& options) noexcept {
    flags f = always_sent;
    if (options.visible) f = f.with(flag::published);
    if (options.atom_cache) f = f.with(flag::dist_hdr_atom_cache);
    if (options.fragments) f = f.with(flag::fragments);
    return f;
}

flags expanded(flags peer) noexcept {
    return peer.has(flag::mandatory_25_digest) ? peer | of_otp_25 : peer;
}

flags negotiated(flags ours, flags peer) noexcept {
    return expanded(ours) & expanded(peer);
}

flags missing(flags peer) noexcept {
    return flags(wanted.bits() & ~expanded(peer).bits());
}

std::string to_string(flags f) {
    std::string text;
    for_each_flag(f, [&](std::uint64_t bit, const flag_entry* e) {
        if (!text.empty()) text += ", ";
        if (e)
            text += e->name;
        else
            append_unknown(text, bit);
    });
    return text;
}

std::string explain_missing(flags f) {
    std::string text = "the peer lacks ";
    std::string_view before;
    for_each_flag(f, [&](std::uint64_t, const flag_entry* e) {
        if (!e) return;
        text.append(before).append(e->name).append(" (").append(e->why).append(")");
        before = ", ";
    });
    return text;
}

}  // namespace beam::dist
