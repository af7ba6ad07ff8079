#include <algorithm>

#include "tools/observer/text.hpp"
#include "tools/observer/view.hpp"

namespace observer {

using nlohmann::json;

namespace {

lines help_lines() {
    return {
        {"1 system  2 processes  3 or t tree  4 applications, Tab the next one"},
        {"Up Down PgUp PgDn Home End: move"},
        {"Enter: the process or the application under the bar; Escape: back"},
        {"/ or F3: only what contains a text (Escape: all again)"},
        {"< > or F6: the order of processes, I: the other way round"},
        {"space: stop and go on with asking the node"},
        {"s: the state of the process shown, as it tells it itself"},
        {"k or F9: kill, z: suspend, r: resume (with --write only)"},
        {"? or F1: this; q or Ctrl-C: leave"},
        {""},
        {"memory: a process's control block and the messages that wait for it; what its code"},
        {"allocates is not counted. reductions: work done, about one for each message."},
    };
}

body of_lines(lines all) {
    body b;
    b.total = all.size();
    b.rows = std::move(all);
    return b;
}

body of_processes(const view& v, const json& answer) {
    body b;
    b.head = process_lines(answer, v.query.sort);
    b.rows.assign(b.head.begin() + 1, b.head.end());
    b.head.resize(1);
    b.first = std::size_t(number_of(answer, "offset"));
    b.total = std::max(b.first + b.rows.size(), std::size_t(number_of(answer, "matching")));
    return b;
}

}  // namespace

body body_of(const view& v, const snapshot& s) {
    const auto or_wait = [](const json& answer, auto make) {
        return answer.is_null() ? of_lines({line("...", look::dim)}) : of_lines(make(answer));
    };
    switch (v.shown) {
        case place::system:
            return or_wait(s.system, system_lines);
        case place::processes:
            if (s.processes.is_null()) return of_lines({line("...", look::dim)});
            return of_processes(v, s.processes);
        case place::tree:
            return or_wait(s.tree, [&](const json& a) { return tree_lines(a, v.tree_filter); });
        case place::applications:
            return or_wait(s.applications, application_lines);
        case place::process:
            if (s.process.is_object() && s.process.contains("gone"))
                return of_lines({line(text_of(s.process, "gone"), look::bad)});
            return or_wait(s.process, info_lines);
        case place::help:
            return of_lines(help_lines());
    }
    return {};
}

std::size_t body_rows(const view& v, const body& b) {
    constexpr std::size_t around = 3;  // title, pages, keys
    const std::size_t used = around + b.head.size();
    return v.rows > used ? v.rows - used : 0;
}

}  // namespace observer
