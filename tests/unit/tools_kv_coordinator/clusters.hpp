// Clusters for the tests of coordinators.
#pragma once

#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "libbeamcore/base/random.hpp"
#include "tests/support/world.hpp"
#include "tools/kv/coordinator/open.hpp"

namespace test {

using namespace std::chrono_literals;

/// What a result holds; its error fails the test.
template <class T>
T value_of(beam::result<T> r) {
    REQUIRE_MESSAGE(r.has_value(), (r ? "" : r.error().code + ": " + r.error().detail));
    if constexpr (!std::is_void_v<T>) return *std::move(r);
}
template <class T>
std::string code_of(const beam::result<T>& r) {
    return r ? "ok" : r.error().code;
}

inline kv::store_id store_of(std::uint64_t n) {
    return {n, 1};
}

/// Three nodes, nodeA with store 1 and so on; shard s is led by the store of the plan's first node.
inline kv::first_cluster three_nodes(std::uint32_t shards = 8) {
    kv::first_cluster f;
    f.meta.uuid = "cluster-1";
    f.meta.shards = shards;
    const std::vector<std::string> nodes{"nodeA", "nodeB", "nodeC"};
    for (std::uint64_t n = 0; n < 3; ++n) f.stores.push_back({store_of(n + 1), nodes[n]});
    f.plan = kv::first_plan(nodes, shards, 2);
    for (std::uint32_t s = 0; s < shards; ++s) {
        const kv::store_id first = store_of(1 + s % 3), second = store_of(1 + (s + 1) % 3);
        f.records.push_back({1, first, {first, second}});
    }
    return f;
}

inline kv::join_request life_of(const std::string& node, std::uint64_t store,
                                std::uint64_t incarnation = beam::secure_random_64()) {
    kv::join_request r;
    r.node = node;
    r.store = store_of(store);
    r.incarnation = incarnation;
    r.dist_address = "127.0.0.1:1";
    return r;
}

inline kv::steady_time in(std::chrono::milliseconds d) {
    return std::chrono::steady_clock::now() + d;
}

/// Looks until `done(view)`; the time is up after 10 s.
template <class F>
kv::cluster_view look_until(kv::coordinator& c, F done) {
    const auto end = in(10s);
    for (;;) {
        kv::cluster_view v = value_of(c.snapshot());
        if (done(v)) return v;
        REQUIRE(std::chrono::steady_clock::now() < end);
        c.wait(v.rev, end);
    }
}

/// A place for a cluster on this host.
class local_world {
public:
    static bool is_there() { return true; }
    kv::local_options options(const std::string& node = "nodeA") const {
        kv::local_options o;
        o.folder = dir_ / "state";
        o.runtime_folder = dir_ / "run";
        o.node = node;
        return o;
    }
    std::unique_ptr<kv::coordinator> open(const std::string& node = "nodeA",
                                          const std::string& uuid = {}) const {
        kv::local_options o = options(node);
        o.uuid = uuid;
        return value_of(kv::open_coordinator(o));
    }
    const folder& dir() const { return dir_; }

private:
    folder dir_;
};

}  // namespace test
