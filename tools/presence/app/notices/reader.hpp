// reader: what the client of a session does with what it is sent, so that a person sees each notice once and in
// order, though it may come twice, late, or from a mailbox that was started again.
//
// Pure; `presence listen` and the simulator of the tests use it. What it remembers lives as long as the client.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <string>
#include <utility>

#include "tools/presence/app/notices/notice.hpp"

namespace presence {

class reader {
public:
    enum class verdict : std::uint8_t {
        show,    ///< new: show it, then confirm it
        repeat,  ///< seen before: confirm it again
        /// One before it was lost: drop it, it will be sent again. Or it comes late, and was settled meanwhile.
        out_of_order,
    };

    /// `after`: the number of the notice before it in the queue. Of the notice its text does not matter.
    verdict take(const notice& n, std::uint64_t after) {
        const known k{n.from, n.id, n.accepted_ms};
        if (std::find(known_.rbegin(), known_.rend(), k) != known_.rend()) {
            last_ = std::max(last_, n.seq);
            return verdict::repeat;
        }
        if (after > last_ || n.seq < last_) return verdict::out_of_order;
        known_.push_back(k);
        if (known_.size() > limits::remembered_max) known_.pop_front();
        last_ = n.seq;
        return verdict::show;
    }

private:
    /// What names a notice for ever; its number is another one in another place. Two senders may use the same id, and one
    /// may use it again when the first was forgotten.
    struct known {
        std::string from, id;
        std::int64_t accepted_ms = 0;
        friend bool operator==(const known&, const known&) = default;
    };

    std::deque<known> known_;  // as many as may be open, and a few
    std::uint64_t last_ = 0;   // the number of the last one that was taken
};

}  // namespace presence
