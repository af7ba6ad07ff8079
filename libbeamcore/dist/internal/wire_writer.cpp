#include "libbeamcore/dist/internal/wire_writer.hpp"

#include <cstring>

#include "libbeamcore/dist/internal/wire_tags.hpp"

namespace beam::dist::detail {

void wire_writer::u16(std::uint64_t v) {
    const auto swapped = __builtin_bswap16(std::uint16_t(v));
    std::memcpy(at_, &swapped, sizeof swapped);
    at_ += sizeof swapped;
}

void wire_writer::u32(std::uint64_t v) {
    const auto swapped = __builtin_bswap32(std::uint32_t(v));
    std::memcpy(at_, &swapped, sizeof swapped);
    at_ += sizeof swapped;
}

void wire_writer::finish() {
    out_.append(block_, std::size_t(at_ - block_));
    at_ = block_;
}

void wire_writer::put_version() {
    room();
    u8(version_byte);
}

void wire_writer::head(control::op code) {
    room();
    u8(tag_small_tuple);
    u8(control::find_op(std::uint8_t(code))->arity);
    u8(tag_small_integer);
    u8(std::uint8_t(code));
}

void wire_writer::put(atom a) {
    room();
    name(a);
}

// Without looking for room.
void wire_writer::name(atom a) {
    if (options_.references) {
        if (const auto place = options_.references->place_of(a)) {
            u8(tag_atom_cache_ref);
            u8(*place);
            return;
        }
    }
    const auto text = a.name();
    if (text.size() <= 0xFF) {
        u8(tag_small_atom_utf8);
        u8(text.size());
    } else {
        u8(tag_atom_utf8);
        u16(text.size());
    }
    std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
}

void wire_writer::put_empty_atom() {
    static const atom empty("");
    put(empty);
}

void wire_writer::put(const pid& p) {
    room();
    const node_identity of = node(p.node);
    u8(tag_new_pid);
    name(of.name);
    u32(p.id);
    u32(p.serial);
    u32(of.creation);
}

void wire_writer::put(const ref& r) {
    room();
    const node_identity of = node(r.node);
    // As etf::encode has it: Erlang makes references of three words, and of five.
    const std::size_t words = (r.words[3] | r.words[4]) == 0 ? 3 : 5;
    u8(tag_newer_reference);
    u16(words);
    name(of.name);
    u32(of.creation);
    for (std::size_t i = 0; i < words; ++i) u32(r.words[i]);
}

void wire_writer::put(const control::target& t) {
    if (const auto* p = std::get_if<pid>(&t))
        put(*p);
    else
        put(std::get<atom>(t));
}

void wire_writer::put(std::uint64_t n) {
    if (n > INT32_MAX) {
        put(term(n));
        return;
    }
    room();
    if (n <= 0xFF) {
        u8(tag_small_integer);
        u8(n);
    } else {
        u8(tag_integer);
        u32(n);
    }
}

void wire_writer::put(const term& t) {
    finish();
    etf::encode_options inside = options_;
    inside.with_version = false;
    inside.splices = nullptr;  // only the message goes in fragments
    if (auto r = etf::encode(t, out_, inside); !r) throw r.error();
}

}  // namespace beam::dist::detail
