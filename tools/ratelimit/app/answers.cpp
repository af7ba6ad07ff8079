#include "tools/ratelimit/app/answers.hpp"

#include <chrono>

#include "libbeamcore/base/utf8.hpp"

namespace ratelimit {

void fields::add(const char* name, beam::term value) {
    entries_.push_back({beam::atom(name), std::move(value)});
}

void fields::set(const char* name, beam::term value) {
    const beam::term key = beam::atom(name);
    for (auto& e : entries_)
        if (e.key == key) e.value = value;
}

fields fields_of(const verdict& v) {
    fields f;
    f.add("allowed", v.allowed);
    f.add("limit", v.limit);
    f.add("remaining", v.remaining);
    f.add("retry_after_ms", ms_up(v.retry_after));
    f.add("reset_after_ms", ms_up(v.reset_after));
    return f;
}

void add_limit(fields& f, const limit& l) {
    std::string text = rate_text(l);
    if (l.kind != algorithm::bucket)
        text += std::string(", ") + name_of(l.kind) + " window";
    else if (l.burst != l.count)
        text += ", bucket of " + std::to_string(l.burst);
    f.add("limit_text", text);
    f.add("count", l.count);
    f.add("period_ms", ms_up(l.period));
    f.add("burst", l.burst);
    f.add("algorithm", name_of(l.kind));
}

tl::unexpected<beam::request_error> malformed(std::string why) {
    return beam::refuse("bad_params", std::move(why), {}, 2);
}
tl::unexpected<beam::request_error> no_tables() {
    return beam::refuse("restarting", "the tables are being made again", {}, 75);
}

std::optional<std::string> bad_text(const std::string& what, const std::string& text,
                                    std::size_t max) {
    if (text.empty()) return what + " is empty";
    if (text.size() > max)
        return what + " has " + std::to_string(text.size()) + " bytes, at most " +
               std::to_string(max) + " are allowed";
    if (!beam::is_printable_utf8(text)) return what + " has control characters or is not UTF-8";
    return {};
}

std::int64_t ms_up(nanoseconds d) {
    return std::chrono::ceil<std::chrono::milliseconds>(d).count();
}

}  // namespace ratelimit
