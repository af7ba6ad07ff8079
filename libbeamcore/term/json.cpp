#include "libbeamcore/term/json.hpp"

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

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

// Makes terms of what the library's reader meets, without its own values in between: half of a request's reading.
class term_reader : public nlohmann::json_sax<json> {
public:
    /// What was read, if the reader was content.
    result<term> take(bool content) {
        if (failure_) return tl::unexpected<error>(*std::move(failure_));
        if (!content) return beam::fail("syntax", "this is not JSON");
        return std::move(done_);
    }

    bool null() override { return add(term(atoms::null)); }
    bool boolean(bool b) override { return add(b); }
    bool number_integer(std::int64_t n) override { return add(n); }
    bool number_unsigned(std::uint64_t n) override { return add(n); }
    bool number_float(double d, const std::string& /*text*/) override { return add(d); }
    bool string(std::string& s) override { return add(term(s)); }
    bool binary(json::binary_t& /*bytes*/) override { return false; }  // of other formats

    bool start_object(std::size_t /*size*/) override { return open(true); }
    bool key(std::string& k) override {
        open_.back().entries.push_back({term(k), {}});
        return true;
    }
    bool end_object() override {
        std::vector<map_entry> entries = std::move(open_.back().entries);
        open_.pop_back();
        term made = map_of(std::move(entries));
        if (!is_bits(made)) return add(std::move(made));
        auto bits = encoded_bits(made);
        return bits ? add(*std::move(bits)) : fail(std::move(bits.error()));
    }
    bool start_array(std::size_t /*size*/) override { return open(false); }
    bool end_array() override {
        std::vector<term> elements = std::move(open_.back().elements);
        open_.pop_back();
        return add(list_of(std::move(elements)));
    }

    bool parse_error(std::size_t byte, const std::string& /*token*/,
                     const nlohmann::detail::exception& why) override {
        const bool is_syntax = dynamic_cast<const json::parse_error*>(&why) != nullptr;
        return fail({"syntax", is_syntax ? "byte " + std::to_string(byte) + " is not JSON"
                                         : "a number is out of range"});
    }

private:
    /// An object or an array that has not ended.
    struct container {
        bool is_object = false;
        std::vector<map_entry> entries;
        std::vector<term> elements;
    };

    // The reader recurses nowhere, but terms are freed, and written, by recursion.
    bool open(bool is_object) {
        if (open_.size() >= json_depth_max) return fail({"too_deep", "more than 64 levels"});
        open_.push_back({is_object, {}, {}});
        return true;
    }
    bool add(term t) {
        if (open_.empty())
            done_ = std::move(t);
        else if (open_.back().is_object)
            open_.back().entries.back().value = std::move(t);
        else
            open_.back().elements.push_back(std::move(t));
        return true;
    }
    bool fail(error why) {
        failure_ = std::move(why);
        return false;
    }

    // An object that from_bits() may have made.
    static bool is_bits(const term& map) {
        const std::size_t size = map.entries().size();
        if (size == 0 || size > 2) return false;
        return map.map_find(term("$b64")) && (size == 1 || map.map_find(term("bits")));
    }
    static result<term> encoded_bits(const term& map) {
        const auto text = map.map_find(term("$b64"))->as_text();
        if (!text) return beam::fail("bad_base64", "$b64 is not a string");
        auto bytes = base64_decode(*text);
        if (!bytes) return pass(bytes);
        const term* const bits = map.map_find(term("bits"));
        if (!bits) return *bytes;
        const auto count = bits->as_uint64();
        if (!count || (*count + 7) / 8 != bytes->size())
            return beam::fail("bad_base64", "bits is not the number of bits in $b64");
        return bitstring(*bytes, *count);
    }

    std::vector<container> open_;
    term done_;
    std::optional<error> failure_;
};

}  // namespace

json to_json(const term& t) {
    return convert(t, 0);
}

std::string to_json_text(const term& t) {
    return to_json(t).dump(-1, ' ', false, json::error_handler_t::replace);
}

result<term> from_json_text(std::string_view text) {
    term_reader reader;
    const bool content = json::sax_parse(text, &reader);
    return reader.take(content);
}

}  // namespace beam
