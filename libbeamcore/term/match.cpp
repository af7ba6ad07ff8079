#include "libbeamcore/term/match.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <list>

#include "libbeamcore/term/internal/bigint.hpp"
#include "libbeamcore/term/internal/list_part.hpp"
#include "libbeamcore/term/syntax.hpp"

namespace beam {
namespace {

// Patterns and expressions are compiled and run by recursion, which this bounds.
constexpr std::size_t depth_max = 500;

struct malformed {  // thrown and caught in this file only
    std::string why;
};

// -- patterns -------------------------------------------------------------------------------------

struct pattern {
    enum kind_type { any, bind, same, constant, tuple, list, map };
    kind_type kind = any;
    std::uint32_t slot = 0;      // of bind and same
    term value = {};             // of constant
    std::vector<pattern> parts;  // elements (a list's tail is the last one), a map's values
    std::vector<term> keys;      // of map
};

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

bool match(const pattern& p, const term& t, environment& env);

bool match_list(const pattern& p, const term& t, environment& env) {
    const term* list = &t;
    auto part = detail::part_of(t);
    std::size_t in_part = 0;
    for (std::size_t i = 0; i + 1 < p.parts.size(); ++i) {
        if (in_part == part.count) {
            if (part.count == 0) return false;
            list = part.tail;
            part = detail::part_of(*list);
            in_part = 0;
            if (part.count == 0) return false;
        }
        if (!match(p.parts[i], part.first[in_part++], env)) return false;
    }
    const auto& tail = p.parts.back();
    if (in_part == part.count) return match(tail, *part.tail, env);
    if (tail.kind == pattern::any) return true;
    if (tail.kind == pattern::constant && tail.value.is_nil()) return false;
    // The tail begins within a node: a slice of it is made.
    auto rest = *list;
    for (; in_part > 0; --in_part) rest = *rest.tail();
    return match(tail, env.made.emplace_back(std::move(rest)), env);
}

bool match(const pattern& p, const term& t, environment& env) {
    switch (p.kind) {
        case pattern::any:
            return true;
        case pattern::bind:
            env.at[p.slot] = &t;
            return true;
        case pattern::same:
            return *env.at[p.slot] == t;
        case pattern::constant:
            return p.value == t;
        case pattern::tuple: {
            auto elements = t.elements();
            if (elements.size() != p.parts.size()) return false;
            for (std::size_t i = 0; i < elements.size(); ++i)
                if (!match(p.parts[i], elements[i], env)) return false;
            return true;
        }
        case pattern::list:
            return match_list(p, t, env);
        case pattern::map:
            if (!t.is_map()) return false;
            for (std::size_t i = 0; i < p.keys.size(); ++i) {
                const auto* found = t.map_find(p.keys[i]);
                if (!found || !match(p.parts[i], *found, env)) return false;
            }
            return true;
    }
    return false;
}

// -- expressions ----------------------------------------------------------------------------------

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

struct function {
    atom name;
    std::size_t arity;
    op code;
};
constexpr std::size_t any_arity = 0;

constexpr function functions[] = {
    {atoms::and_, any_arity, op::and_},
    {atoms::or_, any_arity, op::or_},
    {atoms::andalso, any_arity, op::andalso},
    {atoms::orelse, any_arity, op::orelse},
    {atoms::not_, 1, op::not_},
    {atoms::xor_, 2, op::xor_},
    {atoms::is_atom, 1, op::is_atom},
    {atoms::is_float, 1, op::is_float},
    {atoms::is_integer, 1, op::is_integer},
    {atoms::is_list, 1, op::is_list},
    {atoms::is_number, 1, op::is_number},
    {atoms::is_pid, 1, op::is_pid},
    {atoms::is_port, 1, op::is_port},
    {atoms::is_reference, 1, op::is_reference},
    {atoms::is_tuple, 1, op::is_tuple},
    {atoms::is_map, 1, op::is_map},
    {atoms::is_binary, 1, op::is_binary},
    {atoms::is_bitstring, 1, op::is_bitstring},
    {atoms::is_boolean, 1, op::is_boolean},
    {atoms::is_function, 1, op::is_function},
    {atoms::is_map_key, 2, op::is_map_key},
    {atoms::is_record, 3, op::is_record},
    {atoms::less, 2, op::less},
    {atoms::less_equal, 2, op::less_equal},
    {atoms::greater, 2, op::greater},
    {atoms::greater_equal, 2, op::greater_equal},
    {atoms::equal, 2, op::equal},
    {atoms::not_equal, 2, op::not_equal},
    {atoms::exactly_equal, 2, op::exactly_equal},
    {atoms::exactly_not_equal, 2, op::exactly_not_equal},
    {atoms::plus, 2, op::plus},
    {atoms::plus, 1, op::positive},
    {atoms::minus, 2, op::minus},
    {atoms::minus, 1, op::negate},
    {atoms::times, 2, op::times},
    {atoms::slash, 2, op::slash},
    {atoms::div, 2, op::div},
    {atoms::rem, 2, op::rem},
    {atoms::band, 2, op::band},
    {atoms::bor, 2, op::bor},
    {atoms::bxor, 2, op::bxor},
    {atoms::bnot, 1, op::bnot},
    {atoms::bsl, 2, op::bsl},
    {atoms::bsr, 2, op::bsr},
    {atoms::abs, 1, op::abs},
    {atoms::element, 2, op::element},
    {atoms::hd, 1, op::hd},
    {atoms::tl, 1, op::tl},
    {atoms::length, 1, op::length},
    {atoms::size, 1, op::size},
    {atoms::map_get, 2, op::map_get},
    {atoms::map_size, 1, op::map_size},
    {atoms::tuple_size, 1, op::tuple_size},
    {atoms::byte_size, 1, op::byte_size},
    {atoms::bit_size, 1, op::bit_size},
    {atoms::round, 1, op::round},
    {atoms::trunc, 1, op::trunc},
    {atoms::ceil, 1, op::ceil},
    {atoms::floor, 1, op::floor},
    {atoms::float_, 1, op::to_float},
    {atoms::max, 2, op::max},
    {atoms::min, 2, op::min},
};

struct expression {
    op code = op::constant;
    std::uint32_t slot = 0;  // of variable
    term value = {};         // of constant; of all_variables: nothing
    std::vector<expression>
        args;  // elements (a list's tail is the last one), keys and values in turn
};

// None: it fails (badarith).
std::optional<term> arithmetic(op code, const term& a, const term& b) {
    using bigint::wide;
    auto x = a.as_int64(), y = b.as_int64();
    if (x && y) {
        switch (code) {
            case op::plus:
                return bigint::make(wide(*x) + *y);
            case op::minus:
                return bigint::make(wide(*x) - *y);
            case op::times:
                return bigint::make(wide(*x) * *y);
            case op::div:
                if (*y == 0) return {};
                return bigint::make(wide(*x) / *y);
            case op::rem:
                if (*y == 0) return {};
                return bigint::make(wide(*x) % *y);
            case op::band:
                return *x & *y;
            case op::bor:
                return *x | *y;
            case op::bxor:
                return *x ^ *y;
            case op::bsl:
            case op::bsr: {
                bool left = (code == op::bsl) == (*y >= 0);
                auto count = *y < 0 ? 0 - std::uint64_t(*y) : std::uint64_t(*y);
                if (!left) return *x >> std::min<std::uint64_t>(count, 63);
                if (*x == 0) return 0;
                if (count > 63) return {};
                return bigint::make(wide(*x) * (wide(1) << count));
            }
            default:
                break;
        }
    }
    auto d = a.as_number(), e = b.as_number();
    if (!d || !e) return {};
    bool has_float = a.is_float() || b.is_float();
    if (!has_float && code != op::slash) return {};
    double made;
    switch (code) {
        case op::plus:
            made = *d + *e;
            break;
        case op::minus:
            made = *d - *e;
            break;
        case op::times:
            made = *d * *e;
            break;
        case op::slash:
            if (*e == 0) return {};
            made = *d / *e;
            break;
        default:
            return {};
    }
    if (!std::isfinite(made)) return {};
    return made;
}

std::optional<term> rounded(op code, const term& a) {
    if (a.is_integer()) return a;
    auto d = a.as_double();
    if (!d) return {};
    switch (code) {
        case op::round:
            return bigint::from_double(std::round(*d));
        case op::ceil:
            return bigint::from_double(std::ceil(*d));
        case op::floor:
            return bigint::from_double(std::floor(*d));
        default:
            return bigint::from_double(*d);
    }
}

std::optional<term> absolute(const term& a) {
    if (auto d = a.as_double()) return std::fabs(*d);
    auto i = a.as_big_integer();
    if (!i) return {};
    i->negative = false;
    return integer(*i);
}

std::optional<term> size_of(op code, const term& a) {
    if (a.is_tuple() && (code == op::size || code == op::tuple_size)) return a.elements().size();
    if (a.is_map() && code == op::map_size) return a.map_size();
    if (!a.is_bitstring()) return {};
    if (code == op::bit_size) return a.bit_size();
    if (code == op::byte_size) return a.bytes().size();
    if (code == op::size) return a.bit_size() / 8;
    return {};
}

std::optional<term> element(const term& index, const term& tuple) {
    auto i = index.as_int<std::size_t>();
    auto elements = tuple.elements();
    if (!i || *i == 0 || *i > elements.size()) return {};
    return elements[*i - 1];
}

bool is_record(const term& t, const term& tag, const term& size) {
    auto elements = t.elements();
    return !elements.empty() && size == elements.size() && elements[0] == tag;
}

std::optional<term> copied(const term* t) {
    if (!t) return {};
    return *t;
}

std::optional<term> call(op code, const term& a, const term& b, const term& c) {
    switch (code) {
        case op::not_:
            if (auto x = a.as_bool()) return !*x;
            return {};
        case op::xor_:
            if (auto x = a.as_bool(), y = b.as_bool(); x && y) return *x != *y;
            return {};
        case op::is_atom:
            return a.is_atom();
        case op::is_float:
            return a.is_float();
        case op::is_integer:
            return a.is_integer();
        case op::is_list:
            return a.is_list();
        case op::is_number:
            return a.is_number();
        case op::is_pid:
            return a.is_pid();
        case op::is_port:
            return a.is_port();
        case op::is_reference:
            return a.is_ref();
        case op::is_tuple:
            return a.is_tuple();
        case op::is_map:
            return a.is_map();
        case op::is_binary:
            return a.is_binary();
        case op::is_bitstring:
            return a.is_bitstring();
        case op::is_boolean:
            return a.is_boolean();
        case op::is_function:
            return a.is_fun();
        case op::is_record:
            return is_record(a, b, c);
        case op::is_map_key:
            if (!b.is_map()) return {};
            return b.map_find(a) != nullptr;
        case op::less:
            return compare(a, b) < 0;
        case op::less_equal:
            return compare(a, b) <= 0;
        case op::greater:
            return compare(a, b) > 0;
        case op::greater_equal:
            return compare(a, b) >= 0;
        case op::equal:
            return compare(a, b) == 0;
        case op::not_equal:
            return compare(a, b) != 0;
        case op::exactly_equal:
            return a == b;
        case op::exactly_not_equal:
            return a != b;
        case op::bnot:
            if (auto x = a.as_int64()) return ~*x;
            return {};
        case op::negate:
            return arithmetic(op::minus, 0, a);
        case op::positive:
            return arithmetic(op::plus, 0, a);
        case op::abs:
            return absolute(a);
        case op::element:
            return element(a, b);
        case op::hd:
            return copied(a.head());
        case op::tl:
            return a.tail();
        case op::length:
            if (auto n = a.list_length()) return *n;
            return {};
        case op::map_get:
            return copied(b.map_find(a));
        case op::size:
        case op::map_size:
        case op::tuple_size:
        case op::byte_size:
        case op::bit_size:
            return size_of(code, a);
        case op::round:
        case op::trunc:
        case op::ceil:
        case op::floor:
            return rounded(code, a);
        case op::to_float:
            if (auto d = a.as_number()) return *d;
            return {};
        case op::max:
            return compare(a, b) < 0 ? b : a;
        case op::min:
            return compare(b, a) < 0 ? b : a;
        default:
            return arithmetic(code, a, b);
    }
}

std::optional<term> evaluate(const expression& e, environment& env, std::size_t slots);

// 'and' and 'or' look at all arguments, andalso and orelse only as far as needed; the last one of
// those may be anything.
std::optional<term> logical(const expression& e, environment& env, std::size_t slots) {
    bool stops_at = e.code == op::or_ || e.code == op::orelse;
    bool is_lazy = e.code == op::andalso || e.code == op::orelse;
    bool found = false;
    for (std::size_t i = 0; i < e.args.size(); ++i) {
        auto t = evaluate(e.args[i], env, slots);
        if (!t || (is_lazy && i + 1 == e.args.size())) return t;
        auto b = t->as_bool();
        if (!b) return {};
        found = found || *b == stops_at;
        if (found && is_lazy) return stops_at;
    }
    return found == stops_at;
}

std::optional<term> evaluate_uncaught(const expression& e, environment& env, std::size_t slots) {
    switch (e.code) {
        case op::constant:
            return e.value;
        case op::variable:
            return *env.at[e.slot];
        case op::whole:
            return *env.object;
        case op::all_variables: {
            std::vector<term> all;
            for (std::size_t i = 0; i < slots; ++i) all.push_back(*env.at[i]);
            return list_of(std::move(all));
        }
        case op::and_:
        case op::or_:
        case op::andalso:
        case op::orelse:
            return logical(e, env, slots);
        case op::make_tuple:
        case op::make_list:
        case op::make_map: {
            std::vector<term> made;
            made.reserve(e.args.size());
            for (const auto& arg : e.args) {
                auto t = evaluate(arg, env, slots);
                if (!t) return {};
                made.push_back(std::move(*t));
            }
            if (e.code == op::make_tuple) return tuple_of(std::move(made));
            if (e.code == op::make_map) {
                std::vector<map_entry> entries;
                for (std::size_t i = 0; i < made.size(); i += 2)
                    entries.push_back({std::move(made[i]), std::move(made[i + 1])});
                return map_of(std::move(entries));
            }
            auto tail = std::move(made.back());
            made.pop_back();
            return list_of(std::move(made), std::move(tail));
        }
        default:
            break;
    }
    term args[3];
    for (std::size_t i = 0; i < e.args.size(); ++i) {
        auto t = evaluate(e.args[i], env, slots);
        if (!t) return {};
        args[i] = std::move(*t);
    }
    return call(e.code, args[0], args[1], args[2]);
}

std::optional<term> evaluate(const expression& e, environment& env, std::size_t slots) {
    auto t = evaluate_uncaught(e, env, slots);
    if (!t && env.catches) return atoms::EXIT;
    return t;
}

// -- compiling ------------------------------------------------------------------------------------

struct clause {
    pattern head;
    std::vector<expression> guards;
    expression body;
    std::size_t slots = 0;
};

class clause_compiler {
public:
    clause run(const term& t) {
        auto parts = t.elements();
        if (parts.size() != 3) throw malformed{"is not {Pattern, [Guard], [Body]}"};
        auto guards = parts[1].as_list(), bodies = parts[2].as_list();
        if (!guards) throw malformed{"has guards that are not a list"};
        if (!bodies) throw malformed{"has a body that is not a list"};
        if (bodies->empty()) throw malformed{"has a body that gives nothing"};

        collect(parts[0]);
        std::sort(numbers_.begin(), numbers_.end());
        numbers_.erase(std::unique(numbers_.begin(), numbers_.end()), numbers_.end());
        seen_.assign(numbers_.size(), false);

        clause made;
        made.slots = numbers_.size();
        made.head = head(parts[0], 0);
        for (const auto& g : *guards) made.guards.push_back(expr(g, 0));
        // Nothing here has effects: of several bodies, all must be right and the last one counts.
        for (const auto& b : *bodies) made.body = expr(b, 0);
        return made;
    }

private:
    void collect(const term& t) {
        std::vector<const term*> left{&t};
        while (!left.empty()) {
            const auto& at = *left.back();
            left.pop_back();
            if (auto number = variable_number(at)) numbers_.push_back(*number);
            for (const auto& e : at.elements()) left.push_back(&e);
            for (const auto& e : at.entries()) left.push_back(&e.value);
            if (at.kind() != term_kind::list) continue;
            auto view = at.list_elements();
            for (const auto& e : view) left.push_back(&e);
            left.push_back(&view.last_tail());
        }
    }

