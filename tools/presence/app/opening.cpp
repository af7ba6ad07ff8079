#include "tools/presence/app/opening.hpp"

#include <chrono>
#include <utility>

#include "libbeamcore/release/answered.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "libbeamcore/term/syntax.hpp"
#include "tools/presence/app/answers.hpp"
#include "tools/presence/app/names.hpp"
#include "tools/presence/app/sessions.hpp"

namespace presence {

namespace {

using beam::awaitable;
using beam::outcome;
using namespace std::chrono_literals;

constexpr auto opens_within = 5s;  // while parts of the application are started again
constexpr auto between_tries = 20ms;

tl::unexpected<beam::request_error> exists(const session_plan& plan) {
    return beam::refuse("already_exists",
                        "session \"" + plan.id + "\" of " + plan.user + " is there already",
                        "presence logout " + plan.user + " --session " + plan.id);
}

/// The session's answer; nothing: it ended meanwhile.
awaitable<std::optional<std::string>> settled(opened session, session_change change) {
    auto asking = session.is_new ? session::tracked(session.session)
                                 : session::change(session.session, std::move(change));
    outcome<std::string> code = co_await asking.outcome();
    if (!code) co_return std::nullopt;
    co_return *std::move(code);
}

}  // namespace

std::int64_t wall_ms() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

awaitable<asked<beam::pid>> open_session(session_plan plan, session_change change) {
    beam::self me = beam::this_process();
    const auto until = beam::monotonic_time() + opens_within;
    for (; beam::monotonic_time() < until; co_await me.sleep_for(between_tries)) {
        auto opening = sessions::open(plan);
        outcome<outcome<opened>> answer = co_await opening.outcome();
        if (!answer || !*answer) continue;
        const opened session = **answer;
        if (!session.is_new && (plan.listens() || session.listens)) co_return exists(plan);
        auto code = co_await settled(session, change);
        if (!code) continue;
        if (!code->empty()) co_return refused(*code, plan.user);
        co_return session.session;
    }
    co_return beam::refuse("interrupted", "no session could be started within 5s", "beamd logs",
                           75);
}

awaitable<bool> seen_by_all() {
    auto asking = beam::tracker::wait_seen(tracker_name(), all_sessions);
    outcome<bool> seen = co_await asking.outcome();
    co_return seen.value_or(false);
}

}  // namespace presence
