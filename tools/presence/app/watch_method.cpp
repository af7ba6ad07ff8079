// presence.watch: who comes and goes, as it happens.
#include <chrono>
#include <string>
#include <variant>

#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/process_info.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "tools/presence/app/acting.hpp"
#include "tools/presence/app/answers.hpp"
#include "tools/presence/app/limits.hpp"
#include "tools/presence/app/methods.hpp"
#include "tools/presence/app/names.hpp"
#include "tools/presence/app/watching.hpp"

namespace presence {

namespace {

using beam::answer;
using beam::awaitable;
using beam::request;
using beam::term;
using namespace std::chrono_literals;

constexpr auto tracker_returns_within = 5s;
constexpr auto between_tries = 20ms;
constexpr std::uint32_t behind_max = 10'000;  // news that wait for a client who reads slowly

struct watch_params {
    std::string topic, as;
    bool changes = false;  ///< without those who are there at the beginning
    BEAM_FIELDS(watch_params, topic, as, changes)
};

/// Waits for the tracker. Nothing: it did not come back.
awaitable<std::optional<beam::pid>> living_tracker(std::string topic) {
    beam::self me = beam::this_process();
    const auto until = beam::monotonic_time() + tracker_returns_within;
    for (; beam::monotonic_time() < until; co_await me.sleep_for(between_tries))
        if (auto p = beam::whereis(beam::tracker::shard_of(tracker_name(), topic))) co_return p;
    co_return std::nullopt;
}

bool is_far_behind(beam::self me) {
    const auto info = beam::process_info(me.id());
    return info && info->message_queue_len > behind_max;
}

/// Hands on what one life of the tracker tells; or what it told until the client was too far behind, who then is told what
/// is different, and not all that happened.
awaitable<void> watch_tracker(request& r, watch_params p, beam::pid tracker, watching* told) {
    beam::self me = beam::this_process();
    const beam::ref monitor = beam::monitor(tracker);
    beam::outcome<beam::ref> subscription =
        co_await beam::tracker::try_subscribe(tracker_name(), p.topic);
    while (subscription && !is_far_behind(me)) {
        auto m = co_await me.receive<beam::tracker::news, beam::down_message>();
        if (auto* down = std::get_if<beam::down_message>(&m)) {
            if (down->monitor == monitor) co_return;
            continue;
        }
        const auto& news = std::get<beam::tracker::news>(m);
        if (news.subscription != *subscription) continue;  // an earlier one's
        for (const term& event : told->take(news)) {
            const bool is_change = event.map_find(beam::atom("event"))->as_text() != "here";
            if (is_change || !p.changes) co_await r.item(event);
        }
    }
    beam::demonitor(monitor, {.flush = true});
    if (!subscription) co_return;
    beam::tracker::unsubscribe(tracker_name(), *subscription);
    for (;;) {
        auto missed = co_await me.receive_for<beam::tracker::news>(0s);
        if (!missed) co_return;
    }
}

awaitable<answer> watch(request& r, watch_params p) {
    auto who = co_await acting(r, p.as);
    if (!who) co_return pass(who);
    if (!p.topic.empty())
        if (auto why = bad_name("the topic", p.topic)) co_return malformed(*why);
    watching told;
    for (;;) {
        const auto tracker = co_await living_tracker(p.topic);
        if (!tracker)
            co_return beam::refuse("interrupted", "the tracker was not restarted within 5s",
                                   "beamd logs", 75);
        co_await watch_tracker(r, p, *tracker, &told);
    }
}

}  // namespace

void add_watch_method(beam::application_definition& app) {
    app.method("watch", watch, {.restartable = true});
}

}  // namespace presence
