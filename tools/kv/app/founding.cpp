// keeper: how a cluster begins. Keepers tell each other which stores they have; who knows all that shall be in it makes it.
#include <algorithm>
#include <utility>

#include "libbeamcore/base/random.hpp"
#include "libbeamcore/release/node_facts.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "tools/kv/app/keeper.hpp"
#include "tools/kv/app/names.hpp"

namespace kv {

namespace {

using beam::awaitable;
using namespace std::chrono_literals;

/// The others leave it to the first of the nodes for so long.
constexpr auto first_goes_before = 1s;
constexpr auto all_are_there_within = 5s;

/// A file is shared by the nodes of one host only, and its locks prove nothing to others.
bool is_beyond_this_host(const std::vector<std::string>& nodes) {
    return std::any_of(nodes.begin(), nodes.end(), [](const std::string& n) {
        const std::string host = n.substr(n.find('@') + 1);
        return !host.starts_with("127.") && host != "localhost" && host != "nohost";
    });
}

}  // namespace

void keeper::introduce(beam::atom node, bool wants_answer) const {
    hello m{name_, address_, known_.facts.self, wants_answer};
    beam::cast<hello>(beam::server_ref(keeper_name(), node), m.node, m.address, m.store,
                      m.wants_answer);
}

void keeper::introduce_to_all() const {
    for (const std::string& node : beam::this_node_facts().default_cluster)
        if (node != address_) introduce(beam::atom(node), true);
    if (!founding_) return;
    for (const std::string& node : founding_->nodes)
        if (node != address_) introduce(beam::atom(node), true);
}

awaitable<void> keeper::handle_cast(hello m) {
    if (m.wants_answer) introduce(beam::atom(m.address), false);
    introduced_.insert_or_assign(m.address, std::move(m));
    if (known_.facts.view && !known_.facts.view->has_cluster()) co_await consider_founding();
}

std::vector<std::string> keeper::missing(const founding& what) const {
    std::vector<std::string> who;
    for (const std::string& node : what.nodes)
        if (node != address_ && !introduced_.contains(node)) who.push_back(node);
    return who;
}

/// The default cluster is founded by its nodes, another one when somebody asks for it.
awaitable<void> keeper::consider_founding() {
    founding what;
    if (founding_) {
        what = *founding_;
    } else {
        what.nodes = beam::this_node_facts().default_cluster;
        if (what.nodes.empty()) co_return;
    }
    const time now = beam::monotonic_time();
    const auto absent = missing(what);
    if (founding_ && !absent.empty() && now >= founding_until_) {
        std::string who;
        for (const std::string& node : absent) who += (who.empty() ? "" : ", ") + node;
        beam::reply(*founder_, beam::outcome<bool>(
                                   beam::fail_term(beam::tuple(beam::atom("unreachable"), who))));
        founding_.reset();
        co_return;
    }
    if (!absent.empty()) co_return;
    if (alone_since_ == time{}) alone_since_ = now;
    const bool is_first = *std::min_element(what.nodes.begin(), what.nodes.end()) == address_;
    if (!founding_ && !is_first && now < alone_since_ + first_goes_before) co_return;
    const beam::outcome<bool> made = co_await create(std::move(what));
    if (!founding_) co_return;
    beam::reply(*founder_, made);
    founding_.reset();
}

void keeper::refuse_founding() {
    if (!founding_) return;
    beam::reply(*founder_, beam::outcome<bool>(beam::fail_term(
                               beam::tuple(beam::atom("exists"), known_.facts.view->meta.uuid))));
    founding_.reset();
}

awaitable<beam::outcome<bool>> keeper::create(founding what) {
    first_cluster first;
    first.meta.uuid = beam::secure_random_hex(16);
    first.meta.shards = what.shards;
    first.meta.copies = what.copies;
    first.meta.min_isr = what.min_isr;
    first.meta.out_after = std::chrono::milliseconds(what.out_after_ms);
    std::vector<std::string> names;
    std::sort(what.nodes.begin(), what.nodes.end());
    std::map<std::string, store_id> stores;
    for (const std::string& node : what.nodes) {
        store_entry s;
        s.node = node == address_ ? name_ : introduced_.at(node).node;
        s.id = node == address_ ? known_.facts.self : introduced_.at(node).store;
        names.push_back(s.node);
        stores.emplace(s.node, s.id);
        first.stores.push_back(std::move(s));
    }
    first.plan = first_plan(names, what.shards, what.copies);
    for (const auto& row : first.plan.shards) {
        shard_record r;
        r.epoch = 1;
        r.primary = stores.at(row.front());
        for (const std::string& node : row) r.isr.push_back(stores.at(node));
        first.records.push_back(std::move(r));
    }
    auto creating = coordinator_process::create(coordinator_name(), std::move(first));
    const beam::result<coordinator_process::done> made = co_await creating;
    if (!made)
        co_return beam::fail_term(beam::tuple(beam::atom(made.error().code), made.error().detail));
    co_return true;
}

beam::call_result<beam::outcome<bool>> keeper::handle_call(found_one m, beam::from from) {
    if (known_.facts.view && known_.facts.view->has_cluster())
        return beam::outcome<bool>(
            beam::fail_term(beam::tuple(beam::atom("exists"), known_.facts.view->meta.uuid)));
    if (founding_) return beam::outcome<bool>(beam::fail_term(beam::tuple(beam::atom("busy"), "")));
    if (coordinator_used_.empty() && is_beyond_this_host(m.what.nodes))
        return beam::outcome<bool>(beam::fail_term(beam::tuple(beam::atom("needs_etcd"), "")));
    founding_ = std::move(m.what);
    founder_ = from;
    founding_until_ = beam::monotonic_time() + all_are_there_within;
    introduce_to_all();
    introduce(beam::node(), false);  // a cluster of this node alone waits for nobody
    return beam::noreply{};
}

}  // namespace kv
