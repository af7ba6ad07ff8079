#include "tools/kv/app/change_requests.hpp"

#include <chrono>
#include <utility>

#include "tools/kv/app/limits.hpp"

namespace kv {

std::optional<std::string> bad_patience(std::int64_t ms) {
    if (ms > 0 && ms <= patience_max_ms) return std::nullopt;
    return "timeout_ms is above 0 and at most 600000";
}

std::optional<std::string> bad_change(const change_params& p) {
    if (auto why = bad_key(p.key)) return why;
    if (p.op == "put" && !p.value) return "a value is missing";
    if (p.value)
        if (auto why = bad_value(*p.value)) return why;
    if (p.op != "put" && p.op != "delete" && p.op != "incr" && p.op != "expire")
        return "op is one of put, delete, incr and expire";
    if (int(p.if_absent) + int(p.expect.has_value()) + int(p.expect_version.has_value()) > 1)
        return "only one of if_absent, expect and expect_version may be asked for";
    return bad_ttl(p.ttl_ms);
}

operation operation_of(change_params p) {
    operation o;
    o.key = std::move(p.key);
    if (p.op == "delete") {
        o.what = operation::kind::remove;
    } else if (p.op == "incr") {
        o.what = operation::kind::add;
        o.amount = p.by;
    } else if (p.op == "expire") {
        o.what = operation::kind::expire;
    } else {
        o.bytes = *std::move(p.value);
    }
    if (p.ttl_ms) o.expires_ms = wall_ms() + *p.ttl_ms;
    if (p.if_absent) o.expect_version = 0;
    if (p.expect_version) o.expect_version = p.expect_version;
    if (p.expect) o.expect_bytes = std::move(p.expect);
    return o;
}

beam::result<std::vector<operation>> operations_of(std::vector<change_params> all) {
    const auto refuse = [](std::string why) { return beam::fail("bad_params", std::move(why)); };
    if (all.empty() || all.size() > operations_max)
        return refuse("a transaction has 1 to 1000 operations");
    std::vector<operation> operations;
    std::size_t bytes = 0;
    for (change_params& c : all) {
        if (auto why = bad_change(c)) return refuse(*std::move(why));
        bytes += c.key.size() + c.value.value_or("").size();
        operations.push_back(operation_of(std::move(c)));
    }
    if (bytes > operations_bytes_max) return refuse("a transaction has at most 4 MiB");
    return operations;
}

std::int64_t wall_ms() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

}  // namespace kv
