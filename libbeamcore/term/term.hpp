// Terms: Erlang's values, for everything that crosses a seam (another node, a table, a log, JSON, a
// new version of the code).
//
// A term is eight bytes: small integers, atoms, local pids and the empty containers are in it; the
// rest is a pointer to an immutable node with an atomic count of references. So copying is counting
// up, moving is free, and a term may be read from any thread. Nothing here recurses on the stack:
// terms of any depth can be freed, compared and hashed.
//
// What is asked for in the wrong kind of term is an empty optional, a null pointer or an empty
// span, never an exception. References, spans and views returned are valid as long as the term is.
#pragma once

#include <bit>
#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/term/atom.hpp"
#include "libbeamcore/term/atoms.hpp"
#include "libbeamcore/term/detail/term_node.hpp"
#include "libbeamcore/term/pid.hpp"
#include "libbeamcore/term/ref.hpp"

namespace beam {

class term;
class list_view;
struct fun;
struct map_entry;

/// In the order of terms (ETS-24); `integer` and `floating` are compared as numbers.
enum class term_kind : std::uint8_t {
    integer,
    floating,
    atom,
    ref,
    fun,
    port,
    pid,
    tuple,
    map,
    nil,   ///< the empty list
    list,  ///< a list that is not empty, proper or not
    bitstring,
};

namespace detail {
struct term_access;  // for the codecs of this library: a term's word
}

/// An integer of any size as a codec wants it: magnitude bytes, least significant first, no leading
/// zeros.
struct big_integer {
    bool negative = false;
    std::vector<std::uint8_t> magnitude;
};

class BEAM_EXPORT term {
public:
    /// The atom `undefined`. So is a term that was moved from.
    constexpr term() noexcept = default;

    constexpr term(atom a) noexcept : word_(std::uint64_t(a.index()) << 3 | tag_atom) {}
    template <std::same_as<bool> Bool>
    constexpr term(Bool b) noexcept : term(b ? atoms::true_ : atoms::false_) {}

    template <std::integral Int>
    requires(!std::same_as<Int, bool> && sizeof(Int) <= 8) constexpr term(Int i)
        : word_(tag_small) {
        if (holds<std::int64_t>(i) && fits_small(std::int64_t(i)))
            word_ = std::uint64_t(std::int64_t(i)) << 1 | tag_small;
        else
            word_ = big_word(i < 0, i < 0 ? 0 - std::uint64_t(i) : std::uint64_t(i));
    }

    /// Erlang has no infinity and no NaN: they become the atoms `infinity`, `'-infinity'`, `nan`.
    term(double d);
    term(float f) : term(double(f)) {}

    /// A binary of these bytes.
    term(std::string_view bytes);
    term(const std::string& bytes) : term(std::string_view(bytes)) {}
    term(const char* text) : term(std::string_view(text)) {}
    term(std::nullptr_t) = delete;

    term(const beam::pid& p) {
        // A local pid with an id below 2^28 fits: 28 bits of id, 32 of serial.
        if (p.node == 0 && p.id < (1u << 28))
            word_ = std::uint64_t(p.serial) << 31 | std::uint64_t(p.id) << 3 | tag_pid;
        else
            word_ = boxed_pid_word(p);
    }
    term(const beam::ref& r);
    term(const beam::port& p);
    term(const beam::fun& f);
    template <class T>
    term(T*) = delete;  // never a bool by accident

    term(const term& other) noexcept : word_(other.word_) {
        if (is_boxed()) detail::retain(node());
    }
    term(term&& other) noexcept : word_(std::exchange(other.word_, tag_atom)) {}
    term& operator=(const term& other) noexcept {
        if (other.is_boxed()) detail::retain(other.node());
        auto old = std::exchange(word_, other.word_);
        drop(old);
        return *this;
    }
    term& operator=(term&& other) noexcept {
        auto taken = std::exchange(other.word_, tag_atom);
        drop(std::exchange(word_, taken));
        return *this;
    }
    ~term() { drop(word_); }

    void swap(term& other) noexcept { std::swap(word_, other.word_); }

    // -- which kind -------------------------------------------------------------------------------

    [[nodiscard]] term_kind kind() const noexcept {
        if (word_ & tag_small) return term_kind::integer;
        switch (word_ & 7) {
            case tag_atom:
                return term_kind::atom;
            case tag_pid:
                return term_kind::pid;
            case tag_empty:
                return word_ == nil_word           ? term_kind::nil
                       : word_ == empty_tuple_word ? term_kind::tuple
                       : word_ == empty_map_word   ? term_kind::map
                                                   : term_kind::bitstring;
            default:
                return term_kind(node()->kind);
        }
    }

