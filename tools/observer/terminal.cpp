#include "tools/observer/terminal.hpp"

#define NCURSES_WIDECHAR 1
#define NCURSES_NOMACROS 1
#include <curses.h>
#include <langinfo.h>

#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "tools/common/failure.hpp"
#include "tools/common/shown_text.hpp"

namespace observer {

namespace {

enum pair : short { pair_none, pair_title, pair_good, pair_bad };

attr_t attributes(look l, bool coloured) {
    const auto in = [coloured](short pair) {
        return coloured ? static_cast<attr_t>(COLOR_PAIR(pair)) : attr_t{A_NORMAL};
    };
    switch (l) {
        case look::title:
            return A_BOLD | in(pair_title);
        case look::head:
            return A_BOLD;
        case look::dim:
            return A_DIM;
        case look::chosen:
            return A_REVERSE;
        case look::good:
            return A_BOLD | in(pair_good);
        case look::bad:
            return A_REVERSE | in(pair_bad);
        case look::plain:
            break;
    }
    return A_NORMAL;
}

void begin_colours() {
    start_color();
    use_default_colors();
    init_pair(pair_title, COLOR_CYAN, -1);
    init_pair(pair_good, COLOR_GREEN, -1);
    init_pair(pair_bad, COLOR_RED, -1);
}

// For a terminal that knows nothing beyond ASCII.
std::string in_ascii(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        const auto c = beam::tool::decode_utf8(text);
        text.remove_prefix(c.length > 0 ? c.length : 1);
        if (c.code < 0x80)
            out += char(c.code);
        else if (c.code == U'├' || c.code == U'│')
            out += '|';
        else if (c.code == U'└')
            out += '`';
        else if (c.code == U'─')
            out += '-';
        else if (c.code == U'…')
            out += '~';
        else
            out += '?';
    }
    return out;
}

char32_t named_key(wint_t k) {
    switch (k) {
        case KEY_UP:
            return key_up;
        case KEY_DOWN:
            return key_down;
        case KEY_PPAGE:
            return key_page_up;
        case KEY_NPAGE:
            return key_page_down;
        case KEY_HOME:
            return key_home;
        case KEY_END:
            return key_end;
        case KEY_ENTER:
            return key_enter;
        case KEY_BACKSPACE:
            return key_backspace;
        case KEY_F(1):
            return key_f1;
        case KEY_F(3):
            return key_f3;
        case KEY_F(6):
            return key_f6;
        case KEY_F(9):
            return key_f9;
        default:
            return key_none;
    }
}

char32_t typed_key(wint_t k) {
    switch (k) {
        case L'\n':
        case L'\r':
            return key_enter;
        case 27:
            return key_escape;
        case 8:
        case 127:
            return key_backspace;
        case L'\t':
            return key_tab;
        default:
            return static_cast<char32_t>(k);
    }
}

}  // namespace

terminal::terminal(bool coloured) : coloured_(coloured) {
    std::setlocale(LC_CTYPE, "");
    utf8_ = std::strcmp(::nl_langinfo(CODESET), "UTF-8") == 0;
    if (!newterm(nullptr, stdout, stdin)) {
        const char* term = std::getenv("TERM");
        throw beam::tool::failure(
            beam::tool::exit_code::usage,
            "the terminal \"" + std::string(term ? term : "") + "\" cannot be drawn on",
            "observer --once");
    }
    // Ctrl-C and Ctrl-Z stay signals.
    cbreak();
    noecho();
    nonl();
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    set_escdelay(25);
    curs_set(0);
    coloured_ = coloured_ && has_colors();
    if (coloured_) begin_colours();
}

terminal::~terminal() {
    endwin();
}

std::size_t terminal::rows() const {
    return static_cast<std::size_t>(getmaxy(stdscr));
}
std::size_t terminal::columns() const {
    return static_cast<std::size_t>(getmaxx(stdscr));
}

void terminal::draw(const lines& screen) {
    erase();
    int y = 0;
    for (const line& l : screen) {
        move(y++, 0);
        for (const span& s : l.spans) {
            attrset(static_cast<int>(attributes(s.look, coloured_)));
            addstr(utf8_ ? s.text.c_str() : in_ascii(s.text).c_str());
        }
    }
    attrset(A_NORMAL);
    refresh();
}

char32_t terminal::read_key() {
    wint_t k = 0;
    const int got = get_wch(&k);
    has_key_ = got != ERR;
    if (got == ERR) return key_none;
    return got == KEY_CODE_YES ? named_key(k) : typed_key(k);
}

}  // namespace observer
