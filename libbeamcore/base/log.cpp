#include "libbeamcore/base/log.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <ctime>
#include <exception>
#include <memory>
#include <mutex>
#include <utility>

#include "libbeamcore/base/internal/log_limiter.hpp"
#include "libbeamcore/base/utf8.hpp"

namespace beam {
namespace {

constexpr std::array<std::string_view, 7> level_names = {"debug", "info",     "notice", "warning",
                                                         "error", "critical", "none"};

void write_to_stderr(const log_event& event) {
    auto line = log_text_line(event);
    // One write a line, so that lines of several threads do not mix.
    std::string_view rest = line;
    while (!rest.empty()) {
        auto n = ::write(STDERR_FILENO, rest.data(), rest.size());
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return;  // there is nobody left to tell
        rest.remove_prefix(static_cast<std::size_t>(n));
    }
}

struct logger {
    std::mutex mutex;  // guards the two below; no sink runs under it
    internal::log_limiter limiter;
    std::shared_ptr<const log_sink> sink = std::make_shared<const log_sink>(write_to_stderr);

    std::shared_ptr<const log_sink> current_sink() {
        std::lock_guard lock(mutex);
        return sink;
    }
};

/// Never destroyed: threads and static destructors log to the very end.
logger& the_logger() {
    static auto* instance = new logger;
    return *instance;
}

void give(const log_sink& sink, const log_event& event) noexcept {
    try {
        sink(event);
    } catch (...) {
        // A log that fails must not fail what it tells of, and there is nowhere to say so.
    }
}

std::string time_text(std::chrono::system_clock::time_point time) {
    auto ms = std::chrono::floor<std::chrono::milliseconds>(time).time_since_epoch().count();
    auto seconds = static_cast<std::time_t>(ms >= 0 ? ms / 1000 : (ms - 999) / 1000);
    std::tm utc{};
    ::gmtime_r(&seconds, &utc);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900,
                       utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                       ms - seconds * 1000);
}

// What a stranger may have a part in is cut where nobody would read on.
constexpr std::size_t value_max = 32 << 10;

std::string cut_value(std::string_view value) {
    if (value.size() <= value_max) return std::string(value);
    return fmt::format("{}... ({} bytes)", value.substr(0, value_max), value.size());
}

bool is_plain(std::string_view value) {
    return !value.empty() && value.find_first_of(" \"=\\") == std::string_view::npos;
}

void append_value(std::string& line, std::string_view value) {
    auto safe = escape_unprintable(value);
    if (is_plain(safe)) {
        line += safe;
        return;
    }
    line += '"';
    for (char c : safe) {
        if (c == '"') line += '\\';
        line += c;
    }
    line += '"';
}

void append_json_string(std::string& out, std::string_view text) {
    out += '"';
    for (char c : replace_invalid_utf8(text)) {
        switch (c) {
            case '"':
                out += "\\\"";
                break;
            case '\\':
                out += "\\\\";
                break;
            case '\n':
                out += "\\n";
                break;
            case '\r':
                out += "\\r";
                break;
            case '\t':
                out += "\\t";
                break;
            default:
                if (static_cast<unsigned char>(c) < 0x20)
                    out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
                else
                    out += c;
        }
    }
    out += '"';
}

}  // namespace

namespace detail {

std::atomic<log_level> log_threshold{log_level::info};

void write_log(log_level level, std::string_view domain, std::string_view message,
               std::initializer_list<log_argument> fields) {
    auto& l = the_logger();
    std::shared_ptr<const log_sink> sink;
    std::optional<std::uint64_t> suppressed;
    {
        std::lock_guard lock(l.mutex);
        suppressed = l.limiter.admit(level, domain, message, std::chrono::steady_clock::now());
        sink = l.sink;
    }
    if (!suppressed) return;
    log_event event{
        level,      std::chrono::system_clock::now(), std::string(domain), std::string(message), {},
        *suppressed};
    event.fields.reserve(fields.size());
    for (const auto& f : fields) event.fields.push_back({std::string(f.key), cut_value(f.value)});
    give(*sink, event);
}

}  // namespace detail

std::string_view to_string(log_level level) {
    return level_names.at(static_cast<std::size_t>(level));
}

std::optional<log_level> parse_log_level(std::string_view text) {
    for (std::size_t i = 0; i < level_names.size(); ++i)
        if (level_names[i] == text) return static_cast<log_level>(i);
    return std::nullopt;
}

void write_log_event(const log_event& event) {
    give(*the_logger().current_sink(), event);
}

void set_log_sink(log_sink sink) {
    if (!sink) sink = write_to_stderr;
    auto next = std::make_shared<const log_sink>(std::move(sink));
    auto& l = the_logger();
    std::lock_guard lock(l.mutex);
    l.sink.swap(next);
}

void set_log_limit(log_limit limit) {
    auto& l = the_logger();
    std::lock_guard lock(l.mutex);
    l.limiter.set_limit(limit);
}

void flush_suppressed_logs() {
    auto& l = the_logger();
    std::vector<internal::log_limiter::suppressed> all;
    std::shared_ptr<const log_sink> sink;
    {
        std::lock_guard lock(l.mutex);
        all = l.limiter.take_suppressed();
        sink = l.sink;
    }
    for (auto& s : all)
        give(*sink, log_event{s.level,
                              std::chrono::system_clock::now(),
                              std::move(s.domain),
                              std::move(s.message),
                              {},
                              s.count});
}

std::string log_text_line(const log_event& event) {
    auto line = time_text(event.time) + ' ' + std::string(to_string(event.level)) + ' ' +
                escape_unprintable(event.domain) + ": " + escape_unprintable(event.message);
    for (const auto& f : event.fields) {
        line += ' ' + escape_unprintable(f.key) + '=';
        append_value(line, f.value);
    }
    if (event.suppressed > 0) line += fmt::format(" suppressed={}", event.suppressed);
    return line + '\n';
}

std::string log_json_line(const log_event& event) {
    std::string out = R"({"time":")" + time_text(event.time) + R"(","level":")";
    out += to_string(event.level);
    out += R"(","domain":)";
    append_json_string(out, event.domain);
    out += R"(,"message":)";
    append_json_string(out, event.message);
    out += R"(,"fields":{)";
    for (std::size_t i = 0; i < event.fields.size(); ++i) {
        if (i > 0) out += ',';
        append_json_string(out, event.fields[i].key);
        out += ':';
        append_json_string(out, event.fields[i].value);
    }
    out += '}';
    if (event.suppressed > 0) out += fmt::format(R"(,"suppressed":{})", event.suppressed);
    return out + "}\n";
}

}  // namespace beam
