#include "libbeamcore/release/node_facts.hpp"

#include <mutex>
#include <utility>

#include "libbeamcore/runtime/detail/local.hpp"
#include "libbeamcore/runtime/process.hpp"
#include "libbeamcore/runtime/runtime.hpp"

namespace beam {

namespace {

const char facts_key = 0;

struct guarded_facts {
    std::mutex mutex;
    node_facts facts;
};

guarded_facts& facts_of(runtime& node) {
    void* found = detail::runtime_local(
        node, &facts_key, [](runtime&) -> void* { return new guarded_facts; },
        [](void* f) noexcept { delete static_cast<guarded_facts*>(f); });
    return *static_cast<guarded_facts*>(found);
}

}  // namespace

node_facts this_node_facts() {
    guarded_facts& f = facts_of(this_process().node());
    std::lock_guard lock(f.mutex);
    return f.facts;
}

void set_node_facts(runtime& node, node_facts facts) {
    guarded_facts& f = facts_of(node);
    std::lock_guard lock(f.mutex);
    f.facts = std::move(facts);
}

}  // namespace beam
