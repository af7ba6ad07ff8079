// kv.settings: what the node runs with, for who asks for something else.
#include <string>
#include <utility>

#include "libbeamcore/store/store.hpp"
#include "tools/kv/app/keeper.hpp"
#include "tools/kv/app/methods.hpp"
#include "tools/kv/app/names.hpp"
#include "tools/kv/app/settings.hpp"
#include "tools/kv/sync_words.hpp"

namespace kv {

namespace {

using beam::atom;

/// A node that is none of a cluster's has them too.
beam::awaitable<beam::answer> settings(beam::request&) {
    const auto store = beam::store::info(store_name());
    if (!store)
        co_return beam::refuse("unavailable", "the store says " + store.error().code,
                               "the same again", 75);
    auto asking = keeper::known();
    const beam::outcome<node_standing> known = co_await asking.outcome();
    if (!known)
        co_return beam::refuse("unavailable", "kv is being restarted", "the same again", 75);
    std::string sync = sync_of(*store);
    if (sync.empty()) sync = sync_always;
    co_return beam::map({{atom("engine"), store->engine},
                         {atom("sync"), sync},
                         {atom("coordinator"), known->coordinator_name}});
}

}  // namespace

void add_settings_method(beam::application_definition& app) {
    app.method("settings", settings, {.restartable = true});
}

}  // namespace kv