    std::optional<std::uint32_t> slot(const term& t) const {
        auto number = variable_number(t);
        if (!number) return {};
        auto at = std::lower_bound(numbers_.begin(), numbers_.end(), *number);
        if (at == numbers_.end() || *at != *number)
            throw malformed{"has an unbound variable '$" + std::to_string(*number) + "'"};
        return std::uint32_t(at - numbers_.begin());
    }

    static void check_depth(std::size_t depth) {
        if (depth > depth_max) throw malformed{"is nested too deep"};
    }

    pattern head(const term& t, std::size_t depth) {
        check_depth(depth);
        pattern p;
        if (t == atoms::underscore) return p;
        if (auto found = slot(t)) {
            // Run in this same order, so the first one here is the one that binds.
            p.kind = seen_[*found] ? pattern::same : pattern::bind;
            p.slot = *found;
            seen_[*found] = true;
            return p;
        }
        if (is_ground(t)) {
            p.kind = pattern::constant;
            p.value = t;
            return p;
        }
        if (t.is_tuple()) {
            p.kind = pattern::tuple;
            for (const auto& e : t.elements()) p.parts.push_back(head(e, depth + 1));
        } else if (t.is_map()) {
            p.kind = pattern::map;
            for (const auto& e : t.entries()) {
                if (e.key == atoms::underscore || variable_number(e.key))
                    throw malformed{"has a variable or '_' as a key of a map pattern"};
                p.keys.push_back(e.key);
                p.parts.push_back(head(e.value, depth + 1));
            }
        } else {
            p.kind = pattern::list;
            auto view = t.list_elements();
            for (const auto& e : view) p.parts.push_back(head(e, depth + 1));
            p.parts.push_back(head(view.last_tail(), depth + 1));
        }
        return p;
    }

