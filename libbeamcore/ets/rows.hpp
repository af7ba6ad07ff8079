// Rows of a table: put in, found, changed and taken out by key.
//
// Any process may call, as far as the table's access lets it (table.hpp). None of these waits, but for the moments in
// which another inserts a list; each charges the caller a few reductions. What is given is the caller's: terms are
// immutable, so a row that was looked up stays what it was.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "libbeamcore/ets/found.hpp"
#include "libbeamcore/ets/table.hpp"

namespace beam::ets {

// -- in -------------------------------------------------------------------------------------------

/// Puts a row in; in a set in place of the one with its key (ETS-03). Raises badarg for what is no tuple or too short
/// for the key (ETS-14).
BEAM_EXPORT void insert(const table& t, term row);
/// Puts all in, or raises badarg and puts none in (ETS-13). Nobody sees a part of it: who looks up meanwhile waits.
/// Of rows with one key the last stays (ETS-15). `insert_list(t, list)`: a term that is a list.
BEAM_EXPORT void insert(const table& t, std::span<const term> rows);
BEAM_EXPORT void insert_list(const table& t, const term& rows);

/// As insert; false, and nothing is put in, when a key is there already (ETS-12).
[[nodiscard]] BEAM_EXPORT bool insert_new(const table& t, term row);
[[nodiscard]] BEAM_EXPORT bool insert_new(const table& t, std::span<const term> rows);

// -- found ----------------------------------------------------------------------------------------

/// The rows with that key; of a bag in the order they came (ETS-08).
[[nodiscard]] BEAM_EXPORT rows lookup(const table& t, const term& key);
[[nodiscard]] BEAM_EXPORT bool member(const table& t, const term& key);

namespace detail {
using row_reader = void (*)(void* context, const row& found);
BEAM_EXPORT bool read_row(const table& t, const term& key, row_reader f, void* context);
}  // namespace detail

/// Shows the row with that key to `f(const row&)` where it lies, beyond OTP: nothing is copied and no reference counted,
/// so who wants a few bytes of a large row gets them for the price of those. False, without a call, if there is
/// none. The row is valid within the call. What `f` throws goes on. What is taken out meanwhile is not freed before
/// `f` returns, so it should be short. For set and ordered_set; a bag raises badarg.
template <class F>
bool read(const table& t, const term& key, F f) {
    return detail::read_row(
        t, key, [](void* context, const row& found) { (*static_cast<F*>(context))(found); },
        std::addressof(f));
}
/// A hint, beyond OTP: rows with these keys will be looked up or changed soon. Has them fetched from memory side by side,
/// where one look-up after the other would wait for each. Worth it for some ten keys that are likely to be there; does
/// nothing for an ordered_set.
BEAM_EXPORT void fetch_ahead(const table& t, std::span<const term> keys);
/// Element `position` of the row with that key; of a bag the list of those of its rows. Raises badarg where there is
/// none (ETS-11).
[[nodiscard]] BEAM_EXPORT term lookup_element(const table& t, const term& key,
                                              std::size_t position);
/// The same with `otherwise` for a key that is not there. A row that is too short is badarg still.
[[nodiscard]] BEAM_EXPORT term lookup_element(const table& t, const term& key, std::size_t position,
                                              term otherwise);

// -- out ------------------------------------------------------------------------------------------

/// Takes the rows with that key out, if there are any (ETS-09).
BEAM_EXPORT void erase(const table& t, const term& key);
/// Takes out the rows exactly equal to this one (ETS-10).
BEAM_EXPORT void delete_object(const table& t, const term& row);
/// Takes the rows with that key out and gives them (ETS-20).
BEAM_EXPORT rows take(const table& t, const term& key);
/// Empties the table at one moment (ETS-44). The memory is freed in the background.
BEAM_EXPORT void delete_all_objects(const table& t);

// -- changed --------------------------------------------------------------------------------------

/// One element of a row and its new value.
struct element_update {
    std::size_t position = 2;
    term value = {};
};

/// Changes elements of a row of a set or ordered_set; false if there is none with that key. Raises badarg for the
/// key's position, one beyond the row, a bag (ETS-19).
BEAM_EXPORT bool update_element(const table& t, const term& key, std::size_t position, term value);
BEAM_EXPORT bool update_element(const table& t, const term& key,
                                std::span<const element_update> updates);
BEAM_EXPORT bool update_element(const table& t, const term& key,
                                std::initializer_list<element_update> updates);

/// `{Position, Increment}` or, with a threshold, `{Position, Increment, Threshold, SetValue}`: beyond the threshold
/// (above for an increment >= 0, else below) the value becomes `set_value`.
struct counter_update {
    std::size_t position = 2;
    std::int64_t increment = 1;
    struct limit {
        std::int64_t threshold = 0, set_value = 0;
    };
    std::optional<limit> at = {};
};

/// Adds to an integer of a row and gives the new value (ETS-16): position 2, or, when the key is there, the next
/// element after the key. A `by_default` row is first put in, with `key` as its key, when there is none (ETS-18). Raises
/// badarg for a missing key without default, what is no integer, the key's position, a bag (ETS-17), and a value
/// beyond 64 bits.
///
/// A row of a set whose elements are all small values is changed in place: nothing is allocated.
BEAM_EXPORT std::int64_t update_counter(const table& t, const term& key,
                                        std::int64_t increment = 1);
BEAM_EXPORT std::int64_t update_counter(const table& t, const term& key,
                                        const counter_update& update);
BEAM_EXPORT std::int64_t update_counter(const table& t, const term& key,
                                        const counter_update& update, const term& by_default);
/// Several, all or none, in this order; gives the values.
BEAM_EXPORT std::vector<std::int64_t> update_counter(const table& t, const term& key,
                                                     std::span<const counter_update> updates,
                                                     const term* by_default = nullptr);
/// As OTP writes it: an increment, `{Pos, Incr}`, `{Pos, Incr, Threshold, Set}` or a list of these; gives an integer or a
/// list.
BEAM_EXPORT term update_counter_term(const table& t, const term& key, const term& updates,
                                     const term* by_default = nullptr);

namespace detail {
using row_function = std::optional<term> (*)(void* context, const row* found);
BEAM_EXPORT bool update_row(const table& t, const term& key, row_function f, void* context);
using integers_function = bool (*)(void* context, std::int64_t* values);
BEAM_EXPORT bool update_integers(const table& t, const term& key, std::size_t first,
                                 std::size_t count, integers_function f, void* context,
                                 const term* by_default);
}  // namespace detail

/// Changes a row atomically by a function of the caller's: `f(const row* found)`, null if there is none, gives an
/// `std::optional<term>`: the row to put in its place (with the same key), or nothing to leave all as it is. True if
/// a row was put in. `f` runs in the caller, without a lock, and again when another changed the row meanwhile: only
/// its last call counts. For set and ordered_set. Raises badarg for a row with another key; what `f` throws goes on.
template <class F>
bool update(const table& t, const term& key, F f) {
    return detail::update_row(
        t, key,
        [](void* context, const row* found) -> std::optional<term> {
            return (*static_cast<F*>(context))(found);
        },
        std::addressof(f));
}

/// Reads and changes `count` integers of a row at once, in place: elements `first` to `first + count - 1`. `f` gets
/// them as `std::span<std::int64_t>` and says whether what it left there is kept. It runs under the row's lock: it
/// must be short, throw nothing and use no table. False if `f` said no, or there is no row with that key and no
/// `by_default` (which is else put in first, as update_counter does). For set and ordered_set. Raises badarg where
/// the elements are not integers of 64 bits. This is the quickest read-modify-write (about update_counter's cost).
template <class F>
bool update_integers(const table& t, const term& key, std::size_t first, std::size_t count, F f,
                     const term* by_default = nullptr) {
    static_assert(std::is_nothrow_invocable_r_v<bool, F&, std::span<std::int64_t>>,
                  "f must be noexcept: it runs under a lock");
    struct call {
        F* f;
        std::size_t count;
    } c{std::addressof(f), count};
    return detail::update_integers(
        t, key, first, count,
        [](void* context, std::int64_t* values) {
            const auto& made = *static_cast<call*>(context);
            return bool((*made.f)(std::span<std::int64_t>(values, made.count)));
        },
        &c, by_default);
}

// -- one key after another ------------------------------------------------------------------------

/// Keys in the table's own order: that of terms for ordered_set, else none that means anything. Nothing at the end, and
/// for an empty table (ETS-23).
[[nodiscard]] BEAM_EXPORT std::optional<term> first(const table& t);
[[nodiscard]] BEAM_EXPORT std::optional<term> last(const table& t);
/// The key after (before) this one. In an ordered_set the key need not be there (ETS-21); in the other types one that is
/// not raises badarg (ETS-22) unless the table is fixed.
[[nodiscard]] BEAM_EXPORT std::optional<term> next(const table& t, const term& key);
[[nodiscard]] BEAM_EXPORT std::optional<term> prev(const table& t, const term& key);

}  // namespace beam::ets
