#include "tools/common/ask_again.hpp"

#include <cstdio>
#include <nlohmann/json.hpp>
#include <random>

#include "tools/common/failure.hpp"

namespace beam::tool {

std::string fresh_key() {
    std::random_device random;
    char text[33];
    std::snprintf(text, sizeof text, "%08x%08x%08x%08x", random(), random(), random(), random());
    return text;
}

nlohmann::json ask_through_restarts(client& node, std::string_view method,
                                    const nlohmann::json& params) {
    const auto until = node.common()->until();
    node.set_deadline(until);
    for (;;) {
        try {
            return node.ask(method, params);
        } catch (const failure& error) {
            if (error.exit != exit_code::try_again || !error.applied_unknown || until.is_over())
                throw;
        } catch (const connection_lost&) {
            if (until.is_over()) throw;
        }
        node.disconnect();
    }
}

}  // namespace beam::tool
