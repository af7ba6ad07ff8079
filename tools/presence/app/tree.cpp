#include <string>
#include <utility>
#include <vector>

#include "libbeamcore/otp/dynamic_supervisor.hpp"
#include "libbeamcore/otp/supervisor.hpp"
#include "libbeamcore/pubsub/tracker.hpp"
#include "libbeamcore/release/node_facts.hpp"
#include "tools/presence/app/application.hpp"
#include "tools/presence/app/limits.hpp"
#include "tools/presence/app/names.hpp"
#include "tools/presence/app/notices/post_office.hpp"
#include "tools/presence/app/sessions.hpp"

namespace presence {

namespace {

struct presence_sup {
    static beam::supervisor_init init(std::shared_ptr<beam::peers> others) {
        beam::tracker::options o{beam::tracker::handle(tracker_name())};
        o.periods = tracker_config();
        o.others = std::move(others);
        std::vector<beam::child_spec> children;
        children.push_back(beam::tracker::child_of("tracker", std::move(o)));
        children.push_back(beam::supervisor::child_of(
            "session_sup", beam::dynamic_supervisor::child({}, session_supervisor())));
        children.push_back(beam::child_spec("sessions", beam::child<sessions>()));
        // A runtime that no node was booted in has nowhere to keep them.
        if (!beam::this_node_facts().store_folder.empty()) children.push_back(notices_child());
        beam::supervisor_flags flags;
        flags.intensity = 100;
        return beam::supervisor_init(flags, std::move(children));
    }
};

}  // namespace

beam::awaitable<beam::start_result> start_tree(std::shared_ptr<beam::peers> others) {
    return beam::supervisor::start_link_named<presence_sup>(beam::atom("presence_sup"),
                                                            std::move(others));
}

beam::awaitable<beam::start_result> presence_app::start(beam::term) {
    return start_tree(nullptr);
}

beam::awaitable<std::optional<std::string>> why_it_stays() {
    auto counting = sessions::count();
    const std::uint64_t n = co_await counting;
    if (n == 0) co_return std::nullopt;
    co_return std::to_string(n) + (n == 1 ? " session is open" : " sessions are open");
}

}  // namespace presence
