// Which nodes are connected, and who wants to know.
#pragma once

#include <mutex>
#include <vector>

#include "libbeamcore/runtime/nodes.hpp"

namespace beam::detail {

class node_watch {
public:
    struct subscriber {
        beam::pid process;
        atom node;  // of monitor_node; the default for monitor_nodes
        node_kind which = node_kind::visible;
        friend bool operator==(const subscriber&, const subscriber&) = default;
    };

    void add(const subscriber& s);
    /// Takes one back.
    void remove(const subscriber& s);
    void forget(const beam::pid& p);

    /// False: it was up already.
    bool up(atom name, bool hidden);
    /// Who is to be told that `name` is up, or down; down ends the monitor_node of it.
    [[nodiscard]] std::vector<beam::pid> told_of_up(atom name);
    [[nodiscard]] std::vector<beam::pid> told_of_down(atom name);
    /// Those of monitor_node alone, for a node that never was up.
    [[nodiscard]] std::vector<beam::pid> told_of_unreachable(atom name);
    [[nodiscard]] bool is_up(atom name) const;
    [[nodiscard]] std::vector<atom> list(node_kind which) const;

private:
    struct peer {
        atom name;
        bool hidden = false;
    };
    [[nodiscard]] const peer* find(atom name) const;
    void take_monitors(atom name, std::vector<beam::pid>& to);
    void collect(bool hidden, std::vector<beam::pid>& to) const;

    mutable std::mutex mutex_;
    std::vector<peer> peers_;
    std::vector<subscriber> subscribers_;
};

}  // namespace beam::detail
