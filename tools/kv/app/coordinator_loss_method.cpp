// kv.cluster_recover_coordinator: the coordinator has lost its data, or has an earlier state of it, and gets it again from what
// the nodes' stores hold.
//
// First all are asked, and go on as they are. Only when it is clear that it may be done they stand down, one and all, and
// tell what they hold now; what comes after that is theirs only with the new records.
#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "libbeamcore/runtime/nodes.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "tools/kv/app/answers.hpp"
#include "tools/kv/app/cluster_known.hpp"
#include "tools/kv/app/methods.hpp"
#include "tools/kv/app/names.hpp"
#include "tools/kv/app/rebuilding.hpp"
#include "tools/kv/comma_list.hpp"
#include "tools/kv/coordinator/coordinator_process.hpp"
#include "tools/kv/shard/config.hpp"

namespace kv {

namespace {

using beam::atom;
using beam::awaitable;
using beam::request;
using beam::request_error;
using beam::term;
using namespace std::chrono_literals;

constexpr auto created_within = 8s;
constexpr auto between_tries = 50ms;

struct recover_coordinator_params {
    bool accept_data_loss = false;
    BEAM_FIELDS(recover_coordinator_params, accept_data_loss)
};

struct accounts {
    std::vector<store_account> all;
    std::set<std::string> answered;  ///< addresses
    std::string finds_it;            ///< an address whose coordinator has the cluster
    std::string trouble;             ///< why this node gave none
};

/// Of these nodes, at once.
awaitable<void> ask(accounts& into, std::vector<std::string> nodes, bool stand_down) {
    std::vector<beam::future<beam::outcome<store_account>>> asked;
    asked.reserve(nodes.size());
    for (const std::string& node : nodes) asked.push_back(keeper::account(node, stand_down));
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        beam::outcome<beam::outcome<store_account>> a = co_await asked[i].outcome();
        if (a && *a) {
            // A node of another cluster that has this one's address.
            const bool is_of_it = into.all.empty() || (*a)->uuid == into.all.front().uuid;
            if (!is_of_it) continue;
            into.answered.insert(nodes[i]);
            into.all.push_back(**std::move(a));
            continue;
        }
        const term why = a ? a->error() : a.error();
        const bool is_pair = why.is_tuple() && why.elements().size() == 2;
        if (is_pair && why.elements()[0] == atom("coordinator_is_there")) {
            // It may have left, and be of another cluster now.
            const auto uuid = why.elements()[1].as_text();
            if (into.all.empty() || uuid == into.all.front().uuid)
                into.finds_it = short_name(nodes[i]);
        } else if (is_pair && why.elements()[0].is_atom()) {
            into.trouble = std::string(why.elements()[0].as_atom()->name());
        }
    }
}

/// This node, those that its store knows of, those that theirs know of.
awaitable<accounts> ask_all() {
    accounts found;
    std::set<std::string> asked;
    std::vector<std::string> next{std::string(beam::node().name())};
    while (!next.empty()) {
        asked.insert(next.begin(), next.end());
        auto asking = ask(found, std::exchange(next, {}), false);
        co_await asking;
        for (const store_account& a : found.all) {
            const auto view = view_from(a.view);
            if (!view) continue;
            for (const member& m : view->members)
                if (!asked.contains(m.dist_address)) next.push_back(m.dist_address);
        }
        std::sort(next.begin(), next.end());
        next.erase(std::unique(next.begin(), next.end()), next.end());
    }
    co_return found;
}

tl::unexpected<request_error> may_lose(const rebuilt_cluster& r) {
    std::string why;
    if (!r.silent.empty())
        why = joined(r.silent, ", ") + " did not answer, and may have what no other store has; ";
    if (r.lost_shards > 0)
        why += "of " + std::to_string(r.lost_shards) + " shards no copy in sync is there; ";
    if (r.split_shards > 0)
        why += std::to_string(r.split_shards) +
               " shards have gone on twice from one record, and what one side has acknowledged is "
               "lost; ";
    const std::string start = r.silent.empty() ? "" : "start these nodes, or ";
    return beam::refuse("data_loss", why + "nothing was changed",
                        start + "kv cluster recover --coordinator-lost --accept-data-loss", 1);
}

bool loses_nothing(const rebuilt_cluster& r) {
    return r.silent.empty() && r.split_shards == 0;
}

tl::unexpected<request_error> again(const std::string& why) {
    return beam::refuse("partly", why, "kv cluster recover --coordinator-lost", 75);
}

/// A conflict: what is there has yet to be marked as outdated, which whoever looks does, or another one is at it.
bool may_be_made_later(const beam::error& why) {
    return why.is("unreachable") || why.is("unknown") || why.is("lost") || why.is("conflict");
}

/// By the keeper's next life, which is a moment away. Empty: it is there.
awaitable<std::string> create(first_cluster first) {
    beam::self me = beam::this_process();
    const auto until = beam::monotonic_time() + created_within;
    const std::string uuid = first.meta.uuid;
    std::string why = "the coordinator does not answer";
    while (beam::monotonic_time() < until) {
        first_cluster copy = first;
        auto creating = coordinator_process::create(coordinator_name(), std::move(copy));
        beam::outcome<beam::result<coordinator_process::done>> made = co_await creating.outcome();
        if (made && *made) co_return std::string();
        if (made && made->error().is("exists") && made->error().detail == uuid)
            co_return std::string();  // by one that was unanswered
        if (made) why = "the coordinator says " + made->error().code + " " + made->error().detail;
        if (made && !may_be_made_later(made->error())) break;
        co_await me.sleep_for(between_tries);
    }
    co_return why;
}

awaitable<beam::answer> recover_coordinator(request&, recover_coordinator_params p) {
    auto asking = ask_all();
    const accounts before = co_await asking;
    if (!before.finds_it.empty())
        co_return beam::refuse("exists",
                               "the coordinator that " + before.finds_it +
                                   " asks has a cluster, which no store is ahead of (if it is an "
                                   "old one, from a backup: take it away first)",
                               "kv cluster health", 1);
    if (before.all.empty())
        co_return beam::refuse("unavailable",
                               "this node cannot tell that its cluster is lost: " +
                                   (before.trouble.empty() ? "no answer" : before.trouble),
                               "kv cluster recover --coordinator-lost on a node of the cluster, or "
                               "kv cluster init",
                               69);
    auto found = rebuild(before.all);
    if (!found)
        co_return beam::refuse(found.error().code, found.error().detail,
                               "kv cluster recover --coordinator-lost on another node", 69);
    if (!loses_nothing(*found) && !p.accept_data_loss) co_return may_lose(*found);

    accounts now;
    auto asking_again =
        ask(now, std::vector<std::string>(before.answered.begin(), before.answered.end()), true);
    co_await asking_again;
    if (now.answered != before.answered) co_return again("not all nodes answered a second time");
    found = rebuild(now.all);
    if (!found) co_return again(found.error().detail);
    if (!loses_nothing(*found) && !p.accept_data_loss)
        co_return again("the stores' sets were changed meanwhile");
    if (!found->silent.empty()) {
        // Whoever leads there and is not heard here has stopped to read by then, unless it is alone in its set.
        beam::self me = beam::this_process();
        co_await me.sleep_for(config{}.grace);
    }
    const std::uint64_t shards = found->first.records.size();
    auto creating = create(std::move(found->first));
    const std::string failed = co_await creating;
    if (!failed.empty()) co_return again(failed);
    auto k = co_await settled();
    if (!k) co_return tl::unexpected<request_error>(std::move(k.error()));
    co_return beam::map({{atom("shards"), shards},
                         {atom("stores"), std::uint64_t(now.all.size())},
                         {atom("lost_shards"), std::uint64_t(found->lost_shards)},
                         {atom("split_shards"), std::uint64_t(found->split_shards)},
                         {atom("silent"), joined(found->silent, ", ")}});
}

}  // namespace

void add_coordinator_loss_method(beam::application_definition& app) {
    app.method("cluster_recover_coordinator", recover_coordinator);
}

}  // namespace kv
