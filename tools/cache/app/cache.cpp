// The cache application: what runs, and under whom.
//
//   cache_sup (one_for_one)
//     keeper    makes the tables, and inherits them when the worker dies
//     worker    the books; takes out what has expired and what there is no room for; owns the tables
//     flights   one maker a missing key
//     uploads   values that come in parts
//     servers   a process for each address where RESP is spoken; it has one for each connection
#include "libbeamcore/otp/dynamic_supervisor.hpp"
#include "libbeamcore/otp/supervisor.hpp"
#include "libbeamcore/release/application_module.hpp"
#include "tools/cache/app/application.hpp"
#include "tools/cache/app/flights.hpp"
#include "tools/cache/app/keeper.hpp"
#include "tools/cache/app/methods.hpp"
#include "tools/cache/app/resp_server.hpp"
#include "tools/cache/app/uploads.hpp"
#include "tools/cache/app/worker.hpp"

namespace cache {

namespace {

constexpr beam::dynamic_supervisor_flags servers_flags{.max_restarts = 100,
                                                       .max_seconds = std::chrono::seconds(5)};

struct cache_sup {
    static beam::supervisor_init init() {
        std::vector<beam::child_spec> children;
        children.push_back(beam::child_spec("keeper", beam::child<keeper>()));
        children.push_back(beam::child_spec("worker", beam::child<worker>()));
        children.push_back(beam::child_spec("flights", beam::child<flights>()));
        children.push_back(beam::child_spec("uploads", beam::child<uploads>()));
        children.push_back(beam::supervisor::child_of(
            "servers", beam::dynamic_supervisor::child(servers_flags, servers_name())));
        beam::supervisor_flags flags;
        // People and tests kill the worker to see that nothing is lost.
        flags.intensity = 100;
        return beam::supervisor_init(flags, std::move(children));
    }
};

struct cache_app {
    static beam::awaitable<beam::start_result> start(beam::term) {
        return beam::supervisor::start_link_named<cache_sup>(beam::atom("cache_sup"));
    }
};

}  // namespace

}  // namespace cache

BEAM_APPLICATION(cache, "1", cache::keeper, cache::worker, cache::flights, cache::uploads,
                 cache::resp_server) {
    app.spec.description = "Values that are kept for a while";
    app.callbacks<cache::cache_app>();
    app.objection = &cache::live_entries;
    cache::add_methods(app);
}
