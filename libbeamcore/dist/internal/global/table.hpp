// global_table: the global names and locks, as this node knows them. The name server changes it; all processes read it.
#pragma once

#include <atomic>
#include <optional>
#include <shared_mutex>
#include <unordered_map>
#include <vector>

#include "libbeamcore/runtime/fwd.hpp"
#include "libbeamcore/term/pid.hpp"
#include "libbeamcore/term/ref.hpp"
#include "libbeamcore/term/term.hpp"

namespace beam::dist::detail {

struct global_name_entry {
    pid who;
    term method;  // resolves clashes: a fun, as registered
    ref monitor;
};

class global_table {
public:
    [[nodiscard]] static global_table& of(runtime& node);

    [[nodiscard]] std::optional<global_name_entry> find(const term& name) const;
    /// The process, unless it is of this node and dead.
    [[nodiscard]] std::optional<pid> where(const term& name) const;
    [[nodiscard]] std::vector<term> names() const;
    /// As they are exchanged: `[{Name, Pid, Method}]`.
    [[nodiscard]] term exchange_list() const;
    /// A name of that process.
    [[nodiscard]] std::optional<term> name_of(const pid& who) const;
    void insert(const term& name, global_name_entry e);
    std::optional<global_name_entry> remove(const term& name);

    struct holder {
        pid who;
        ref monitor;
    };
    struct lock {
        term requester;
        std::vector<holder> holders;
    };
    /// A lock's id is `{Resource, Requester}`: it is free, or the requester has it already.
    [[nodiscard]] bool can_set(const term& id) const;
    [[nodiscard]] bool is_locked(const term& resource) const;
    [[nodiscard]] std::optional<lock> find_lock(const term& resource) const;
    void put_lock(const term& resource, lock l);
    void remove_lock(const term& resource);

    void clear();

    /// The node is about to leave: lost connections mean nothing any more.
    std::atomic<bool> leaving{false};

private:
    mutable std::shared_mutex mutex_;
    std::unordered_map<term, global_name_entry> names_;
    std::unordered_map<pid, std::vector<term>> names_of_;
    std::unordered_map<term, lock> locks_;
};

}  // namespace beam::dist::detail
