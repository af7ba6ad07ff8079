#include "libbeamcore/term/match.hpp"

#include <algorithm>

#include "libbeamcore/term/internal/list_part.hpp"
#include "libbeamcore/term/internal/match_expression.hpp"
#include "libbeamcore/term/syntax.hpp"

namespace beam {
namespace {

using namespace detail::matching;

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
        const auto found = find_function(*name, arity);
        if (!found)
            throw malformed{"calls " + to_string(*name) + "/" + std::to_string(arity) +
                            ", which does not exist"};
        e.code = *found;
        for (const auto& arg : parts.subspan(1)) e.args.push_back(expr(arg, depth + 1));
        return e;
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
