#include "libbeamcore/term/internal/etf_decoder.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <utility>

#include "libbeamcore/term/internal/atom_table.hpp"
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

// A binary of so many bytes may be a part of the one that is read.
constexpr std::size_t part_min = 4096;

term_node* node_of_slots(term_kind kind, std::size_t size, std::size_t slots) {
    auto* n = new_node(kind, size, slots * sizeof(term));
    auto* slot = payload<term>(n);
    for (std::size_t i = 0; i < slots; ++i) new (slot + i) term;
    return n;
}

// Whether all keys are atoms and ascend already, as Erlang writes small maps.
bool names_ascend(const map_entry* first, const map_entry* end) noexcept {
    if (!first->key.is_atom()) return false;
    const auto* before = &detail::atom_entry_at(first->key.as_atom()->index());
    for (const auto* e = first + 1; e != end; ++e) {
        if (!e->key.is_atom()) return false;
        const auto* name = &detail::atom_entry_at(e->key.as_atom()->index());
        if (detail::compare_names(*before, *name) >= 0) return false;
        before = name;
    }
    return true;
}

// Sorts a map's entries, whose keys must all differ.
void sort_entries(term_node* n) {
    auto* first = payload<map_entry>(n);
    auto* end = first + n->size;
    if (names_ascend(first, end)) return;
    auto ascend = [](const map_entry& a, const map_entry& b) {
        if (a.key.is_atom() && b.key.is_atom())
            return detail::compare_names(*a.key.as_atom(), *b.key.as_atom()) < 0;
        return compare_exact(a.key, b.key) < 0;
    };
    auto not_ascending = [&](const map_entry& a, const map_entry& b) { return !ascend(a, b); };
    if (std::adjacent_find(first, end, not_ascending) == end) return;
    std::sort(first, end, ascend);
    if (std::adjacent_find(first, end, not_ascending) != end)
        throw stopped{"duplicate_key", "a map with a key twice"};
}

// The one at `at`, of fewer than eight bytes.
inline std::int64_t small_big_at(const std::uint8_t* at) noexcept {
    auto mask = (std::uint64_t(1) << (8 * at[1])) - 1;
    auto magnitude = std::int64_t(load<std::uint64_t>(at + 3) & mask);
    return at[2] != 0 ? -magnitude : magnitude;
}

// The small integer or, if it is one of four bytes, the integer at `at`, and how many bytes it has.
struct short_integer {
    std::int64_t value;
    std::size_t size;
};
inline short_integer short_integer_at(const std::uint8_t* at) noexcept {
    if (tag(*at) == tag::small_integer) return {at[1], 2};
    return {std::int32_t(load_big<std::uint32_t>(at + 1)), 5};
}

constexpr std::ptrdiff_t far = 2 + detail::atom_head_size;  // more than a short term has

}  // namespace

// -- the loop -------------------------------------------------------------------------------------

term decoder::read() {
    term root;
    slots now{&root, &root + 1};
    const auto* at = at_;  // in a register, as the slots
    for (;;) {
        if (now.next == now.end) {
            if (open_.empty()) break;
            at_ = at;
            now = close();
            at = at_;
        } else if (const auto* after = end_ - at >= far ? common(at, now.next) : nullptr) {
            ++now.next;
            at = after;
        } else {
            at_ = at;
            now = one(now);
            at = at_;
        }
    }
    at_ = at;
    return root;
}

// What most terms consist of, read without a look at the end, which is at least `far` bytes away.
// Gives where the next one begins, or null if it is not one of these: one() reads everything.
inline const std::uint8_t* decoder::common(const std::uint8_t* at, term* slot) const {
    switch (tag(*at)) {
        case tag::small_integer:
        case tag::integer: {
            auto i = short_integer_at(at);
            fill(slot, i.value);
            return at + i.size;
        }
        case tag::small_atom_utf8: {
            std::size_t size = at[1];
            if (size > detail::atom_head_size) return nullptr;
            auto head = detail::head_in(at + 2, size);
            auto found = detail::existing_atom(head, std::uint32_t(size));
            if (!found) return nullptr;
            fill(slot, *found);
            return at + 2 + size;
        }
        case tag::nil:
            fill(slot, nil);
            return at + 1;
        case tag::new_float: {
            auto d = std::bit_cast<double>(load_big<std::uint64_t>(at + 1));
            if (!std::isfinite(d)) return nullptr;
            auto* n = new_node(term_kind::floating, 0, sizeof d);
            new (n + 1) double(d);
            fill(slot, term_access::from_node(n));
            return at + 1 + sizeof d;
        }
        case tag::small_big:
            if (at[1] >= 8) return nullptr;
            fill(slot, small_big_at(at));
            return at + 3 + at[1];
        case tag::binary: {
            std::size_t size = load_big<std::uint32_t>(at + 1);
            if (size == 0 || size > std::size_t(end_ - at) - 5 || size >= part_min) return nullptr;
            auto* n = new_node(term_kind::bitstring, size, size);
            copy_short(payload<char>(n), at + 5, size);
            fill(slot, term_access::from_node(n));
            return at + 5 + size;
        }
        default:
            return nullptr;
    }
}

