// Comparing and hashing terms, without recursion.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "libbeamcore/base/hash.hpp"
#include "libbeamcore/term/internal/atom_table.hpp"
#include "libbeamcore/term/internal/bigint.hpp"
#include "libbeamcore/term/internal/list_part.hpp"
#include "libbeamcore/term/internal/small_stack.hpp"
#include "libbeamcore/term/node_table.hpp"
#include "libbeamcore/term/term.hpp"

namespace beam {
namespace {

using detail::list_part;
using detail::part_of;
using detail::term_access;

enum class mode : std::uint8_t {
    weak,      // 1 == 1.0
    exact,     // integers before floats
    equality,  // as exact, but all that counts is whether it is 0
};

int sign(std::strong_ordering c) noexcept {
    return c < 0 ? -1 : c > 0 ? 1 : 0;
}
template <class T>
int order(const T& a, const T& b) noexcept {
    return a < b ? -1 : b < a ? 1 : 0;
}

int rank(term_kind k) noexcept {
    return k == term_kind::floating ? 0 : int(k);
}

int compare_nodes(std::uint32_t a, std::uint32_t b) noexcept {
    if (a == b) return 0;
    if (a == 0 || b == 0) return a == 0 ? -1 : 1;
    auto x = node_at(a), y = node_at(b);
    if (auto c = sign(x.name <=> y.name)) return c;
    return order(x.creation, y.creation);
}

int compare_bytes(std::string_view a, std::string_view b) noexcept {
    auto n = std::min(a.size(), b.size());
    auto c = n == 0 ? 0 : std::memcmp(a.data(), b.data(), n);
    return c < 0 ? -1 : c > 0 ? 1 : 0;
}

int compare_bitstrings(const term& a, const term& b) noexcept {
    auto x = a.bytes(), y = b.bytes();
    auto bits_x = a.bit_size(), bits_y = b.bit_size();
    // As far as both go, bit by bit; then the shorter one is less.
    auto common = std::min(bits_x, bits_y);
    if (auto c = compare_bytes(x.substr(0, common / 8), y.substr(0, common / 8))) return c;
    if (common % 8 != 0) {
        auto shift = 8 - common % 8;
        auto last = [&](std::string_view s) {
            return static_cast<unsigned char>(s[common / 8]) >> shift;
        };
        if (auto c = order(last(x), last(y))) return c;
    }
    return order(bits_x, bits_y);
}

int compare_numbers(const term& a, const term& b, mode m) noexcept {
    auto x = a.as_int64(), y = b.as_int64();
    if (x && y) return order(*x, *y);
    auto d = a.as_double(), e = b.as_double();
    if (d && e) return order(*d, *e);
    if (d || e) {
        if (m != mode::weak) return d ? 1 : -1;
        if (e) return x ? bigint::compare(*x, *e) : bigint::compare(term_access::node(a), *e);
        return -(y ? bigint::compare(*y, *d) : bigint::compare(term_access::node(b), *d));
    }
    // Two integers of which at least one is beyond 64 bits, where only the sign counts against one
    // that is not.
    if (x) return bigint::is_negative(term_access::node(b)) ? 1 : -1;
    if (y) return bigint::is_negative(term_access::node(a)) ? -1 : 1;
    return bigint::compare(term_access::node(a), term_access::node(b));
}

int compare_funs(const fun& f, const fun& g) noexcept {
    // Closures before `fun M:F/A`.
    if (f.external != g.external) return f.external ? 1 : -1;
    if (auto c = sign(f.module <=> g.module)) return c;
    if (f.external) {
        if (auto c = sign(f.name <=> g.name)) return c;
        return order(f.arity, g.arity);
    }
    if (auto c = order(f.unique, g.unique)) return c;
    if (auto c = sign(f.name <=> g.name)) return c;
    return order(f.arity, g.arity);
}

// Elements of two terms still to be compared, in order. A list goes on node by node, and ends with
// its tails.
struct pending {
    const term *a, *b;
    std::size_t count_a, count_b;
    const term *tail_a, *tail_b;  // null: not a list
    std::uint32_t stride;
    mode how;
};

class comparison {
public:
    int run(const term& a, const term& b, mode how) {
        if (auto c = step(a, b, how); c != 0 || left_.empty()) return c;
        while (!left_.empty()) {
            auto& top = left_.top();
            if (top.count_a == 0 || top.count_b == 0) {
                if (!top.tail_a) {
                    left_.pop();
                } else if (auto c = next_parts(top)) {
                    return c;
                }
                continue;
            }
            const auto *x = top.a, *y = top.b;
            auto m = top.how;
            top.a += top.stride, top.b += top.stride;
            --top.count_a, --top.count_b;
            if (auto c = step(*x, *y, m)) return c;  // `top` may be gone now
        }
        return 0;
    }

private:
    // Compares what is not a container, puts the rest on the stack.
    int step(const term& a, const term& b, mode how) {
        if (term_access::word(a) == term_access::word(b)) return 0;
        auto kind_a = a.kind(), kind_b = b.kind();
        if (auto c = order(rank(kind_a), rank(kind_b))) return c;
        switch (kind_a) {
            case term_kind::integer:
            case term_kind::floating:
                return compare_numbers(a, b, how);
            case term_kind::atom:
                return how == mode::equality
                           ? 1
                           : sign(detail::compare_names(*a.as_atom(), *b.as_atom()));
            case term_kind::ref: {
                auto x = *a.as_ref(), y = *b.as_ref();
                if (auto c = compare_nodes(x.node, y.node)) return c;
                x.node = y.node;
                return sign(x <=> y);
            }
            case term_kind::fun: {
                const auto &x = *a.as_fun(), &y = *b.as_fun();
                if (auto c = compare_funs(x, y)) return c;
                left_.push({&x.data, &y.data, 1, 1, nullptr, nullptr, 1, how});
                return 0;
            }
            case term_kind::port: {
                auto x = *a.as_port(), y = *b.as_port();
                if (auto c = compare_nodes(x.node, y.node)) return c;
                return order(x.id, y.id);
            }
            case term_kind::pid: {
                auto x = *a.as_pid(), y = *b.as_pid();
                if (auto c = order(x.serial, y.serial)) return c;
                if (auto c = order(x.id, y.id)) return c;
                return compare_nodes(x.node, y.node);
            }
            case term_kind::tuple: {
                auto x = a.elements(), y = b.elements();
                if (auto c = order(x.size(), y.size())) return c;
                left_.push({x.data(), y.data(), x.size(), y.size(), nullptr, nullptr, 1, how});
                return 0;
            }
            case term_kind::map: {
                auto x = a.entries(), y = b.entries();
                if (auto c = order(x.size(), y.size())) return c;
                if (x.empty()) return 0;
                auto n = x.size();
                left_.push({&x[0].value, &y[0].value, n, n, nullptr, nullptr, 2, how});
                auto keys = how == mode::weak ? mode::exact : how;
                left_.push({&x[0].key, &y[0].key, n, n, nullptr, nullptr, 2, keys});
                return 0;
            }
            case term_kind::list: {
                auto x = part_of(a), y = part_of(b);
                left_.push({x.first, y.first, x.count, y.count, x.tail, y.tail, 1, how});
                return 0;
            }
            case term_kind::bitstring:
                if (how == mode::equality && a.bit_size() != b.bit_size()) return 1;
                return compare_bitstrings(a, b);
            case term_kind::nil:
                return 0;
        }
        return 0;
    }

