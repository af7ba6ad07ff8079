// What the application answers on the control socket.
#pragma once

#include "libbeamcore/release/application_module.hpp"

namespace kv {

/// get, put, delete, cas, incr, expire, ttl, transaction.
void add_value_methods(beam::application_definition& app);
/// scan, count.
void add_scan_methods(beam::application_definition& app);
/// load.
void add_load_method(beam::application_definition& app);
/// watch.
void add_watch_method(beam::application_definition& app);
/// serve; and the node does not leave while RESP is spoken.
void add_serve_method(beam::application_definition& app);
/// settings.
void add_settings_method(beam::application_definition& app);
/// cluster_recover, cluster_rebalance.
void add_coordinator_loss_method(beam::application_definition& app);
void add_repair_methods(beam::application_definition& app);
/// locate, cluster_status, cluster_health, cluster_nodes, cluster_init, cluster_drain, cluster_remove, ...
void add_cluster_methods(beam::application_definition& app);

}  // namespace kv
