#include "tools/tenant/refusals.hpp"

#include <string>
#include <string_view>

#include "tools/tenant/requests.hpp"

namespace tenant {

namespace {

constexpr const char* health = "kv cluster health";

/// `shard 17` of kv's words; empty: they name none.
std::string shard_in(std::string_view text) {
    const auto at = text.find("shard ");
    if (at == std::string_view::npos) return {};
    const auto end = text.find_first_not_of("0123456789", at + 6);
    return std::string(text.substr(at, end == std::string_view::npos ? end : end - at));
}

}  // namespace

tl::unexpected<beam::request_error> unavailable(const beam::term& why) {
    const std::string shard = shard_in(text_of(why));
    return beam::refuse("unavailable", (shard.empty() ? "kv" : shard) + " is unavailable here",
                        health, 69);
}

std::optional<beam::request_error> refusal_of(const beam::term& why, const std::string& advice) {
    if (has_code(why, "unavailable") || has_code(why, "no_cluster"))
        return unavailable(why).value();
    if (has_code(why, "busy")) return beam::refuse("overloaded", "kv is busy", health, 75).value();
    if (has_code(why, "bad_record"))
        return beam::refuse("bad_record", std::string(text_of(why)), "kv scan", 65).value();
    if (!has_code(why, "unknown")) return std::nullopt;
    beam::request_error unknown =
        beam::refuse("timeout", "kv did not answer: " + std::string(text_of(why)), advice, 75)
            .value();
    unknown.applied_unknown = true;
    return unknown;
}

}  // namespace tenant
