#include "libbeamcore/term/json.hpp"

#include <nlohmann/json.hpp>

#include "libbeamcore/base/base64.hpp"
#include "libbeamcore/base/utf8.hpp"
#include "libbeamcore/term/syntax.hpp"

namespace beam {
namespace {

using nlohmann::json;

json from_bits(const term& t) {
    auto bytes = t.bytes();
    if (t.is_binary() && is_valid_utf8(bytes)) return std::string(bytes);
    json made = {{"$b64", base64_encode(bytes)}};
    if (!t.is_binary()) made["bits"] = t.bit_size();
    return made;
}

std::string key_text(const term& key) {
    if (auto a = key.as_atom()) return std::string(a->name());
    if (auto text = key.as_text(); text && is_valid_utf8(*text)) return std::string(*text);
    return to_string(key);
}

// Depth is bounded, so this may recurse.
json convert(const term& t, std::size_t depth) {
    switch (t.kind()) {
        case term_kind::integer:
            if (auto i = t.as_int64()) return *i;
            if (auto u = t.as_uint64()) return *u;
            return to_string(t);
        case term_kind::floating:
            return *t.as_double();
        case term_kind::atom:
            if (auto b = t.as_bool()) return *b;
            if (t == atoms::null || t == atoms::nil || t == atoms::undefined) return nullptr;
            return std::string(t.as_atom()->name());
        case term_kind::bitstring:
            return from_bits(t);
        case term_kind::nil:
            return json::array();
        case term_kind::tuple:
        case term_kind::list: {
            if (depth >= json_depth_max) return to_string(t);
            auto made = json::array();
            for (const auto& e : t.elements()) made.push_back(convert(e, depth + 1));
            auto view = t.list_elements();
            for (const auto& e : view) made.push_back(convert(e, depth + 1));
            if (t.is_list() && !view.last_tail().is_nil())
                made.push_back(convert(view.last_tail(), depth + 1));
            return made;
        }
        case term_kind::map: {
            if (depth >= json_depth_max) return to_string(t);
            auto made = json::object();
            for (const auto& e : t.entries()) made[key_text(e.key)] = convert(e.value, depth + 1);
            return made;
        }
        default:
            return to_string(t);
    }
}

result<term> encoded_bits(const json& j) {
    const auto& text = j.at("$b64");
    if (!text.is_string()) return fail("bad_base64", "$b64 is not a string");
    auto bytes = base64_decode(text.get_ref<const std::string&>());
    if (!bytes) return pass(bytes);
    if (!j.contains("bits")) return *bytes;
    const auto& bits = j.at("bits");
    if (!bits.is_number_unsigned() || (bits.get<std::uint64_t>() + 7) / 8 != bytes->size())
        return fail("bad_base64", "bits is not the number of bits in $b64");
    return bitstring(*bytes, bits.get<std::uint64_t>());
}

// An object that from_bits() may have made.
bool is_bits(const json& j) {
    return j.contains("$b64") && (j.size() == 1 || (j.size() == 2 && j.contains("bits")));
}

result<term> convert(const json& j, std::size_t depth) {
    switch (j.type()) {
        case json::value_t::boolean:
            return j.get<bool>();
        case json::value_t::number_integer:
            return j.get<std::int64_t>();
        case json::value_t::number_unsigned:
            return j.get<std::uint64_t>();
        case json::value_t::number_float:
            return j.get<double>();
        case json::value_t::string:
            return term(j.get_ref<const std::string&>());
        case json::value_t::array: {
            if (depth >= json_depth_max) return fail("too_deep", "more than 64 levels");
            std::vector<term> made;
            made.reserve(j.size());
            for (const auto& e : j) {
                auto t = convert(e, depth + 1);
                if (!t) return t;
                made.push_back(std::move(*t));
            }
            return list_of(std::move(made));
        }
        case json::value_t::object: {
            if (is_bits(j)) return encoded_bits(j);
            if (depth >= json_depth_max) return fail("too_deep", "more than 64 levels");
            std::vector<map_entry> made;
            made.reserve(j.size());
            for (const auto& [key, value] : j.items()) {
                auto t = convert(value, depth + 1);
                if (!t) return t;
                made.push_back({key, std::move(*t)});
            }
            return map_of(std::move(made));
        }
        default:
            return term(atoms::null);
    }
}

}  // namespace

json to_json(const term& t) {
    return convert(t, 0);
}

result<term> from_json(const json& j) {
    return convert(j, 0);
}

std::string to_json_text(const term& t) {
    return to_json(t).dump(-1, ' ', false, json::error_handler_t::replace);
}

result<term> from_json_text(std::string_view text) {
    // The library's reader recurses nowhere, but its values are freed by recursion: refuse depth as
    // it is met. It says a container's depth when it begins, counted from 0.
    bool too_deep = false;
    auto watch = [&too_deep](int depth, json::parse_event_t event, json&) {
        bool begins =
            event == json::parse_event_t::object_start || event == json::parse_event_t::array_start;
        if (begins && std::size_t(depth) >= json_depth_max) too_deep = true;
        return !too_deep;
    };
    try {
        auto j = json::parse(text, watch);
        if (too_deep) return fail("too_deep", "more than 64 levels");
        return from_json(j);
    } catch (const json::parse_error& e) {
        return fail("syntax", "byte " + std::to_string(e.byte) + " is not JSON");
    } catch (const json::exception&) {
        return fail("syntax", "a number is out of range");
    }
}

}  // namespace beam