    expression expr(const term& t, std::size_t depth) {
        check_depth(depth);
        expression e;
        if (t == atoms::whole) {
            e.code = op::whole;
        } else if (t == atoms::bindings) {
            e.code = op::all_variables;
        } else if (auto found = slot(t)) {
            e.code = op::variable;
            e.slot = *found;
        } else if (t.is_tuple()) {
            e = tuple_expr(t, depth);
        } else if (t.map_size() > 0) {
            e.code = op::make_map;
            for (const auto& entry : t.entries()) {
                e.args.push_back(expr(entry.key, depth + 1));
                e.args.push_back(expr(entry.value, depth + 1));
            }
        } else if (t.kind() == term_kind::list) {
            e.code = op::make_list;
            auto view = t.list_elements();
            for (const auto& part : view) e.args.push_back(expr(part, depth + 1));
            e.args.push_back(expr(view.last_tail(), depth + 1));
        } else {
            e.value = t;
        }
        bool is_made =
            e.code == op::make_tuple || e.code == op::make_list || e.code == op::make_map;
        auto constant = [](const expression& part) { return part.code == op::constant; };
        if (is_made && std::all_of(e.args.begin(), e.args.end(), constant)) {
            environment nothing(t, 0);
            auto value = *evaluate(e, nothing, 0);
            e = {};
            e.value = std::move(value);
        }
        return e;
    }

