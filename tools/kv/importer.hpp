// importer: JSON lines of keys and values, sent to the node some at a time.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "tools/common/progress.hpp"
#include "tools/common/tool.hpp"

namespace kv::client {

/// A key as a line of an export has it.
[[nodiscard]] nlohmann::json export_line(const nlohmann::json& item);

class importer {
public:
    explicit importer(beam::client& node, std::uint64_t all = 0);

    /// Throws a failure that says which line is wrong, and how many keys are in already.
    void line(const std::string& text, std::uint64_t number);
    /// What was not sent yet.
    void send();
    [[nodiscard]] std::uint64_t imported() const { return imported_; }

private:
    [[noreturn]] void bad_line(std::uint64_t number, const std::string& what);

    beam::client& node_;
    beam::tool::progress progress_;
    nlohmann::json entries_ = nlohmann::json::array();
    std::size_t bytes_ = 0;
    std::uint64_t first_line_ = 1, imported_ = 0;
};

}  // namespace kv::client
