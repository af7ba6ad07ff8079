#include <chrono>
#include <utility>
#include <vector>

#include "libbeamcore/base/log.hpp"
#include "libbeamcore/otp/dynamic_supervisor.hpp"
#include "libbeamcore/otp/supervisor.hpp"
#include "libbeamcore/release/node_facts.hpp"
#include "libbeamcore/store/store.hpp"
#include "tools/kv/app/application.hpp"
#include "tools/kv/app/finder.hpp"
#include "tools/kv/app/keeper.hpp"
#include "tools/kv/app/mover.hpp"
#include "tools/kv/app/names.hpp"
#include "tools/kv/app/router.hpp"
#include "tools/kv/app/scan_cursors.hpp"
#include "tools/kv/app/settings.hpp"

namespace kv {

namespace {

// A shard that cannot live does not take the others along at once.
constexpr beam::dynamic_supervisor_flags shards_flags{.max_restarts = 100,
                                                      .max_seconds = std::chrono::seconds(5)};
constexpr beam::dynamic_supervisor_flags servers_flags = shards_flags;

tl::unexpected<beam::term> bad_setting(const beam::error& why) {
    return tl::unexpected<beam::term>(beam::tuple(beam::atom(why.code), why.detail));
}

/// What the environment asks for and a store that is there cannot do is left out: it was made with another engine, which
/// has everything on the disk.
beam::start_result open_store() {
    using beam::store::engine_type;
    beam::store::open_options o;
    o.name = store_name();
    const auto engine = engine_setting();
    if (!engine) return bad_setting(engine.error());
    const auto sync = sync_setting();
    if (!sync) return bad_setting(sync.error());
    o.sync_interval = *sync;
    o.engine = *sync && !*engine ? engine_type::rocksdb : *engine;
    const std::string folder = (beam::this_node_facts().store_folder / "kv").string();
    auto opened = beam::store::start_link(folder, o);
    if (!opened && o.engine && opened.error().is_tagged(beam::atom("engine_mismatch"), 2)) {
        beam::log(beam::log_level::info, "kv", "the store keeps the engine that it was made with",
                  {{"folder", folder}});
        o.engine.reset();
        opened = beam::store::start_link(folder, o);
    }
    if (!opened && o.sync_interval && opened.error().is_tagged(beam::atom("no_sync_interval"), 2)) {
        beam::log(beam::log_level::notice, "kv", "a store of lmdb syncs every write",
                  {{"folder", folder}});
        o.sync_interval.reset();
        opened = beam::store::start_link(folder, o);
    }
    if (!opened) return tl::unexpected<beam::term>(std::move(opened.error()));
    return beam::started{*opened};
}

struct kv_sup {
    static beam::supervisor_init init() {
        std::vector<beam::child_spec> children;
        // First: they go on, and their clients stay, when the store has to begin again.
        children.push_back(beam::child_spec("scan_cursors", beam::child<scan_cursors>()));
        children.push_back(beam::supervisor::child_of(
            "resp_sup", beam::dynamic_supervisor::child(servers_flags, servers_supervisor())));
        children.push_back(beam::child_spec("store", beam::child_start(&open_store)));
        children.push_back(beam::child_spec("mover", beam::child<mover>()));
        children.push_back(beam::child_spec("keeper", beam::child<keeper>()));
        children.push_back(beam::supervisor::child_of(
            "shard_sup", beam::dynamic_supervisor::child(shards_flags, shards_supervisor())));
        children.push_back(beam::child_spec("router", beam::child<router>()));
        children.push_back(beam::child_spec("finder", beam::child<finder_server>()));
        beam::supervisor_flags flags;
        flags.strategy = beam::restart_strategy::rest_for_one;
        flags.intensity = 10;
        return beam::supervisor_init(flags, std::move(children));
    }
};

}  // namespace

beam::awaitable<beam::start_result> kv_app::start(beam::term) {
    return beam::supervisor::start_link_named<kv_sup>(beam::atom("kv_sup"));
}

}  // namespace kv
