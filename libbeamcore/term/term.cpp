#include "libbeamcore/term/term.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <new>
#include <stdexcept>

#include "libbeamcore/base/utf8.hpp"
#include "libbeamcore/term/internal/bigint.hpp"
#include "libbeamcore/term/internal/list_part.hpp"

namespace beam {
namespace detail {

namespace {

// Small nodes that a thread has freed, for it to use again: a list for each size in steps of 8 bytes. A tuple that is made
// to be looked at and dropped costs some ten instructions so, and some hundred in malloc and free; what is beyond the
// few that are kept goes back to them.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool keeps_nodes = false;  // let the sanitizers see every node by itself
#else
constexpr bool keeps_nodes = true;
#endif
constexpr std::size_t kept_size_max = 128;
// As many as a collection gives back at once (runtime/internal/reclaim.cpp): those who change rows of tables would else
// pass nearly all of theirs through malloc. 80 ns less for each SET of a cache.
constexpr std::uint32_t kept_nodes_max = 1024;

struct kept_node {
    kept_node* next;
};
struct kept_nodes {
    kept_node* first = nullptr;
    std::uint32_t room = 0;  // 0 in a thread that has not begun to keep any, or ends
};
constinit thread_local kept_nodes kept[kept_size_max / 8 + 1]
    __attribute__((tls_model("initial-exec"))) = {};

struct keeper {
    bool ended = false;
    keeper() {
        for (auto& k : kept) k.room = kept_nodes_max;
    }
    ~keeper() {
        ended = true;
        for (auto& k : kept) {
            k.room = 0;
            while (kept_node* n = k.first) {
                k.first = n->next;
                ::operator delete(n);
            }
        }
    }
};

// Whether a node of that size was kept.
inline bool keep(void* p, std::size_t size) noexcept {
    if (!keeps_nodes || size > kept_size_max) return false;
    kept_nodes& all = kept[(size + 7) / 8];
    if (all.room == 0) return false;
    --all.room;
    all.first = new (p) kept_node{all.first};
    return true;
}

void free_beyond_kept(void* p, std::size_t size) noexcept {
    if (keeps_nodes && size <= kept_size_max) {
        thread_local keeper k;  // begins at a thread's first free
        if (!k.ended && keep(p, size)) return;
    }
    ::operator delete(p);
}

}  // namespace

void* term_alloc(std::size_t size) {
    if (keeps_nodes && size <= kept_size_max) {
        kept_nodes& all = kept[(size + 7) / 8];
        if (kept_node* n = all.first) {
            all.first = n->next;
            ++all.room;
            return n;
        }
        size = (size + 7) / 8 * 8;  // for whoever of that step gets it next
    }
    return ::operator new(size);
}
void term_free(void* p, std::size_t size) noexcept {
    if (!keep(p, size)) free_beyond_kept(p, size);
}

namespace {

std::size_t payload_size(const term_node* n) noexcept {
    switch (term_kind(n->kind)) {
        case term_kind::integer:
            return n->size * sizeof(std::uint64_t);
        case term_kind::floating:
            return sizeof(double);
        case term_kind::ref:
            return sizeof(ref);
        case term_kind::port:
            return sizeof(port);
        case term_kind::pid:
            return sizeof(pid);
        case term_kind::fun:
            return sizeof(fun);
        case term_kind::tuple:
            return n->size * sizeof(term);
        case term_kind::map:
            return n->size * sizeof(map_entry);
        case term_kind::list:
            return n->flags != 0 ? sizeof(list_slice) : (n->size + 1) * sizeof(term);
        default:
            return n->flags == slice_flag ? sizeof(binary_slice) : n->size;
    }
}

// The terms that a node holds.
std::span<term> parts(term_node* n) noexcept {
    auto* first = reinterpret_cast<term*>(n + 1);
    switch (term_kind(n->kind)) {
        case term_kind::tuple:
            return {first, n->size};
        case term_kind::map:
            return {first, 2 * n->size};
        case term_kind::list:
            return {first, n->flags != 0 ? 1 : n->size + 1};
        case term_kind::fun:
            return {&reinterpret_cast<fun*>(n + 1)->data, 1};
        case term_kind::bitstring:
            return {first, n->flags == slice_flag ? 1u : 0u};
        default:
            return {};
    }
}

inline void put_away(term_node* n, std::size_t payload) noexcept {
    const auto size = sizeof(term_node) + payload;
    if (!keep(n, size)) free_beyond_kept(n, size);
}

// The commonest: no part of it is a node, nor are there any.
bool holds_nothing(term_node* n) noexcept {
    const auto all = parts(n);
    return std::none_of(all.begin(), all.end(), [](const term& t) { return term_access::node(t); });
}

}  // namespace

void free_node(term_node* n) noexcept {
    // Nodes that hold others and whose count has gone to zero, linked through their first eight bytes.
    term_node* dead = nullptr;
    static_assert(std::endian::native == std::endian::little);
    auto bury = [&dead](term_node* node) {
        if (node->kind == std::uint8_t(term_kind::bitstring) && node->flags != slice_flag)
            return put_away(node, node->size);
        if (holds_nothing(node)) return put_away(node, payload_size(node));
        auto kind_and_flags = std::uint64_t(node->kind) | std::uint64_t(node->flags) << 8;
        auto word = reinterpret_cast<std::uint64_t>(dead) << 16 | kind_and_flags;
        std::memcpy(static_cast<void*>(node), &word, sizeof word);
        dead = node;
    };
    bury(n);
    while (dead) {
        auto* node = dead;
        std::uint64_t word;
        std::memcpy(&word, static_cast<void*>(node), sizeof word);
        dead = reinterpret_cast<term_node*>(word >> 16);
        for (auto& part : parts(node)) {
            auto* held = term_access::node(part);
            if (held && (held->refs.load(std::memory_order_acquire) == 1 ||
                         held->refs.fetch_sub(1, std::memory_order_acq_rel) == 1))
                bury(held);
        }
        put_away(node, payload_size(node));
    }
}

term_node* new_node(term_kind kind, std::uint64_t size, std::size_t payload_bytes) {
    auto* n = static_cast<term_node*>(term_alloc(sizeof(term_node) + payload_bytes));
    return new (n) term_node{std::uint8_t(kind), 0, 0, 1, size};
}

term map_from_sorted(std::span<map_entry> entries) {
    if (entries.empty()) return term_access::from_word(term_access::empty_map);
    auto* n = new_node(term_kind::map, entries.size(), entries.size_bytes());
    auto* to = reinterpret_cast<map_entry*>(n + 1);
    for (auto& e : entries) new (to++) map_entry(std::move(e));
    return term_access::from_node(n);
}

}  // namespace detail

namespace {

using detail::new_node;
using detail::term_access;

template <class T>
term boxed(term_kind kind, const T& value) {
    auto* n = new_node(kind, 0, sizeof(T));
    new (n + 1) T(value);
    return term_access::from_node(n);
}

template <class T>
const T* unboxed(const term& t, term_kind kind) noexcept {
    const auto* n = term_access::node(t);
    if (!n || n->kind != std::uint8_t(kind)) return nullptr;
    return reinterpret_cast<const T*>(n + 1);
}

const detail::term_node* big(const term& t) noexcept {
    const auto* n = term_access::node(t);
    return n && n->kind == std::uint8_t(term_kind::integer) ? n : nullptr;
}

std::uint64_t release_word(term&& t) noexcept {
    auto word = term_access::word(t);
    // The word goes on to another owner; what is left here must not count it down.
    new (&t) term;
    return word;
}

void copy_terms(term* to, std::span<const term> from) noexcept {
    for (const auto& t : from) new (to++) term(t);
}
void move_terms(term* to, std::span<term> from) noexcept {
    for (auto& t : from) new (to++) term(std::move(t));
}

}  // namespace

// -- construction ---------------------------------------------------------------------------------

std::uint64_t term::big_word(bool negative, std::uint64_t magnitude) {
    return release_word(bigint::make(negative, {magnitude}));
}

std::uint64_t term::boxed_pid_word(const beam::pid& p) {
    return release_word(boxed(term_kind::pid, p));
}

term::term(double d) {
    if (std::isnan(d))
        *this = atoms::nan;
    else if (std::isinf(d))
        *this = d < 0 ? atoms::neg_infinity : atoms::infinity;
    else
        *this = boxed(term_kind::floating, d);
}

term::term(std::string_view bytes) {
    *this = binary_filled(bytes.size(),
                          [bytes](char* to) { std::memcpy(to, bytes.data(), bytes.size()); });
}

term::term(const beam::ref& r) {
    *this = boxed(term_kind::ref, r);
}
term::term(const beam::port& p) {
    *this = boxed(term_kind::port, p);
}
term::term(const beam::fun& f) {
    *this = boxed(term_kind::fun, f);
}

term binary_part(const term& whole, std::size_t at, std::size_t size) {
    constexpr std::size_t copied_max = 64;  // as long as OTP's binaries of the heap
    const std::string_view all = whole.bytes();
    if (!whole.is_binary() || at > all.size() || size > all.size() - at)
        throw std::out_of_range("binary_part: not a part of a binary");
    if (size == all.size()) return whole;
    if (size <= copied_max) return binary(all.substr(at, size));
    auto* base = term_access::node(whole);
    if (base->flags == detail::slice_flag)
        base = reinterpret_cast<detail::binary_slice*>(base + 1)->base;
    auto* n = new_node(term_kind::bitstring, size, sizeof(detail::binary_slice));
    n->flags = detail::slice_flag;
    detail::retain(base);
    new (n + 1) detail::binary_slice{base, all.data() + at};
    return term_access::from_node(n);
}

term bitstring(std::string_view bytes, std::size_t bits) {
    if ((bits + 7) / 8 > bytes.size())
        throw std::out_of_range("bitstring: more bits than bytes to hold them");
    bytes = bytes.substr(0, (bits + 7) / 8);
    if (bits % 8 == 0) return bytes;
    auto* n = new_node(term_kind::bitstring, bytes.size(), bytes.size());
    n->flags = std::uint8_t(bits % 8);
    auto* to = reinterpret_cast<unsigned char*>(n + 1);
    std::memcpy(to, bytes.data(), bytes.size());
    to[bytes.size() - 1] &= static_cast<unsigned char>(0xff00u >> (bits % 8));
    return term_access::from_node(n);
}

term integer(const big_integer& value) {
    bigint::limbs limbs((value.magnitude.size() + 7) / 8, 0);
    for (std::size_t i = 0; i < value.magnitude.size(); ++i)
        limbs[i / 8] |= std::uint64_t(value.magnitude[i]) << (i % 8 * 8);
    return bigint::make(value.negative, std::move(limbs));
}

std::optional<term> integer(std::string_view digits, int base) {
    bool negative = digits.starts_with('-');
    if (negative || digits.starts_with('+')) digits.remove_prefix(1);
    if (base < 2 || base > 36) return {};
    auto read = bigint::parse(digits, base);
    if (!read) return {};
    return bigint::make(negative, std::move(*read));
}

term tuple_of(std::span<const term> elements) {
    if (elements.empty()) return tuple();
    auto* n = new_node(term_kind::tuple, elements.size(), elements.size_bytes());
    copy_terms(reinterpret_cast<term*>(n + 1), elements);
    return term_access::from_node(n);
}

term tuple_of(std::vector<term>&& elements) {
    if (elements.empty()) return tuple();
    auto* n = new_node(term_kind::tuple, elements.size(), elements.size() * sizeof(term));
    move_terms(reinterpret_cast<term*>(n + 1), elements);
    elements.clear();
    return term_access::from_node(n);
}

term list_of(std::span<const term> elements, term tail) {
    if (elements.empty()) return tail;
    auto* n = new_node(term_kind::list, elements.size(), elements.size_bytes() + sizeof(term));
    auto* body = reinterpret_cast<term*>(n + 1);
    new (body) term(std::move(tail));
    copy_terms(body + 1, elements);
    return term_access::from_node(n);
}

term list_of(std::vector<term>&& elements, term tail) {
    if (elements.empty()) return tail;
    auto* n = new_node(term_kind::list, elements.size(), (elements.size() + 1) * sizeof(term));
    auto* body = reinterpret_cast<term*>(n + 1);
    new (body) term(std::move(tail));
    move_terms(body + 1, elements);
    elements.clear();
    return term_access::from_node(n);
}

term cons(term head, term tail) {
    auto* n = new_node(term_kind::list, 1, 2 * sizeof(term));
    auto* body = reinterpret_cast<term*>(n + 1);
    new (body) term(std::move(tail));
    new (body + 1) term(std::move(head));
    return term_access::from_node(n);
}

term charlist(std::string_view text) {
    std::vector<term> made;
    made.reserve(text.size());
    while (!text.empty()) {
        auto c = decode_utf8(text);
        if (!c.valid) c = {static_cast<unsigned char>(text[0]), 1, false};
        made.emplace_back(std::uint32_t(c.code));
        text.remove_prefix(c.length);
    }
    return list_of(std::move(made));
}

std::optional<std::string> chardata_text(const term& t) {
    if (auto bytes = t.as_text()) return std::string(*bytes);
    if (!t.is_list()) return {};
    std::string text;
    std::vector<const term*> left{&t};  // lists still to be read, the innermost last
    std::vector<list_view::iterator> at{t.list_elements().begin()};
    while (!left.empty()) {
        auto& i = at.back();
        if (i == list_view::iterator()) {
            // A binary may be the tail, as in iolists.
            const auto& tail = left.back()->list_elements().last_tail();
            if (auto bytes = tail.as_text())
                text += *bytes;
            else if (!tail.is_nil())
                return {};
            left.pop_back();
            at.pop_back();
            continue;
        }
        const auto& e = *i;
        ++i;
        if (auto bytes = e.as_text()) {
            text += *bytes;
        } else if (e.is_list()) {
            left.push_back(&e);
            at.push_back(e.list_elements().begin());
        } else {
            auto code = e.as_int<std::uint32_t>();
            if (!code || *code > 0x10ffff || (*code >= 0xd800 && *code < 0xe000)) return {};
            append_utf8(text, char32_t(*code));
        }
    }
    return text;
}

// -- maps -----------------------------------------------------------------------------------------

term map_of(std::vector<map_entry>&& entries) {
    auto before = [](const map_entry& a, const map_entry& b) {
        return compare_exact(a.key, b.key) < 0;
    };
    if (!std::is_sorted(entries.begin(), entries.end(), before))
        std::stable_sort(entries.begin(), entries.end(), before);
    // Of equal keys, which are side by side in the order given, the last is kept.
    std::size_t kept = 0;
    for (std::size_t i = 0; i < entries.size(); ++i) {
        if (i + 1 < entries.size() && entries[i].key == entries[i + 1].key) continue;
        if (kept != i) entries[kept] = std::move(entries[i]);
        ++kept;
    }
    auto made = detail::map_from_sorted({entries.data(), kept});
    entries.clear();
    return made;
}

term map_of(std::span<const map_entry> entries) {
    return map_of(std::vector<map_entry>(entries.begin(), entries.end()));
}

namespace {

std::size_t position(std::span<const map_entry> entries, const term& key) noexcept {
    auto at = std::lower_bound(
        entries.begin(), entries.end(), key,
        [](const map_entry& e, const term& k) { return compare_exact(e.key, k) < 0; });
    return std::size_t(at - entries.begin());
}

}  // namespace

const term* term::map_find(const term& key) const noexcept {
    auto all = entries();
    if (!key.is_boxed() && all.size() <= 32) {
        // Equal words are equal keys, and what is not on the heap equals nothing else.
        for (const auto& e : all)
            if (e.key.word_ == key.word_) return &e.value;
        return nullptr;
    }
    auto i = position(all, key);
    if (i == all.size() || all[i].key != key) return nullptr;
    return &all[i].value;
}

term map_put(const term& m, term key, term value) {
    auto all = m.entries();
    auto i = position(all, key);
    bool replaces = i < all.size() && all[i].key == key;
    auto size = all.size() + !replaces;
    auto* n = new_node(term_kind::map, size, size * sizeof(map_entry));
    auto* to = reinterpret_cast<map_entry*>(n + 1);
    for (const auto& e : all.first(i)) new (to++) map_entry(e);
    new (to++) map_entry{std::move(key), std::move(value)};
    for (const auto& e : all.subspan(i + replaces)) new (to++) map_entry(e);
    return term_access::from_node(n);
}

term map_remove(const term& m, const term& key) {
    auto all = m.entries();
    auto i = position(all, key);
    if (i == all.size() || all[i].key != key) return m.is_map() ? m : map();
    if (all.size() == 1) return map();
    auto* n = new_node(term_kind::map, all.size() - 1, (all.size() - 1) * sizeof(map_entry));
    auto* to = reinterpret_cast<map_entry*>(n + 1);
    for (const auto& e : all.first(i)) new (to++) map_entry(e);
    for (const auto& e : all.subspan(i + 1)) new (to++) map_entry(e);
    return term_access::from_node(n);
}

term map_merge(const term& a, const term& b) {
    auto left = a.entries(), right = b.entries();
    std::vector<map_entry> made;
    made.reserve(left.size() + right.size());
    while (!left.empty() && !right.empty()) {
        auto c = compare_exact(left[0].key, right[0].key);
        made.push_back(c < 0 ? left[0] : right[0]);
        if (c <= 0) left = left.subspan(1);
        if (c >= 0) right = right.subspan(1);
    }
    made.insert(made.end(), left.begin(), left.end());
    made.insert(made.end(), right.begin(), right.end());
    return detail::map_from_sorted(made);
}

// -- inspection -----------------------------------------------------------------------------------

std::optional<std::int64_t> term::big_as_int64() const noexcept {
    const auto* n = big(*this);
    if (!n || n->size != 1) return {};
    auto m = bigint::magnitude(n)[0];
    constexpr auto min_magnitude = std::uint64_t(1) << 63;
    if (bigint::is_negative(n)) {
        if (m > min_magnitude) return {};
        return std::int64_t(0 - m);
    }
    if (m >= min_magnitude) return {};
    return std::int64_t(m);
}

std::optional<std::uint64_t> term::as_uint64() const noexcept {
    if (word_ & tag_small) {
        auto i = std::int64_t(word_) >> 1;
        if (i < 0) return {};
        return std::uint64_t(i);
    }
    const auto* n = big(*this);
    if (!n || n->size != 1 || bigint::is_negative(n)) return {};
    return bigint::magnitude(n)[0];
}

std::optional<big_integer> term::as_big_integer() const {
    big_integer made;
    auto add = [&made](std::uint64_t limb) {
        for (int i = 0; i < 64; i += 8) made.magnitude.push_back(std::uint8_t(limb >> i));
    };
    if (auto i = as_int64()) {
        made.negative = *i < 0;
        add(*i < 0 ? 0 - std::uint64_t(*i) : std::uint64_t(*i));
    } else if (const auto* n = big(*this)) {
        made.negative = bigint::is_negative(n);
        for (auto limb : bigint::magnitude(n)) add(limb);
    } else {
        return {};
    }
    while (!made.magnitude.empty() && made.magnitude.back() == 0) made.magnitude.pop_back();
    return made;
}

std::optional<double> term::as_double() const noexcept {
    if (const auto* d = unboxed<double>(*this, term_kind::floating)) return *d;
    return {};
}

std::optional<double> term::as_number() const noexcept {
    if (word_ & tag_small) return double(std::int64_t(word_) >> 1);
    if (const auto* n = big(*this)) {
        auto d = bigint::to_double(n);
        if (std::isinf(d)) return {};
        return d;
    }
    return as_double();
}

std::optional<beam::pid> term::as_pid() const noexcept {
    if ((word_ & 7) == tag_pid)
        return beam::pid{std::uint32_t(word_ >> 3) & ((1u << 28) - 1), std::uint32_t(word_ >> 31)};
    if (const auto* p = unboxed<beam::pid>(*this, term_kind::pid)) return *p;
    return {};
}

std::optional<beam::ref> term::as_ref() const noexcept {
    if (const auto* r = unboxed<beam::ref>(*this, term_kind::ref)) return *r;
    return {};
}

std::optional<beam::port> term::as_port() const noexcept {
    if (const auto* p = unboxed<beam::port>(*this, term_kind::port)) return *p;
    return {};
}

const beam::fun* term::as_fun() const noexcept {
    return unboxed<beam::fun>(*this, term_kind::fun);
}

std::size_t term::bit_size() const noexcept {
    auto all = bytes();
    if (all.empty()) return 0;
    return all.size() * 8 - ((node()->flags & 7) != 0 ? 8u - (node()->flags & 7) : 0u);
}

std::optional<std::vector<term>> term::as_list() const {
    if (is_nil()) return std::vector<term>();
    std::vector<term> made;
    for (auto part = detail::part_of(*this); part.count > 0; part = detail::part_of(*part.tail)) {
        made.insert(made.end(), part.first, part.first + part.count);
        if (part.tail->is_nil()) return made;
    }
    return {};
}

std::optional<std::size_t> term::list_length() const noexcept {
    if (is_nil()) return 0;
    std::size_t n = 0;
    for (auto part = detail::part_of(*this); part.count > 0; part = detail::part_of(*part.tail)) {
        n += part.count;
        if (part.tail->is_nil()) return n;
    }
    return {};
}

const term* term::head() const noexcept {
    return detail::part_of(*this).first;
}

std::optional<term> term::tail() const {
    auto part = detail::part_of(*this);
    if (part.count == 0) return {};
    if (part.count == 1) return *part.tail;
    constexpr std::size_t copied_max = 4;
    if (part.count <= copied_max)
        return list_of(std::span(part.first + 1, part.count - 1), *part.tail);
    auto* n = new_node(term_kind::list, part.count - 1, sizeof(detail::list_slice));
    n->flags = 1;
    if (node()->flags != 0) {
        const auto* slice = payload<detail::list_slice>();
        new (n + 1) detail::list_slice{slice->base, slice->offset + 1};
    } else {
        new (n + 1) detail::list_slice{*this, 1};
    }
    return term_access::from_node(n);
}

list_view::iterator::iterator(const term& list) noexcept : tail_(&list) {
    next_node();
}

void list_view::iterator::next_node() noexcept {
    auto part = detail::part_of(*tail_);
    at_ = part.first;
    end_ = part.first + part.count;
    tail_ = part.tail;
}

const term& list_view::last_tail() const noexcept {
    const auto* at = list_;
    for (auto part = detail::part_of(*at); part.count > 0; part = detail::part_of(*at))
        at = part.tail;
    return *at;
}

std::size_t list_view::size() const noexcept {
    std::size_t n = 0;
    for (auto part = detail::part_of(*list_); part.count > 0; part = detail::part_of(*part.tail))
        n += part.count;
    return n;
}

}  // namespace beam
