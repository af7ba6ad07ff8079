// Many rows: found, counted, deleted and replaced by patterns and match specifications (term/match.hpp).
//
// A pattern that binds the key (a set's whole key; an ordered_set's whole key, or the beginning of one that is a tuple or
// a list) looks at the rows that can match, and at no others. All else looks at every row, in the caller, charging a
// reduction for each few; it does not yield. Where a table is big, use a limit: the limited forms come back after that
// many results or `cost_max` rows, with a continuation that goes on.
//
// Rows that are there all the time are seen exactly once, also across continuations, while others write. Malformed
// specifications raise badarg (ETS-43).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "libbeamcore/base/result.hpp"
#include "libbeamcore/ets/rows.hpp"
#include "libbeamcore/ets/table.hpp"
#include "libbeamcore/term/match.hpp"

namespace beam::ets {

namespace detail {
struct scan_state;
}

/// Where a limited select goes on. Empty at the end (OTP's '$end_of_table'). Copying is cheap; each can be used again.
class BEAM_EXPORT continuation {
public:
    continuation() = default;
    explicit operator bool() const { return state_ != nullptr; }

    explicit continuation(std::shared_ptr<const detail::scan_state> s) : state_(std::move(s)) {}
    [[nodiscard]] const detail::scan_state* state() const { return state_.get(); }

private:
    std::shared_ptr<const detail::scan_state> state_;
};

/// A part of the results, and where to go on.
struct selection {
    std::vector<term> found = {};
    continuation next = {};
    std::size_t looked_at = 0;  ///< rows that this part cost

    /// Nothing was found, and nothing is left: OTP's '$end_of_table'.
    [[nodiscard]] bool is_end() const { return found.empty() && !next; }
};

struct select_limit {
    std::size_t results = SIZE_MAX;  ///< at most so many; at least 1
    std::size_t cost_max =
        SIZE_MAX;  ///< looks at about so many rows, then comes back with what was found, maybe nothing
};

// -- select ---------------------------------------------------------------------------------------

/// What the specification makes of the rows it matches; those of an ordered_set in its order. A compiled one is not
/// compiled again.
[[nodiscard]] BEAM_EXPORT std::vector<term> select(const table& t, const match_spec& spec);
[[nodiscard]] BEAM_EXPORT std::vector<term> select(const table& t, const term& spec);
/// At most so many, and a continuation (ETS-37). With limit.cost_max `found` may be empty before the end: ask `next`.
[[nodiscard]] BEAM_EXPORT selection select(const table& t, const match_spec& spec,
                                           const select_limit& limit);
[[nodiscard]] BEAM_EXPORT selection select(const table& t, const term& spec,
                                           const select_limit& limit);
/// The next part; of an empty continuation an empty one. Raises badarg when the table is gone.
[[nodiscard]] BEAM_EXPORT selection select(const continuation& c);

/// The same from the end of an ordered_set to its beginning (ETS-38); for other types as select.
[[nodiscard]] BEAM_EXPORT std::vector<term> select_reverse(const table& t, const match_spec& spec);
[[nodiscard]] BEAM_EXPORT std::vector<term> select_reverse(const table& t, const term& spec);
[[nodiscard]] BEAM_EXPORT selection select_reverse(const table& t, const match_spec& spec,
                                                   const select_limit& limit);
[[nodiscard]] BEAM_EXPORT selection select_reverse(const table& t, const term& spec,
                                                   const select_limit& limit);

/// How many rows give exactly `true` (ETS-39).
[[nodiscard]] BEAM_EXPORT std::size_t select_count(const table& t, const match_spec& spec);
[[nodiscard]] BEAM_EXPORT std::size_t select_count(const table& t, const term& spec);
/// Deletes the rows that give exactly `true`; says how many.
BEAM_EXPORT std::size_t select_delete(const table& t, const match_spec& spec);
BEAM_EXPORT std::size_t select_delete(const table& t, const term& spec);
/// Puts what the specification gives in the place of each row it matches; says how many. Each row is replaced
/// atomically. Raises badarg when a result has not the row's key, the rows before it being replaced, and for a bag
/// (ETS-40).
BEAM_EXPORT std::size_t select_replace(const table& t, const match_spec& spec);
BEAM_EXPORT std::size_t select_replace(const table& t, const term& spec);

// -- match ----------------------------------------------------------------------------------------

/// For each row that the pattern matches the list of its variables' values, by their numbers (ETS-41).
[[nodiscard]] BEAM_EXPORT std::vector<term> match(const table& t, const term& pattern);
[[nodiscard]] BEAM_EXPORT selection match(const table& t, const term& pattern,
                                          const select_limit& limit);
/// The rows that the pattern matches.
[[nodiscard]] BEAM_EXPORT std::vector<term> match_object(const table& t, const term& pattern);
[[nodiscard]] BEAM_EXPORT selection match_object(const table& t, const term& pattern,
                                                 const select_limit& limit);
/// Deletes them.
BEAM_EXPORT void match_delete(const table& t, const term& pattern);

// -- all rows -------------------------------------------------------------------------------------

namespace detail {
using fold_function = void (*)(void* context, const term& row);
BEAM_EXPORT void each_row(const table& t, bool reverse, fold_function f, void* context);
}  // namespace detail

/// `f(row, accumulator)` for each row gives the next accumulator; the rows of an ordered_set ascending (foldl) or
/// descending (foldr, ETS-47). `f` may change the table; rows are taken some hundred at a time, so a row deleted
/// meanwhile may still come.
template <class T, class F>
[[nodiscard]] T foldl(const table& t, T accumulator, F f) {
    auto step = [&](const term& row) { accumulator = f(row, std::move(accumulator)); };
    detail::each_row(
        t, false,
        [](void* context, const term& row) { (*static_cast<decltype(step)*>(context))(row); },
        &step);
    return accumulator;
}
template <class T, class F>
[[nodiscard]] T foldr(const table& t, T accumulator, F f) {
    auto step = [&](const term& row) { accumulator = f(row, std::move(accumulator)); };
    detail::each_row(
        t, true,
        [](void* context, const term& row) { (*static_cast<decltype(step)*>(context))(row); },
        &step);
    return accumulator;
}
/// All rows.
[[nodiscard]] BEAM_EXPORT std::vector<term> tab2list(const table& t);

// -- match specifications outside tables ------------------------------------------------------------

/// What a specification makes of the terms of a list, of those it matches, in order (ets:match_spec_run, ETS-49).
/// Raises badarg for what is no proper list.
[[nodiscard]] BEAM_EXPORT term match_spec_run(const term& list, const match_spec& spec);
/// Tries a specification on one tuple (ets:test_ms, ETS-50): `{ok, Result}`, `{ok, false}` where it does not match, or
/// `{error, [{error, Why}]}`.
[[nodiscard]] BEAM_EXPORT term test_ms(const term& tuple, const term& spec);

}  // namespace beam::ets
