// known_nodes: what this node was told of others, who told it, and what came of the last attempt to connect.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "libbeamcore/base/result.hpp"
#include "libbeamcore/dist/discovery.hpp"
#include "libbeamcore/term/atom.hpp"

namespace beam::dist::detail {

/// Any thread.
class known_nodes {
public:
    /// Once, before others see it.
    void set_members(const discovery& how, atom self);
    /// Sorted; empty: nobody was told of.
    [[nodiscard]] const std::vector<atom>& members() const { return members_; }

    struct facts {
        std::string found_by;  ///< `list`, `dns`, `folder`; empty: nobody told of it
        std::string why;       ///< the last attempt to connect failed for that; empty: none did
    };
    void found(atom node, std::string by);
    void failed(atom node, const error& why);
    void connected(atom node);
    [[nodiscard]] facts of(atom node) const;

private:
    std::vector<atom> members_;
    mutable std::mutex mutex_;
    std::unordered_map<atom, facts> facts_;
};

}  // namespace beam::dist::detail
