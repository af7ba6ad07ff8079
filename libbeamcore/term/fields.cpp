#include "libbeamcore/term/fields.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "libbeamcore/term/json.hpp"
#include "libbeamcore/term/syntax.hpp"

namespace beam {

namespace {

constexpr std::size_t value_max = 60;  // bytes of what was found; longer: cut, or only named

thread_local bool speaks_json = false;

// The others (a pid, a number) are the same in both.
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

std::string found_in_json(const term& t) {
    if (to_string(t, {.max_bytes = value_max}).size() < value_max) return to_json_text(t);
    if (t.is_binary()) return "a longer string";
    if (t.is_map()) return "a larger object";
    return t.is_list() ? "a longer array" : "a larger value";
}

}  // namespace

json_wording::json_wording() noexcept : outer_(std::exchange(speaks_json, true)) {}
json_wording::~json_wording() {
    speaks_json = outer_;
}

namespace detail {

tl::unexpected<error> mismatch(std::string_view expected, const term& t) {
    if (speaks_json)
        return fail("bad_field",
                    ": expected " + expected_in_json(expected) + ", found " + found_in_json(t));
    return fail("bad_field", ": expected " + std::string(expected) + ", found " +
                                 to_string(t, {.max_bytes = value_max}));
}

// A detail is PATH: MESSAGE, the path growing from its end.
tl::unexpected<error> in_field(std::string_view name, error&& e) {
    bool joins = e.detail.starts_with(':') || e.detail.starts_with('[');
    e.detail.insert(0, std::string(name) + (joins ? "" : "."));
    return tl::unexpected<error>(std::move(e));
}

tl::unexpected<error> in_element(std::size_t index, error&& e) {
    return in_field("[" + std::to_string(index) + "]", std::move(e));
}

tl::unexpected<error> in_key(const term& key, error&& e) {
    return in_field("[" + to_string(key, {.max_bytes = 40}) + "]", std::move(e));
}

tl::unexpected<error> at_top(error&& e) {
    if (e.detail.starts_with(": ")) e.detail.erase(0, 2);
    return tl::unexpected<error>(std::move(e));
}

void prepare_fields(field_slot* slots, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) slots[i].name = atom(slots[i].text);
    for (std::size_t i = 0; i < count; ++i) {
        slots[i].rank = std::size_t(std::count_if(
            slots, slots + count, [&](const auto& other) { return other.name < slots[i].name; }));
    }
}

const term* fields_map(const term& t, atom name) noexcept {
    static const term nothing = map();
    if (t.is_map()) return &t;
    if (t.is_tagged(name, 2) && t.elements()[1].is_map()) return &t.elements()[1];
    if (t == name) return &nothing;
    return nullptr;
}

std::span<const term> fields_in_order(const term& t, atom name, std::size_t count) noexcept {
    return count > 0 && t.is_tagged(name, count + 1) ? t.elements().subspan(1)
                                                     : std::span<const term>{};
}

}  // namespace detail

using detail::mismatch;

term field_codec<bool>::to(const bool& value) {
    return value;
}
result<void> field_codec<bool>::from(const term& t, bool& value) {
    auto b = t.as_bool();
    if (!b) return mismatch("true or false", t);
    value = *b;
    return {};
}

term field_codec<double>::to(const double& value) {
    return value;
}
result<void> field_codec<double>::from(const term& t, double& value) {
    if (auto d = t.as_number())
        value = *d;
    else if (t == atoms::infinity)
        value = std::numeric_limits<double>::infinity();
    else if (t == atoms::neg_infinity)
        value = -std::numeric_limits<double>::infinity();
    else if (t == atoms::nan)
        value = std::numeric_limits<double>::quiet_NaN();
    else
        return mismatch("a number", t);
    return {};
}

term field_codec<float>::to(const float& value) {
    return value;
}
result<void> field_codec<float>::from(const term& t, float& value) {
    double d = 0;
    if (auto r = field_codec<double>::from(t, d); !r) return r;
    if (std::isfinite(d) && std::fabs(d) > double(std::numeric_limits<float>::max()))
        return mismatch("a number of 32 bits", t);
    value = float(d);
    return {};
}

term field_codec<std::string>::to(const std::string& value) {
    return value;
}
result<void> field_codec<std::string>::from(const term& t, std::string& value) {
    auto text = t.as_text();
    if (!text) return mismatch("a binary", t);
    value = *text;
    return {};
}

term field_codec<term>::to(const term& value) {
    return value;
}
result<void> field_codec<term>::from(const term& t, term& value) {
    value = t;
    return {};
}

term field_codec<atom>::to(const atom& value) {
    return value;
}
result<void> field_codec<atom>::from(const term& t, atom& value) {
    auto a = t.as_atom();
    if (!a) return mismatch("an atom", t);
    value = *a;
    return {};
}

namespace {

// One that is none is `undefined`, both ways.
template <class T>
term identity_term(const T& value) {
    return value ? term(value) : term(atoms::undefined);
}
template <class T>
result<void> read_identity(const term& t, const std::optional<T>& found, T& value,
                           const char* expected) {
    if (!found && t != atoms::undefined) return mismatch(expected, t);
    value = found.value_or(T{});
    return {};
}

}  // namespace

term field_codec<pid>::to(const pid& value) {
    return identity_term(value);
}
result<void> field_codec<pid>::from(const term& t, pid& value) {
    return read_identity(t, t.as_pid(), value, "a pid");
}
term field_codec<ref>::to(const ref& value) {
    return identity_term(value);
}
result<void> field_codec<ref>::from(const term& t, ref& value) {
    return read_identity(t, t.as_ref(), value, "a reference");
}
term field_codec<port>::to(const port& value) {
    return identity_term(value);
}
result<void> field_codec<port>::from(const term& t, port& value) {
    return read_identity(t, t.as_port(), value, "a port");
}

}  // namespace beam
