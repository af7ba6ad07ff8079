#include "tools/observer/interactive.hpp"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string_view>

#include "tools/common/color.hpp"
#include "tools/common/interrupt.hpp"
#include "tools/observer/poller.hpp"
#include "tools/observer/screen.hpp"
#include "tools/observer/terminal.hpp"
#include "tools/observer/text.hpp"

namespace observer {

using beam::client;
using beam::tool::exit_code;

namespace {

// Every key that has come. Says whether to go on.
bool take_keys(terminal& screen, poller& asking, view& v, const snapshot& s) {
    for (;;) {
        const char32_t k = screen.read_key();
        if (!screen.has_key()) return true;
        const effect e = press(v, s, k);
        if (e.quit) return false;
        if (e.now.what != change::kind::none) asking.perform(e.now);
        asking.want(wish_of(v), e.ask);
    }
}

}  // namespace

bool can_be_drawn_on() {
    const char* term = std::getenv("TERM");
    return ::isatty(0) == 1 && ::isatty(1) == 1 && term && *term &&
           std::string_view(term) != "dumb";
}

exit_code run_view(client& node, view v, std::chrono::nanoseconds every) {
    auto& common = *node.common();
    snapshot start;
    start.system = ask_system(node);
    v.node = text_of(start.system, "node");
    // Nothing else may write on the screen.
    common.quiet = true;
    common.verbose = 0;
    terminal screen(beam::tool::wants_color(common.color, 1));
    poller asking(node, every, wish_of(v), start);
    for (;;) {
        const auto s = asking.latest();
        if (screen.rows() != v.rows || screen.columns() != v.columns) {
            v.rows = screen.rows();
            v.columns = screen.columns();
            asking.want(wish_of(v), true);
        }
        settle(v, *s);
        screen.draw(screen_of(v, *s));
        pollfd waits[] = {
            {0, POLLIN, 0}, {asking.fd(), POLLIN, 0}, {beam::tool::interrupt_fd(), POLLIN, 0}};
        if (::poll(waits, 3, -1) < 0 && errno != EINTR) return exit_code::io_error;
        beam::tool::check_interrupted();
        if (!take_keys(screen, asking, v, *s)) return exit_code::done;
        if (waits[0].revents & (POLLHUP | POLLERR | POLLNVAL)) return exit_code::done;
    }
}

}  // namespace observer
