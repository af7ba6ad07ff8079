#include "libbeamcore/term/internal/etf_encoder.hpp"

#include <bit>
#include <cstring>
#include <limits>
#include <span>

#include "libbeamcore/term/internal/atom_table.hpp"
#include "libbeamcore/term/internal/bigint.hpp"
#include "libbeamcore/term/internal/list_part.hpp"

namespace beam::etf {
namespace {

using detail::term_access;
using detail::term_node;

const term closure_end;                                        // where it is counts
constexpr std::size_t head_max = 16;                           // before a name or other bytes
constexpr std::size_t short_max = 2 + detail::atom_head_size;  // what is written without a look

template <class T>
const T& payload(const term_node* n) noexcept {
    return *reinterpret_cast<const T*>(n + 1);
}

// Whether that is an integer that takes a short form; and that.
inline bool is_short_integer(const term& t) noexcept {
    auto i = std::int64_t(term_access::word(t)) >> 1;
    return (term_access::word(t) & 1) != 0 && i == std::int32_t(i);
}
inline char* put_short_integer(char* at, const term& t) noexcept {
    auto i = std::uint64_t(std::int64_t(term_access::word(t)) >> 1);
    auto small = std::uint64_t(tag::small_integer) | i << 8;
    auto four = std::uint64_t(tag::integer) | std::uint64_t(swapped(std::uint32_t(i))) << 8;
    bool is_small = i <= 0xff;
    store(at, is_small ? small : four);
    return at + (is_small ? 2 : 5);
}

// As many of them as come first, until `at` is beyond `last`. By itself, so that its loop is no part
// of a larger one, whose registers it would have to do without.
struct integers_put {
    char* at;
    const term* next;
};
[[gnu::noinline]] integers_put put_short_integers(char* at, const char* last,
                                                  std::span<const term> terms) noexcept {
    const auto* next = terms.data();
    const auto* end = next + terms.size();
    for (; next != end && at <= last && is_short_integer(*next); ++next)
        at = put_short_integer(at, *next);
    return {at, next};
}

inline char* put_head(char* at, tag t, std::uint32_t size) noexcept {
    at[0] = char(t);
    store_big(at + 1, size);
    return at + 5;
}
inline char* put_float(char* at, double d) noexcept {
    at[0] = char(tag::new_float);
    store_big(at + 1, std::bit_cast<std::uint64_t>(d));
    return at + 9;
}
inline char* put_bytes(char* at, const void* bytes, std::size_t count) noexcept {
    copy_short(at, bytes, count);
    return at + count;
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
    // In registers, as `at`.
    const auto* next = &root;
    const auto* end = next + 1;
    auto* at = at_;
    auto* const last = block_ + sizeof block_ - short_max;
    for (;;) {
        if (next == end) {
            at_ = at;
            if (!close()) return;
            next = now_.next, end = now_.end, at = at_;
        } else if (at > last) {
            at_ = at;
            flush();
            at = at_;
        } else if (is_short_integer(*next)) {
            auto done = put_short_integers(at, last, {next, end});
            at = done.at;
            next = done.next;
        } else if (auto* after = common(at, *next, std::size_t(last - at))) {
            ++next;
            at = after;
        } else {
            at_ = at;
            now_.next = next + 1, now_.end = end;
            if (const auto* n = term_access::node(*next))
                boxed(*next, n);
            else
                one(*next);
            next = now_.next, end = now_.end, at = at_;
        }
    }
}

// What most terms consist of, where short_max bytes have room, and `room` more. Gives where the next
// one goes, or null if it is not one of these: one() and boxed() write everything.
inline char* encoder::common(char* at, const term& t, std::size_t room) const noexcept {
    if (const auto* n = term_access::node(t)) {
        if (n->kind == std::uint8_t(term_kind::bitstring) && n->flags == 0 && n->size <= room)
            return put_bytes(put_head(at, tag::binary, std::uint32_t(n->size)), n + 1, n->size);
        if (n->kind == std::uint8_t(term_kind::floating)) return put_float(at, payload<double>(n));
    } else if (t.is_atom() && !options_.references) {
        const auto& e = detail::atom_entry_at(t.as_atom()->index());
        if (e.size > detail::atom_head_size) return nullptr;
        at[0] = char(tag::small_atom_utf8);
        at[1] = char(e.size);
        std::memcpy(at + 2, &e.head, sizeof e.head);
        return at + 2 + e.size;
    }
    return nullptr;
}

void encoder::open(const term* first, std::size_t count, const term* tail) {
    if (outer_.size() >= options_.depth_max) throw stopped{"too_deep", "more levels than allowed"};
    outer_.push(now_);
    now_ = {first, first + count, tail};
}

// False when the root is done.
bool encoder::close() {
    if (const auto* tail = std::exchange(now_.tail, nullptr)) {
        if (tail != &closure_end) {
            if (auto part = detail::part_of(*tail); part.count > 0)
                now_ = {part.first, part.first + part.count, part.tail};
            else
                now_.next = tail, now_.end = tail + 1;
            return true;
        }
        flush();
        auto size_at = closures_.back();
        closures_.pop_back();
        store_big(out_.data() + size_at, length(out_.size() - size_at));
    }
    if (outer_.empty()) return false;
    now_ = outer_.top();
    outer_.pop();
    return true;
}

void encoder::one(const term& t) {
    room(head_max);
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
            return head(tag::map, 0);
        default:
            return head(tag::binary, 0);
    }
}

void encoder::boxed(const term& t, const term_node* n) {
    room(head_max);
    switch (term_kind(n->kind)) {
        case term_kind::integer:
            return big(n);
        case term_kind::floating:
            at_ = put_float(at_, payload<double>(n));
            return;
        case term_kind::ref:
            return ref(payload<beam::ref>(n), n->flags);
        case term_kind::fun:
            return fun(payload<beam::fun>(n));
        case term_kind::port:
            return port(payload<beam::port>(n));
        case term_kind::pid:
            return pid(payload<beam::pid>(n));
        case term_kind::tuple:
            if (n->size <= 0xff) {
                put(tag::small_tuple);
                *at_++ = char(n->size);
            } else {
                head(tag::large_tuple, n->size);
            }
            return open(&payload<term>(n), n->size, nullptr);
        case term_kind::map:
            static_assert(sizeof(map_entry) == 2 * sizeof(term));
            head(tag::map, n->size);
            return open(&payload<term>(n), 2 * n->size, nullptr);
        case term_kind::list:
            return list(t);
        default:
            return bits(t, n);
    }
}

void encoder::head(tag t, std::size_t size) {
    at_ = put_head(at_, t, length(size));
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
    head(tag::list, count);
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

void encoder::atom(beam::atom a) {
    if (options_.references) {
        if (auto place = options_.references->place_of(a)) {
            put(tag::atom_cache_ref);
            *at_++ = char(*place);
            return;
        }
    }
    auto name = a.name();
    room(3);
    if (name.size() <= 0xff) {
        put(tag::small_atom_utf8);
        *at_++ = char(name.size());
    } else {
        put(tag::atom_utf8);
        put_big_endian(std::uint16_t(name.size()));
    }
    append(name.data(), name.size());
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

void encoder::ref(const beam::ref& r, std::size_t words) {
    auto of = node(r.node);
    if (words == 0) words = usual_words(r);
    put(tag::newer_reference);
    put_big_endian(std::uint16_t(words));
    atom(of.name);
    room(4 + sizeof r.words);
    put_big_endian(of.creation);
    for (std::size_t i = 0; i < words; ++i) put_big_endian(r.words[i]);
}

void encoder::bits(const term& t, const term_node* n) {
    const auto used = n->flags & 7;
    head(used == 0 ? tag::binary : tag::bit_binary, n->size);
    if (used != 0) *at_++ = char(used);
    // Not in a closure, whose size is written.
    if (n->size >= splice_min && options_.splices && used == 0 && closures_.empty()) {
        flush();
        return options_.splices->push_back({out_.size(), t});
    }
    const auto bytes = t.bytes();
    append(bytes.data(), bytes.size());
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
    closures_.push_back(out_.size() + std::size_t(at_ - block_));
    put_big_endian(std::uint32_t(0));
    *at_++ = char(f.arity);
    room(digest_size + 8);
    at_ = put_bytes(at_, data[part_digest].bytes().data(), digest_size);
    put_big_endian(*data[part_index].as_int<std::uint32_t>());
    put_big_endian(length(data.size() - part_free));
    auto parts = data.subspan(part_module);
    open(parts.data(), parts.size(), &closure_end);
}

// -- bytes ----------------------------------------------------------------------------------------

void encoder::append(const void* bytes, std::size_t count) {
    if (count <= std::size_t(block_ + sizeof block_ - at_)) {
        at_ = put_bytes(at_, bytes, count);
        return;
    }
    flush();
    out_.append(static_cast<const char*>(bytes), count);
}

std::uint32_t encoder::length(std::size_t count) const {
    if (count > std::numeric_limits<std::uint32_t>::max())
        throw stopped{"too_large", "more than 2^32-1 elements or bytes"};
    return std::uint32_t(count);
}

}  // namespace beam::etf
