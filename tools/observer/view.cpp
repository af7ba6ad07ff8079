#include "tools/observer/view.hpp"

#include <algorithm>

#include "tools/observer/text.hpp"

namespace observer {

namespace {

effect go_to(view& v, place where) {
    if (where == v.shown) return {};
    if (where == place::help)
        v.under_help = v.shown;
    else if (v.shown != place::process && v.shown != place::help)
        v.before = v.shown;
    v.shown = where;
    effect e;
    e.ask = true;
    return e;
}

effect next_page(view& v) {
    switch (v.shown) {
        case place::system:
            return go_to(v, place::processes);
        case place::processes:
            return go_to(v, place::tree);
        case place::tree:
            return go_to(v, place::applications);
        default:
            return go_to(v, place::system);
    }
}

// What the line under the bar is of; empty if nothing.
std::string under_bar(const view& v, const snapshot& s) {
    if (v.shown == place::process) return v.pid;
    const body b = body_of(v, s);
    const auto at = v.here().selected;
    return at >= b.first && at - b.first < b.rows.size() ? b.rows[at - b.first].about : "";
}

effect open_selected(view& v, const snapshot& s) {
    const auto about = under_bar(v, s);
    if (about.empty() || v.shown == place::process) return {};
    if (v.shown == place::applications) {
        v.tree_root = about;
        v.tree_filter.clear();
        v.positions[std::size_t(place::tree)] = {};
        return go_to(v, place::tree);
    }
    v.pid = about;
    v.with_state = false;
    v.positions[std::size_t(place::process)] = {};
    return go_to(v, place::process);
}

effect go_back(view& v) {
    effect e;
    if (v.shown == place::help) return go_to(v, v.under_help);
    if (v.shown == place::process) return go_to(v, v.before);
    if (v.shown == place::processes && !v.query.filter.empty()) {
        v.query.filter.clear();
        v.here() = {};
        e.ask = true;
    } else if (v.shown == place::tree && !(v.tree_filter.empty() && v.tree_root.empty())) {
        v.tree_filter.clear();
        v.tree_root.clear();
        v.here() = {};
        e.ask = true;
    }
    return e;
}

effect sort_by_next(view& v, bool forward) {
    if (v.shown != place::processes) return {};
    const auto begin = std::begin(sort_keys), end = std::end(sort_keys);
    auto at = std::find(begin, end, v.query.sort) - begin;
    const auto count = end - begin;
    at = (at + (forward ? 1 : count - 1)) % count;
    v.query.sort = sort_keys[at];
    v.here() = {};
    effect e;
    e.ask = true;
    return e;
}

effect move(view& v, const snapshot& s, char32_t k) {
    const body b = body_of(v, s);
    const std::size_t page = std::max<std::size_t>(body_rows(v, b), 1);
    const std::size_t last = b.total > 0 ? b.total - 1 : 0;
    auto& p = v.here();
    // A page of text has no bar: it moves as a whole.
    const bool has_bar =
        v.shown == place::processes || v.shown == place::tree || v.shown == place::applications;
    std::size_t& at = has_bar ? p.selected : p.first;
    const std::size_t end = has_bar ? last : (b.total > page ? b.total - page : 0);
    const auto down = [&](std::size_t n) { at = std::min(at + n, end); };
    const auto up = [&](std::size_t n) { at = at > n ? at - n : 0; };
    if (k == key_up) up(1);
    if (k == key_down) down(1);
    if (k == key_page_up) up(page);
    if (k == key_page_down) down(page);
    if (k == key_home) at = 0;
    if (k == key_end) at = end;
    settle(v, s);
    // More of the list may be needed than was fetched.
    effect e;
    e.ask = v.shown == place::processes &&
            (p.first < b.first || p.first + page > b.first + b.rows.size());
    return e;
}

void ask_for(view& v, const snapshot& s, change::kind what, const char* verb) {
    const auto pid = under_bar(v, s);
    if (pid.empty() || v.shown == place::applications) return;
    if (!v.may_write) {
        v.message = "this only reads; to change processes: observer --write";
        return;
    }
    v.wanted = {what, pid};
    v.asking = view::prompt::confirm;
    v.typed = std::string(verb) + " " + pid + "? y/n";
}

effect answer_confirmation(view& v, char32_t k) {
    effect e;
    v.asking = view::prompt::none;
    v.typed.clear();
    if (k == U'y' || k == U'Y')
        e.now = v.wanted;
    else
        v.message = "nothing was done";
    v.wanted = {};
    return e;
}

void append_utf8(std::string& text, char32_t c) {
    if (c < 0x80) {
        text += char(c);
    } else if (c < 0x800) {
        text += {char(0xC0 | c >> 6), char(0x80 | (c & 0x3F))};
    } else if (c < 0x10000) {
        text += {char(0xE0 | c >> 12), char(0x80 | (c >> 6 & 0x3F)), char(0x80 | (c & 0x3F))};
    } else {
        text += {char(0xF0 | c >> 18), char(0x80 | (c >> 12 & 0x3F)), char(0x80 | (c >> 6 & 0x3F)),
                 char(0x80 | (c & 0x3F))};
    }
}

void drop_character(std::string& text) {
    while (!text.empty() && (text.back() & 0xC0) == 0x80) text.pop_back();
    if (!text.empty()) text.pop_back();
}

effect type_filter(view& v, char32_t k) {
    effect e;
    if (k == key_escape) {
        v.asking = view::prompt::none;
    } else if (k == key_enter) {
        v.asking = view::prompt::none;
        (v.shown == place::tree ? v.tree_filter : v.query.filter) = v.typed;
        v.here() = {};
        e.ask = true;
    } else if (k == key_backspace) {
        drop_character(v.typed);
    } else if (k >= 0x20 && k != 0x7F && k < key_up && v.typed.size() < 200) {
        append_utf8(v.typed, k);
    }
    return e;
}

effect begin_filter(view& v) {
    if (v.shown != place::processes && v.shown != place::tree) return {};
    v.asking = view::prompt::filter;
    v.typed = v.shown == place::tree ? v.tree_filter : v.query.filter;
    return {};
}

effect command(view& v, const snapshot& s, char32_t k) {
    effect e;
    switch (k) {
        case U'q':
        case 3:  // Ctrl-C, should the terminal hand it over
            e.quit = true;
            return e;
        case U'1':
            return go_to(v, place::system);
        case U'2':
            return go_to(v, place::processes);
        case U'3':
        case U't':
            return go_to(v, place::tree);
        case U'4':
            return go_to(v, place::applications);
        case key_tab:
            return next_page(v);
        case U'?':
        case U'h':
        case key_f1:
            return v.shown == place::help ? go_back(v) : go_to(v, place::help);
        case key_enter:
            return open_selected(v, s);
        case key_escape:
        case key_backspace:
            return go_back(v);
        case U'/':
        case key_f3:
            return begin_filter(v);
        case U'>':
        case key_f6:
            return sort_by_next(v, true);
        case U'<':
            return sort_by_next(v, false);
        case U'I':
            v.query.reverse = !v.query.reverse;
            e.ask = v.shown == place::processes;
            return e;
        case U' ':
            v.paused = !v.paused;
            e.ask = !v.paused;
            return e;
        case U's':
            v.with_state = !v.with_state;
            e.ask = v.shown == place::process;
            return e;
        case U'k':
        case key_f9:
            ask_for(v, s, change::kind::kill, "kill");
            return e;
        case U'z':
            ask_for(v, s, change::kind::suspend, "suspend");
            return e;
        case U'r':
            ask_for(v, s, change::kind::resume, "resume");
            return e;
        default:
            return move(v, s, k);
    }
}

}  // namespace

effect press(view& v, const snapshot& s, char32_t k) {
    if (k == key_none) return {};
    v.message.clear();
    effect e;
    switch (v.asking) {
        case view::prompt::filter:
            e = type_filter(v, k);
            break;
        case view::prompt::confirm:
            e = answer_confirmation(v, k);
            break;
        case view::prompt::none:
            e = command(v, s, k);
            break;
    }
    settle(v, s);
    return e;
}

void settle(view& v, const snapshot& s) {
    const body b = body_of(v, s);
    const std::size_t page = std::max<std::size_t>(body_rows(v, b), 1);
    auto& p = v.here();
    p.selected = std::min(p.selected, b.total > 0 ? b.total - 1 : 0);
    const bool has_bar =
        v.shown == place::processes || v.shown == place::tree || v.shown == place::applications;
    if (!has_bar) {
        p.first = std::min(p.first, b.total > page ? b.total - page : 0);
        return;
    }
    if (p.selected < p.first) p.first = p.selected;
    if (p.selected >= p.first + page) p.first = p.selected - page + 1;
    if (p.first + page > b.total) p.first = b.total > page ? b.total - page : 0;
}

}  // namespace observer