    [[nodiscard]] bool is_integer() const noexcept { return kind() == term_kind::integer; }
    [[nodiscard]] bool is_float() const noexcept { return kind() == term_kind::floating; }
    [[nodiscard]] bool is_number() const noexcept { return kind() <= term_kind::floating; }
    [[nodiscard]] bool is_atom() const noexcept { return (word_ & 7) == tag_atom; }
    [[nodiscard]] bool is_boolean() const noexcept {
        return *this == atoms::true_ || *this == atoms::false_;
    }
    [[nodiscard]] bool is_ref() const noexcept { return kind() == term_kind::ref; }
    [[nodiscard]] bool is_fun() const noexcept { return kind() == term_kind::fun; }
    [[nodiscard]] bool is_port() const noexcept { return kind() == term_kind::port; }
    [[nodiscard]] bool is_pid() const noexcept { return kind() == term_kind::pid; }
    [[nodiscard]] bool is_tuple() const noexcept { return kind() == term_kind::tuple; }
    [[nodiscard]] bool is_map() const noexcept { return kind() == term_kind::map; }
    [[nodiscard]] bool is_nil() const noexcept { return word_ == nil_word; }
    /// As Erlang's is_list: `[]` and everything made with `|`.
    [[nodiscard]] bool is_list() const noexcept { return is_nil() || kind() == term_kind::list; }
    /// A bit string of whole bytes.
    [[nodiscard]] bool is_binary() const noexcept {
        return kind() == term_kind::bitstring && (!is_boxed() || (node()->flags & 7) == 0);
    }
    [[nodiscard]] bool is_bitstring() const noexcept { return kind() == term_kind::bitstring; }

    /// True for `{Tag, ...}` of that size, the tag counted: `t.is_tagged(atoms::error, 2)`.
    [[nodiscard]] bool is_tagged(beam::atom tag, std::size_t arity) const noexcept {
        auto e = elements();
        return e.size() == arity && arity > 0 && e[0] == tag;
    }

    // -- what is in it ----------------------------------------------------------------------------

    [[nodiscard]] std::optional<std::int64_t> as_int64() const noexcept {
        if (word_ & tag_small) return std::int64_t(word_) >> 1;
        return big_as_int64();
    }
    [[nodiscard]] std::optional<std::uint64_t> as_uint64() const noexcept;
    /// Any integer that fits that type.
    template <std::integral Int>
    [[nodiscard]] std::optional<Int> as_int() const noexcept {
        if (auto i = as_int64()) {
            if (holds<Int>(*i)) return Int(*i);
            return {};
        }
        if (auto u = as_uint64(); u && holds<Int>(*u)) return Int(*u);
        return {};
    }
    /// Any integer; copies.
    [[nodiscard]] std::optional<big_integer> as_big_integer() const;
    /// A float only.
    [[nodiscard]] std::optional<double> as_double() const noexcept;
    /// A float, or an integer that a double can approach (nearest; none beyond the largest double).
    [[nodiscard]] std::optional<double> as_number() const noexcept;
    [[nodiscard]] std::optional<bool> as_bool() const noexcept {
        if (*this == atoms::true_) return true;
        if (*this == atoms::false_) return false;
        return {};
    }
    [[nodiscard]] std::optional<beam::atom> as_atom() const noexcept {
        if (is_atom()) return beam::atom::at(std::uint32_t(word_ >> 3));
        return {};
    }
    [[nodiscard]] std::optional<beam::pid> as_pid() const noexcept;
    [[nodiscard]] std::optional<beam::ref> as_ref() const noexcept;
    [[nodiscard]] std::optional<beam::port> as_port() const noexcept;
    [[nodiscard]] const beam::fun* as_fun() const noexcept;

    /// The bytes of a binary, whatever they mean.
    [[nodiscard]] std::optional<std::string_view> as_text() const noexcept {
        if (!is_binary()) return {};
        return bytes();
    }
    /// The bytes of a bit string, the last one filled up with zero bits; empty for other kinds.
    [[nodiscard]] std::string_view bytes() const noexcept {
        if (!is_boxed() || node()->kind != std::uint8_t(term_kind::bitstring)) return {};
        if (node()->flags == detail::slice_flag) [[unlikely]]
            return {payload<detail::binary_slice>()->at, node()->size};
        return {payload<char>(), node()->size};
    }
    /// How many bits a bit string has; 0 for other kinds.
    [[nodiscard]] std::size_t bit_size() const noexcept;

