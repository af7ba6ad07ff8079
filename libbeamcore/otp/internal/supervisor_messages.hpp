// What a supervisor is asked and what it tells itself.
#pragma once

#include <cstdint>
#include <vector>

#include "libbeamcore/otp/supervisor.hpp"

namespace beam::detail {

struct start_spec_request {
    using reply = start_result;
    child_spec spec;
};
struct start_arguments_request {
    using reply = start_result;
    term arguments;
};
struct terminate_request {
    using reply = outcome<void>;
    term id;
};
struct restart_request {
    using reply = start_result;
    term id;
};
struct delete_request {
    using reply = outcome<void>;
    term id;
};
struct get_spec_request {
    using reply = outcome<child_spec>;
    term id;
};
struct which_request {
    using reply = std::vector<child_info>;
};
struct count_request {
    using reply = children_count;
};
// A restart failed: try again, after whatever else is in the mailbox (a stop, for one).
struct try_again {
    term id;
    beam::pid child;
};
// More children are to be told to stop.
struct stop_more {};
// Children that may take so long to stop have had their time.
struct time_is_up {
    std::int64_t limit_ms = 0;
};
// Some children are long in stopping: make sure that their ends will be told.
struct look_after_slow {};

}  // namespace beam::detail
