// One line of the control protocol (JSON-RPC 2.0), read and written. No state, no I/O. Exported for its tests.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/release/method.hpp"
#include "libbeamcore/term/term.hpp"

namespace beam::rpc {

// JSON-RPC's own codes, and ours. Tools go by `data`; the code is for other clients.
inline constexpr int parse_error = -32700, invalid_request = -32600, method_not_found = -32601,
                     invalid_params = -32602, crashed = -32603, refused = -32000,
                     overloaded = -32001, timed_out = -32002, stopping = -32003,
                     no_common_protocol = -32004, not_permitted = -32005, cancelled = -32800;

/// A request, or a notification if it has no id.
struct call {
    std::optional<term> id;
    std::string method;
    term params = map();
    std::optional<std::int64_t> deadline_ms;
    std::optional<std::uint64_t> ask;  // a stream's first demand
};

struct failure {
    int code = refused;
    request_error error;
};

struct bad_call {
    term id = atoms::null;  // the request's, if it could be read
    failure why;
};

[[nodiscard]] BEAM_EXPORT tl::expected<call, bad_call> parse_call(std::string_view line);

// Lines, with their newline.
[[nodiscard]] BEAM_EXPORT std::string result_line(std::string_view id_text, const term& result);
[[nodiscard]] BEAM_EXPORT std::string error_line(std::string_view id_text, const failure& why);
[[nodiscard]] BEAM_EXPORT std::string item_line(std::string_view id_text, const term& item);
[[nodiscard]] BEAM_EXPORT std::string dropped_line(std::string_view id_text, std::uint64_t count);

[[nodiscard]] BEAM_EXPORT failure make_failure(int code, std::string kind, std::string why,
                                               std::string advice, int exit);

}  // namespace beam::rpc
