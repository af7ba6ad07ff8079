// group_table: the process groups of a runtime.
//
// Who watches is told under the lock, so that the news come in the order of the changes and none is missed between
// the look at a group and the first of them. Nothing that is called there takes this lock.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <span>
#include <unordered_map>
#include <vector>

#include "libbeamcore/runtime/detail/shared_groups.hpp"
#include "libbeamcore/runtime/groups.hpp"

namespace beam::detail {

class group_table {
public:
    explicit group_table(runtime& node) : node_(node) {}
    group_table(const group_table&) = delete;
    group_table& operator=(const group_table&) = delete;

    void join(atom scope, const term& group, std::span<const pid> members);
    bool leave(atom scope, const term& group, std::span<const pid> members);
    /// All that a process here has to do with groups ends with it.
    void forget(pid process);

    [[nodiscard]] std::vector<pid> members(atom scope, const term& group, bool local_only) const;
    [[nodiscard]] std::vector<term> groups(atom scope) const;

    pg::watched_group watch(atom scope, const term& group, const ref& monitor, pid watcher);
    pg::watched_scope watch(atom scope, const ref& monitor, pid watcher);
    bool unwatch(atom scope, const ref& monitor, pid watcher);

    members_by_group share(atom scope, pid sharer);
    void unshare(atom scope, pid sharer);
    void remote_joined(atom scope, const term& group, const std::vector<pid>& members);
    void remote_left(atom scope, const term& group, const std::vector<pid>& members);

private:
    struct watcher {
        ref monitor;
        pid process;
        std::optional<term> group;  // none: all of the scope
    };
    struct scope_groups {
        std::unordered_map<term, std::vector<pid>> groups;
        std::unordered_map<pid, std::vector<term>> joined;  // by processes here, once for each time
        std::vector<watcher> watchers;
        pid sharer;
    };

    template <class Message>
    void tell(const scope_groups& s, const term& group, const std::vector<pid>& pids);
    // Takes them out as often as they are named; gives those that were in it.
    static std::vector<pid> take_out(scope_groups& s, const term& group,
                                     std::span<const pid> members);
    void forget_in(scope_groups& s, pid process);

    runtime& node_;
    mutable std::shared_mutex mutex_;
    std::unordered_map<atom, scope_groups> scopes_;
};

}  // namespace beam::detail
