#include "tools/resp/glob.hpp"

#include <cstddef>
#include <utility>

namespace resp {

namespace {

// Whether the class that begins behind `[` holds c; `at` is set behind its end.
bool class_holds(std::string_view pattern, std::size_t& at, unsigned char c) {
    const bool inverted = at < pattern.size() && pattern[at] == '^';
    if (inverted) ++at;
    bool holds = false;
    while (at < pattern.size() && pattern[at] != ']') {
        if (pattern[at] == '\\' && at + 1 < pattern.size()) ++at;
        unsigned char low = static_cast<unsigned char>(pattern[at++]);
        unsigned char high = low;
        if (at + 1 < pattern.size() && pattern[at] == '-' && pattern[at + 1] != ']') {
            high = static_cast<unsigned char>(pattern[at + 1]);
            at += 2;
        }
        if (low > high) std::swap(low, high);
        holds = holds || (low <= c && c <= high);
    }
    if (at < pattern.size()) ++at;
    return holds != inverted;
}

// Whether one byte of the text fits what stands at `at`, which is then behind it.
bool takes(std::string_view pattern, std::size_t& at, char c) {
    const char p = pattern[at++];
    if (p == '?') return true;
    if (p == '[') return class_holds(pattern, at, static_cast<unsigned char>(c));
    if (p == '\\' && at < pattern.size()) return pattern[at++] == c;
    return p == c;
}

}  // namespace

// Only the last star has to be tried again with more bytes: what those before it took can stay.
bool matches(std::string_view pattern, std::string_view text) {
    std::size_t p = 0, t = 0;
    std::size_t star = std::string_view::npos, taken = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = ++p;
            taken = t;
            continue;
        }
        std::size_t next = p;
        if (p < pattern.size() && takes(pattern, next, text[t])) {
            p = next;
            ++t;
            continue;
        }
        if (star == std::string_view::npos) return false;
        p = star;
        t = ++taken;
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

}  // namespace resp