    expression tuple_expr(const term& t, std::size_t depth) {
        expression e;
        auto parts = t.elements();
        if (parts.size() == 1 && parts[0].is_tuple()) {
            e.code = op::make_tuple;
            for (const auto& part : parts[0].elements()) e.args.push_back(expr(part, depth + 1));
            return e;
        }
        auto name = parts.empty() ? std::optional<atom>() : parts[0].as_atom();
        if (!name)
            throw malformed{"has " + to_string(t, {.max_bytes = 80}) +
                            ", which is neither a call nor a tuple (written {{...}})"};
        auto arity = parts.size() - 1;
        if (*name == atoms::const_ && arity == 1) {
            e.value = parts[1];
            return e;
        }
        for (const auto& f : functions) {
            if (f.name != *name || (f.arity == any_arity ? arity == 0 : arity != f.arity)) continue;
            e.code = f.code;
            for (const auto& arg : parts.subspan(1)) e.args.push_back(expr(arg, depth + 1));
            return e;
        }
        throw malformed{"calls " + to_string(*name) + "/" + std::to_string(arity) +
                        ", which does not exist"};
    }

    std::vector<std::uint32_t> numbers_;  // of the pattern's variables, ascending: their slots
    std::vector<bool> seen_;
};

}  // namespace

struct match_spec::program {
    std::vector<clause> clauses;
    term only_pattern;
};

result<match_spec> match_spec::compile(const term& spec) {
    auto clauses = spec.as_list();
    if (!clauses || clauses->empty())
        return fail("badarg", "a match specification is a list of at least one clause");
    auto made = std::make_shared<program>();
    made->only_pattern = atoms::underscore;
    for (const auto& c : *clauses) {
        try {
            made->clauses.push_back(clause_compiler().run(c));
        } catch (const malformed& m) {
            return fail("badarg",
                        "clause " + std::to_string(made->clauses.size() + 1) + " " + m.why);
        }
    }
    if (clauses->size() == 1) made->only_pattern = clauses->front().elements()[0];
    return match_spec(std::move(made));
}

std::optional<term> match_spec::run(const term& object) const {
    for (const auto& c : program_->clauses) {
        environment env(object, c.slots);
        if (!match(c.head, object, env)) continue;
        auto holds = [&](const expression& guard) {
            return evaluate(guard, env, c.slots) == term(atoms::true_);
        };
        if (!std::all_of(c.guards.begin(), c.guards.end(), holds)) continue;
        env.catches = true;
        return evaluate(c.body, env, c.slots);
    }
    return {};
}

bool match_spec::is_true(const term& object) const {
    auto found = run(object);
    return found && *found == atoms::true_;
}

const term& match_spec::only_pattern() const noexcept {
    return program_->only_pattern;
}

std::optional<std::uint32_t> variable_number(const term& t) noexcept {
    auto a = t.as_atom();
    if (!a) return {};
    auto text = a->name();
    constexpr std::size_t digits_max = 8;
    if (text.size() < 2 || text.size() > digits_max + 1 || text[0] != '$') return {};
    std::uint32_t number = 0;
    for (char c : text.substr(1)) {
        if (c < '0' || c > '9') return {};
        number = number * 10 + std::uint32_t(c - '0');
    }
    return number;
}

bool is_ground(const term& pattern) {
    std::vector<const term*> left{&pattern};
    while (!left.empty()) {
        const auto& t = *left.back();
        left.pop_back();
        if (t.is_map() || t == atoms::underscore || variable_number(t)) return false;
        for (const auto& e : t.elements()) left.push_back(&e);
        if (t.kind() != term_kind::list) continue;
        auto view = t.list_elements();
        for (const auto& e : view) left.push_back(&e);
        left.push_back(&view.last_tail());
    }
    return true;
}

// -- patterns as they are -------------------------------------------------------------------------

const term* bindings::find(std::uint32_t number) const noexcept {
    for (const auto& [n, value] : bound_)
        if (n == number) return &value;
    return nullptr;
}

bool bindings::bind(std::uint32_t number, const term& value) {
    auto at = std::lower_bound(bound_.begin(), bound_.end(), number,
                               [](const auto& b, std::uint32_t n) { return b.first < n; });
    if (at != bound_.end() && at->first == number) return at->second == value;
    bound_.insert(at, {number, value});
    return true;
}

std::vector<term> bindings::values() const {
    std::vector<term> all;
    for (const auto& b : bound_) all.push_back(b.second);
    return all;
}

bool matches(const term& pattern, const term& t, bindings& bound) {
    // Pairs still to be matched, the next one last. They own their terms, for tails are made.
    std::vector<std::pair<term, term>> left{{pattern, t}};
    while (!left.empty()) {
        auto [p, with] = std::move(left.back());
        left.pop_back();
        if (p == atoms::underscore) continue;
        if (auto number = variable_number(p)) {
            if (!bound.bind(*number, with)) return false;
        } else if (p.is_tuple()) {
            auto a = p.elements(), b = with.elements();
            if (!with.is_tuple() || a.size() != b.size()) return false;
            for (auto i = a.size(); i-- > 0;) left.emplace_back(a[i], b[i]);
        } else if (p.is_map()) {
            if (!with.is_map()) return false;
            for (const auto& e : p.entries()) {
                const auto* found = with.map_find(e.key);
                if (!found) return false;
                left.emplace_back(e.value, *found);
            }
        } else if (p.kind() == term_kind::list) {
            if (with.kind() != term_kind::list) return false;
            left.emplace_back(*p.tail(), *with.tail());
            left.emplace_back(*p.head(), *with.head());
        } else if (p != with) {
            return false;
        }
    }
    return true;
}

bool matches(const term& pattern, const term& t) {
    bindings bound;
    return matches(pattern, t, bound);
}

}  // namespace beam
