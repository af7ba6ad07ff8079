#include "libbeamcore/term/internal/etf_decoder.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <utility>

#include "libbeamcore/term/internal/bigint.hpp"

namespace beam::etf {
namespace {

using detail::new_node;
using detail::term_access;
using detail::term_node;

void fill(term* slot, term&& t) noexcept {
    new (slot) term(std::move(t));  // what it was is no node
}

template <class T>
T* payload(term_node* n) noexcept {
    return reinterpret_cast<T*>(n + 1);
}

term_node* node_of_slots(term_kind kind, std::size_t size, std::size_t slots) {
    auto* n = new_node(kind, size, slots * sizeof(term));
    auto* slot = payload<term>(n);
    for (std::size_t i = 0; i < slots; ++i) new (slot + i) term;
    return n;
}

// Sorts a map's entries, whose keys must all differ.
void sort_entries(term_node* n) {
    auto* first = payload<map_entry>(n);
    auto* end = first + n->size;
    auto out_of_order = [](const map_entry& a, const map_entry& b) {
        return compare_exact(a.key, b.key) >= 0;
    };
    if (std::adjacent_find(first, end, out_of_order) == end) return;
    std::sort(first, end, [](const map_entry& a, const map_entry& b) {
        return compare_exact(a.key, b.key) < 0;
    });
    if (std::adjacent_find(first, end, out_of_order) != end)
        throw stopped{"duplicate_key", "a map with a key twice"};
}

}  // namespace

// -- containers -----------------------------------------------------------------------------------

term decoder::read() {
    term root;
    slots now{&root, &root + 1};
    do {
        while (now.next != now.end) one(now);
    } while (close(now));
    return root;
}

void decoder::one(slots& now) {
    auto t = tag(byte());
    switch (t) {
        case tag::small_integer:
            return fill(now.next++, byte());
        case tag::integer:
            return fill(now.next++, std::int32_t(number<std::uint32_t>()));
        case tag::small_atom_utf8:
        case tag::atom_utf8:
        case tag::small_atom:
        case tag::atom:
        case tag::atom_cache_ref:
            return fill(now.next++, atom_of(t));
        case tag::binary:
            return fill(now.next++, bytes(number<std::uint32_t>()));
        case tag::small_tuple:
            return tuple(now, byte());
        case tag::large_tuple:
            return tuple(now, number<std::uint32_t>());
        case tag::nil:
            return fill(now.next++, nil);
        case tag::list:
            return list(now, number<std::uint32_t>());
        case tag::string:
            return fill(now.next++, small_integers(number<std::uint16_t>()));
        case tag::map:
            return map(now, number<std::uint32_t>());
        case tag::new_float:
            return fill(now.next++, floating());
        case tag::float_text:
            return fill(now.next++, float_text());
        case tag::small_big:
            return fill(now.next++, big(byte()));
        case tag::large_big:
            return fill(now.next++, big(number<std::uint32_t>()));
        case tag::bit_binary:
            return fill(now.next++, bits());
        case tag::new_pid:
        case tag::pid:
            return fill(now.next++, pid(t == tag::pid));
        case tag::new_port:
        case tag::v4_port:
        case tag::port:
            return fill(now.next++, port(t));
        case tag::newer_reference:
        case tag::new_reference:
        case tag::reference:
            return fill(now.next++, ref(t));
        case tag::new_fun:
            return closure(now);
        case tag::export_:
            return fill(now.next++, external());
        case tag::compressed:
            break;
    }
    --at_;
    throw stopped{"bad_tag", "no tag of a term"};
}

// The node is in its slot already; the slots from `first` are read next.
void decoder::open(slots& now, term_node* node, term* first, std::size_t count, then last) {
    open_.push({now, node, last});
    awaited_ += now.left();
    now = {first, first + count};
}

bool decoder::close(slots& now) {
    if (open_.empty()) return false;
    auto& closed = open_.top();
    if (closed.last == then::read_tail) {
        closed.last = then::nothing;
        --awaited_;
        if (left() > 0 && tag(*at_) == tag::nil) {
            ++at_;  // which the slot of the tail is already
        } else {
            now = {payload<term>(closed.node), payload<term>(closed.node) + 1};
            return true;
        }
    }
    if (closed.last == then::sort_map) sort_entries(closed.node);
    if (closed.last == then::make_closure) make_closure(closed.outer.next[-1]);
    now = closed.outer;
    awaited_ -= now.left();
    open_.pop();
    return true;
}

void decoder::expect(const slots& now, std::size_t count) const {
    if (open_.size() >= options_.depth_max) throw stopped{"too_deep", "more levels than allowed"};
    if (count + awaited_ + now.left() - 1 > left()) throw_truncated();
}

void decoder::tuple(slots& now, std::size_t size) {
    if (size == 0) return fill(now.next++, beam::tuple());
    expect(now, size);
    auto* n = node_of_slots(term_kind::tuple, size, size);
    fill(now.next++, term_access::from_node(n));
    open(now, n, payload<term>(n), size, then::nothing);
}

void decoder::map(slots& now, std::size_t size) {
    if (size == 0) return fill(now.next++, beam::map());
    expect(now, 2 * size);
    auto* n = node_of_slots(term_kind::map, size, 2 * size);
    fill(now.next++, term_access::from_node(n));
    open(now, n, payload<term>(n), 2 * size, then::sort_map);
}

void decoder::list(slots& now, std::size_t size) {
    if (size == 0) return;  // what comes next, its tail, is the term
    expect(now, size + 1);
    auto* n = node_of_slots(term_kind::list, size, size + 1);
    fill(payload<term>(n), nil);
    fill(now.next++, term_access::from_node(n));
    open(now, n, payload<term>(n) + 1, size, then::read_tail);
    ++awaited_;
}

void decoder::closure(slots& now) {
    auto start = position();
    auto size = number<std::uint32_t>();
    auto arity = byte();
    auto digest = bytes(digest_size);
    auto index = number<std::uint32_t>();
    auto count = std::size_t(number<std::uint32_t>()) + part_free - part_module;
    expect(now, count);
    auto slots = part_module + count;
    auto* n = node_of_slots(term_kind::tuple, slots, slots);
    beam::fun f;
    f.arity = arity;
    f.unique = load_big<std::uint64_t>(digest.data());
    f.data = term_access::from_node(n);
    payload<term>(n)[part_digest] = digest;
    payload<term>(n)[part_index] = index;
    fill(now.next++, f);
    closure_ends_.push_back(start + size);
    open(now, n, payload<term>(n) + part_module, count, then::make_closure);
}

void decoder::make_closure(term& slot) {
    auto ends = closure_ends_.back();
    closure_ends_.pop_back();
    auto f = *slot.as_fun();
    auto data = f.data.elements();
    auto module = data[part_module].as_atom();
    if (!module || !data[part_old_index].is_integer() || !data[part_old_unique].is_integer() ||
        !data[part_pid].is_pid())
        throw stopped{"bad_value", "a closure whose module, index, unique or pid is none"};
    if (ends != position()) throw stopped{"bad_value", "a closure of another size than it says"};
    f.module = *module;
    slot = f;
}

// -- what is no container -------------------------------------------------------------------------

// A list of bytes.
term decoder::small_integers(std::size_t count) {
    auto text = bytes(count);
    if (count == 0) return nil;
    auto* n = new_node(term_kind::list, count, (count + 1) * sizeof(term));
    auto* slot = payload<term>(n);
    fill(slot++, nil);
    for (char c : text) fill(slot++, static_cast<unsigned char>(c));
    return term_access::from_node(n);
}

term decoder::big(std::size_t size) {
    bool negative = byte() != 0;
    auto magnitude = bytes(size);
    bigint::limbs limbs((size + 7) / 8, 0);
    if (size > 0) std::memcpy(limbs.data(), magnitude.data(), size);
    return bigint::make(negative, std::move(limbs));
}

term decoder::floating() {
    auto d = std::bit_cast<double>(number<std::uint64_t>());
    if (std::isfinite(d)) return d;
    at_ -= sizeof d;
    throw stopped{"bad_value", "a float that is not finite"};
}

term decoder::float_text() {
    constexpr std::size_t text_size = 31;
    need(text_size);
    std::string_view text(reinterpret_cast<const char*>(at_), text_size);
    text = text.substr(0, text.find('\0'));
    if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
    double d = 0;
    auto read = std::from_chars(text.data(), text.data() + text.size(), d);
    bool is_number = read.ec == std::errc() && read.ptr == text.data() + text.size();
    if (!is_number || !std::isfinite(d)) throw stopped{"bad_value", "a float's text that is none"};
    at_ += text_size;
    return d;
}

term decoder::bits() {
    auto size = number<std::uint32_t>();
    auto used = byte();  // of the last byte's bits
    if ((used == 0) != (size == 0) || used > 8)
        throw stopped{"bad_value", "a bit string whose last byte has no such number of bits"};
    auto all = bytes(size);
    if (size == 0) return term(all);
    return bitstring(all, 8 * std::size_t(size) - (8 - used));
}

term decoder::pid(bool is_old) {
    auto of = name();
    beam::pid p;
    p.id = number<std::uint32_t>();
    p.serial = number<std::uint32_t>();
    p.node = node(of, is_old ? byte() : number<std::uint32_t>());
    return p;
}

term decoder::port(tag t) {
    auto of = name();
    beam::port p;
    p.id = t == tag::v4_port ? number<std::uint64_t>() : number<std::uint32_t>();
    p.node = node(of, t == tag::port ? byte() : number<std::uint32_t>());
    return p;
}

term decoder::ref(tag t) {
    std::size_t words = t == tag::reference ? 1 : number<std::uint16_t>();
    if (words == 0 || words > reference_words_max)
        throw stopped{"bad_value", "a reference of no words or more than five"};
    auto of = name();
    beam::ref r;
    // The oldest form has its creation last.
    if (t == tag::reference) r.words[0] = number<std::uint32_t>();
    r.node = node(of, t == tag::newer_reference ? number<std::uint32_t>() : byte());
    if (t == tag::reference) return r;
    for (std::size_t i = 0; i < words; ++i) r.words[i] = number<std::uint32_t>();
    return r;
}

term decoder::external() {
    beam::fun f;
    f.external = true;
    f.module = name();
    f.name = name();
    switch (tag(byte())) {
        case tag::small_integer:
            f.arity = byte();
            return f;
        case tag::integer:
            f.arity = number<std::uint32_t>();
            if (f.arity <= 0x7fff'ffff) return f;
            break;
        default:
            break;
    }
    throw stopped{"bad_value", "a function's arity that is none"};
}

// -- names ----------------------------------------------------------------------------------------

atom decoder::name() {
    return atom_of(tag(byte()));
}

atom decoder::atom_of(tag t) {
    switch (t) {
        case tag::small_atom_utf8:
            return names_.of_utf8(bytes(byte()));
        case tag::atom_utf8:
            return names_.of_utf8(bytes(number<std::uint16_t>()));
        case tag::small_atom:
            return names_.of_latin1(bytes(byte()));
        case tag::atom:
            return names_.of_latin1(bytes(number<std::uint16_t>()));
        case tag::atom_cache_ref:
            return names_.at_place(byte());
        default:
            --at_;
            throw stopped{"bad_tag", "no tag of an atom"};
    }
}

std::uint32_t decoder::node(atom name, std::uint32_t creation) {
    return names_.node({name, creation});
}

void decoder::throw_truncated() {
    throw stopped{"truncated", "the bytes end before the term does"};
}

}  // namespace beam::etf
