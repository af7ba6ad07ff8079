// The guards and bodies of match specifications: what they are compiled to, and how they are run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <vector>

#include "libbeamcore/term/term.hpp"

namespace beam::detail::matching {

// What a match has found. Bound values are parts of the object, or `made` for it.
struct environment {
    explicit environment(const term& o, std::size_t slots) : object(&o) {
        if (slots > std::size(few)) many.resize(slots);
        at = slots > std::size(few) ? many.data() : few;
    }
    environment(const environment&) = delete;

    const term* object;
    const term** at;
    const term* few[8];
    std::vector<const term*> many;
    std::list<term> made;
    bool catches = false;  // a call that fails gives 'EXIT'
};

enum class op : std::uint8_t {
    constant,
    variable,
    whole,
    all_variables,
    make_tuple,
    make_list,
    make_map,
    and_,
    or_,
    andalso,
    orelse,  // of any number of arguments
    not_,
    xor_,
    is_atom,
    is_float,
    is_integer,
    is_list,
    is_number,
    is_pid,
    is_port,
    is_reference,
    is_tuple,
    is_map,
    is_binary,
    is_bitstring,
    is_boolean,
    is_function,
    is_map_key,
    is_record,
    less,
    less_equal,
    greater,
    greater_equal,
    equal,
    not_equal,
    exactly_equal,
    exactly_not_equal,
    plus,
    minus,
    times,
    slash,
    div,
    rem,
    band,
    bor,
    bxor,
    bnot,
    bsl,
    bsr,
    negate,
    positive,
    abs,
    element,
    hd,
    tl,
    length,
    size,
    map_get,
    map_size,
    tuple_size,
    byte_size,
    bit_size,
    round,
    trunc,
    ceil,
    floor,
    to_float,
    max,
    min,
};

struct expression {
    op code = op::constant;
    std::uint32_t slot = 0;  // of variable
    term value = {};         // of constant; of all_variables: nothing
    // Elements (a list's tail is the last one), keys and values in turn.
    std::vector<expression> args;
};

/// The function of that name with so many arguments, in a guard or a body.
[[nodiscard]] std::optional<op> find_function(atom name, std::size_t arity);

/// `slots`: how many variables there are. Nothing: it fails; with env.catches that gives 'EXIT'.
[[nodiscard]] std::optional<term> evaluate(const expression& e, environment& env,
                                           std::size_t slots);

}  // namespace beam::detail::matching
