// The default cluster: three nodes of one user on one machine, which are there together.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace beam::tool {

/// Its nodes, in order, if `node` is the name of one of them; else none. Naming one, a tool starts all.
[[nodiscard]] inline std::vector<std::string> default_cluster(std::string_view node) {
    std::vector<std::string> members{"nodeA", "nodeB", "nodeC"};
    if (std::find(members.begin(), members.end(), node) == members.end()) members.clear();
    return members;
}

}  // namespace beam::tool