    /// A tuple's elements; empty for other kinds too.
    [[nodiscard]] std::span<const term> elements() const noexcept {
        if (!is_boxed() || node()->kind != std::uint8_t(term_kind::tuple)) return {};
        return {payload<term>(), node()->size};
    }
    /// A map's entries, ascending by compare_exact() of the keys; empty for other kinds too.
    [[nodiscard]] std::span<const map_entry> entries() const noexcept;
    [[nodiscard]] std::size_t map_size() const noexcept;
    /// The value of that key in a map, or null. Compares O(log size) keys; an atom or other key
    /// that is not on the heap costs no comparison of text in a small map.
    [[nodiscard]] const term* map_find(const term& key) const noexcept;

    /// A list's elements as a range; empty for other kinds too. Not from a temporary in a `for`.
    [[nodiscard]] list_view list_elements() const noexcept;
    /// The elements of a proper list, copied (each counted up); none for everything else.
    [[nodiscard]] std::optional<std::vector<term>> as_list() const;
    /// The length of a proper list. Walks its nodes, of which a list made at once has one.
    [[nodiscard]] std::optional<std::size_t> list_length() const noexcept;
    /// Head and tail of a list that is not empty. The tail of a list made at once is a slice of it:
    /// one small allocation, no copy.
    [[nodiscard]] const term* head() const noexcept;
    [[nodiscard]] std::optional<term> tail() const;

    /// Equal under exactly_equal(): the same kind of number too (`1` is not `1.0`).
    friend bool operator==(const term& a, const term& b) noexcept {
        return a.word_ == b.word_ || (a.is_boxed() && b.is_boxed() && boxed_equal(a, b));
    }
    friend bool operator==(const term& a, beam::atom b) noexcept {
        return a.word_ == (std::uint64_t(b.index()) << 3 | tag_atom);
    }

    /// Equal terms have equal hashes, in every OS process of this architecture where no pid, ref or
    /// port of another node is in it.
    [[nodiscard]] std::uint64_t hash() const noexcept;

private:
    friend struct detail::term_access;

    static constexpr std::uint64_t tag_boxed = 0, tag_small = 1, tag_atom = 2, tag_empty = 4,
                                   tag_pid = 6;
    static constexpr std::uint64_t nil_word = 4, empty_tuple_word = 12, empty_map_word = 20,
                                   empty_binary_word = 28;

    // std::in_range, for character types too.
    template <std::integral To, std::integral From>
    static constexpr bool holds(From i) noexcept {
        return static_cast<From>(static_cast<To>(i)) == i && (i < 0) == (static_cast<To>(i) < 0);
    }
    static constexpr bool fits_small(std::int64_t i) noexcept {
        return i >= -(std::int64_t(1) << 62) && i < (std::int64_t(1) << 62);
    }
    [[nodiscard]] bool is_boxed() const noexcept { return (word_ & 7) == tag_boxed; }
    [[nodiscard]] detail::term_node* node() const noexcept {
        return reinterpret_cast<detail::term_node*>(word_);
    }
    template <class T>
    [[nodiscard]] const T* payload() const noexcept {
        return reinterpret_cast<const T*>(node() + 1);
    }
    static void drop(std::uint64_t word) noexcept {
        if ((word & 7) == tag_boxed) detail::release(reinterpret_cast<detail::term_node*>(word));
    }

    static std::uint64_t big_word(bool negative, std::uint64_t magnitude);
    static std::uint64_t boxed_pid_word(const beam::pid& p);
    static bool boxed_equal(const term& a, const term& b) noexcept;
    std::optional<std::int64_t> big_as_int64() const noexcept;

    std::uint64_t word_ = tag_atom;
};
static_assert(sizeof(term) == 8);

struct map_entry {
    term key;
    term value;
};

/// A function of an Erlang node as an opaque value. `external` is `fun M:F/A`; else a closure,
/// known by its module, name, arity and `unique`, and `data` is what a codec needs to send it
/// again.
struct fun {
    beam::atom module = {};
    beam::atom name = {};
    std::uint32_t arity = 0;
    bool external = false;
    std::uint64_t unique = 0;
    term data = {};

