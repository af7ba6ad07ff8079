#include "libbeamcore/dist/internal/wire_writer.hpp"

#include "libbeamcore/dist/internal/bytes.hpp"
#include "libbeamcore/dist/internal/wire_tags.hpp"

namespace beam::dist::detail {

void wire_writer::head(control::op code) {
    const char bytes[] = {char(tag_small_tuple), char(control::find_op(std::uint8_t(code))->arity),
                          char(tag_small_integer), char(code)};
    out_.append(bytes, sizeof bytes);
}

void wire_writer::put(atom a) {
    if (options_.references) {
        if (const auto place = options_.references->place_of(a)) {
            const char bytes[] = {char(tag_atom_cache_ref), char(*place)};
            out_.append(bytes, sizeof bytes);
            return;
        }
    }
    const auto name = a.name();
    if (name.size() <= 0xFF) {
        put_u8(out_, tag_small_atom_utf8);
        put_u8(out_, name.size());
    } else {
        put_u8(out_, tag_atom_utf8);
        put_u16(out_, name.size());
    }
    out_ += name;
}

void wire_writer::put_empty_atom() {
    static const atom empty("");
    put(empty);
}

void wire_writer::put(const pid& p) {
    const node_identity of = node(p.node);
    put_u8(out_, tag_new_pid);
    put(of.name);
    put_u32(out_, p.id);
    put_u32(out_, p.serial);
    put_u32(out_, of.creation);
}

void wire_writer::put(const ref& r) {
    const node_identity of = node(r.node);
    // As etf::encode has it: Erlang makes references of three words, and of five.
    const std::size_t words = (r.words[3] | r.words[4]) == 0 ? 3 : 5;
    put_u8(out_, tag_newer_reference);
    put_u16(out_, words);
    put(of.name);
    put_u32(out_, of.creation);
    for (std::size_t i = 0; i < words; ++i) put_u32(out_, r.words[i]);
}

void wire_writer::put(const control::target& t) {
    if (const auto* p = std::get_if<pid>(&t))
        put(*p);
    else
        put(std::get<atom>(t));
}

void wire_writer::put(std::uint64_t n) {
    if (n <= 0xFF) {
        put_u8(out_, tag_small_integer);
        put_u8(out_, n);
    } else if (n <= INT32_MAX) {
        put_u8(out_, tag_integer);
        put_u32(out_, n);
    } else {
        put(term(n));
    }
}

void wire_writer::put(const term& t) {
    etf::encode_options inside = options_;
    inside.with_version = false;
    if (auto r = etf::encode(t, out_, inside); !r) throw r.error();
}

}  // namespace beam::dist::detail
