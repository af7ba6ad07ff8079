// spawn_asking: a request to spawn on another node, whose caller waits for what comes of it.
#pragma once

#include <optional>
#include <utility>

#include "libbeamcore/dist/control.hpp"
#include "libbeamcore/dist/internal/peers.hpp"
#include "libbeamcore/runtime/blocking.hpp"
#include "libbeamcore/runtime/call.hpp"
#include "libbeamcore/runtime/process_info.hpp"
#include "libbeamcore/term/outcome.hpp"

namespace beam::dist::detail {

/// Lives in the coroutine that waits.
class spawn_asking {
public:
    explicit spawn_asking(peer& to)
        : to_(to), answer_(server_ref(this_process().id()), infinity{}, nullptr) {
        const pid me = this_process().id();
        const from who = beam::detail::start_dirty(answer_);
        request.id = beam::detail::remote_request_ref(
            std::uint64_t(who.tag.words[1]) << 32 | who.tag.words[0], me);
        request.from = me;
        request.leader = group_leader() ? group_leader() : me;
    }

    control::spawn_request
        request;  ///< what is still to be filled in: function, arguments, options

    /// Sends it. What has come: the answer, or the reason of the end that was watched; none: it was too late.
    [[nodiscard]] awaitable<std::optional<outcome<message>>> ask(timeout limit) {
        to_.spawn(request);
        beam::detail::pending_wait wait(&answer_, limit);
        if (!co_await wait) {
            to_.monitor_ended(request.id);
            co_return std::nullopt;
        }
        co_return answer_.finish();
    }

private:
    peer& to_;
    beam::detail::pending answer_;
};

}  // namespace beam::dist::detail
