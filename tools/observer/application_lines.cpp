#include <nlohmann/json.hpp>

#include "tools/observer/lines.hpp"
#include "tools/observer/text.hpp"

namespace observer {

using nlohmann::json;

lines application_lines(const json& answer) {
    lines out;
    if (const auto running = answer.find("applications"); running != answer.end())
        for (const json& a : *running) {
            const auto top = text_of(a, "top");
            std::string text = text_of(a, "name") + " " + text_of(a, "version") + " " +
                               text_of(a, "state") + " " + (top.empty() ? "-" : top);
            if (const auto what = text_of(a, "description"); !what.empty()) text += " " + what;
            out.emplace_back(std::move(text), look::plain, text_of(a, "name"));
        }
    if (const auto installed = answer.find("installed"); installed != answer.end())
        for (const json& f : *installed)
            out.emplace_back(text_of(f, "name") + " " + text_of(f, "version") + " installed " +
                                 text_of(f, "file"),
                             look::dim);
    return out;
}

}  // namespace observer
