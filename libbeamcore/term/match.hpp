// Match specifications, as ets:select takes them: patterns, guards and bodies written as terms.
//
//     [{{'$1', '_', #{age => '$2'}}, [{'>', '$2', 17}], ['$1']}]
//
// Patterns: '_' matches anything; '$1' (any number of up to eight digits) too, and keeps it; the
// same variable again must be exactly equal (ETS-42); a map matches maps that have at least its
// keys, which are neither '_' nor variables (ETS-51). Numbers match exactly: 1 is not 1.0.
// Guards: Erlang's operators and guard functions, and, or, andalso, orelse, {const, T}, '$_' (the
// whole object), '$$' (the list of all variables). A tuple is written {{...}}. A guard that fails
// is false.
// Bodies: the same expressions; the last one is the answer. A call in it that fails gives 'EXIT'.
// Integer arithmetic is exact for operands of 64 bits; with larger ones it fails.
//
// Not here: what is for tracing only, and what asks for the caller ({self}, {node}).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/base/result.hpp"
#include "libbeamcore/term/term.hpp"

namespace beam {

/// The variables of a pattern, by ascending number.
class BEAM_EXPORT bindings {
public:
    /// The value of `$number`, or null.
    [[nodiscard]] const term* find(std::uint32_t number) const noexcept;
    /// Binds it; false if it is bound to something else.
    bool bind(std::uint32_t number, const term& value);
    void clear() noexcept { bound_.clear(); }
    [[nodiscard]] std::size_t size() const noexcept { return bound_.size(); }
    /// The values, by ascending number of their variables (ETS-41).
    [[nodiscard]] std::vector<term> values() const;

private:
    std::vector<std::pair<std::uint32_t, term>> bound_;
};

/// Whether `t` matches `pattern`, a term as above. What was bound before must agree; after a false,
/// `bound` holds what had been bound by then. For one match; to match many terms, compile.
[[nodiscard]] BEAM_EXPORT bool matches(const term& pattern, const term& t, bindings& bound);
[[nodiscard]] BEAM_EXPORT bool matches(const term& pattern, const term& t);

/// No variable, no '_' and no map in it: it matches what is exactly equal to it, and nothing else.
[[nodiscard]] BEAM_EXPORT bool is_ground(const term& pattern);

/// `N` of an atom '$N'.
[[nodiscard]] BEAM_EXPORT std::optional<std::uint32_t> variable_number(const term& t) noexcept;

/// A compiled match specification. Immutable and cheap to copy; may be run by many threads.
class BEAM_EXPORT match_spec {
public:
    /// Compiles `[{Pattern, [Guard], [Body]}, ...]`.
    ///
    /// Errors: `badarg`, the detail saying what is malformed, and in which clause (ETS-43).
    [[nodiscard]] static result<match_spec> compile(const term& spec);

    /// What the body of the first clause that matches gives; none if none does.
    [[nodiscard]] std::optional<term> run(const term& object) const;

    /// Whether any clause matches and its body gives `true` (as ets:select_delete and
    /// ets:select_count ask).
    [[nodiscard]] bool is_true(const term& object) const;

    /// The pattern of the only clause, else '_': where a table looks which keys can match.
    [[nodiscard]] const term& only_pattern() const noexcept;

    struct program;

private:
    explicit match_spec(std::shared_ptr<const program> p) noexcept : program_(std::move(p)) {}
    std::shared_ptr<const program> program_;
};

/// match_spec::compile().
[[nodiscard]] inline result<match_spec> compile(const term& spec) {
    return match_spec::compile(spec);
}

}  // namespace beam
