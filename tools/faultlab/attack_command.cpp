#include <nlohmann/json.hpp>

#include "tools/faultlab/commands.hpp"
#include "tools/faultlab/lines.hpp"

namespace faultlab {

using beam::client;
using beam::tool::exit_code;
using nlohmann::json;

namespace {

exit_code print_leases(client& node, const json& answer, const char* key, const char* verb) {
    text_lines lines;
    for (const json& facts : answer.at(key)) lines.push_back(verb + lease_line(facts));
    node.common()->print(joined(lines), answer);
    return exit_code::done;
}

}  // namespace

bool is_pattern(const std::string& target) {
    return target.find_first_of("*?[") != std::string::npos;
}

exit_code attack(client& node, const attack_options& o) {
    auto& common = *node.common();
    json params = {{"target", o.target},
                   {"fault", o.fault},
                   {"include_system", o.include_system},
                   {"dry_run", o.drawing.dry_run}};
    if (!o.hold.empty()) params["hold_ms"] = milliseconds_of("--hold", o.hold);
    if (!o.within.empty()) params["within_ms"] = milliseconds_of("--within", o.within);
    add_drawing(params, o.drawing, o.drawing.is_drawn() || is_pattern(o.target), common);
    if (o.drawing.dry_run) {
        const json plan = node.ask("faultlab.attack", params);
        common.print(joined(attack_plan_lines(plan)), plan);
        return exit_code::done;
    }
    const auto summary = node.stream("faultlab.attack", params, [&](const json& event) {
        if (common.quiet) return true;
        if (common.json)
            common.out.flushed_line(event.dump());
        else if (event.value("event", "") == "hit")
            common.out.flushed_line(hit_line(event));
        return true;
    });
    const json end = summary.value_or(json::object());
    if (common.json || end.value("planned", 0) != 1) common.print(attack_summary_line(end), end);
    return end.value("kept", false) ? exit_code::done : exit_code::no;
}

exit_code list(client& node) {
    return print_leases(node, node.ask("faultlab.list"), "running", "");
}

exit_code clear(client& node) {
    return print_leases(node, node.ask("faultlab.clear"), "cleared", "cleared ");
}

}  // namespace faultlab
