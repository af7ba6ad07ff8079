// The text of INFO, section by section.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace resp {

class info_text {
public:
    /// `wanted`: what the client asked for; empty: all.
    explicit info_text(std::string_view wanted) : wanted_(wanted) {}

    /// Begins a section, `Server`. False: it is not wanted, and its lines are not to be written.
    [[nodiscard]] bool begin(std::string_view section);
    void line(std::string_view name, std::string_view value);
    void count(std::string_view name, std::int64_t n);

    [[nodiscard]] const std::string& text() const { return text_; }

private:
    std::string_view wanted_;
    std::string text_;
};

}  // namespace resp
