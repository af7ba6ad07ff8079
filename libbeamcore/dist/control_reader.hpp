// control_reader: the control messages of one connection, out of its frames.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/base/result.hpp"
#include "libbeamcore/dist/control.hpp"
#include "libbeamcore/dist/frame.hpp"
#include "libbeamcore/term/etf.hpp"
#include "libbeamcore/term/node_table.hpp"

namespace beam::dist {

struct received_control {
    dist::control::message control;
    /// The message of send, reg_send or alias_send, not decoded (131 included where the frame has it); valid as long as
    /// the frame.
    std::string_view payload;
};

class BEAM_EXPORT control_reader {
public:
    /// `self`: this node; `budget`: for atoms and nodes that are new, the connection's, which outlives this.
    control_reader(node_identity self, etf::atom_budget& budget);
    control_reader(control_reader&&) noexcept;
    control_reader& operator=(control_reader&&) noexcept;
    ~control_reader();

    /// What a frame says. The commonest messages are read without making terms.
    ///
    /// Errors, after which the connection is to be closed: `unknown_control`, `bad_control` (another shape, a message
    /// missing or too many), and those of etf::decode.
    [[nodiscard]] result<received_control> read(const frame& f);

    /// How to decode the payload of that frame.
    [[nodiscard]] etf::decode_options payload_options(const frame& f) const;

private:
    struct state;
    std::unique_ptr<state> state_;
};

}  // namespace beam::dist
