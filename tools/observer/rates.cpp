#include "tools/observer/rates.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

namespace observer {

using nlohmann::json;

void rates::add_to(json& answer, clock::time_point now) {
    const double seconds = std::chrono::duration<double>(now - at_).count();
    std::map<std::string, double> seen;
    const auto take = [&](json& process) {
        if (!process.contains("pid") || !process.contains("reductions")) return;
        const auto pid = process.at("pid").get<std::string>();
        const auto reductions = process.at("reductions").get<double>();
        const auto known = before_.find(pid);
        if (known != before_.end() && seconds > 0 && !process.contains("reductions_per_s"))
            process["reductions_per_s"] =
                static_cast<std::int64_t>(std::llround((reductions - known->second) / seconds));
        seen[pid] = reductions;
    };
    if (answer.contains("processes") && answer.at("processes").is_array())
        for (json& process : answer.at("processes")) take(process);
    else
        take(answer);
    before_ = std::move(seen);
    at_ = now;
}

}  // namespace observer
