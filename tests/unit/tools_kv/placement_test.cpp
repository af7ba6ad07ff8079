#include "tools/kv/shard/placement.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "libbeamcore/base/random.hpp"

using namespace kv;

namespace {

std::vector<std::string> names(std::size_t count) {
    std::vector<std::string> all;
    for (std::size_t i = 0; i < count; ++i) all.push_back(std::string("node") + char('A' + i));
    return all;
}

/// Copies that are on nodes that did not have them.
std::size_t copied(const plan& before, const plan& after) {
    std::size_t n = 0;
    for (std::size_t s = 0; s < after.shards.size(); ++s)
        for (const auto& node : after.shards[s])
            n += std::find(before.shards[s].begin(), before.shards[s].end(), node) ==
                 before.shards[s].end();
    return n;
}

std::size_t most_leads(const plan& p) {
    std::map<std::string, std::size_t> leads;
    for (const auto& set : p.shards) ++leads[set.front()];
    return std::max_element(leads.begin(), leads.end(),
                            [](auto& a, auto& b) { return a.second < b.second; })
        ->second;
}

void check_even(const plan& p, std::size_t copies) {
    std::map<std::string, std::size_t> loads;
    for (const auto& node : p.nodes) loads[node] = 0;
    for (const auto& set : p.shards) {
        REQUIRE(set.size() == std::min(copies, p.nodes.size()));
        REQUIRE(std::set<std::string>(set.begin(), set.end()).size() == set.size());
        for (const auto& node : set) {
            REQUIRE(loads.contains(node));
            ++loads[node];
        }
    }
    const auto [low, high] = std::minmax_element(
        loads.begin(), loads.end(), [](auto& a, auto& b) { return a.second < b.second; });
    CHECK(high->second <= low->second + 1);
}

/// Any of many clusters: the plan after 20 joins and losses that end with `nodes`.
plan after_changes(beam::random_generator& random, std::size_t nodes) {
    auto all = names(nodes + 4);
    std::vector<std::string> in(all.begin(), all.begin() + std::ptrdiff_t(nodes));
    plan p = first_plan(in, 64, 2);
    for (int i = 0; i < 20 || in.size() != nodes; ++i) {
        const bool joins = in.size() < 3 || (in.size() < nodes + 2 && random.chance(0.5));
        const auto& one = all[random.below(all.size())];
        const auto found = std::find(in.begin(), in.end(), one);
        if (joins && found == in.end())
            in.push_back(one);
        else if (!joins && found != in.end())
            in.erase(found);
        else
            continue;
        p = next_plan(p, in, 2);
        check_even(p, 2);
    }
    return p;
}

}  // namespace

TEST_CASE("the first plan is round-robin: user:42 is shard 42, on nodeA, its replica on nodeB") {
    CHECK(shard_of("user:42", 64) == 42);
    const plan p = first_plan({"nodeC", "nodeA", "nodeB"}, 64, 2);
    CHECK(p.shards[42] == std::vector<std::string>{"nodeA", "nodeB"});
    CHECK(p.shards[1] == std::vector<std::string>{"nodeB", "nodeC"});
    check_even(p, 2);
    CHECK(first_plan({"nodeA"}, 4, 3).shards[0] == std::vector<std::string>{"nodeA"});
}

TEST_CASE("keys with one {tag} share a shard, and an empty or open one is none") {
    CHECK(shard_of("{user:42}.name", 64) == 42);
    CHECK(shard_of("x{user:42}y{other}", 64) == 42);
    CHECK(shard_of("{user:42", 4096) != shard_of("user:42", 4096));
    CHECK(shard_of("{}{user:42}", 4096) != shard_of("user:42", 4096));
}

TEST_CASE("a plan from the plan before moves about as little as can be") {
    struct row {
        std::size_t nodes;
        double lost, joined, leads;
    };
    for (const row& r :
         {row{3, 42.6, 32.0, 1.03}, row{5, 26.3, 21.0, 1.02}, row{8, 16.0, 14.0, 1.0}}) {
        beam::random_generator random(r.nodes);
        double lost = 0, joined = 0, leads = 0;
        const int clusters = 60;
        for (int i = 0; i < clusters; ++i) {
            const plan p = after_changes(random, r.nodes);
            leads += double(most_leads(p)) * double(r.nodes) / 64;
            auto in = p.nodes;
            in.push_back("nodeZ");
            joined += double(copied(p, next_plan(p, in, 2)));
            in = p.nodes;
            in.erase(in.begin() + std::ptrdiff_t(random.below(in.size())));
            lost += double(copied(p, next_plan(p, in, 2)));
        }
        CAPTURE(r.nodes);
        MESSAGE(r.nodes << " nodes: lost " << lost / clusters << ", joined " << joined / clusters
                        << ", leads " << leads / clusters);
        CHECK(lost / clusters == doctest::Approx(r.lost).epsilon(0.05));
        CHECK(joined / clusters == doctest::Approx(r.joined).epsilon(0.05));
        CHECK(leads / clusters == doctest::Approx(r.leads).epsilon(0.05));
    }
}

TEST_CASE("everybody makes the same plan, and one of the same nodes changes nothing") {
    const plan p = first_plan(names(3), 64, 2);
    const plan a = next_plan(p, {"nodeD", "nodeB", "nodeA", "nodeC"}, 2);
    CHECK(a == next_plan(p, names(4), 2));
    CHECK(next_plan(a, a.nodes, 2).shards == a.shards);
    CHECK(a.number == p.number + 1);
    CHECK(next_plan(p, {}, 2) == p);
    // Back to one node, and on to more copies.
    check_even(next_plan(a, {"nodeB"}, 2), 2);
    check_even(next_plan(a, names(4), 3), 3);
}
