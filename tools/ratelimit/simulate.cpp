// `ratelimit simulate`: the limits of app/limit.hpp applied to times from stdin, without a node.
#include <charconv>
#include <iterator>
#include <nlohmann/json.hpp>

#include "libbeamcore/base/duration.hpp"
#include "tools/common/line_buffer.hpp"
#include "tools/ratelimit/app/limit.hpp"
#include "tools/ratelimit/commands.hpp"

#include <unistd.h>

namespace ratelimit::client {

using beam::tool::exit_code;
using beam::tool::failure;
using nlohmann::json;

namespace {

constexpr std::size_t line_max = 4096;

struct request {
    std::int64_t at = 0;
    std::uint64_t cost = 1;
};

// Seconds with a fraction (`1700000000.25`), or a duration (`1m30s`), in nanoseconds.
std::optional<std::int64_t> read_moment(std::string_view text) {
    const bool is_number = text.find_first_not_of("0123456789.") == std::string_view::npos;
    // One that is longer than centuries cannot be told apart from a mistake.
    const auto read = beam::parse_duration(std::string(text) + (is_number ? "s" : ""));
    if (!read) return {};
    return read->count();
}

std::optional<request> read_request(std::string_view line) {
    request r;
    const auto space = line.find_first_of(" \t,");
    const auto moment = read_moment(line.substr(0, space));
    if (!moment) return {};
    r.at = *moment;
    if (space == std::string_view::npos) return r;
    const std::string_view cost = line.substr(line.find_first_not_of(" \t,", space));
    const auto end = cost.data() + cost.size();
    const auto parsed = std::from_chars(cost.data(), end, r.cost);
    if (parsed.ec != std::errc() || parsed.ptr != end) return {};
    return r;
}

[[noreturn]] void bad_line(std::uint64_t number, std::string why) {
    failure error(exit_code::bad_data, std::move(why));
    error.what_failed = "line " + std::to_string(number);
    throw error;
}

json as_json(const verdict& v, std::int64_t at) {
    const auto ms = [](nanoseconds d) {
        return std::chrono::ceil<std::chrono::milliseconds>(d).count();
    };
    return {{"at_ms", ms(nanoseconds(at))},
            {"allowed", v.allowed},
            {"limit", v.limit},
            {"remaining", v.remaining},
            {"retry_after_ms", ms(v.retry_after)},
            {"reset_after_ms", ms(v.reset_after)}};
}

std::string as_text(const verdict& v, std::string_view when) {
    return std::string(when) +
           (v.allowed ? " allowed (remaining=" + std::to_string(v.remaining) + ")"
                      : " blocked (retry_in=" + beam::print_duration(v.retry_after) + ")");
}

class simulation {
public:
    simulation(beam::tool::common_state& common, const limit& l) : common_(common), limit_(l) {}

    void take_line(std::string_view line) {
        ++number_;
        if (line.empty() || line.front() == '#') return;
        const auto r = read_request(line);
        if (!r)
            bad_line(number_, "neither a time, as 12.5 or 1m30s, nor one with a cost behind it");
        if (r->at < last_) bad_line(number_, "it is earlier than the line before");
        if (auto fits = check_cost(limit_, r->cost); !fits) bad_line(number_, fits.error().detail);
        last_ = r->at;
        const verdict v = take(usage_, limit_, r->at, r->cost);
        ++(v.allowed ? allowed_ : blocked_);
        common_.print(as_text(v, line.substr(0, line.find_first_of(" \t,"))), as_json(v, r->at));
    }

    void finish() {
        common_.print(
            std::to_string(allowed_) + " allowed, " + std::to_string(blocked_) + " blocked",
            {{"total_allowed", allowed_}, {"total_blocked", blocked_}});
    }

private:
    beam::tool::common_state& common_;
    limit limit_;
    usage usage_;
    std::uint64_t number_ = 0, allowed_ = 0, blocked_ = 0;
    std::int64_t last_ = 0;
};

}  // namespace

exit_code simulate(const beam::tool::common_options& common, const limit_options& o) {
    const auto l = parse_limit(o.limit.empty() ? rate_text(limit()) : o.limit, o.burst.value_or(0),
                               o.algorithm);
    if (!l) throw failure(exit_code::usage, l.error().detail);
    simulation s(*common, *l);
    beam::tool::line_buffer lines(line_max);
    char buffer[65536];
    for (;;) {
        const auto n = ::read(STDIN_FILENO, buffer, sizeof buffer);
        if (n < 0) throw failure(exit_code::io_error, "cannot read stdin");
        if (n == 0) break;
        lines.append({buffer, static_cast<std::size_t>(n)});
        while (auto line = lines.next()) s.take_line(*line);
        if (lines.is_too_long())
            throw failure(exit_code::bad_data, "a line is longer than 4096 bytes");
    }
    if (const auto rest = lines.rest(); !rest.empty()) s.take_line(rest);
    s.finish();
    return exit_code::done;
}

}  // namespace ratelimit::client
