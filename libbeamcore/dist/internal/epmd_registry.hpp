// Which nodes are registered, and through which connection.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libbeamcore/dist/epmd_protocol.hpp"
#include "libbeamcore/io/messages.hpp"

namespace beam::dist::detail {

class epmd_registry {
public:
    /// `first_creation`: random, so that a registry that begins anew gives no creation that its forerunner gave.
    explicit epmd_registry(std::uint32_t first_creation) : next_creation_(first_creation) {}

    /// The creation; none: the name is taken.
    [[nodiscard]] std::optional<std::uint32_t> add(io::token through, epmd_node node);
    /// What was registered through that connection is no more.
    void remove(io::token through);

    [[nodiscard]] const epmd_node* find(std::string_view name) const;
    [[nodiscard]] std::vector<epmd_name> names() const;
    [[nodiscard]] std::size_t size() const { return nodes_.size(); }

private:
    struct entry {
        io::token through;
        epmd_node node;
    };
    std::map<std::string, entry, std::less<>> nodes_;
    std::map<io::token, std::string> names_;
    std::uint32_t next_creation_;
};

}  // namespace beam::dist::detail
