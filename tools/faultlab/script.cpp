#include "tools/faultlab/script.hpp"

#include <algorithm>

#include "libbeamcore/base/duration.hpp"
#include "tools/common/failure.hpp"
#include "tools/common/suggestion.hpp"
#include "tools/faultlab/app/words.hpp"

namespace faultlab {

namespace {

using beam::tool::exit_code;
using beam::tool::failure;
using std::chrono::milliseconds;

constexpr std::size_t steps_max = 10'000;

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view white = " \t\r";
    const auto first = text.find_first_not_of(white);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(white) - first + 1);
}

// One line, as it is taken apart from its two ends.
class line_reader {
public:
    line_reader(std::string_view rest, std::string where) : rest_(rest), where_(std::move(where)) {}

    [[noreturn]] void wrong(std::string why) const {
        failure error(exit_code::bad_data, std::move(why), "man faultlab");
        error.what_failed = where_;
        throw error;
    }

    [[nodiscard]] std::string_view rest() const { return rest_; }
    [[nodiscard]] bool begins_with(std::string_view word) const { return first() == word; }

    std::string_view take_first() {
        const auto word = first();
        rest_ = trimmed(rest_.substr(word.size()));
        return word;
    }

    milliseconds take_duration(const char* behind) {
        const auto word = take_first();
        if (word.empty()) wrong(std::string("a time is missing behind \"") + behind + "\", as 2s");
        return duration(word);
    }

    /// The time of `KEYWORD DUR` at the end, if that is there.
    std::optional<milliseconds> take_last_duration(std::string_view keyword) {
        const auto word = last(rest_);
        const auto before = trimmed(rest_.substr(0, rest_.size() - word.size()));
        if (last(before) != keyword) {
            if (word == keyword) wrong("a time is missing behind \"" + std::string(keyword) + "\"");
            return {};
        }
        const auto time = duration(word);
        rest_ = trimmed(before.substr(0, before.size() - keyword.size()));
        return time;
    }

private:
    [[nodiscard]] std::string_view first() const {
        return rest_.substr(0, rest_.find_first_of(" \t"));
    }
    static std::string_view last(std::string_view text) {
        const auto at = text.find_last_of(" \t");
        return at == std::string_view::npos ? text : text.substr(at + 1);
    }
    [[nodiscard]] milliseconds duration(std::string_view word) const {
        const auto parsed = beam::parse_duration(word);
        if (!parsed) wrong("\"" + std::string(word) + "\" is no time, as 250ms, 2s or 1m30s");
        const auto ms = std::chrono::ceil<milliseconds>(*parsed);
        if (ms.count() > time_max_ms) wrong("\"" + std::string(word) + "\" is more than a day");
        return ms;
    }

    std::string_view rest_;
    std::string where_;
};

void read_fault(step& s, line_reader& in) {
    s.kind = step_kind::fault;
    s.fault = std::string(in.take_first());
    const bool lasts = s.fault == "hang" || s.fault == "slow";
    s.time = in.take_last_duration("for");
    if (lasts && !s.time) in.wrong("\"for DUR\" is missing: how long it lasts");
    if (!lasts && s.time)
        in.wrong("\"for\" belongs to hang and slow: a " + s.fault + " is over at once");
    if (in.begins_with("node")) {
        (void)in.take_first();
        s.is_node = true;
        if (lasts) in.wrong("a node can be killed or crashed only");
    }
    s.target = std::string(in.rest());
    if (s.target.empty())
        in.wrong("whom to " + s.fault + " is missing: a process's name, or node NAME");
}

void read_command(step& s, line_reader& in) {
    const auto word = in.take_first();
    s.kind = word == "run" ? step_kind::run : step_kind::expect;
    if (s.kind == step_kind::expect) {
        if (in.begins_with("not")) {
            (void)in.take_first();
            s.kind = step_kind::expect_not;
        }
        s.time = in.take_last_duration("within");
    }
    s.command = std::string(in.rest());
    if (s.command.empty()) in.wrong("a command is missing behind \"" + std::string(word) + "\"");
}

step read_step(std::string_view line, std::size_t number, const std::string& file) {
    line_reader in(line, file + ":" + std::to_string(number));
    step s;
    s.line = number;
    s.text = std::string(line);
    if (line.find('\0') != std::string_view::npos) in.wrong("it has a NUL byte");
    if (in.begins_with("at")) {
        (void)in.take_first();
        s.at = in.take_duration("at");
    }
    if (in.begins_with("run") || in.begins_with("expect")) {
        read_command(s, in);
        return s;
    }
    const std::string word(in.rest().substr(0, in.rest().find_first_of(" \t")));
    if (place_of(attack_names, word)) {
        read_fault(s, in);
        return s;
    }
    std::vector<std::string> known{"at", "run", "expect"};
    known.insert(known.end(), attack_names.begin(), attack_names.end());
    if (word.empty()) in.wrong("a step is missing behind the time");
    std::string why = "no such step: \"" + word + "\"";
    if (auto near = beam::tool::nearest(word, known)) why += ", did you mean \"" + *near + "\"?";
    in.wrong(why);
}

}  // namespace

std::vector<step> parse_script(std::string_view text, const std::string& file) {
    std::vector<step> steps;
    std::optional<milliseconds> last;
    for (std::size_t number = 1; !text.empty(); ++number) {
        const auto end = std::min(text.find('\n'), text.size());
        const auto line = trimmed(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.empty() || line.front() == '#') continue;
        step s = read_step(line, number, file);
        const line_reader here({}, file + ":" + std::to_string(number));
        if (s.at && last && *s.at < *last) here.wrong("its time is before that of a step above");
        if (s.at) last = s.at;
        if (steps.size() == steps_max)
            here.wrong("more than " + std::to_string(steps_max) + " steps");
        steps.push_back(std::move(s));
    }
    return steps;
}

}  // namespace faultlab
