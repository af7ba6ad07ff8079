// Terms as text: Erlang's own syntax, both ways.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/base/result.hpp"
#include "libbeamcore/term/term.hpp"

namespace beam {

struct print_options {
    /// No more than about this many bytes; what is left out shows as `...`. 0: no limit. A text
    /// that was cut does not parse.
    std::size_t max_bytes = 0;
};

/// One line, as io_lib's ~w with two differences of ~p: a binary of printable UTF-8 is
/// `<<"text">>`, with `/utf8` where it is not ASCII. Atoms are quoted where Erlang does it, floats
/// are the shortest that read back the same, lists of characters are lists of numbers.
///
/// parse_term() gives an equal term back, except for closures (`#Fun<m.f.1.123>`).
[[nodiscard]] BEAM_EXPORT std::string to_string(const term& t, const print_options& options = {});

/// The atom, quoted where Erlang does it.
[[nodiscard]] BEAM_EXPORT std::string to_string(atom a);

struct parse_options {
    std::size_t depth_max = 100'000;   ///< nesting of brackets
    std::size_t digits_max = 100'000;  ///< of one integer, for reading those is quadratic
    /// False: an atom that does not exist yet is an error. For text from strangers.
    bool create_atoms = true;
};

/// Reads one term, all of `text`; a dot, white space and comments (`%`) may follow.
///
/// Literals as in Erlang: atoms, `'quoted\natoms'`, `42`, `16#FF`, `1_000`, `$c`, `1.0e10`,
/// "strings" (lists of code points, in UTF-8, adjoining ones joined), `<<"text">>`,
/// `<<"text"/utf8>>`, `<<1, 2:3>>`, `{tuples}`, `[lists | Tail]`, `#{maps => 1}`, `fun m:f/1`, and
/// as they are printed `<0.1.2>`, `#Ref<0.1.2.3>`, `#Port<0.5>`.
///
/// Errors: `syntax` with a detail such as `1:7: expected ',' or '}', found ']'` (columns in
/// characters); `too_deep`, `too_long` (digits_max), `unknown_atom`, `system_limit`, with the place
/// likewise.
[[nodiscard]] BEAM_EXPORT result<term> parse_term(std::string_view text,
                                                  const parse_options& options = {});

/// Reads terms that each end with a dot, as file:consult does. Errors as parse_term().
[[nodiscard]] BEAM_EXPORT result<std::vector<term>> parse_terms(std::string_view text,
                                                                const parse_options& options = {});

}  // namespace beam
