// What a watcher was told: so that after a restart of the tracker he is told what is different, and nothing twice.
#pragma once

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "libbeamcore/pubsub/tracker.hpp"
#include "libbeamcore/term/term.hpp"
#include "tools/presence/app/view.hpp"

namespace presence {

class watching {
public:
    /// What the tracker tells, as events for the watcher: maps as shown() gives them, with `event`: `here` (at the
    /// beginning), `join`, `leave`, `update`.
    [[nodiscard]] std::vector<beam::term> take(const beam::tracker::news& n);

private:
    using session_key = std::tuple<std::string, std::string, beam::atom>;

    void whole(const beam::tracker::news& n, std::vector<beam::term>& events);
    void change(const beam::tracker::topic_diff& d, std::vector<beam::term>& events);

    std::map<session_key, seen_session> seen_;
    bool begun_ = false;
};

}  // namespace presence
