// How a starter learns that a process which initialises itself is ready: it sends a request, and the
// answer to it is the acknowledgement. A death before it, or the limit, end the request as they end any.
#pragma once

#include <cstdint>

#include "libbeamcore/runtime/call.hpp"
#include "libbeamcore/term/descriptor.hpp"
#include "libbeamcore/term/term.hpp"

namespace beam::detail {

enum class start_outcome : std::uint8_t { ready, ignored, failed };

struct start_answer {
    start_outcome outcome = start_outcome::ready;
    term value;  // what was acknowledged, or the reason
};

struct start_request {
    using reply = start_answer;
};

}  // namespace beam::detail

// Before whatever asks for them.
BEAM_EXPORTED_DESCRIPTOR(beam::detail::start_request);
BEAM_EXPORTED_DESCRIPTOR(beam::detail::start_answer);

namespace beam::detail {

/// Takes the start request wherever in the mailbox it is.
class BEAM_EXPORT start_receive : public receive_base {
public:
    explicit start_receive(process_block* pb)
        : receive_base(pb, descriptor_of<start_request>(), &match, infinity{}, false) {}
    message await_resume() { return finish(); }

private:
    static bool match(receive_base*, message& m) {
        return m.type() == descriptor_of<start_request>();
    }
};

/// The reason in `{Why, {gen_server, call, _}}`.
[[nodiscard]] BEAM_EXPORT term why_of(const term& call_failure);

/// After a linked child failed before its acknowledgement: a starter that traps exits has that news
/// already, so its exit_message is taken away.
BEAM_EXPORT awaitable<void> forget_failed_child(self s, pid child, bool kill);

}  // namespace beam::detail
