#include "libbeamcore/term/internal/match_expression.hpp"

#include <cmath>
#include <iterator>

#include "libbeamcore/term/internal/bigint.hpp"

namespace beam::detail::matching {

namespace {

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

}  // namespace

std::optional<op> find_function(atom name, std::size_t arity) {
    for (const auto& f : functions)
        if (f.name == name && (f.arity == any_arity ? arity > 0 : arity == f.arity)) return f.code;
    return {};
}

std::optional<term> evaluate(const expression& e, environment& env, std::size_t slots) {
    auto t = evaluate_uncaught(e, env, slots);
    if (!t && env.catches) return atoms::EXIT;
    return t;
}

}  // namespace beam::detail::matching
