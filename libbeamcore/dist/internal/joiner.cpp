#include "libbeamcore/dist/internal/joiner.hpp"

#include <algorithm>
#include <utility>

#include "libbeamcore/base/log.hpp"
#include "libbeamcore/base/random.hpp"
#include "libbeamcore/dist/distribution.hpp"
#include "libbeamcore/runtime/spawn.hpp"
#include "libbeamcore/runtime/timer.hpp"

namespace beam::dist::detail {

namespace {

// Of nodes that were lost at once not all come back together: a pause is up to a half longer or shorter.
constexpr std::chrono::milliseconds shortest_retry{100}, longest_retry{10'000};

process try_to_connect(self, peers* all, discovery how, atom node, pid owner) {
    // A member that does not run is no news for the log, as a failed attempt would be.
    const std::string name(node.name());
    const bool is_member =
        std::find(how.members.begin(), how.members.end(), name) != how.members.end();
    bool may_be_there = true;
    if (is_member) {
        auto finding = find_node(std::move(how), name);
        const auto found = co_await finding;
        if (!found && found.error().is("not_found")) {
            all->known().failed(node, error{"not_running", "it does not run"});
            may_be_there = false;
        }
    }
    if (may_be_there) {
        auto connecting = connect(node);
        (void)co_await connecting;
    }
    send(owner, try_ended{node});
}

process resolve_for(self, listed_dns_name name, std::size_t which, pid owner) {
    auto resolving = resolve_dns_name(std::move(name));
    auto found = co_await resolving;
    dns_answer answer;
    answer.which = which;
    if (found)
        answer.nodes = *std::move(found);
    else
        answer.trouble = found.error().detail;
    send(owner, std::move(answer));
}

}  // namespace

joiner::joiner(peers* all, discovery how)
    : all_(all), how_(std::move(how)), dns_trouble_(how_.dns_names.size()) {
    monitor_nodes(true, node_kind::connected);
    for (const auto& name : how_.members) want(name, "folder");
    for (const auto& n : how_.nodes) want(n.name, "list");
    for (std::size_t i = 0; i < how_.dns_names.size(); ++i) handle_info(ask_dns{i});
}

bool joiner::is_up(atom node) const {
    return all_->of(node).current_state() == peer::state::up;
}

void joiner::want(const std::string& name, const char* found_by, std::size_t dns_name) {
    const auto node = try_atom(name);
    if (!node || *node == all_->self().name) return;
    const auto [at, is_new] = wanted_.try_emplace(*node);
    if (!is_new) return;
    at->second.dns_name = dns_name;
    all_->known().found(*node, found_by);
    (void)all_->of(*node);  // peers() shows it from now on
    try_later(*node, at->second);
}

void joiner::try_later(atom node, wanted& w) {
    if (std::exchange(w.waits, true)) return;
    if (w.pause.count() == 0) {
        handle_info(try_node{node});
        return;
    }
    const auto pause = std::chrono::microseconds(w.pause).count();
    const auto spread = std::int64_t(secure_random_64() % std::uint64_t(pause));
    send_after(std::chrono::microseconds(pause / 2 + spread), id(), try_node{node});
}

void joiner::handle_info(try_node m) {
    const auto at = wanted_.find(m.node);
    if (at == wanted_.end()) return;
    if (is_up(m.node)) {
        at->second.waits = false;
        return;
    }
    spawn(try_to_connect, all_, how_, m.node, id());
}

void joiner::handle_info(try_ended m) {
    const auto at = wanted_.find(m.node);
    if (at == wanted_.end()) return;
    wanted& w = at->second;
    w.waits = false;
    if (is_up(m.node)) return;
    w.pause = std::clamp(w.pause * 2, shortest_retry, longest_retry);
    try_later(m.node, w);
}

void joiner::handle_info(const nodeup_message& m) {
    const auto at = wanted_.find(m.node);
    if (at == wanted_.end()) return;
    at->second.pause = {};
    log(log_level::info, "dist", "joined", {{"node", m.node.name()}});
}

void joiner::handle_info(const nodedown_message& m) {
    const auto at = wanted_.find(m.node);
    if (at == wanted_.end()) return;
    at->second.pause = shortest_retry;
    try_later(m.node, at->second);
}

// -- DNS ------------------------------------------------------------------------------------------

void joiner::handle_info(ask_dns m) {
    spawn(resolve_for, how_.dns_names[m.which], m.which, id());
}

void joiner::handle_info(const dns_answer& m) {
    send_after(how_.dns_interval, id(), ask_dns{m.which});
    const auto& name = how_.dns_names[m.which];
    if (std::exchange(dns_trouble_[m.which], m.trouble) != m.trouble && !m.trouble.empty())
        log(log_level::warning, "dist", "a DNS name has no addresses",
            {{"name", name.host}, {"why", m.trouble}});
    // While nobody answers, what was known stays.
    if (!m.trouble.empty()) return;
    for (const auto& node : m.nodes) want(node, "dns", m.which);
    std::erase_if(wanted_, [&](const auto& entry) {
        const bool gone =
            entry.second.dns_name == m.which &&
            std::find(m.nodes.begin(), m.nodes.end(), entry.first.name()) == m.nodes.end();
        if (gone) all_->known().found(entry.first, {});
        return gone;
    });
}

}  // namespace beam::dist::detail
