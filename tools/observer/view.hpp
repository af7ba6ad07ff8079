// The terminal view as plain data: what is shown, and what a key does to it. No terminal in here.
#pragma once

#include <array>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>

#include "tools/observer/ask.hpp"
#include "tools/observer/lines.hpp"

namespace observer {

enum class place : unsigned char { system, processes, tree, applications, process, help };
inline constexpr std::size_t place_count = 6;

/// What the node last said. Null until it said something.
struct snapshot {
    nlohmann::json system, processes, tree, applications, process;
    std::string trouble;  ///< why nothing new comes; empty when all is well
    std::string news;     ///< what happened last: `the runtime was restarted`
};

/// A key, as the terminal reports it: a character (a code point), or one of these.
enum key : char32_t {
    key_up = 0x110000,  // beyond all characters
    key_down,
    key_page_up,
    key_page_down,
    key_home,
    key_end,
    key_enter,
    key_escape,
    key_backspace,
    key_tab,
    key_f1,
    key_f3,
    key_f6,
    key_f9,
    key_none,
};

/// What is changed in a process, once confirmed.
struct change {
    enum class kind : unsigned char { none, kill, suspend, resume };
    kind what = kind::none;
    std::string pid;
};

struct view {
    std::string node;
    bool may_write = false;
    std::size_t rows = 24, columns = 80;

    place shown = place::processes;
    place before = place::processes;      ///< where Escape goes from one process
    place under_help = place::processes;  ///< and from the help
    struct position {
        std::size_t selected = 0, first = 0;
    };
    std::array<position, place_count> positions;
    process_query query;
    std::string tree_filter, tree_root;  ///< empty: everything
    std::string pid;                     ///< of the page of one process
    bool with_state = false;
    bool paused = false;

    enum class prompt : unsigned char { none, filter, confirm };
    prompt asking = prompt::none;
    std::string typed;
    change wanted;        ///< waits for y or n
    std::string message;  ///< until the next key

    [[nodiscard]] position& here() { return positions[static_cast<std::size_t>(shown)]; }
    [[nodiscard]] const position& here() const {
        return positions[static_cast<std::size_t>(shown)];
    }
};

/// What follows from a key besides a new view.
struct effect {
    bool quit = false;
    bool ask = false;  ///< the page needs other data than before: ask at once
    change now;        ///< to be done at once
};

/// The lines of the page shown, its table's head apart. `total` counts those that were not fetched too;
/// `first` is the number of the first one here.
struct body {
    lines head, rows;
    std::size_t first = 0, total = 0;
};
[[nodiscard]] body body_of(const view& v, const snapshot& s);

/// How many lines of a body fit.
[[nodiscard]] std::size_t body_rows(const view& v, const body& b);

[[nodiscard]] effect press(view& v, const snapshot& s, char32_t k);

/// Keeps the selection within what there is.
void settle(view& v, const snapshot& s);

}  // namespace observer
