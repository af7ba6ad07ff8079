#include "libbeamcore/term/internal/etf_encoder.hpp"

#include <bit>
#include <cstring>
#include <limits>

#include "libbeamcore/term/internal/bigint.hpp"
#include "libbeamcore/term/internal/list_part.hpp"

namespace beam::etf {
namespace {

using detail::term_access;
using detail::term_node;

constexpr std::size_t head_max = 16;  // the bytes before a name or an array of others

template <class T>
const T& payload(const term_node* n) noexcept {
    return *reinterpret_cast<const T*>(n + 1);
}

bool are_bytes(const term* first, std::size_t count) noexcept {
    static constexpr std::uint64_t byte_bits = 0xff << 1;
    for (std::size_t i = 0; i < count; ++i)
        if ((term_access::word(first[i]) & ~byte_bits) != 1) return false;
    return true;
}

bool is_closure(const fun& f) noexcept {
    auto data = f.data.elements();
    return data.size() >= part_free && data[part_digest].is_binary() &&
           data[part_digest].bytes().size() == digest_size && f.arity <= 0xff &&
           data[part_index].as_int<std::uint32_t>() && data[part_module].is_atom() &&
           data[part_old_index].is_integer() && data[part_old_unique].is_integer() &&
           data[part_pid].is_pid();
}

}  // namespace

// -- containers -----------------------------------------------------------------------------------

void encoder::write(const term& root) {
    now_ = {&root, &root + 1, nullptr, not_closure};
    do {
        while (now_.next != now_.end) one(*now_.next++);
    } while (close());
}

void encoder::open(const term* first, std::size_t count, const term* tail, std::size_t closure_at) {
    if (outer_.size() >= options_.depth_max) throw stopped{"too_deep", "more levels than allowed"};
    outer_.push(now_);
    now_ = {first, first + count, tail, closure_at};
}

// False when the root is done.
bool encoder::close() {
    if (now_.tail) {
        const auto& tail = *std::exchange(now_.tail, nullptr);
        if (auto part = detail::part_of(tail); part.count > 0)
            now_ = {part.first, part.first + part.count, part.tail, not_closure};
        else
            now_.next = &tail, now_.end = &tail + 1;
        return true;
    }
    if (now_.closure_at != not_closure) {
        flush();
        store_big(out_.data() + now_.closure_at, length(out_.size() - now_.closure_at));
    }
    if (outer_.empty()) return false;
    now_ = outer_.top();
    outer_.pop();
    return true;
}

void encoder::one(const term& t) {
    room(head_max);
    if (const auto* n = term_access::node(t)) return boxed(t, n);
    switch (t.kind()) {
        case term_kind::integer:
            return integer(std::int64_t(term_access::word(t)) >> 1);
        case term_kind::atom:
            return atom(*t.as_atom());
        case term_kind::pid:
            return pid(*t.as_pid());
        case term_kind::nil:
            return put(tag::nil);
        case term_kind::tuple:
            put(tag::small_tuple);
            *at_++ = 0;
            return;
        case term_kind::map:
            put(tag::map);
            return put_big_endian(std::uint32_t(0));
        default:
            put(tag::binary);
            return put_big_endian(std::uint32_t(0));
    }
}

void encoder::boxed(const term& t, const term_node* n) {
    switch (term_kind(n->kind)) {
        case term_kind::integer:
            return big(n);
        case term_kind::floating:
            return floating(payload<double>(n));
        case term_kind::ref:
            return ref(payload<beam::ref>(n));
        case term_kind::fun:
            return fun(payload<beam::fun>(n));
        case term_kind::port:
            return port(payload<beam::port>(n));
        case term_kind::pid:
            return pid(payload<beam::pid>(n));
        case term_kind::tuple:
            return tuple(n);
        case term_kind::map:
            return map(n);
        case term_kind::list:
            return list(t);
        default:
            return bits(n);
    }
}

void encoder::tuple(const term_node* n) {
    if (n->size <= 0xff) {
        put(tag::small_tuple);
        *at_++ = char(n->size);
    } else {
        put(tag::large_tuple);
        put_big_endian(length(n->size));
    }
    open(&payload<term>(n), n->size, nullptr);
}

void encoder::map(const term_node* n) {
    put(tag::map);
    put_big_endian(length(n->size));
    static_assert(sizeof(map_entry) == 2 * sizeof(term));
    open(&payload<term>(n), 2 * n->size, nullptr);
}

void encoder::list(const term& t) {
    std::size_t count = 0;
    bool bytes = true;
    const auto* tail = &t;
    for (auto part = detail::part_of(t); part.count > 0; part = detail::part_of(*tail)) {
        bytes = bytes && are_bytes(part.first, part.count);
        count += part.count;
        tail = part.tail;
    }
    if (bytes && count <= string_length_max && tail->is_nil()) return string(t, count);
    put(tag::list);
    put_big_endian(length(count));
    auto first = detail::part_of(t);
    open(first.first, first.count, first.tail);
}

void encoder::string(const term& t, std::size_t length) {
    put(tag::string);
    put_big_endian(std::uint16_t(length));
    auto view = t.list_elements();
    for (const auto& byte : view) {
        room(1);
        *at_++ = char(term_access::word(byte) >> 1);
    }
}

// -- what is no container -------------------------------------------------------------------------

void encoder::integer(std::int64_t i) {
    if (std::uint64_t(i) <= 0xff) {
        put(tag::small_integer);
        *at_++ = char(i);
    } else if (i == std::int32_t(i)) {
        put(tag::integer);
        put_big_endian(std::uint32_t(i));
    } else {
        auto magnitude = i < 0 ? 0 - std::uint64_t(i) : std::uint64_t(i);
        auto size = std::size_t(std::bit_width(magnitude) + 7) / 8;
        put(tag::small_big);
        *at_++ = char(size);
        *at_++ = i < 0;
        store(at_, magnitude);
        at_ += size;
    }
}

void encoder::big(const term_node* n) {
    auto magnitude = bigint::magnitude(n);
    auto size =
        length(magnitude.size_bytes() - std::size_t(std::countl_zero(magnitude.back()) / 8));
    if (size <= 0xff) {
        put(tag::small_big);
        *at_++ = char(size);
    } else {
        put(tag::large_big);
        put_big_endian(size);
    }
    *at_++ = bigint::is_negative(n);
    append(magnitude.data(), size);
}

void encoder::floating(double d) {
    put(tag::new_float);
    put_big_endian(std::bit_cast<std::uint64_t>(d));
}

void encoder::atom(beam::atom a) {
    if (options_.references) {
        if (auto place = options_.references->place_of(a)) {
            put(tag::atom_cache_ref);
            *at_++ = char(*place);
            return;
        }
    }
    auto name = a.name();
    room(3 + name.size());
    if (name.size() <= 0xff) {
        put(tag::small_atom_utf8);
        *at_++ = char(name.size());
    } else {
        put(tag::atom_utf8);
        put_big_endian(std::uint16_t(name.size()));
    }
    put_bytes(name.data(), name.size());
}

void encoder::pid(const beam::pid& p) {
    auto of = node(p.node);
    put(tag::new_pid);
    atom(of.name);
    room(12);
    put_big_endian(p.id);
    put_big_endian(p.serial);
    put_big_endian(of.creation);
}

void encoder::port(const beam::port& p) {
    auto of = node(p.node);
    bool fits = p.id < (1u << 28);  // as OTP 25, for nodes that know no other
    put(fits ? tag::new_port : tag::v4_port);
    atom(of.name);
    room(12);
    if (fits)
        put_big_endian(std::uint32_t(p.id));
    else
        put_big_endian(p.id);
    put_big_endian(of.creation);
}

void encoder::ref(const beam::ref& r) {
    auto of = node(r.node);
    // Erlang makes references of three words, and of five; where the last ones are zero they are
    // equal to it.
    std::uint16_t words = (r.words[3] | r.words[4]) == 0 ? 3 : 5;
    put(tag::newer_reference);
    put_big_endian(words);
    atom(of.name);
    room(4 + sizeof r.words);
    put_big_endian(of.creation);
    for (std::size_t i = 0; i < words; ++i) put_big_endian(r.words[i]);
}

void encoder::bits(const term_node* n) {
    put(n->flags == 0 ? tag::binary : tag::bit_binary);
    put_big_endian(length(n->size));
    if (n->flags != 0) *at_++ = char(n->flags);
    append(n + 1, n->size);
}

void encoder::fun(const beam::fun& f) {
    if (!f.external) return closure(f);
    put(tag::export_);
    atom(f.module);
    atom(f.name);
    room(head_max);
    integer(f.arity);
}

void encoder::closure(const beam::fun& f) {
    if (!is_closure(f)) throw stopped{"not_encodable", "a closure that no Erlang node made"};
    auto data = f.data.elements();
    put(tag::new_fun);
    auto size_at = out_.size() + std::size_t(at_ - block_);
    put_big_endian(std::uint32_t(0));
    *at_++ = char(f.arity);
    room(digest_size + 8);
    put_bytes(data[part_digest].bytes().data(), digest_size);
    put_big_endian(*data[part_index].as_int<std::uint32_t>());
    put_big_endian(length(data.size() - part_free));
    auto parts = data.subspan(part_module);
    open(parts.data(), parts.size(), nullptr, size_at);
}

// -- bytes ----------------------------------------------------------------------------------------

void encoder::put_bytes(const void* bytes, std::size_t count) noexcept {
    std::memcpy(at_, bytes, count);
    at_ += count;
}

void encoder::append(const void* bytes, std::size_t count) {
    if (count <= std::size_t(block_ + sizeof block_ - at_)) return put_bytes(bytes, count);
    flush();
    out_.append(static_cast<const char*>(bytes), count);
}

std::uint32_t encoder::length(std::size_t count) const {
    if (count > std::numeric_limits<std::uint32_t>::max())
        throw stopped{"too_large", "more than 2^32-1 elements or bytes"};
    return std::uint32_t(count);
}

}  // namespace beam::etf
