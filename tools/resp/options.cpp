#include "tools/resp/options.hpp"

#include <algorithm>
#include <utility>

namespace resp {

std::optional<std::int64_t> expiry_of(time_unit unit, std::int64_t amount,
                                      const expiry_clock& clock) {
    const bool seconds = unit == time_unit::s || unit == time_unit::unix_s;
    if (seconds && __builtin_mul_overflow(amount, std::int64_t{1000}, &amount)) return {};
    const bool from_epoch = unit == time_unit::unix_s || unit == time_unit::unix_ms;
    std::int64_t at = 0;
    if (__builtin_add_overflow(from_epoch ? clock.epoch : clock.now, amount, &at))
        at = amount < 0 ? -1 : INT64_MAX;
    if (at > clock.now + clock.ttl_max) return {};
    return at == 0 ? 1 : std::max(at, clock.now - clock.ttl_max);
}

void invalid_expire(writer& out, std::string_view command) {
    out.error("ERR invalid expire time in '" + std::string(command) + "' command");
}

bool read_expiry(arguments all, std::size_t& i, expiry_options& options) {
    static constexpr std::pair<std::string_view, time_unit> names[] = {
        {"EX", time_unit::s},
        {"PX", time_unit::ms},
        {"EXAT", time_unit::unix_s},
        {"PXAT", time_unit::unix_ms}};
    for (const auto& [name, unit] : names) {
        if (!equals(all[i], name)) continue;
        if (i + 1 == all.size() || options.keeps || options.persists) return false;
        if (options.unit && *options.unit != unit) return false;
        options.unit = unit;
        options.amount = all[++i];
        return true;
    }
    return false;
}

std::optional<std::int64_t> expiry_amount(writer& out, std::string_view command,
                                          std::string_view amount) {
    const auto number = integer_of(amount);
    if (!number) {
        out.error(not_an_integer);
        return {};
    }
    if (*number > 0) return number;
    invalid_expire(out, command);
    return {};
}

bool read_set(arguments all, set_options& options) {
    for (std::size_t i = 3; i < all.size(); ++i) {
        const std::string_view word = all[i];
        if (equals(word, "NX") && !options.only_existing) {
            options.only_new = true;
        } else if (equals(word, "XX") && !options.only_new) {
            options.only_existing = true;
        } else if (equals(word, "GET")) {
            options.gets = true;
        } else if (equals(word, "KEEPTTL") && !options.when.unit) {
            options.when.keeps = true;
        } else if (!read_expiry(all, i, options.when)) {
            return false;
        }
    }
    return true;
}

bool expire_options::allow(std::int64_t now, std::int64_t at) const {
    const bool stays = now == 0;
    return !((nx && !stays) || (xx && stays) || (gt && (stays || at <= now)) ||
             (lt && !stays && at >= now));
}

bool read_expire(writer& out, arguments all, expire_options& o) {
    for (std::string_view word : all.subspan(3)) {
        if (equals(word, "NX")) {
            o.nx = true;
        } else if (equals(word, "XX")) {
            o.xx = true;
        } else if (equals(word, "GT")) {
            o.gt = true;
        } else if (equals(word, "LT")) {
            o.lt = true;
        } else {
            out.error("ERR Unsupported option " + std::string(word));
            return false;
        }
    }
    if (o.nx && (o.xx || o.gt || o.lt)) {
        out.error("ERR NX and XX, GT or LT options at the same time are not compatible");
        return false;
    }
    if (!o.gt || !o.lt) return true;
    out.error("ERR GT and LT options at the same time are not compatible");
    return false;
}

bool read_scan(writer& out, arguments all, scan_options& o) {
    const auto refuse = [&out](std::string_view why) {
        out.error(why);
        return false;
    };
    const auto cursor = integer_of(all[1]);
    if (!cursor || *cursor < 0) return refuse("ERR invalid cursor");
    o.cursor = std::uint64_t(*cursor);
    for (std::size_t i = 2; i < all.size(); i += 2) {
        if (i + 1 == all.size()) return refuse(syntax_error);
        if (equals(all[i], "MATCH")) {
            o.match = all[i + 1];
        } else if (equals(all[i], "TYPE")) {
            o.strings = equals(all[i + 1], "STRING");
        } else if (equals(all[i], "COUNT")) {
            const auto n = integer_of(all[i + 1]);
            if (!n || *n < 1) return refuse(n ? syntax_error : not_an_integer);
            o.count = std::uint64_t(*n);
        } else {
            return refuse(syntax_error);
        }
    }
    return true;
}

}  // namespace resp