    friend bool operator==(const fun&, const fun&) noexcept = default;
};

/// The elements of a list: `for (const term& t : list.list_elements())`. Borrows the list.
class list_view {
public:
    class iterator {
    public:
        using value_type = term;
        using difference_type = std::ptrdiff_t;
        using reference = const term&;
        using pointer = const term*;
        using iterator_category = std::forward_iterator_tag;

        constexpr iterator() noexcept = default;
        reference operator*() const noexcept { return *at_; }
        pointer operator->() const noexcept { return at_; }
        iterator& operator++() noexcept {
            if (++at_ == end_) next_node();
            return *this;
        }
        iterator operator++(int) noexcept {
            auto old = *this;
            ++*this;
            return old;
        }
        friend bool operator==(const iterator& a, const iterator& b) noexcept {
            return a.at_ == b.at_;
        }

    private:
        friend class list_view;
        BEAM_EXPORT explicit iterator(const term& list) noexcept;
        BEAM_EXPORT void next_node() noexcept;

        const term* at_ = nullptr;  // null at the end
        const term* end_ = nullptr;
        const term* tail_ = nullptr;
    };

    explicit list_view(const term& list) noexcept : list_(&list) {}
    [[nodiscard]] iterator begin() const noexcept { return iterator(*list_); }
    [[nodiscard]] iterator end() const noexcept { return {}; }
    [[nodiscard]] bool empty() const noexcept { return begin() == end(); }

