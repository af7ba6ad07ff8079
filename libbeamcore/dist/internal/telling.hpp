// telling: what all concerned are told of another node's connection, a part at a time: the links and monitors that are
// lost, then those who watch the node.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "libbeamcore/dist/internal/ties.hpp"
#include "libbeamcore/runtime/runtime.hpp"
#include "libbeamcore/term/atom.hpp"
#include "libbeamcore/term/term.hpp"

namespace beam::dist::detail {

enum class node_news : std::uint8_t { up, hidden_up, down, unreachable };

class telling {
public:
    /// `reason`: of what is down.
    telling(node_news what, lost_ties&& lost, term reason);
    telling(const telling&) = delete;
    telling& operator=(const telling&) = delete;

    /// Links and monitors.
    [[nodiscard]] std::size_t size() const;
    /// Tells about so many of them. False: all is told.
    bool tell(runtime& node, atom peer, std::size_t count);

private:
    struct tie {
        pid to;
        const link_key* link = nullptr;  // or, if there is none
        const ref* monitor = nullptr;
        bool ours = false;
    };
    template <class F>
    void visit(F each);
    void put_in_order();
    void tell_one(runtime& node, atom peer, const tie& t) const;

    const node_news what_;
    lost_ties lost_;
    const term reason_;
    std::vector<tie> order_;
    std::size_t next_ = 0;
    bool has_begun_ = false;
};

}  // namespace beam::dist::detail