    // At least one of the two list nodes is done: goes on with what follows.
    int next_parts(pending& top) {
        if (top.count_a == 0 && top.count_b == 0) {
            const auto *x = top.tail_a, *y = top.tail_b;
            auto m = top.how;
            left_.pop();
            return step(*x, *y, m);
        }
        auto go_on = [](const term*& at, std::size_t& count, const term*& tail) {
            auto part = part_of(*tail);
            if (part.count == 0) return false;
            at = part.first, count = part.count, tail = part.tail;
            return true;
        };
        // What is left of the other one is a list: it is less than a bit string, greater than the
        // rest.
        auto against_list = [](const term& t) {
            return order(rank(t.kind()), rank(term_kind::list));
        };
        if (top.count_a == 0 && !go_on(top.a, top.count_a, top.tail_a))
            return against_list(*top.tail_a);
        if (top.count_b == 0 && !go_on(top.b, top.count_b, top.tail_b))
            return -against_list(*top.tail_b);
        return 0;
    }

    detail::small_stack<pending, 12> left_;
};

// -- hashing --------------------------------------------------------------------------------------

std::uint64_t mix(std::uint64_t h, std::uint64_t value) noexcept {
    h = (h ^ value) * 0x9E3779B97F4A7C15u;
    return h ^ (h >> 32);
}
std::uint64_t finish(std::uint64_t h) noexcept {
    h = (h ^ (h >> 30)) * 0xBF58476D1CE4E5B9u;
    h = (h ^ (h >> 27)) * 0x94D049BB133111EBu;
    return h ^ (h >> 31);
}

struct unhashed {
    const term* at;
    std::size_t count;
    const term* tail;  // null: not a list
};

}  // namespace

std::weak_ordering compare(const term& a, const term& b) noexcept {
    return comparison().run(a, b, mode::weak) <=> 0;
}

std::weak_ordering compare_exact(const term& a, const term& b) noexcept {
    return comparison().run(a, b, mode::exact) <=> 0;
}

bool term::boxed_equal(const term& a, const term& b) noexcept {
    if (a.node()->kind != b.node()->kind) return false;
    return comparison().run(a, b, mode::equality) == 0;
}

std::uint64_t term::hash() const noexcept {
    std::uint64_t h = 0x2545F4914F6CDD1Du;
    detail::small_stack<unhashed, 12> left;

    auto step = [&](const term& t) {
        auto kind = t.kind();
        h = mix(h, std::uint64_t(kind) + 1);
        switch (kind) {
            case term_kind::integer:
                if (auto i = t.as_int64()) {
                    h = mix(h, std::uint64_t(*i));
                } else {
                    h = mix(h, bigint::is_negative(t.node()));
                    for (auto limb : bigint::magnitude(t.node())) h = mix(h, limb);
                }
                break;
            case term_kind::floating: {
                auto d = *t.as_double();
                h = mix(h, d == 0 ? 0 : std::bit_cast<std::uint64_t>(d));  // 0.0 equals -0.0
                break;
            }
            case term_kind::atom:
                h = mix(h, t.as_atom()->hash());
                break;
            case term_kind::ref: {
                auto r = *t.as_ref();
                h = mix(h, r.node);
                for (auto w : r.words) h = mix(h, w);
                break;
            }
            case term_kind::fun: {
                const auto& f = *t.as_fun();
                h = mix(mix(h, f.module.hash()), f.name.hash());
                h = mix(mix(h, f.arity), f.unique + f.external);
                left.push({&f.data, 1, nullptr});
                break;
            }
            case term_kind::port:
                h = mix(mix(h, t.as_port()->id), t.as_port()->node);
                break;
            case term_kind::pid: {
                auto p = *t.as_pid();
                h = mix(mix(h, p.id), std::uint64_t(p.serial) << 32 | p.node);
                break;
            }
            case term_kind::tuple:
                h = mix(h, t.elements().size());
                left.push({t.elements().data(), t.elements().size(), nullptr});
                break;
            case term_kind::map:
                h = mix(h, t.map_size());
                if (t.map_size() > 0) left.push({&t.entries()[0].key, 2 * t.map_size(), nullptr});
                break;
            case term_kind::list: {
                auto part = part_of(t);
                left.push({part.first, part.count, part.tail});
                break;
            }
            case term_kind::bitstring:
                h = mix(h, t.bit_size());
                h = mix(h, xxh3_64(t.bytes()));
                break;
            case term_kind::nil:
                break;
        }
    };

    step(*this);
    while (!left.empty()) {
        auto& top = left.top();
        if (top.count > 0) {
            const auto* t = top.at++;
            --top.count;
            step(*t);
            continue;
        }
        if (!top.tail) {
            left.pop();
            continue;
        }
        // How a list is cut into nodes does not show: its elements, then a mark and the last tail.
        if (auto part = part_of(*top.tail); part.count > 0) {
            top = {part.first, part.count, part.tail};
            continue;
        }
        const auto* tail = top.tail;
        left.pop();
        h = mix(h, 0xE7D);
        step(*tail);
    }
    return finish(h);
}

}  // namespace beam
