// The keeper makes the tables and gives them to the worker; when the worker dies it inherits them, and gives them to
// the next one. It does nothing else, so that nothing kills it. If it is killed all the same, the worker, which
// owns the tables, takes the next keeper for their heir. Only if both die at once are the values lost.
#pragma once

#include <optional>
#include <tuple>

#include "libbeamcore/ets/table.hpp"
#include "libbeamcore/otp/gen_server.hpp"

namespace cache {

/// To the worker: there is a new keeper.
struct keeper_is {
    beam::pid keeper;
    BEAM_FIELDS(keeper_is, keeper)
};

class keeper : public beam::gen_server<keeper> {
    struct claim {
        using reply = void;
        beam::pid worker;
    };

public:
    /// Makes the caller the tables' owner, and the keeper their heir. Waits until the one before has let go of them.
    static beam::awaitable<void> give_tables();

    using arguments = std::tuple<>;
    using calls = beam::messages<claim>;
    using infos = beam::messages<beam::ets_transfer>;

    static beam::init_result<keeper> init();
    beam::call_result<void> handle_call(claim m, beam::from caller);
    void handle_info(const beam::ets_transfer&);

private:
    struct waiting {
        beam::pid worker;
        beam::from caller;
    };

    bool give(beam::pid worker);

    std::optional<waiting> waiting_;
};

}  // namespace cache
