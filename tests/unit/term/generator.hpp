// Random terms of every kind, by seed: the same seed gives the same terms.
#pragma once

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "libbeamcore/base/utf8.hpp"
#include "libbeamcore/term/term.hpp"

/// The seed of this run: BEAM_SEED, or a fixed one. Checks name it: `INFO("seed ", seed)`.
inline std::uint64_t test_seed() {
    const char* given = std::getenv("BEAM_SEED");
    return given ? std::strtoull(given, nullptr, 10) : 20240607;
}

class term_generator {
public:
    explicit term_generator(std::uint64_t seed) : random_(seed) {}

    std::uint64_t below(std::uint64_t n) { return random_() % n; }
    bool one_in(std::uint64_t n) { return below(n) == 0; }

    beam::term any(int depth = 4) {
        if (depth > 0 && !one_in(3)) return container(depth);
        return scalar();
    }

    beam::term scalar() {
        switch (below(13)) {
            case 0:
                return std::int64_t(below(5)) - 2;
            case 1:
                return std::int64_t(random_());
            case 2:
                return big();
            case 3:
            case 4:
                return floating();
            case 5:
            case 6:
                return name();
            case 7:
                return text();
            case 8:
                return bits();
            case 9:
                return beam::pid{std::uint32_t(below(one_in(4) ? 1u << 31 : 4)),
                                 std::uint32_t(below(3)), std::uint32_t(below(2))};
            case 10: {
                beam::ref r{std::uint32_t(below(2)), {}};
                for (auto i = 0u; i < 3 + below(3); ++i) r.words[i] = std::uint32_t(below(3));
                return r;
            }
            case 11:
                if (one_in(2)) return beam::port{below(3), std::uint32_t(below(2))};
                return external_fun();
            default:
                return one_in(2) ? beam::term(beam::nil) : beam::map();
        }
    }

    beam::term container(int depth) {
        auto n = below(4);
        std::vector<beam::term> parts;
        for (auto i = 0u; i < n; ++i) parts.push_back(any(depth - 1));
        switch (below(5)) {
            case 0:
            case 1:
                return beam::tuple_of(std::move(parts));
            case 2: {
                std::vector<beam::map_entry> entries;
                for (auto& p : parts) entries.push_back({p, any(depth - 1)});
                return beam::map_of(std::move(entries));
            }
            case 3: {
                // The same lists as in the next case, cut into nodes in other ways.
                beam::term list = one_in(3) ? scalar() : beam::term(beam::nil);
                for (auto& p : parts) list = beam::cons(p, list);
                return list;
            }
            default:
                return beam::list_of(std::move(parts), one_in(4) ? any(1) : beam::nil);
        }
    }

    beam::term big() {
        beam::big_integer b;
        b.negative = one_in(2);
        for (auto n = 7 + below(14); n > 0; --n)
            b.magnitude.push_back(one_in(3) ? (one_in(2) ? 0 : 255) : std::uint8_t(random_()));
        return beam::integer(b);
    }

    beam::term floating() {
        switch (below(5)) {
            case 0:
                return double(std::int64_t(below(5)) - 2);
            case 1:
                return std::ldexp(double(below(1000)), int(below(200)) - 100);
            case 2:
                return double(std::int64_t(random_()));
            case 3:
                return double(below(100000)) / 100;
            default: {
                auto bits = random_();
                double d;
                static_assert(sizeof d == sizeof bits);
                std::memcpy(&d, &bits, sizeof d);
                return d - d == 0 ? d : 0.5;
            }
        }
    }

    beam::atom name() {
        static const char* const names[] = {"ok",          "a",    "b",  "ab",   "",    "A",
                                            "hello world", "it's", "é",  "日本", "end", "_x",
                                            "x@y_1",       "a\nb", "\\", "fun"};
        return beam::atom(names[below(std::size(names))]);
    }

    beam::term text() {
        std::string s;
        for (auto n = below(6); n > 0; --n) {
            static const char32_t codes[] = {'a',  'b',    '"',     '\\', '\n', '\'',  ' ',
                                             0xe9, 0x65e5, 0x1f600, 0x7f, 1,    0x200b};
            beam::append_utf8(s, codes[below(std::size(codes))]);
        }
        return s;
    }

    beam::term bits() {
        std::string bytes;
        for (auto n = below(5); n > 0; --n) bytes += char(one_in(2) ? below(3) : random_());
        auto size = bytes.size() * 8;
        return beam::bitstring(bytes, size > 0 && one_in(2) ? size - below(8) : size);
    }

    beam::term external_fun() {
        beam::fun f;
        f.module = name(), f.name = name(), f.arity = std::uint32_t(below(3)), f.external = true;
        return f;
    }

private:
    std::mt19937_64 random_;
};
