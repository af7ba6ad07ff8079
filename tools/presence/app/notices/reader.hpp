// reader: what the client of a session does with what it is sent, so that a person sees each notice once and in
// order, though it may come twice, late, or from a mailbox that was started again.
//
// Pure; `presence listen` and the simulator of the tests use it. What it remembers lives as long as the client.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
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

    verdict take(std::string_view id, std::uint64_t seq, std::uint64_t after) {
        if (is_known(id, seq)) {
            last_ = std::max(last_, seq);
            return verdict::repeat;
        }
        if (after > last_ || seq < last_) return verdict::out_of_order;
        known_.emplace_back(seq, id);
        if (known_.size() > limits::remembered_max) known_.pop_front();
        last_ = seq;
        return verdict::show;
    }

private:
    // Two senders may use the same id.
    [[nodiscard]] bool is_known(std::string_view id, std::uint64_t seq) const {
        return std::any_of(known_.rbegin(), known_.rend(),
                           [&](const auto& k) { return k.first == seq && k.second == id; });
    }

    std::deque<std::pair<std::uint64_t, std::string>> known_;  // as many as may be open, and a few
    std::uint64_t last_ = 0;  // the number of the last one that was taken
};

}  // namespace presence
