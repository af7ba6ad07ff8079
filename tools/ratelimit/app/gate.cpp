#include "tools/ratelimit/app/gate.hpp"

#include <utility>

#include "libbeamcore/runtime/name.hpp"
#include "tools/ratelimit/app/counting.hpp"
#include "tools/ratelimit/app/names.hpp"
#include "tools/ratelimit/app/requests.hpp"
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
    if (auto why = bad_key(m.key)) return mistake(*std::move(why));
    if (m.max_burst >= count_max) return mistake("the burst is too large");
    const limit l{m.count, m.period, m.max_burst + 1};
    if (auto good = check(l); !good) return mistake(good.error().detail);
    const std::string row = row_name(default_rule, m.key);
    // What never fits is refused, and no time is told for it: waiting does not help.
    const bool fits = m.quantity <= l.burst;
    const verdict v = fits ? charge(usage_name(), row, l, m.quantity) : look_at(row, l, 0);
    throttle_answer a;
    a.limited = !fits || !v.allowed;
    a.limit = v.limit;
    a.remaining = v.remaining;
    if (fits && !v.allowed) a.retry_after = v.retry_after;
    a.reset_after = v.reset_after;
    return a;
}

}  // namespace ratelimit
