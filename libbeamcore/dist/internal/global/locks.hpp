// Locks on several nodes at once, as global:set_lock/3 and del_lock/2.
#pragma once

#include <optional>
#include <vector>

#include "libbeamcore/dist/internal/global/messages.hpp"
#include "libbeamcore/runtime/process.hpp"

namespace beam::dist::detail {

/// Asks the name servers of these nodes (gen_server:multi_call/3); the answers of those that gave one.
[[nodiscard]] awaitable<std::vector<std::pair<atom, term>>> ask_name_servers(
    std::vector<atom> nodes, term request);

/// Sets a lock, `{Resource, Requester}`, on all these nodes or on none. One try.
[[nodiscard]] awaitable<bool> set_lock_once(term id, std::vector<atom> nodes);
[[nodiscard]] awaitable<void> delete_lock(term id, std::vector<atom> nodes);
/// On the boss last, so that nobody gets there before it is gone elsewhere.
[[nodiscard]] awaitable<void> delete_global_lock(term id, std::vector<atom> nodes);

/// Whom all ask first: the greatest name.
[[nodiscard]] atom boss_of(const std::vector<atom>& nodes);
/// Longer with each time, up to 8 s (random_sleep/1).
[[nodiscard]] awaitable<void> wait_before_trying_again(unsigned times);

/// Sends to the name server of that node if it is connected: signals connect, these must not.
void tell_name_server(atom node, term what);
/// The same as a cast.
void cast_name_server(atom node, term what);

[[nodiscard]] std::vector<atom> without(std::vector<atom> nodes, const std::vector<atom>& those);

}  // namespace beam::dist::detail
