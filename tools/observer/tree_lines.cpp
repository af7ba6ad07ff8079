#include <nlohmann/json.hpp>

#include "tools/observer/lines.hpp"
#include "tools/observer/text.hpp"

namespace observer {

using nlohmann::json;

namespace {

std::string label_of(const json& node) {
    for (const char* key : {"id", "name", "label", "initial_call"})
        if (auto text = text_of(node, key); !text.empty() && text != "undefined") return text;
    return "-";
}

std::string description(const json& node) {
    const auto label = label_of(node), name = text_of(node, "name");
    auto pid = text_of(node, "pid");
    std::string text = label + " " + (pid.empty() ? "-" : pid) + " " + text_of(node, "type");
    if (!name.empty() && name != label) text += " " + name;
    if (const auto own = text_of(node, "label"); !own.empty() && own != label)
        text += " \"" + own + "\"";
    if (const auto waiting = number_of(node, "message_queue_len"); waiting > 0)
        text += " queue=" + std::to_string(waiting);
    if (const auto state = text_of(node, "state"); !state.empty()) text += " (" + state + ")";
    const auto count = number_of(node, "children_count");
    if (count > 0 && node.contains("children") && node.at("children").empty())
        text += " (" + std::to_string(count) + " children)";
    return text;
}

class writer {
public:
    explicit writer(std::string_view filter) : filter_(filter) {}

    // Says whether anything of it was written.
    bool write(const json& node, const std::string& first, const std::string& rest) {
        const std::size_t at = out_.size();
        out_.emplace_back();
        const auto text = description(node);
        const bool is_sup = text_of(node, "type") == "supervisor";
        out_.back().spans = {{first, look::dim}, {text, is_sup ? look::title : look::plain}};
        out_.back().about = text_of(node, "pid");
        bool wanted = text.find(filter_) != std::string::npos;
        if (const auto children = node.find("children"); children != node.end())
            for (std::size_t i = 0; i < children->size(); ++i) {
                const bool last = i + 1 == children->size();
                wanted |= write((*children)[i], rest + (last ? "└─ " : "├─ "),
                                rest + (last ? "   " : "│  "));
            }
        if (!wanted) out_.resize(at);
        return wanted;
    }

    lines take() { return std::move(out_); }

private:
    std::string_view filter_;
    lines out_;
};

}  // namespace

lines tree_lines(const json& answer, std::string_view filter) {
    writer w(filter);
    if (const auto trees = answer.find("trees"); trees != answer.end())
        for (const json& tree : *trees) w.write(tree, "", "");
    return w.take();
}

}  // namespace observer
