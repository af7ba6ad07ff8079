#include "tools/kv/shard/placement.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <optional>

#include "libbeamcore/base/hash.hpp"

namespace kv {

namespace {

/// Nodes by name, so that the first of equals is the same for everybody.
using loads = std::map<std::string, std::size_t>;

const std::string& least(const loads& of) {
    return std::min_element(of.begin(), of.end(),
                            [](const auto& a, const auto& b) { return a.second < b.second; })
        ->first;
}

const std::string& most(const loads& of) {
    return std::max_element(of.begin(), of.end(),
                            [](const auto& a, const auto& b) { return a.second < b.second; })
        ->first;
}

bool holds(const std::vector<std::string>& set, const std::string& node) {
    return std::find(set.begin(), set.end(), node) != set.end();
}

loads copies_of(const plan& p) {
    loads all;
    for (const auto& node : p.nodes) all[node] = 0;
    for (const auto& set : p.shards)
        for (const auto& node : set) ++all[node];
    return all;
}

loads leads_of(const plan& p) {
    loads all;
    for (const auto& node : p.nodes) all[node] = 0;
    for (const auto& set : p.shards)
        if (!set.empty()) ++all[set.front()];
    return all;
}

void drop_missing(plan& p, std::size_t copies) {
    for (auto& set : p.shards) {
        std::erase_if(set, [&](const auto& node) { return !holds(p.nodes, node); });
        if (set.size() > copies) set.resize(copies);
    }
}

void give_missing(plan& p, std::size_t copies) {
    loads all = copies_of(p);
    for (auto& set : p.shards) {
        while (set.size() < copies) {
            loads without = all;
            for (const auto& node : set) without.erase(node);
            set.push_back(least(without));
            ++all[set.back()];
        }
    }
}

/// One copy from `from` to `to`: a replica before a primary, low shards first. False: there is none to move.
bool move_copy(plan& p, const std::string& from, const std::string& to) {
    std::optional<std::size_t> primary;
    for (std::size_t s = 0; s < p.shards.size(); ++s) {
        auto& set = p.shards[s];
        const auto found = std::find(set.begin(), set.end(), from);
        if (found == set.end() || holds(set, to)) continue;
        if (found != set.begin()) {
            *found = to;
            return true;
        }
        if (!primary) primary = s;
    }
    if (!primary) return false;
    p.shards[*primary].front() = to;
    return true;
}

void even_copies(plan& p) {
    for (loads all = copies_of(p);; all = copies_of(p)) {
        const std::string from = most(all), to = least(all);
        if (all[from] < all[to] + 2 || !move_copy(p, from, to)) return;
    }
}

/// The shards whose primary and a replica change places, so that one leadership goes from `from` along the shortest
/// way to a node that leads less by two or more. False: there is no way.
bool move_lead(plan& p, const std::string& from) {
    const loads leads = leads_of(p);
    std::map<std::string, std::pair<std::string, std::size_t>>
        came;  // by node: from whom, with which shard
    std::deque<std::string> next{from};
    while (!next.empty()) {
        const std::string node = next.front();
        next.pop_front();
        if (leads.at(node) + 2 <= leads.at(from)) {
            for (std::string at = node; at != from; at = came[at].first) {
                auto& set = p.shards[came[at].second];
                std::iter_swap(set.begin(), std::find(set.begin(), set.end(), at));
            }
            return true;
        }
        for (std::size_t s = 0; s < p.shards.size(); ++s) {
            const auto& set = p.shards[s];
            if (set.empty() || set.front() != node) continue;
            for (const auto& other : set)
                if (other != from && came.try_emplace(other, node, s).second) next.push_back(other);
        }
    }
    return false;
}

void even_leads(plan& p) {
    // The fullest that can give one away; each move makes the sum of squares less, so it ends.
    for (;;) {
        loads leads = leads_of(p);
        bool moved = false;
        while (!leads.empty() && !moved) {
            const std::string from = most(leads);
            moved = move_lead(p, from);
            leads.erase(from);
        }
        if (!moved) return;
    }
}

}  // namespace

std::uint32_t shard_of(std::string_view key, std::uint32_t shards) {
    const auto open = key.find('{');
    if (open != std::string_view::npos) {
        const auto close = key.find('}', open + 1);
        if (close != std::string_view::npos && close > open + 1)
            key = key.substr(open + 1, close - open - 1);
    }
    return std::uint32_t(beam::xxh3_64(key) % shards);
}

plan first_plan(std::vector<std::string> nodes, std::uint32_t shards, std::size_t copies) {
    std::sort(nodes.begin(), nodes.end());
    plan p{1, std::move(nodes), {}};
    p.shards.resize(shards);
    for (std::size_t s = 0; s < shards; ++s)
        for (std::size_t c = 0; c < std::min(copies, p.nodes.size()); ++c)
            p.shards[s].push_back(p.nodes[(s + c) % p.nodes.size()]);
    return p;
}

plan next_plan(const plan& previous, std::vector<std::string> nodes, std::size_t copies) {
    if (nodes.empty()) return previous;
    std::sort(nodes.begin(), nodes.end());
    plan p{previous.number + 1, std::move(nodes), previous.shards};
    copies = std::min(copies, p.nodes.size());
    drop_missing(p, copies);
    give_missing(p, copies);
    even_copies(p);
    even_leads(p);
    return p;
}

}  // namespace kv
