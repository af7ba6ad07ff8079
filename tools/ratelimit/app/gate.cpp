#include "tools/ratelimit/app/gate.hpp"

#include "libbeamcore/runtime/name.hpp"
#include "tools/ratelimit/app/counting.hpp"
#include "tools/ratelimit/app/names.hpp"
#include "tools/ratelimit/app/rules.hpp"

namespace ratelimit {

namespace {

throttle_answer mistake(std::string why) {
    throttle_answer a;
    a.error = std::move(why);
    return a;
}

}  // namespace

beam::init_result<gate> gate::init() {
    if (!beam::try_register_name(beam::atom("ratelimit_gate"), beam::this_process().id()))
        return beam::stop_with{beam::atom("name_taken")};
    return gate();
}

throttle_answer gate::handle_call(throttle_request m) {
    if (m.key.size() > key_max) return mistake("the key is too long");
    if (m.max_burst >= count_max) return mistake("the burst is too large");
    const limit l{m.count, m.period, m.max_burst + 1};
    if (auto good = check(l); !good) return mistake(good.error().detail);
    if (auto fits = check_cost(l, m.quantity); !fits) return mistake(fits.error().detail);
    const verdict v = charge(usage_name(), row_name("throttle", m.key), l, m.quantity);
    throttle_answer a;
    a.limited = !v.allowed;
    a.limit = v.limit;
    a.remaining = v.remaining;
    if (!v.allowed) a.retry_after = v.retry_after;
    a.reset_after = v.reset_after;
    return a;
}

}  // namespace ratelimit
