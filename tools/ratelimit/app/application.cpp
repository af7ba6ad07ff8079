// The ratelimit application: limits and breakers. What runs, and under whom.
//
//   ratelimit_sup (one_for_one)
//     store     what survives a node
//     keeper    the heir of the tables
//     limiter   their owner; takes out rows that are as good as none, changes rules
//     writer    saves what is durable
//     gate      answers other applications
//     breakers  (rest_for_one)
//       registry   a breaker's name to its process
//       breaker_sup  a process a breaker, restarted by itself
//       starter    begins those that people have set something on
#include "tools/ratelimit/app/application.hpp"
#include "libbeamcore/otp/dynamic_supervisor.hpp"
#include "libbeamcore/otp/registry.hpp"
#include "libbeamcore/otp/supervisor.hpp"
#include "libbeamcore/release/application_module.hpp"
#include "tools/ratelimit/app/breaker.hpp"
#include "tools/ratelimit/app/breaker_methods.hpp"
#include "tools/ratelimit/app/gate.hpp"
#include "tools/ratelimit/app/kept.hpp"
#include "tools/ratelimit/app/limiter.hpp"
#include "tools/ratelimit/app/methods.hpp"
#include "tools/ratelimit/app/starter.hpp"
#include "tools/ratelimit/app/tables.hpp"

BEAM_APPLICATION(ratelimit, "1", ratelimit::keeper, ratelimit::limiter, ratelimit::kept::writer,
                 ratelimit::gate, breakers::breaker, breakers::starter, breakers::breakers_sup) {
    app.spec.description = "Rate limits and circuit breakers";
    app.callbacks<ratelimit::ratelimit_app>();
    app.objection = &ratelimit::why_it_stays;
    ratelimit::add_methods(app);
    breakers::add_methods(app);
}
