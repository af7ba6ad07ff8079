// What the processes of `global` say to each other: in this node as structs; between nodes as terms.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "libbeamcore/runtime/call.hpp"
#include "libbeamcore/term/atom.hpp"
#include "libbeamcore/term/pid.hpp"
#include "libbeamcore/term/term.hpp"

namespace beam::dist::detail {

/// The version of the protocol (OTP 25 and later).
inline constexpr int global_version = 8;

[[nodiscard]] inline atom name_server_name() {
    static const atom name("global_name_server");
    return name;
}

/// A request of the name server as any node sends it: `{set_lock, Id}`, `{register, Name, Pid, Method}`, `get_known`.
struct global_request {
    using reply = term;
    term what;
};

/// A number that tells one synchronisation with a node from the next; 0: none.
using sync_tag = std::int64_t;

/// To the name server, by its registrar: do it on all nodes, under the lock.
struct name_order {
    using reply = bool;
    enum class kind : std::uint8_t { add, replace, remove } what = kind::add;
    term name;
    pid who;
    term method;
};
struct registrar_order {
    name_order order;
    from asked;
};

/// To the name server: answer when these nodes have the same names.
struct sync_order {
    using reply = bool;
    std::vector<atom> nodes;
};

/// From the locker: both partitions are locked.
struct partitions_locked {
    atom node;
    sync_tag my_tag = 0;
    term lock_id;
};
/// From a resolver: what is to be done here, and what there.
struct names_resolved {
    atom node;
    sync_tag my_tag = 0;
    std::vector<term> here, there;
};
/// A node of another's partition that could not be connected.
struct node_unreachable {
    atom node;
};

/// To the locker.
struct locker_order {
    enum class kind : std::uint8_t {
        none,
        meet,  ///< a node that is to be synchronised with: node, my_tag, his_tag, who (its locker)
        cancel,    ///< it is over with that node: node, my_tag; first `what` goes to `nodes`
        lock_set,  ///< from the locker of another node: node, my_tag, who, yes
        add,       ///< `nodes` are of this partition now
        remove,    ///< `node` no longer is
    };
    kind what = kind::none;
    atom node;
    sync_tag my_tag = 0;
    bool any_tag = false;  // the sender named none
    bool yes = false;
    pid who;
    term his_tag;
    std::vector<atom> nodes;
    term news;
};

}  // namespace beam::dist::detail

namespace beam {

template <>
struct field_codec<dist::detail::global_request> {
    static term to(const dist::detail::global_request& r) { return r.what; }
    static result<void> from(const term& t, dist::detail::global_request& r) {
        r.what = t;
        return {};
    }
    template <class>
    static constexpr std::uint64_t fingerprint() {
        return detail::fnv("global_request");
    }
};

/// Of terms only `{lock_set, Locker, Yes, Known [, Tag]}` is for the locker.
template <>
struct field_codec<dist::detail::locker_order> {
    static term to(const dist::detail::locker_order&) { return atoms::undefined; }
    static result<void> from(const term& t, dist::detail::locker_order& o);
    template <class>
    static constexpr std::uint64_t fingerprint() {
        return detail::fnv("locker_order");
    }
};

}  // namespace beam
