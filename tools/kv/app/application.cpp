// The kv application: this node's part of a replicated store. What runs, and under whom.
//
//   kv_sup (rest_for_one: what comes later stands on what comes before)
//     scan_cursors  where SCANs of RESP clients stand
//     resp_sup  a process for each address where RESP is spoken; it has one for each connection, which stays when
//               what comes below begins again
//     store     the node's data on disk
//     keeper    the node's membership; with it the coordinator
//     shard_sup a process a shard that this node holds
//     router    takes requests
//     finder    says which node leads a shard, and which keys there are, for other applications
#include "tools/kv/app/application.hpp"
#include "libbeamcore/release/application_module.hpp"
#include "tools/kv/app/finder.hpp"
#include "tools/kv/app/keeper.hpp"
#include "tools/kv/app/methods.hpp"
#include "tools/kv/app/mover.hpp"
#include "tools/kv/app/resp_server.hpp"
#include "tools/kv/app/router.hpp"
#include "tools/kv/app/scan_cursors.hpp"
#include "tools/kv/app/shard_server.hpp"

BEAM_APPLICATION(kv, "1", kv::keeper, kv::mover, kv::router, kv::shard_server, kv::finder_server,
                 kv::scan_cursors, kv::resp_server) {
    app.spec.description = "A replicated store";
    app.callbacks<kv::kv_app>();
    kv::add_value_methods(app);
    kv::add_scan_methods(app);
    kv::add_load_method(app);
    kv::add_watch_method(app);
    kv::add_cluster_methods(app);
    kv::add_repair_methods(app);
    kv::add_coordinator_loss_method(app);
    kv::add_serve_method(app);
    kv::add_settings_method(app);
}
