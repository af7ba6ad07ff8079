#include <algorithm>
#include <nlohmann/json.hpp>

#include "tools/observer/lines.hpp"
#include "tools/observer/text.hpp"

namespace observer {

using nlohmann::json;

namespace {

struct column {
    const char* head;
    const char* sort;  // the key that orders by it
    bool right;
    std::size_t width;
};

std::string code_of(const json& process) {
    const auto code = text_of(process, "initial_call"), doing = text_of(process, "doing");
    return doing.empty() ? code : code + " [" + doing + "]";
}

std::string name_of(const json& process) {
    for (const char* key : {"name", "label"})
        if (auto text = text_of(process, key); !text.empty()) return text;
    return "-";
}

}  // namespace

std::string process_count(const json& answer, std::string_view sort) {
    std::string text = "processes: " + number_text(answer, "total") + " alive";
    if (answer.contains("matching") && number_of(answer, "matching") != number_of(answer, "total"))
        text += ", " + number_text(answer, "matching") + " match";
    return text + ", " + number_text(answer, "shown") + " shown, by " + std::string(sort);
}

lines process_lines(const json& answer, std::string_view sort) {
    const json none = json::array();
    const json& list = answer.contains("processes") ? answer.at("processes") : none;
    const bool has_rate = std::any_of(list.begin(), list.end(),
                                      [](const json& p) { return p.contains("reductions_per_s"); });
    std::vector<column> columns{{"PID", "pid", false, 11},
                                {"MEMORY", "memory", true, 7},
                                {"REDUCTIONS", "reductions", true, 10}};
    if (has_rate) columns.push_back({"RED/S", "rate", true, 8});
    columns.push_back({"QUEUE", "queue", true, 6});
    columns.push_back({"STATUS", "", false, 9});
    columns.push_back({"NAME", "name", false, 4});
    columns.push_back({"CODE", "", false, 0});

    std::vector<std::vector<std::string>> rows;
    for (const json& p : list) {
        std::vector<std::string> row{text_of(p, "pid"),
                                     size_text(std::uint64_t(number_of(p, "memory_bytes"))),
                                     number_text(p, "reductions")};
        if (has_rate) {
            const auto rate = text_of(p, "reductions_per_s");
            row.push_back(rate.empty() ? "-" : rate);
        }
        row.push_back(number_text(p, "message_queue_len"));
        row.push_back(text_of(p, "status"));
        row.push_back(name_of(p));
        row.push_back(code_of(p));
        for (std::size_t i = 0; i + 1 < row.size(); ++i)
            columns[i].width = std::max(columns[i].width, width_of(row[i]));
        rows.push_back(std::move(row));
    }

    lines out(1);
    for (const column& c : columns) {
        if (!out[0].spans.empty()) out[0].spans.push_back({"  ", look::head});
        const bool is_order = sort == c.sort;
        out[0].spans.push_back(
            {pad(c.head, c.width, c.right), is_order ? look::title : look::head});
    }
    for (const auto& row : rows) {
        std::string text;
        for (std::size_t i = 0; i < row.size(); ++i)
            text += (i == 0 ? "" : "  ") + pad(row[i], columns[i].width, columns[i].right);
        out.emplace_back(std::move(text), look::plain, row[0]);
    }
    return out;
}

}  // namespace observer
