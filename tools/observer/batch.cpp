#include "tools/observer/batch.hpp"

#include <poll.h>

#include <cerrno>

#include "tools/common/color.hpp"
#include "tools/common/interrupt.hpp"
#include "tools/observer/rates.hpp"

namespace observer {

using beam::client;
using beam::tool::deadline;
using beam::tool::exit_code;
using nlohmann::json;

namespace {

const char* code_of(look l) {
    switch (l) {
        case look::title:
        case look::head:
            return "\x1b[1m";
        case look::dim:
            return "\x1b[2m";
        case look::good:
            return "\x1b[32m";
        case look::bad:
            return "\x1b[31m";
        case look::plain:
        case look::chosen:
            break;
    }
    return "";
}

std::string printed(const lines& all, bool coloured) {
    std::string text;
    for (const line& l : all) {
        if (&l != &all.front()) text += '\n';
        std::string one;
        for (const span& s : l.spans) {
            const std::string code = coloured ? code_of(s.look) : "";
            one += code.empty() ? s.text : code + s.text + "\x1b[0m";
        }
        // The last column of a table may be empty.
        if (const auto end = one.find_last_not_of(' '); end != std::string::npos)
            one.resize(end + 1);
        text += one;
    }
    return text;
}

// Until the time has come, or Ctrl-C.
void wait_until(const deadline& at) {
    while (!at.is_over()) {
        pollfd interrupt{beam::tool::interrupt_fd(), POLLIN, 0};
        if (::poll(&interrupt, 1, at.poll_timeout()) < 0 && errno != EINTR) return;
        beam::tool::check_interrupted();
    }
}

}  // namespace

exit_code print_page(client& node, const page& what, const repetition& how) {
    auto& common = *node.common();
    const bool coloured = beam::tool::wants_color(common.color, 1);
    const auto end = how.for_time ? deadline::in(*how.for_time) : deadline();
    rates measured;
    for (std::uint64_t round = 1;; ++round) {
        // Counted from here, so that rounds do not drift.
        const auto next = deadline::in(how.every);
        json answer = what.ask(node);
        if (how.count != 1) measured.add_to(answer);
        std::string text;
        if (!common.json && !common.quiet) text = printed(what.show(answer), coloured);
        if (round > 1 && !common.json) text.insert(0, 1, '\n');
        common.print(text, answer);
        if (round == how.count) return exit_code::done;
        common.out.flush();
        wait_until(next.earlier(end));
        if (end.is_over()) return exit_code::done;
    }
}

}  // namespace observer
