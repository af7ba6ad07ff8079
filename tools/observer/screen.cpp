#include "tools/observer/screen.hpp"

#include <algorithm>

#include "tools/common/shown_text.hpp"
#include "tools/observer/text.hpp"

namespace observer {

using nlohmann::json;

namespace {

line fitted(const line& l, std::size_t columns) {
    line out;
    out.about = l.about;
    std::size_t left = columns;
    for (const span& s : l.spans) {
        if (left == 0) break;
        const auto text = cut(s.text, left);
        left -= std::min(left, width_of(text));
        out.spans.push_back({text, s.look});
    }
    return out;
}

// A line in one look, filled up with blanks: a bar.
line bar(const std::string& text, look l, std::size_t columns) {
    return {pad(cut(text, columns), columns), l};
}

line title(const view& v, const snapshot& s) {
    std::string text = "beamcore node " + beam::tool::shown_text(v.node);
    if (s.system.is_object()) {
        text += "  up " + uptime_text(number_of(s.system, "uptime_ms")) + "  " +
                number_text(s.system, "processes") + " processes  " +
                number_text(s.system, "schedulers_busy") + "/" +
                number_text(s.system, "schedulers") + " schedulers busy  " +
                size_text(std::uint64_t(number_of(s.system, "memory_resident_bytes")));
    }
    if (v.paused) text = "[paused] " + text;
    return bar(text, look::title, v.columns);
}

line pages(const view& v) {
    struct entry {
        place where;
        const char* name;
    };
    constexpr entry all[] = {{place::system, "1 System"},
                             {place::processes, "2 Processes"},
                             {place::tree, "3 Tree"},
                             {place::applications, "4 Applications"}};
    line out;
    for (const entry& e : all) {
        const bool here = v.shown == e.where;
        out.spans.push_back(
            {here ? "[" + std::string(e.name) + "]" : " " + std::string(e.name) + " ",
             here ? look::chosen : look::plain});
    }
    if (v.shown == place::process)
        out.spans.push_back({"[" + beam::tool::shown_text(v.pid) + "]", look::chosen});
    if (v.shown == place::help) out.spans.push_back({"[Help]", look::chosen});
    const auto& filter = v.shown == place::tree        ? v.tree_filter
                         : v.shown == place::processes ? v.query.filter
                                                       : std::string();
    if (!filter.empty()) out.spans.push_back({"  /" + beam::tool::shown_text(filter), look::good});
    if (v.shown == place::tree && !v.tree_root.empty())
        out.spans.push_back({"  of " + beam::tool::shown_text(v.tree_root), look::good});
    return fitted(out, v.columns);
}

line footer(const view& v, const snapshot& s, const body& b) {
    if (v.asking == view::prompt::filter)
        return bar("/" + beam::tool::shown_text(v.typed) + "_", look::chosen, v.columns);
    if (v.asking == view::prompt::confirm)
        return bar(beam::tool::shown_text(v.typed), look::bad, v.columns);
    if (!s.trouble.empty()) return bar(beam::tool::shown_text(s.trouble), look::bad, v.columns);
    if (!v.message.empty()) return bar(beam::tool::shown_text(v.message), look::good, v.columns);
    if (!s.news.empty()) return bar(beam::tool::shown_text(s.news), look::good, v.columns);
    std::string text = "q quit  ? help  Enter open  ";
    if (v.shown == place::processes) {
        text +=
            "/ filter  < > sort: " + v.query.sort + (v.query.reverse ? " (reversed)" : "") + "  ";
    } else if (v.shown == place::tree) {
        text += "/ filter  Esc all  ";
    } else if (v.shown == place::process || v.shown == place::help) {
        text = "q quit  Esc back  s state  ";
    }
    if (v.may_write) text += "k kill  z suspend  r resume  ";
    if (b.total > 0 && v.shown != place::help) {
        const auto& p = v.here();
        text += std::to_string(
                    (v.shown == place::system || v.shown == place::process ? p.first : p.selected) +
                    1) +
                "/" + std::to_string(b.total);
    }
    return bar(text, look::head, v.columns);
}

}  // namespace

lines screen_of(const view& v, const snapshot& s) {
    lines out;
    if (v.rows == 0 || v.columns == 0) return out;
    const body b = body_of(v, s);
    const std::size_t room = body_rows(v, b);
    out.push_back(title(v, s));
    out.push_back(pages(v));
    for (const line& l : b.head) out.push_back(fitted(l, v.columns));
    const auto& p = v.here();
    const bool has_bar =
        v.shown == place::processes || v.shown == place::tree || v.shown == place::applications;
    for (std::size_t i = 0; i < room; ++i) {
        const std::size_t at = p.first + i;
        if (at < b.first || at - b.first >= b.rows.size()) {
            // Not fetched yet, or past the end.
            out.emplace_back(at < b.total ? line("...", look::dim) : line(""));
            continue;
        }
        const line& l = b.rows[at - b.first];
        if (has_bar && at == p.selected)
            out.push_back(bar(l.text(), look::chosen, v.columns));
        else
            out.push_back(fitted(l, v.columns));
    }
    out.push_back(footer(v, s, b));
    // On a very small terminal the keys give way first.
    out.resize(v.rows);
    return out;
}

}  // namespace observer