decoder::slots decoder::one(slots now) {
    auto t = tag(byte());
    switch (t) {
        case tag::small_tuple:
            return tuple(now, byte());
        case tag::large_tuple:
            return tuple(now, number<std::uint32_t>());
        case tag::list:
            return list(now, number<std::uint32_t>());
        case tag::map:
            return map(now, number<std::uint32_t>());
        case tag::new_fun:
            return closure(now);
        default:
            fill(now.next, scalar(t));
            return {now.next + 1, now.end};
    }
}

// -- containers -----------------------------------------------------------------------------------

// A container of these slots is put into the slot that is next, and is read from `first` on.
decoder::slots decoder::open(slots now, term&& made, term* first, std::size_t count, then last) {
    fill(now.next, std::move(made));
    open_.push({{now.next + 1, now.end}, now.next, last});
    awaited_ += now.left() - 1;
    return {first, first + count};
}

decoder::slots decoder::close() {
    auto& closed = open_.top();
    switch (closed.last) {
        case then::nothing:
        case then::tail_is_read:
            break;
        case then::sort_map:
            sort_entries(term_access::node(*closed.made));
            break;
        case then::read_tail: {
            --awaited_;
            if (left() > 0 && tag(*at_) == tag::nil) {
                ++at_;  // which the slot of the tail is already
                break;
            }
            closed.last = then::tail_is_read;
            auto* tail = payload<term>(term_access::node(*closed.made));
            return {tail, tail + 1};
        }
        case then::make_closure:
            make_closure(*closed.made);
            break;
    }
    auto now = closed.outer;
    awaited_ -= now.left();
    open_.pop();
    return now;
}

// Whether so many terms may follow, in a container in one of these slots.
void decoder::expect(slots now, std::size_t count, bool same_level) const {
    if (open_.size() - same_level >= options_.depth_max)
        throw stopped{"too_deep", "more levels than allowed"};
    if (count + awaited_ + now.left() - 1 > left()) throw_truncated();
}

decoder::slots decoder::tuple(slots now, std::size_t size) {
    if (size == 0) {
        fill(now.next, beam::tuple());
        return {now.next + 1, now.end};
    }
    expect(now, size);
    auto* n = node_of_slots(term_kind::tuple, size, size);
    return open(now, term_access::from_node(n), payload<term>(n), size, then::nothing);
}

decoder::slots decoder::map(slots now, std::size_t size) {
    if (size == 0) {
        fill(now.next, beam::map());
        return {now.next + 1, now.end};
    }
    expect(now, 2 * size);
    auto* n = node_of_slots(term_kind::map, size, 2 * size);
    return open(now, term_access::from_node(n), payload<term>(n), 2 * size, then::sort_map);
}

decoder::slots decoder::list(slots now, std::size_t size) {
    if (size == 0) return now;  // what comes next, its tail, is the term
    bool goes_on = !open_.empty() && open_.top().last == then::tail_is_read;
    expect(now, size + 1, goes_on);
    auto* n = new_node(term_kind::list, size, (size + 1) * sizeof(term));
    auto* slot = payload<term>(n);
    fill(slot++, nil);
    auto* end = slot + size;
    auto* first = integers(slot, end);
    for (slot = first; slot != end; ++slot) new (slot) term;
    ++awaited_;
    if (!goes_on)
        return open(now, term_access::from_node(n), first, std::size_t(end - first),
                    then::read_tail);
    // The list that this one goes on is at its end, so its place is taken.
    fill(now.next, term_access::from_node(n));
    open_.top().made = now.next;
    open_.top().last = then::read_tail;
    return {first, end};
}

