// finder: what other applications ask besides values (kv.hpp, at its end): which node leads a key's shard, and which keys
// there are. It only looks: the keeper tells it what the cluster is, and a scan has a process of its own.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "libbeamcore/otp/gen_server.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "tools/kv/app/kv.hpp"
#include "tools/kv/app/protocol.hpp"

namespace kv {

class finder_server : public beam::gen_server<finder_server> {
public:
    using calls = beam::messages<request::find_leader, request::scan>;
    using casts = beam::messages<request::watch_leaders>;
    using infos = beam::messages<cluster_facts, store_died>;

    static beam::init_result<finder_server> init();

    beam::outcome<leader> handle_call(request::find_leader m);
    beam::call_result<beam::outcome<scanned_page>> handle_call(request::scan m, beam::from from);
    void handle_cast(request::watch_leaders m);
    void handle_info(cluster_facts m);
    void handle_info(store_died) {}
    void handle_info(beam::down_message m);

private:
    [[nodiscard]] bool has_cluster() const { return facts_.view && facts_.view->has_cluster(); }
    /// By shard; none: its node is down.
    [[nodiscard]] std::vector<beam::atom> leaders_now() const;

    cluster_facts facts_;
    std::vector<beam::atom> leaders_;
    std::map<beam::ref, beam::pid> watchers_;  // by monitor
};

}  // namespace kv
