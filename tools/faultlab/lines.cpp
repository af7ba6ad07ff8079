#include "tools/faultlab/lines.hpp"

#include <chrono>
#include <nlohmann/json.hpp>

#include "libbeamcore/base/duration.hpp"
#include "tools/common/shown_text.hpp"
#include "tools/faultlab/app/words.hpp"

namespace faultlab {

using beam::tool::shown_text;
using nlohmann::json;

namespace {

std::string text_of(const json& object, const char* key) {
    const auto it = object.find(key);
    return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}
bool flag_of(const json& object, const char* key) {
    return object.value(key, false);
}
std::uint64_t number_of(const json& object, const char* key) {
    const auto it = object.find(key);
    return it != object.end() && it->is_number() ? it->get<std::uint64_t>() : 0;
}

// In full: of a plan nobody wants 2s for 1s250ms, and a script takes it so.
std::string time_of_ms(const json& object, const char* key) {
    return beam::print_duration_exact(std::chrono::milliseconds(number_of(object, key)));
}
// What was measured has at least four figures.
std::string time_of_us(const json& object, const char* key) {
    const std::uint64_t us = number_of(object, key);
    if (us < 10'000) return std::to_string(us) + "us";
    if (us < 10'000'000) return std::to_string((us + 999) / 1000) + "ms";
    return beam::print_duration_exact(
        std::chrono::ceil<std::chrono::milliseconds>(std::chrono::microseconds(us)));
}

std::string called(const std::string& name, bool programs) {
    return (programs ? "" : "worker ") + shown_text(name);
}

// What was done to it, said of it.
std::string suffered(const json& event, bool programs) {
    const auto place = place_of(fault_names, text_of(event, "fault"));
    const auto lasting = [&](const char* verb) {
        return verb + (" for " + time_of_ms(event, "hold_ms"));
    };
    switch (fault(place.value_or(0))) {
        case fault::crash:
            return "crashed";
        case fault::kill:
            return "killed";
        case fault::hang:
            return lasting(programs ? "stopped" : "hung");
        case fault::slow:
            return lasting("slowed");
        case fault::exit_normal:
            return programs ? "asked to exit" : "exited normally";
        case fault::storm:
            return "flooded with messages";
        case fault::heap:
            return "outgrew its heap";
        case fault::init_fail:
            return "crashed and could not start again";
        case fault::terminate_hang:
            return "hung in terminate";
        case fault::drop:
            return lasting("lost its messages");
        case fault::delay:
            return lasting("had late messages");
    }
    return "had a fault";
}

bool all_restarted(const json& workers) {
    for (const json& w : workers)
        if (text_of(w, "change") != "restarted") return false;
    return !workers.empty();
}

std::string victims_fate(const json& event, const json& victim) {
    const std::string change = text_of(victim, "change");
    if (change == "restarted") return "restarted";
    if (change == "gone") return "not restarted";
    if (event.at("hold_ms").is_null()) return "did not end";
    return flag_of(victim, "answers") ? "not restarted, answers again"
                                      : "not restarted, does not answer";
}

// One line each: those taken along first.
void add_others(text_lines& lines, const json& event, bool programs) {
    const std::string victim = text_of(event, "worker");
    text_lines unaffected;
    for (const json& w : event.at("workers")) {
        const std::string name = text_of(w, "name");
        if (name == victim) continue;
        const std::string change = text_of(w, "change");
        const std::string who = called(name, programs);
        if (change == "restarted")
            lines.push_back(who + " restarted with it");
        else if (change == "gone" && flag_of(w, "was_there"))
            lines.push_back(who + " gone with it");
        else if (change == "same")
            unaffected.push_back(who +
                                 (flag_of(w, "answers") ? " unaffected" : " does not answer"));
    }
    for (std::string& line : unaffected) lines.push_back(std::move(line));
}

void add_broken(text_lines& lines, const json& event) {
    for (const json& why : event.at("broken"))
        lines.push_back("not as promised: " + shown_text(why.get<std::string>()));
}

}  // namespace

text_lines round_lines(const json& event, bool programs) {
    const std::string name = text_of(event, "worker");
    const std::string who = called(name, programs);
    if (flag_of(event, "skipped")) return {who + " is gone already: no fault"};
    const std::string begin = who + " " + suffered(event, programs) + " -> ";
    const std::string all = programs ? "all programs" : "all workers";
    const json& workers = event.at("workers");
    const bool simple = text_of(event, "strategy") == "simple_one_for_one";
    text_lines lines;
    if (flag_of(event, "tree_gone")) {
        lines.push_back(begin + "supervisor gave up, and so did its parent");
    } else if (flag_of(event, "gave_up") && (simple || all_restarted(workers))) {
        lines.push_back(begin + "supervisor gave up; its parent restarted it " +
                        (simple ? "without workers" : "and " + all));
    } else if (text_of(event, "strategy") == "one_for_all" && all_restarted(workers)) {
        lines.push_back(begin + all + " restarted");
    } else {
        for (const json& w : workers)
            if (text_of(w, "name") == name)
                lines.push_back(begin + (flag_of(event, "gave_up") ? "supervisor gave up; " : "") +
                                victims_fate(event, w));
        add_others(lines, event, programs);
    }
    add_broken(lines, event);
    return lines;
}

text_lines unexpected_lines(const json& event, bool programs) {
    text_lines lines;
    for (const json& w : event.at("workers")) {
        const std::string how = text_of(w, "how");
        lines.push_back("not as promised: " + called(text_of(w, "name"), programs) + " " +
                        (how.empty() ? "changed" : shown_text(how)) + " without a fault" +
                        (flag_of(w, "is_there") ? ", and was restarted" : ", and is gone"));
    }
    if (flag_of(event, "tree_gone"))
        lines.emplace_back("not as promised: the supervisor gave up, and so did its parent");
    return lines;
}

std::string summary_line(const json& s) {
    std::string line;
    for (const char* key :
         {"faults", "as_promised", "restarts", "gave_up", "lost_messages", "lost_state"})
        line +=
            (line.empty() ? "" : " ") + std::string(key) + "=" + std::to_string(number_of(s, key));
    if (s.at("recovery_max_us").is_null()) return line;
    return line + " recovery_p50=" + time_of_us(s, "recovery_p50_us") +
           " recovery_p99=" + time_of_us(s, "recovery_p99_us") +
           " recovery_max=" + time_of_us(s, "recovery_max_us");
}

text_lines plan_lines(const json& plan) {
    text_lines lines;
    const bool programs = flag_of(plan, "programs");
    for (const json& f : plan.at("faults"))
        lines.push_back("at " + time_of_ms(f, "at_ms") + ": " + text_of(f, "fault") + " " +
                        called(text_of(f, "worker"), programs));
    return lines;
}

std::string hit_line(const json& h) {
    const std::string who = shown_text(text_of(h, "name"));
    const std::string what = text_of(h, "fault");
    const bool ended = flag_of(h, "ended"), back = flag_of(h, "back");
    std::string line = who + " ";
    if (what == "kill" || what == "crash") {
        if (!ended) return line + "told to " + what + " -> traps exits and goes on";
        line += (what == "kill" ? "killed" : "crashed") + std::string(" -> ");
    } else {
        line += (what == "hang" ? "hung for " : "slowed for ") + time_of_us(h, "took_us") + " -> ";
        if (!ended) return line + "goes on";
        line += "ended, ";
    }
    return line + (back ? "restarted (pid=" + text_of(h, "new_pid") + ")" : "not restarted");
}

std::string attack_summary_line(const json& s) {
    return "faults=" + std::to_string(number_of(s, "hits")) +
           " back=" + std::to_string(number_of(s, "back"));
}

text_lines attack_plan_lines(const json& plan) {
    text_lines lines;
    for (const json& v : plan.at("victims"))
        lines.push_back("victim: " + shown_text(text_of(v, "name")) + " (" + text_of(v, "pid") +
                        ")");
    for (const json& f : plan.at("faults"))
        lines.push_back("at " + time_of_ms(f, "at_ms") + ": " + text_of(f, "fault") + " " +
                        shown_text(text_of(f, "name")));
    return lines;
}

std::string lease_line(const json& f) {
    const std::uint64_t faults = number_of(f, "faults");
    return text_of(f, "kind") + " " + shown_text(text_of(f, "target")) + ": " +
           text_of(f, "fault") + ", " + std::to_string(faults) +
           (faults == 1 ? " fault in " : " faults in ") + time_of_ms(f, "running_ms");
}

std::string joined(const text_lines& lines) {
    std::string all;
    for (const std::string& line : lines) all += (all.empty() ? "" : "\n") + line;
    return all;
}

}  // namespace faultlab
