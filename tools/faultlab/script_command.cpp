#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <random>

#include "libbeamcore/base/duration.hpp"
#include "tools/common/interrupt.hpp"
#include "tools/common/json_line.hpp"
#include "tools/common/pause.hpp"
#include "tools/common/shown_text.hpp"
#include "tools/faultlab/commands.hpp"
#include "tools/faultlab/script.hpp"
#include "tools/faultlab/shell_command.hpp"
#include "tools/faultlab/strike.hpp"

namespace faultlab {

using beam::client;
using beam::tool::deadline;
using beam::tool::exit_code;
using beam::tool::failure;
using nlohmann::json;
using std::chrono::milliseconds;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t script_max = 1 << 20;
constexpr auto once_at_most = 30s;   // a command without a limit of its own
constexpr auto between_checks = 1s;  // of --check, while nothing else is done

std::string read_script(const std::string& file) {
    const int fd = file == "-" ? 0 : ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
    std::string text;
    char buffer[65536];
    ssize_t n = -1;
    while (fd >= 0 && (n = ::read(fd, buffer, sizeof buffer)) > 0 && text.size() <= script_max)
        text.append(buffer, static_cast<std::size_t>(n));
    const int code = errno;
    if (fd > 0) ::close(fd);
    if (n < 0) throw failure(exit_code::io_error, std::strerror(code));
    if (text.size() > script_max) throw failure(exit_code::bad_data, "a script has at most 1 MiB");
    return text;
}

class player {
public:
    player(client& node, const script_options& options)
        : common_(*node.common()), options_(options), striker_(node, options.seed.value_or(0)) {
        if (!common_.timeout_is_default) whole_ = common_.until();
    }

    exit_code play(const std::vector<step>& steps);

private:
    verdict wait_for(const step& s);
    verdict take(const step& s);
    verdict check();
    verdict expect(const step& s);
    verdict run_once(const step& s);
    [[nodiscard]] deadline limit(std::chrono::nanoseconds time) const {
        return deadline::in(time).earlier(whole_);
    }
    void in_time() const;
    void say(const step& s, const verdict& broken, std::chrono::nanoseconds took);

    beam::tool::common_state& common_;
    const script_options& options_;
    deadline whole_;
    deadline::clock::time_point begun_ = deadline::clock::now();
    striker striker_;
};

void player::in_time() const {
    beam::tool::check_interrupted();
    if (whole_.is_over()) throw failure(exit_code::try_again, "the script was not done in time");
}

verdict broken_check(const command_result& code) {
    return "the check " +
           (code ? "exited with " + std::to_string(*code) : std::string("did not end within 30s"));
}

verdict player::check() {
    if (options_.check.empty()) return {};
    const auto code = run_command(options_.check, common_.verbose > 0, limit(once_at_most));
    in_time();
    if (code == 0) return {};
    return broken_check(code);
}

verdict player::wait_for(const step& s) {
    if (!s.at) return check();
    const deadline then(begun_ + *s.at);
    for (;;) {
        in_time();
        if (auto broken = check()) return broken;
        if (then.is_over()) return {};
        const auto next = then.earlier(deadline::in(between_checks));
        while (!next.is_over()) {
            pollfd waits{beam::tool::interrupt_fd(), POLLIN, 0};
            ::poll(&waits, 1, next.earlier(whole_).poll_timeout());
            in_time();
        }
    }
}

verdict player::run_once(const step& s) {
    const auto code = run_command(s.command, common_.verbose > 0, limit(once_at_most));
    in_time();
    if (code == 0) return {};
    return code ? "exited with " + std::to_string(*code) : std::string("did not end within 30s");
}

// Again and again until it is as expected; without a time, once.
verdict player::expect(const step& s) {
    const bool wants_success = s.kind == step_kind::expect;
    const auto until = limit(s.time ? *s.time : once_at_most);
    command_result code;
    for (beam::tool::pause between;; between.wait(until)) {
        const auto now = run_command(s.command, common_.verbose > 0, until);
        in_time();
        if (now) code = now;  // the last one may be cut short
        if (now && (*now == 0) == wants_success) return {};
        if (s.time && !until.is_over()) continue;
        if (!code && !s.time) return "did not end within 30s";
        const std::string after = s.time ? " after " + beam::print_duration(*s.time) : "";
        if (!wants_success) return s.time ? "it still succeeds" + after : "it succeeds";
        return (code ? "exited with " + std::to_string(*code) + (s.time ? ", still" : "")
                     : "did not end") +
               after;
    }
}

verdict player::take(const step& s) {
    switch (s.kind) {
        case step_kind::fault:
            return striker_.strike(s, whole_);
        case step_kind::run:
            return run_once(s);
        case step_kind::expect:
        case step_kind::expect_not:
            break;
    }
    return expect(s);
}

void player::say(const step& s, const verdict& broken, std::chrono::nanoseconds took) {
    if (common_.quiet) return;
    const std::string where = options_.file + ":" + std::to_string(s.line);
    const json event = {
        {"event", "step"},
        {"file", options_.file},
        {"line", s.line},
        {"step", s.text},
        {"at_ms",
         std::chrono::duration_cast<milliseconds>(deadline::clock::now() - begun_).count()},
        {"took_ms", std::chrono::duration_cast<milliseconds>(took).count()},
        {"ok", !broken},
        {"why", broken ? json(*broken) : json()}};
    const std::string line = beam::tool::shown_text(where) + ": " + beam::tool::shown_text(s.text) +
                             " -> " +
                             (broken ? "broken: " + beam::tool::shown_text(*broken) : "ok");
    common_.out.flushed_line(common_.json ? beam::tool::dump_line(event) : line);
}

exit_code player::play(const std::vector<step>& steps) {
    std::size_t done = 0;
    verdict broken;
    for (const step& s : steps) {
        broken = wait_for(s);
        const auto begun = deadline::clock::now();
        if (!broken) broken = take(s);
        say(s, broken, deadline::clock::now() - begun);
        if (broken) break;
        ++done;
    }
    if (!broken) {
        broken = check();
        if (broken && !common_.quiet && !common_.json)
            common_.out.flushed_line("broken: " + *broken);
    }
    striker_.undo();
    const json summary = {{"event", "summary"},
                          {"seed", options_.seed.value_or(0)},
                          {"file", options_.file},
                          {"steps", steps.size()},
                          {"done", done},
                          {"kept", !broken},
                          {"why", broken ? json(*broken) : json()}};
    if (common_.json) common_.print("", summary);
    return broken ? exit_code::no : exit_code::done;
}

}  // namespace

exit_code script(client& node, const script_options& options) {
    auto& common = *node.common();
    const auto steps = parse_script(read_script(options.file), options.file);
    if (options.dry_run) {
        std::string text;
        json list = json::array();
        for (const step& s : steps) {
            text += (text.empty() ? "" : "\n") + options.file + ":" + std::to_string(s.line) +
                    ": " + beam::tool::shown_text(s.text);
            list.push_back({{"line", s.line}, {"step", s.text}});
        }
        common.print(text, {{"dry_run", true}, {"steps", std::move(list)}});
        return exit_code::done;
    }
    script_options drawn = options;
    if (!drawn.seed) drawn.seed = std::random_device{}();
    const bool draws = std::any_of(steps.begin(), steps.end(), [](const step& s) {
        return s.kind == step_kind::fault && is_pattern(s.target);
    });
    if (!options.seed && draws) say_seed(*drawn.seed, common);
    player p(node, drawn);
    return p.play(steps);
}

}  // namespace faultlab