// Reads the integers that a list begins with, if it does. Two at a time: where the second is can be
// told by the first one's tag alone, and going from one to the next takes longer than all the rest.
term* decoder::integers(term* slot, term* end) noexcept {
    const auto* at = at_;
    auto is_short = [](std::uint8_t t) { return t - unsigned(tag::small_integer) <= 1; };
    constexpr std::ptrdiff_t far = 16;
    while (end - slot >= 2 && end_ - at >= far) {
        auto bytes = load<std::uint64_t>(at);
        auto first = std::uint8_t(bytes);
        auto second = std::uint8_t(tag(first) == tag::small_integer ? bytes >> 16 : bytes >> 40);
        if (is_short(first)) [[likely]] {
            auto i = short_integer_at(at);
            at += i.size;
            fill(slot++, i.value);
            if (!is_short(second)) continue;
            i = short_integer_at(at);
            at += i.size;
            fill(slot++, i.value);
        } else if (tag(first) == tag::small_big && at[1] < 8) {
            fill(slot++, small_big_at(at));
            at += 3 + at[1];
        } else {
            break;
        }
    }
    at_ = at;
    return slot;
}

decoder::slots decoder::closure(slots now) {
    auto start = position();
    auto size = number<std::uint32_t>();
    auto arity = byte();
    auto digest = bytes(digest_size);
    auto index = number<std::uint32_t>();
    auto count = std::size_t(number<std::uint32_t>()) + part_free - part_module;
    expect(now, count);
    auto* n = node_of_slots(term_kind::tuple, part_module + count, part_module + count);
    auto* slot = payload<term>(n);
    beam::fun f;
    f.arity = arity;
    f.unique = load_big<std::uint64_t>(digest.data());
    f.data = term_access::from_node(n);
    slot[part_digest] = digest;
    slot[part_index] = index;
    closure_ends_.push_back(start + size);
    return open(now, f, slot + part_module, count, then::make_closure);
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

term decoder::scalar(tag t) {
    switch (t) {
        case tag::small_integer:
            return byte();
        case tag::integer:
            return std::int32_t(number<std::uint32_t>());
        case tag::small_atom_utf8:
        case tag::atom_utf8:
        case tag::small_atom:
        case tag::atom:
        case tag::atom_cache_ref:
            return atom_of(t);
        case tag::nil:
            return nil;
        case tag::string:
            return string(number<std::uint16_t>());
        case tag::binary:
            return binary(number<std::uint32_t>());
        case tag::bit_binary:
            return bits();
        case tag::small_big:
            return big(byte());
        case tag::large_big:
            return big(number<std::uint32_t>());
        case tag::new_float:
            return floating();
        case tag::float_text:
            return float_text();
        case tag::new_pid:
        case tag::pid:
            return pid(t == tag::pid);
        case tag::new_port:
        case tag::v4_port:
        case tag::port:
            return port(t);
        case tag::newer_reference:
        case tag::new_reference:
        case tag::reference:
            return ref(t);
        case tag::export_:
            return external();
        default:
            --at_;
            throw stopped{"bad_tag", "no tag of a term"};
    }
}

// A list of bytes.
term decoder::string(std::size_t count) {
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
    if (size < 8) {
        std::int64_t m = 0;
        std::memcpy(&m, magnitude.data(), size);
        return negative ? -m : m;
    }
    bigint::limbs limbs((size + 7) / 8, 0);
    std::memcpy(limbs.data(), magnitude.data(), size);
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

term decoder::binary(std::size_t size) {
    const auto all = bytes(size);
    if (size < part_min || !options_.within) return all;
    const auto whole = options_.within->bytes();
    const bool is_inside = all.data() >= whole.data() && all.end() <= whole.end();
    if (!is_inside || size < whole.size() / 2) return all;  // outside: it was compressed
    return binary_part(*options_.within, std::size_t(all.data() - whole.data()), size);
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
    if (t != tag::reference)
        for (std::size_t i = 0; i < words; ++i) r.words[i] = number<std::uint32_t>();
    term made(r);
    if (words != usual_words(r)) term_access::node(made)->flags = std::uint8_t(words);
    return made;
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
