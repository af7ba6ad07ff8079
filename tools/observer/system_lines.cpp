#include <nlohmann/json.hpp>

#include "tools/observer/lines.hpp"
#include "tools/observer/text.hpp"

namespace observer {

using nlohmann::json;

namespace {

// `612 of 1048576`
std::string of_limit(const json& system, const char* count, const char* limit) {
    return number_text(system, count) + " of " + number_text(system, limit);
}

std::string queues(const json& system) {
    std::string text;
    if (const auto at = system.find("run_queues"); at != system.end())
        for (const json& length : *at) text += " " + length.dump();
    return text.empty() ? " none" : text;
}

std::string names(const json& system) {
    std::string text;
    if (const auto at = system.find("applications"); at != system.end())
        for (const json& a : *at) text += (text.empty() ? "" : " ") + text_of(a, "name");
    return text.empty() ? "none" : text;
}

void warn_if_full(std::vector<std::string>& found, const json& system, const char* what,
                  const char* limit) {
    const auto most = number_of(system, limit);
    if (most <= 0) return;
    const auto percent = number_of(system, what) * 100 / most;
    if (percent >= 80)
        found.push_back(std::string(what) + ": " + std::to_string(percent) + "% of " +
                        std::to_string(most) + " are in use");
}

}  // namespace

std::vector<std::string> warnings(const json& system) {
    std::vector<std::string> found;
    warn_if_full(found, system, "processes", "processes_max");
    warn_if_full(found, system, "atoms", "atoms_max");
    if (const auto hogs = number_of(system, "hog_threads"); hogs > 0)
        found.push_back(std::to_string(hogs) + (hogs == 1 ? " process does" : " processes do") +
                        " not give way (see: observer processes --sort rate)");
    if (const auto restarts = number_of(system, "restarts"); restarts > 0)
        found.push_back("the runtime was restarted " + std::to_string(restarts) +
                        (restarts == 1 ? " time" : " times") +
                        ", last: " + text_of(system, "start_reason") + " (see: beamd logs)");
    return found;
}

lines system_lines(const json& s) {
    lines out;
    const auto add = [&](const char* name, const std::string& value) {
        out.emplace_back();
        out.back().spans = {{std::string(name) + ": ", look::dim}, {value}};
    };
    add("node", text_of(s, "node") + " (" + text_of(s, "state") + ")");
    add("version", text_of(s, "version"));
    add("os_pid", number_text(s, "os_pid"));
    add("uptime", uptime_text(number_of(s, "uptime_ms")));
    add("started by", text_of(s, "started_by"));
    add("restarts", number_text(s, "restarts"));
    add("applications", names(s));
    add("processes", of_limit(s, "processes", "processes_max") + " (" + number_text(s, "spawned") +
                         " started, " + number_text(s, "exited") + " ended)");
    add("schedulers", number_text(s, "schedulers") + " (" + number_text(s, "schedulers_busy") +
                          " busy, run queues" + queues(s) + ")");
    add("reductions", number_text(s, "reductions"));
    add("hand-overs", number_text(s, "hand_overs") + " (" + number_text(s, "hog_threads") +
                          " processes do not give way)");
    add("dirty jobs", number_text(s, "dirty_jobs"));
    add("timers", number_text(s, "timers"));
    add("messages dropped", number_text(s, "messages_dropped"));
    add("atoms", of_limit(s, "atoms", "atoms_max"));
    add("memory", size_text(std::uint64_t(number_of(s, "memory_resident_bytes"))) + " resident");
    add("cpu", uptime_text(number_of(s, "cpu_user_ms")) + " user, " +
                   uptime_text(number_of(s, "cpu_system_ms")) + " system");
    add("clients", number_text(s, "clients"));
    for (const auto& warning : warnings(s)) out.emplace_back("warning: " + warning, look::bad);
    return out;
}

}  // namespace observer
