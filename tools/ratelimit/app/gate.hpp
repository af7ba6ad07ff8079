// The gate: answers other applications' requests (ratelimit.hpp).
#pragma once

#include <tuple>

#include "libbeamcore/otp/gen_server.hpp"
#include "tools/ratelimit/app/ratelimit.hpp"

namespace ratelimit {

class gate : public beam::gen_server<gate> {
public:
    using arguments = std::tuple<>;
    using calls = beam::messages<throttle_request>;

    static beam::init_result<gate> init();
    throttle_answer handle_call(throttle_request m);
};

}  // namespace ratelimit
