#include "tools/faultlab/app/program.hpp"

#include <regex.h>
#include <signal.h>

#include <cerrno>

#include "libbeamcore/base/duration.hpp"
#include "libbeamcore/base/utf8.hpp"
#include "libbeamcore/io/connection.hpp"
#include "libbeamcore/runtime/process_info.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "tools/faultlab/app/lease.hpp"

namespace faultlab {

namespace {

using namespace std::chrono_literals;
using namespace beam::io;

constexpr auto settled_after = 50ms;   // what has run for so long has started
constexpr auto between_probes = 20ms;  // and between looks at a group that must end
constexpr auto killed_within = 5s;     // a group that another user's id protects from us
constexpr auto slow_stop = 90ms, slow_run = 10ms;
constexpr std::size_t line_max = 64 << 10;
constexpr std::uint32_t output_at_once = 64;

port_options options_of(const program_setting& setting, std::string command) {
    port_options o;
    o.argv = {"/bin/sh", "-c", std::move(command)};
    o.clear_env = true;
    for (const auto& [name, value] : setting.env) o.env.emplace_back(name, value);
    o.cwd = setting.folder;
    o.input = false;
    o.error_output = output_to::output;
    o.grace = setting.grace;
    return o;
}

bool matches(const std::string& pattern, const std::string& text) {
    regex_t compiled;
    if (::regcomp(&compiled, pattern.c_str(), REG_EXTENDED | REG_NOSUB) != 0) return false;
    const bool found = ::regexec(&compiled, text.c_str(), 0, nullptr, 0) == 0;
    ::regfree(&compiled);
    return found;
}

beam::awaitable<beam::start_result> start_program(std::shared_ptr<const program_setting> setting,
                                                  std::string name, std::string command) {
    auto starting =
        beam::start_link<program>(std::move(setting), std::move(name), std::move(command));
    beam::outcome<beam::pid> p = co_await starting;
    if (!p) co_return beam::fail_term(std::move(p.error()));
    co_return beam::started{*p, {}};
}

beam::stop_with not_started(const program_setting& setting, const std::string& name,
                            const std::string& why) {
    program_ended told;
    told.name = name;
    told.how = why;
    beam::send(setting.experiment, std::move(told));
    return beam::stop_with{beam::tuple(beam::atom("not_ready"), why)};
}

}  // namespace

std::string described(const exit_status& status) {
    if (status.signal != 0) return "was killed by signal " + std::to_string(status.signal);
    return "exited with " + std::to_string(status.code);
}

void program::suffer(beam::pid program, fault what, std::chrono::milliseconds hold) {
    beam::cast<order>(program, what, hold);
}

beam::child_start program::child(std::shared_ptr<const program_setting> setting, std::string name,
                                 std::string command) {
    return beam::child_start(
        [setting = std::move(setting), name = std::move(name), command = std::move(command)] {
            return start_program(setting, name, command);
        });
}

beam::awaitable<beam::init_result<program>> program::init(
    std::shared_ptr<const program_setting> setting, std::string name, std::string command) {
    beam::self me = beam::this_process();
    (void)me.trap_exit(true);
    beam::set_label(name);
    auto opened = open_port(options_of(*setting, std::move(command)));
    if (!opened) {
        const beam::error& e = opened.error();
        co_return not_started(*setting, name, "cannot start it: " + e.code + " " + e.detail);
    }
    program p;
    p.setting_ = setting;
    p.name_ = name;
    p.port_ = *std::move(opened);
    lease::watch_group(setting->lease, p.port_.os_pid());
    p.port_.activate(output_at_once);
    auto becoming = p.become_ready(me);
    const std::optional<std::string> why = co_await becoming;
    if (!why) co_return std::move(p);
    auto ending = p.end_group();
    co_await ending;
    co_return not_started(*setting, name, *why);
}

beam::awaitable<std::optional<std::string>> program::become_ready(beam::self me) {
    const readiness& ready = setting_->ready;
    const bool has_probe = ready.port != 0 || !ready.command.empty();
    const bool has_any = has_probe || !ready.line.empty();
    const auto begun = beam::monotonic_time();
    const auto until = begun + (has_any ? ready.within : settled_after);
    const beam::ref watch = beam::monitor(setting_->experiment);
    line_seen_ = ready.line.empty();
    for (;;) {
        const auto left = until - beam::monotonic_time();
        if (left <= 0ns) {
            if (!has_any) break;
            std::string why = "not ready within " + beam::print_duration(ready.within);
            if (!last_line_.empty()) why += ", its last line: " + last_line_;
            co_return why;
        }
        if (line_seen_ && has_any) {
            bool passes = !has_probe;
            if (has_probe) {
                auto probing = passes_probes();
                passes = co_await probing;
            }
            if (passes) break;
        }
        const auto wait = has_probe && line_seen_
                              ? std::min<std::chrono::nanoseconds>(left, between_probes)
                              : left;
        auto m =
            co_await me.receive_for<data, passive, exited, beam::down_message, beam::exit_message>(
                wait);
        if (!m) continue;
        if (auto* d = std::get_if<data>(&*m)) {
            if (takes_output(d->bytes)) line_seen_ = true;
        } else if (std::holds_alternative<passive>(*m)) {
            port_.activate_stream(1, output_at_once);
        } else if (auto* e = std::get_if<exited>(&*m)) {
            std::string why = described(e->status) + " before it was ready";
            if (!last_line_.empty()) why += ", its last line: " + last_line_;
            co_return why;
        } else {
            co_return "nobody wants it any more";  // the experiment is over
        }
    }
    beam::demonitor(watch, {.flush = true});
    co_return std::nullopt;
}

// Whether a line was among them that makes it ready.
bool program::takes_output(const std::string& bytes) {
    bool found = false;
    for (const char c : bytes) {
        if (c != '\n' && line_.size() < line_max) {
            line_ += c;
            continue;
        }
        if (!setting_->ready.line.empty() && matches(setting_->ready.line, line_)) found = true;
        last_line_ = beam::escape_unprintable(std::string_view(line_).substr(0, 200));
        line_.clear();
    }
    return found;
}

beam::awaitable<bool> program::passes_probes() {
    const readiness& ready = setting_->ready;
    if (ready.port != 0) {
        auto connecting = connect_tcp("127.0.0.1", ready.port, stream_options(), 1s);
        auto connected = co_await connecting;
        if (!connected) co_return false;
        connected->abort();
    }
    if (ready.command.empty()) co_return true;
    port_options o = options_of(*setting_, ready.command);
    o.output = output_to::discard;
    auto probe = open_port(o);
    if (!probe) co_return false;
    auto waiting = probe->wait(ready.within);
    auto status = co_await waiting;
    if (!status) (void)probe->kill(SIGKILL);
    co_return status && status->is_success();
}

pulse program::handle_call(pulse_request) const {
    pulse p;
    p.os_pid = port_.os_pid();
    return p;
}

void program::handle_cast(order o) {
    switch (o.what) {
        case fault::crash:
            (void)port_.kill(SIGABRT);
            return;
        case fault::exit_normal:
            asked_to_end_ = true;
            (void)port_.kill(SIGTERM);
            return;
        case fault::hang:
        case fault::slow: {
            const bool is_slow = o.what == fault::slow;
            stopped_until_ = beam::monotonic_time() + o.hold;
            (void)port_.kill(SIGSTOP);
            const std::chrono::milliseconds first = is_slow ? slow_stop : o.hold;
            (void)beam::send_after(std::min(first, o.hold), id(), let_run{is_slow});
            return;
        }
        default:
            (void)port_.kill(SIGKILL);
    }
}

void program::handle_info(let_run m) {
    (void)port_.kill(SIGCONT);
    const auto left = stopped_until_ - beam::monotonic_time();
    if (!m.stop_again || left <= slow_run) return;
    // It runs for a moment between two stops.
    (void)beam::send_after(
        slow_run, id(),
        order{fault::slow, std::chrono::duration_cast<std::chrono::milliseconds>(left - slow_run)});
}

void program::handle_info(passive m) {
    port_.activate_stream(m.stream, output_at_once);
}

beam::cast_result program::handle_info(exited m) {
    program_ended told;
    told.name = name_;
    told.how = described(m.status);
    beam::send(setting_->experiment, std::move(told));
    if (m.status.is_success() || (asked_to_end_ && m.status.signal == SIGTERM))
        return beam::stop_with{beam::atoms::normal};
    return beam::stop_with{m.status.signal != 0
                               ? beam::tuple(beam::atom("signal"), m.status.signal)
                               : beam::tuple(beam::atom("exit_status"), m.status.code)};
}

beam::awaitable<void> program::terminate(const beam::term&) {
    return end_group();
}

// Waits for the whole group: its successor may want the port that a grandchild still has.
beam::awaitable<void> program::end_group() {
    const pid_t group = port_.os_pid();
    if (!port_ || group <= 0) co_return;
    (void)port_.kill(SIGTERM);
    (void)port_.kill(SIGCONT);
    auto leaving = port_.wait(setting_->grace);
    (void)co_await leaving;
    const auto kill_at = beam::monotonic_time() + (port_.status() ? setting_->grace : 0ms);
    port_.close();
    while (beam::monotonic_time() < kill_at + killed_within) {
        const bool late = beam::monotonic_time() >= kill_at;
        if (::kill(-group, late ? SIGKILL : 0) != 0 && errno == ESRCH) break;
        co_await process().sleep_for(between_probes);
    }
    lease::forget_group(setting_->lease, group);
}

}  // namespace faultlab
