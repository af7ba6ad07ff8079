#include "libbeamcore/dist/internal/global/locks.hpp"

#include <algorithm>
#include <utility>

#include "libbeamcore/base/random.hpp"
#include "libbeamcore/dist/internal/global/table.hpp"
#include "libbeamcore/runtime/detail/carrier.hpp"
#include "libbeamcore/runtime/nodes.hpp"
#include "libbeamcore/runtime/send.hpp"

namespace beam::dist::detail {

awaitable<std::vector<std::pair<atom, term>>> ask_name_servers(std::vector<atom> nodes,
                                                               term request) {
    // A request would connect again to one that has gone since the list was made.
    std::erase_if(nodes, [own = node()](atom n) { return n != own && !is_connected(n); });
    std::vector<future<term>> asked;
    asked.reserve(nodes.size());
    for (const atom node : nodes)
        asked.push_back(send_request(server_ref(name_server_name(), node), global_request{request},
                                     infinity{}));
    std::vector<std::pair<atom, term>> answers;
    for (std::size_t i = 0; i < asked.size(); ++i) {
        outcome<term> answer = co_await asked[i].outcome();
        if (answer) answers.emplace_back(nodes[i], *std::move(answer));
    }
    co_return answers;
}

awaitable<void> delete_lock(term id, std::vector<atom> nodes) {
    auto asking = ask_name_servers(std::move(nodes), tuple(atom("del_lock"), std::move(id)));
    (void)co_await asking;
}

awaitable<bool> set_lock_once(term id, std::vector<atom> nodes) {
    if (nodes.empty()) co_return true;
    // A look at the own table first saves asking everybody in vain.
    const bool among = std::find(nodes.begin(), nodes.end(), node()) != nodes.end();
    const bool may = global_table::of(this_process().node()).can_set(id);
    if (nodes.size() > 1 && among && !may) co_return false;
    auto asking = ask_name_servers(nodes, tuple(atom("set_lock"), id));
    const auto answers = co_await asking;
    std::vector<atom> set;
    bool all = true;
    for (const auto& [node, yes] : answers) {
        if (yes == atoms::true_)
            set.push_back(node);
        else
            all = false;
    }
    if (all) co_return true;
    if (nodes.size() > 1) {
        auto deleting = delete_lock(std::move(id), std::move(set));
        co_await deleting;
    }
    co_return false;
}

awaitable<void> delete_global_lock(term id, std::vector<atom> nodes) {
    const atom boss = boss_of(nodes);
    auto others = delete_lock(id, without(nodes, {boss}));
    co_await others;
    auto last = delete_lock(std::move(id), std::vector<atom>(1, boss));
    co_await last;
}

atom boss_of(const std::vector<atom>& nodes) {
    return *std::max_element(nodes.begin(), nodes.end(),
                             [](atom a, atom b) { return compare(term(a), term(b)) < 0; });
}

awaitable<void> wait_before_trying_again(unsigned times) {
    const std::uint64_t longest = times > 5 ? 8000 : (1000u << times) / 8;
    random_generator random(secure_random_64());
    const std::chrono::milliseconds pause(1 + random.below(longest));
    co_await this_process().sleep_for(pause);
}

void tell_name_server(atom node, term what) {
    beam::detail::send_if_connected(server_ref(name_server_name(), node), std::move(what));
}

void cast_name_server(atom node, term what) {
    beam::detail::send_if_connected(server_ref(name_server_name(), node),
                                    tuple(atoms::gen_cast, std::move(what)));
}

std::vector<atom> without(std::vector<atom> nodes, const std::vector<atom>& those) {
    std::erase_if(nodes,
                  [&](atom n) { return std::find(those.begin(), those.end(), n) != those.end(); });
    return nodes;
}

}  // namespace beam::dist::detail
