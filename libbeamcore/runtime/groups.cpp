#include "libbeamcore/runtime/groups.hpp"

#include "libbeamcore/runtime/exit.hpp"
#include "libbeamcore/runtime/internal/runtime_impl.hpp"
#include "libbeamcore/runtime/internal/signals.hpp"
#include "libbeamcore/runtime/link.hpp"

BEAM_DEFINE_DESCRIPTOR(beam::pg::joined_message);
BEAM_DEFINE_DESCRIPTOR(beam::pg::left_message);

namespace beam {

using namespace detail;

namespace {

group_table& groups_here() {
    return current()->node->groups;
}

void ensure_local(std::span<const pid> members) {
    for (const pid& p : members)
        if (!p.is_local()) raise(tuple(atom("nolocal"), p));
}

// It leaves when it ends; one that has ended already leaves now.
void leave_at_the_end(pid member) {
    runtime_impl& node = *current()->node;
    const bool alive = in_process(member, [&node, member](process_block* pb) {
        if (pb)
            pb->more().in_group = true;
        else
            node.groups.forget(member);
    });
    if (!alive) node.groups.forget(member);
}

}  // namespace

namespace pg {

atom default_scope() {
    static const atom name("pg");
    return name;
}

void join(atom scope, const term& group, std::span<const pid> members) {
    ensure_local(members);
    groups_here().join(scope, group, members);
    for (const pid& p : members) leave_at_the_end(p);
}

void join(atom scope, const term& group, pid member) {
    join(scope, group, std::span<const pid>(&member, 1));
}

bool leave(atom scope, const term& group, std::span<const pid> members) {
    ensure_local(members);
    return groups_here().leave(scope, group, members);
}

bool leave(atom scope, const term& group, pid member) {
    return leave(scope, group, std::span<const pid>(&member, 1));
}

std::vector<pid> get_members(atom scope, const term& group) {
    return groups_here().members(scope, group, false);
}

std::vector<pid> get_local_members(atom scope, const term& group) {
    return groups_here().members(scope, group, true);
}

std::vector<term> which_groups(atom scope) {
    return groups_here().groups(scope);
}

watched_group monitor(atom scope, const term& group) {
    current()->more().in_group = true;
    return groups_here().watch(scope, group, make_ref(), current()->pid());
}

watched_scope monitor_scope(atom scope) {
    current()->more().in_group = true;
    return groups_here().watch(scope, make_ref(), current()->pid());
}

bool demonitor(atom scope, const ref& monitor) {
    return groups_here().unwatch(scope, monitor, current()->pid());
}

}  // namespace pg

namespace detail {

members_by_group share_groups(atom scope) {
    return groups_here().share(scope, current()->pid());
}

void unshare_groups(runtime& node, atom scope, pid sharer) noexcept {
    node.impl().groups.unshare(scope, sharer);
}

void remote_members_joined(atom scope, const term& group, const std::vector<pid>& members) {
    groups_here().remote_joined(scope, group, members);
}

void remote_members_left(atom scope, const term& group, const std::vector<pid>& members) {
    groups_here().remote_left(scope, group, members);
}

}  // namespace detail

}  // namespace beam