    /// What follows the last element: `[]` when the list is proper.
    [[nodiscard]] BEAM_EXPORT const term& last_tail() const noexcept;
    /// How many elements, whatever the tail. Walks the list's nodes.
    [[nodiscard]] BEAM_EXPORT std::size_t size() const noexcept;

private:
    const term* list_;
};

inline list_view term::list_elements() const noexcept {
    return list_view(*this);
}

inline std::span<const map_entry> term::entries() const noexcept {
    if (!is_boxed() || node()->kind != std::uint8_t(term_kind::map)) return {};
    return {payload<map_entry>(), node()->size};
}
inline std::size_t term::map_size() const noexcept {
    return entries().size();
}

// -- order ----------------------------------------------------------------------------------------

/// Erlang's order (ETS-24): number < atom < reference < fun < port < pid < tuple < map < nil < list
/// < bit string. Integers and floats are compared by value, exactly, so `1` and `1.0` are equal.
/// Tuples by size, then elements; maps by size, then keys in compare_exact() order, then values.
[[nodiscard]] BEAM_EXPORT std::weak_ordering compare(const term& a, const term& b) noexcept;

/// The order of map keys: as compare(), but every integer is before every float. `0.0` and `-0.0`
/// are equal, as they were until OTP 27.
[[nodiscard]] BEAM_EXPORT std::weak_ordering compare_exact(const term& a, const term& b) noexcept;

/// Erlang's `=:=`.
[[nodiscard]] inline bool exactly_equal(const term& a, const term& b) noexcept {
    return a == b;
}

// -- making them ----------------------------------------------------------------------------------

inline constexpr struct nil_t { operator term() const noexcept; } nil = {};  ///< `[]`

/// A binary of these bytes.
[[nodiscard]] inline term binary(std::string_view bytes) {
    return term(bytes);
}

/// The first `bits` bits of `bytes`, which must hold that many.
[[nodiscard]] BEAM_EXPORT term bitstring(std::string_view bytes, std::size_t bits);

/// `size` bytes of a binary, from `at` on (binary:part/3). A long part is not copied: it keeps the whole binary alive.
/// Throws std::out_of_range.
[[nodiscard]] BEAM_EXPORT term binary_part(const term& whole, std::size_t at, std::size_t size);

/// A binary of that size whose bytes `fill(char*)` writes.
template <class Fill>
[[nodiscard]] term binary_filled(std::size_t size, Fill fill);

/// An integer of any size.
[[nodiscard]] BEAM_EXPORT term integer(const big_integer& value);
/// The integer that these digits (bases 2 to 36, a sign in front allowed) say. Quadratic in length.
[[nodiscard]] BEAM_EXPORT std::optional<term> integer(std::string_view digits, int base = 10);

/// A tuple of copies of, or moved from the vector, these elements.
[[nodiscard]] BEAM_EXPORT term tuple_of(std::span<const term> elements);
[[nodiscard]] BEAM_EXPORT term tuple_of(std::vector<term>&& elements);

/// `tuple(atoms::error, "no such room", 42)`
template <class... Ts>
requires(std::convertible_to<Ts, term>&&...) [[nodiscard]] term tuple(Ts&&... elements);

/// A list of copies of, or moved from the vector, these elements, with that tail. One allocation.
[[nodiscard]] BEAM_EXPORT term list_of(std::span<const term> elements, term tail = nil);
[[nodiscard]] BEAM_EXPORT term list_of(std::vector<term>&& elements, term tail = nil);
[[nodiscard]] inline term list(std::initializer_list<term> elements) {
    return list_of(std::span(elements.begin(), elements.size()));
}
/// `[Head | Tail]`, proper or not.
[[nodiscard]] BEAM_EXPORT term cons(term head, term tail);
/// The code points of that text (UTF-8; a byte that is not becomes itself), as Erlang's "text" is.
[[nodiscard]] BEAM_EXPORT term charlist(std::string_view text);
/// The text of a binary, or of a proper list whose elements are code points, binaries and such
/// lists (as Erlang's chardata), in UTF-8.
[[nodiscard]] BEAM_EXPORT std::optional<std::string> chardata_text(const term& t);

/// A map; of two entries with exactly equal keys the later one counts. Sorts.
[[nodiscard]] BEAM_EXPORT term map_of(std::span<const map_entry> entries);
[[nodiscard]] BEAM_EXPORT term map_of(std::vector<map_entry>&& entries);
/// `map({{atoms::name, "ann"}, {atoms::id, 7}})`
[[nodiscard]] inline term map(std::initializer_list<map_entry> entries = {}) {
    return map_of(std::span(entries.begin(), entries.size()));
}
/// The map with that entry, or without that key. Copies the map (each entry counted up): to build
/// one, use map_of(). What is not a map counts as an empty one.
[[nodiscard]] BEAM_EXPORT term map_put(const term& m, term key, term value);
[[nodiscard]] BEAM_EXPORT term map_remove(const term& m, const term& key);
/// All entries of both; where both have a key, the value of `b`.
[[nodiscard]] BEAM_EXPORT term map_merge(const term& a, const term& b);

// -- what the templates above need ----------------------------------------------------------------

namespace detail {

struct term_access {
    static std::uint64_t word(const term& t) noexcept { return t.word_; }
    static term_node* node(const term& t) noexcept { return t.is_boxed() ? t.node() : nullptr; }
    static term from_word(std::uint64_t w) noexcept {
        term t;
        t.word_ = w;
        return t;
    }
    static term from_node(term_node* n) noexcept {
        return from_word(reinterpret_cast<std::uint64_t>(n));
    }
    static constexpr std::uint64_t nil = term::nil_word, empty_tuple = term::empty_tuple_word,
                                   empty_map = term::empty_map_word,
                                   empty_binary = term::empty_binary_word;
};

// A node with one reference and `bytes` of payload not yet written.
[[nodiscard]] BEAM_EXPORT term_node* new_node(term_kind kind, std::uint64_t size,
                                              std::size_t payload_bytes);

// Entries already sorted by exact order, without equal keys; moved from.
[[nodiscard]] BEAM_EXPORT term map_from_sorted(std::span<map_entry> entries);

}  // namespace detail

inline nil_t::operator term() const noexcept {
    return detail::term_access::from_word(detail::term_access::nil);
}

template <class... Ts>
requires(std::convertible_to<Ts, term>&&...) term tuple(Ts&&... elements) {
    if constexpr (sizeof...(Ts) == 0) {
        return detail::term_access::from_word(detail::term_access::empty_tuple);
    } else {
        // Made before the node, so that nothing leaks should one of them throw.
        term made[] = {static_cast<term>(std::forward<Ts>(elements))...};
        auto* n = detail::new_node(term_kind::tuple, sizeof...(Ts), sizeof made);
        auto* to = reinterpret_cast<term*>(n + 1);
        for (auto& t : made) new (to++) term(std::move(t));
        return detail::term_access::from_node(n);
    }
}

template <class Fill>
term binary_filled(std::size_t size, Fill fill) {
    if (size == 0) return detail::term_access::from_word(detail::term_access::empty_binary);
    auto* n = detail::new_node(term_kind::bitstring, size, size);
    auto t = detail::term_access::from_node(n);
    fill(reinterpret_cast<char*>(n + 1));
    return t;
}

}  // namespace beam

template <>
struct std::hash<beam::term> {
    std::size_t operator()(const beam::term& t) const noexcept { return t.hash(); }
};
