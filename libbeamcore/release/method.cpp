#include "libbeamcore/release/method.hpp"

#include <array>
#include <utility>

#include "libbeamcore/term/json.hpp"
#include "libbeamcore/term/syntax.hpp"

namespace beam {

request::~request() = default;

namespace {

// What came as JSON is spoken of in JSON's words; the others (a pid, a number) are the same in both.
constexpr std::array<std::pair<std::string_view, std::string_view>, 5> json_words{{
    {"a binary", "a string"},
    {"an atom", "a string"},
    {"a map", "an object"},
    {"a list", "an array"},
    {"a proper list", "an array"},
}};

std::string expected_in_json(std::string_view words) {
    for (const auto& [erlang, json] : json_words)
        if (words == erlang) return std::string(json);
    constexpr std::string_view tuple = "a tuple of ";
    if (words.starts_with(tuple)) return "an array of " + std::string(words.substr(tuple.size()));
    return std::string(words);
}

// A value as Erlang writes it, as JSON does. One that was cut for its length is only named.
std::string found_in_json(std::string_view text) {
    if (const auto value = parse_term(text)) return to_json_text(*value);
    if (text.starts_with("<<")) return "a longer string";
    if (text.starts_with("#{")) return "a larger object";
    if (text.starts_with("[")) return "a longer array";
    return std::string(text);
}

// DETAIL as fields.hpp makes it: `PATH: expected WORDS, found VALUE`.
std::string in_json_words(std::string_view detail) {
    constexpr std::string_view expected = "expected ", found = ", found ";
    const auto begin = detail.find(expected);
    if (begin == std::string_view::npos) return std::string(detail);
    const auto words = begin + expected.size();
    const auto end = detail.find(found, words);
    if (end == std::string_view::npos) return std::string(detail);
    return std::string(detail.substr(0, words))
        .append(expected_in_json(detail.substr(words, end - words)))
        .append(found)
        .append(found_in_json(detail.substr(end + found.size())));
}

}  // namespace

namespace detail {

const term* parameter(const term& params, atom name) noexcept {
    if (const term* found = params.map_find(term(name))) return found;
    return params.map_find(term(name.name()));
}

term known_atom(const term& text) {
    const auto bytes = text.as_text();
    if (!bytes) return text;
    if (*bytes == "true" || *bytes == "false") return text;
    const auto a = existing_atom(*bytes);
    return a ? term(*a) : text;
}

answer bad_parameters(const error& e) {
    return refuse("bad_params", e.detail.empty() ? e.code : in_json_words(e.detail), {}, 2);
}

}  // namespace detail

}  // namespace beam
