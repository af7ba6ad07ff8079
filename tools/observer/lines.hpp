// What observer shows, as lines: the same for stdout and for the terminal view.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace observer {

/// How a piece of a line looks; it never carries meaning alone.
enum class look : unsigned char { plain, title, head, dim, chosen, good, bad };

struct span {
    std::string text;
    observer::look look = look::plain;
};

struct line {
    std::vector<span> spans;
    std::string about;  ///< the pid, or the application, that the line is of

    line() = default;
    line(std::string text, observer::look l = look::plain, std::string of = {})
        : spans{{std::move(text), l}}, about(std::move(of)) {}

    [[nodiscard]] std::string text() const {
        std::string all;
        for (const span& s : spans) all += s.text;
        return all;
    }
};

using lines = std::vector<line>;

/// Of `node.system` merged with `node.status`.
[[nodiscard]] lines system_lines(const nlohmann::json& system);
/// What in it asks for attention: a table nearly full, code that does not give way.
[[nodiscard]] std::vector<std::string> warnings(const nlohmann::json& system);

/// A table's head and a line for each process. `sort` names the column that is marked as the order.
[[nodiscard]] lines process_lines(const nlohmann::json& answer, std::string_view sort);
/// `processes: 25 alive, 3 match, 3 shown, by memory`
[[nodiscard]] std::string process_count(const nlohmann::json& answer, std::string_view sort);

/// With a `filter`, only lines that contain it and those above them in the tree.
[[nodiscard]] lines tree_lines(const nlohmann::json& answer, std::string_view filter = {});

[[nodiscard]] lines application_lines(const nlohmann::json& answer);

[[nodiscard]] lines info_lines(const nlohmann::json& info);

}  // namespace observer
