// The terminal, through ncurses: lines out, keys in. Only this file knows ncurses.
#pragma once

#include <cstddef>

#include "tools/observer/view.hpp"

namespace observer {

/// Takes the terminal over while it lives.
class terminal {
public:
    /// Throws a failure (exit 2) if TERM names no terminal that can be drawn on.
    explicit terminal(bool coloured);
    ~terminal();
    terminal(const terminal&) = delete;
    terminal& operator=(const terminal&) = delete;

    void draw(const lines& screen);
    /// The next key that was pressed; key_none if there is none, or after the size has changed.
    [[nodiscard]] char32_t read_key();
    [[nodiscard]] bool has_key() const { return has_key_; }

    [[nodiscard]] std::size_t rows() const;
    [[nodiscard]] std::size_t columns() const;

private:
    bool coloured_;
    bool utf8_;
    bool has_key_ = false;
};

}  // namespace observer
