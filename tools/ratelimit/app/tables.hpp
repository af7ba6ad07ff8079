// Who owns the application's tables, so that no crash of one process takes them along.
//
//   the limiter  owns ratelimit_usage, ratelimit_rules, ratelimit_marks and breakers (limiter.hpp)
//   the keeper   is their heir and does nothing else, so there is nothing it could die of
//
// When the limiter dies the tables go to the keeper, and from it to the next limiter, which asks for them
// (claim). When the keeper dies the next one tells the limiter, which makes it the heir. Meanwhile the tables
// are there under their names: whoever checks a limit notices nothing. Only the death of both at once, before
// either is back, loses them; then the limiter makes new ones, with what the store has.
#pragma once

#include <optional>
#include <tuple>
#include <vector>

#include "libbeamcore/ets/table.hpp"
#include "libbeamcore/otp/gen_server.hpp"

namespace ratelimit {

/// The names of the tables.
[[nodiscard]] std::vector<beam::atom> table_names();

/// Whether they are all there: always, but for the moments after both have died.
[[nodiscard]] bool has_tables();

class keeper : public beam::gen_server<keeper> {
    struct claim_tables {
        using reply = beam::pid;
        beam::pid who;
    };

public:
    /// Gives the tables it has to the calling process, and says who will inherit them: itself.
    static beam::future<beam::pid> claim();

    using arguments = std::tuple<>;
    using calls = beam::messages<claim_tables>;
    using infos = beam::messages<beam::ets_transfer>;

    static beam::init_result<keeper> init();
    beam::pid handle_call(claim_tables m);
    void handle_info(beam::ets_transfer) {}
};

/// Makes `heir` the heir of all tables that the caller owns.
void set_heirs(beam::pid heir);

}  // namespace ratelimit
