#include "libbeamcore/node/internal/json_rpc.hpp"

#include <cmath>

#include "libbeamcore/term/json.hpp"

namespace beam::rpc {

namespace {

// What a client may send for one deadline: about a year.
constexpr std::int64_t deadline_max_ms = std::int64_t{366} * 24 * 3600 * 1000;

bool is_id(const term& t) {
    return t.is_number() || t.is_binary() || t == atoms::null;
}

tl::unexpected<bad_call> bad(term id, int code, std::string kind, std::string why) {
    return tl::unexpected<bad_call>(
        bad_call{std::move(id), make_failure(code, std::move(kind), std::move(why), {}, 65)});
}

std::optional<std::int64_t> milliseconds(const term& t) {
    const auto n = t.as_number();
    if (!n || std::isnan(*n)) return {};
    if (*n <= 0) return 0;
    return *n >= double(deadline_max_ms) ? deadline_max_ms : std::int64_t(std::ceil(*n));
}

const term* member(const term& object, std::string_view key) {
    return object.map_find(term(key));
}

}  // namespace

failure make_failure(int code, std::string kind, std::string why, std::string advice, int exit) {
    return {code,
            request_error{std::move(kind), std::move(why), std::move(advice), exit, {}, false}};
}

tl::expected<call, bad_call> parse_call(std::string_view line) {
    auto parsed = from_json_text(line);
    if (!parsed)
        return bad(atoms::null, parse_error, "bad_json",
                   parsed.error().detail.empty() ? parsed.error().code : parsed.error().detail);
    const term& object = *parsed;
    if (object.is_list())
        return bad(atoms::null, invalid_request, "bad_request",
                   "batches are not taken: one request a line");
    if (!object.is_map())
        return bad(atoms::null, invalid_request, "bad_request", "a request is an object");

    call c;
    term id = atoms::null;
    if (const term* given = member(object, "id")) {
        if (!is_id(*given))
            return bad(atoms::null, invalid_request, "bad_request",
                       "an id is a number, a string or null");
        id = *given;
        c.id = id;
    }
    if (const term* version = member(object, "jsonrpc"); version && version->as_text() != "2.0")
        return bad(id, invalid_request, "bad_request", "jsonrpc is not \"2.0\"");
    const term* method = member(object, "method");
    if (!method || !method->as_text())
        return bad(id, invalid_request, "bad_request", "there is no method, or it is no string");
    c.method = *method->as_text();
    if (const term* params = member(object, "params"); params && *params != atoms::null) {
        if (!params->is_map() && !params->is_list())
            return bad(id, invalid_params, "bad_params",
                       "params is neither an object nor an array");
        c.params = *params;
    }
    if (const term* deadline = member(object, "deadline_ms");
        deadline && *deadline != atoms::null) {
        c.deadline_ms = milliseconds(*deadline);
        if (!c.deadline_ms)
            return bad(id, invalid_request, "bad_request", "deadline_ms is not a number");
    }
    if (const term* ask = member(object, "ask"); ask && *ask != atoms::null) {
        c.ask = ask->as_uint64();
        if (!c.ask) return bad(id, invalid_request, "bad_request", "ask is not a whole number");
    }
    return c;
}

std::string result_line(std::string_view id_text, const term& result) {
    std::string line = "{\"jsonrpc\":\"2.0\",\"id\":";
    line += id_text;
    line += ",\"result\":";
    line += to_json_text(result);
    line += "}\n";
    return line;
}

std::string error_line(std::string_view id_text, const failure& why) {
    const request_error& e = why.error;
    std::vector<map_entry> data{{term("kind"), e.kind},
                                {term("what"), e.what},
                                {term("why"), e.why},
                                {term("try"), e.advice},
                                {term("exit"), e.exit}};
    if (e.applied_unknown) data.push_back({term("applied"), term("unknown")});
    const term error = map({{term("code"), why.code},
                            {term("message"), e.why.empty() ? e.kind : e.why},
                            {term("data"), map_of(std::move(data))}});
    std::string line = "{\"jsonrpc\":\"2.0\",\"id\":";
    line += id_text;
    line += ",\"error\":";
    line += to_json_text(error);
    line += "}\n";
    return line;
}

namespace {
std::string notification(std::string_view id_text, std::string_view key, std::string_view value) {
    std::string line = "{\"jsonrpc\":\"2.0\",\"method\":\"$/item\",\"params\":{\"id\":";
    line += id_text;
    line += ",\"";
    line += key;
    line += "\":";
    line += value;
    line += "}}\n";
    return line;
}
}  // namespace

std::string item_line(std::string_view id_text, const term& item) {
    return notification(id_text, "item", to_json_text(item));
}

std::string dropped_line(std::string_view id_text, std::uint64_t count) {
    return notification(id_text, "dropped", std::to_string(count));
}

}  // namespace beam::rpc
