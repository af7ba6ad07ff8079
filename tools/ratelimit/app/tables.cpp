#include "tools/ratelimit/app/tables.hpp"

#include <algorithm>

#include "libbeamcore/runtime/name.hpp"
#include "tools/ratelimit/app/limiter.hpp"
#include "tools/ratelimit/app/names.hpp"

namespace ratelimit {

namespace {

namespace ets = beam::ets;

bool is_mine(beam::atom name) {
    const auto info = ets::info_of(name);
    return info && info->owner == beam::this_process().id();
}

}  // namespace

std::vector<beam::atom> table_names() {
    return {usage_name(), rules_name(), marks_name(), breakers_name()};
}

bool has_tables() {
    const std::vector<beam::atom> names = table_names();
    return std::all_of(names.begin(), names.end(),
                       [](beam::atom name) { return ets::whereis(name).has_value(); });
}

void set_heirs(beam::pid heir) {
    for (const beam::atom name : table_names()) {
        if (!is_mine(name)) continue;
        ets::heir h;
        h.pid = heir;
        h.data = name;
        ets::set_heir(name, h);
    }
}

beam::future<beam::pid> keeper::claim() {
    return beam::call<claim_tables>(keeper_name(), beam::this_process().id());
}

beam::init_result<keeper> keeper::init() {
    if (!beam::try_register_name(keeper_name(), beam::this_process().id()))
        return beam::stop_with{beam::atom("name_taken")};
    limiter::inherits(beam::this_process().id());
    return keeper();
}

beam::pid keeper::handle_call(claim_tables m) {
    const beam::pid me = beam::this_process().id();
    set_heirs(me);
    for (const beam::atom name : table_names())
        if (is_mine(name)) ets::give_away(name, m.who, name);
    return me;
}

}  // namespace ratelimit
