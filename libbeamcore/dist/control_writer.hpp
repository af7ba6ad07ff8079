// control_writer: control messages as the frames of one connection, in the form that was negotiated.
//
// Frames must be sent in the order in which they were written (see frame_writer). For one thread at a time.
#pragma once

#include <optional>
#include <string>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/base/result.hpp"
#include "libbeamcore/dist/control.hpp"
#include "libbeamcore/dist/flags.hpp"
#include "libbeamcore/dist/frame_writer.hpp"
#include "libbeamcore/term/etf.hpp"
#include "libbeamcore/term/node_table.hpp"

namespace beam::dist {

class BEAM_EXPORT control_writer {
public:
    /// `self`: this node, whose pids have index 0.
    control_writer(node_identity self, flags negotiated);

    /// Nothing: the frame is at the end of `out`. Else the message is too large for one, and goes in fragments.
    ///
    /// Errors of all, with which `out` stays as it was: `not_negotiated` (the peer does not know that message),
    /// `too_large`, and those of etf::encode.
    using written = result<std::optional<cut_message>>;

    /// Appends a message that brings no other one.
    [[nodiscard]] written write(std::string& out, const control::message& m);

    [[nodiscard]] written write(std::string& out, const control::send& m, const term& payload);
    [[nodiscard]] written write(std::string& out, const control::reg_send& m, const term& payload);
    [[nodiscard]] written write(std::string& out, const control::alias_send& m,
                                const term& payload);

    // The same in steps, for a payload that is no term yet: begin, append the payload as payload_options() says, end or
    // abandon.

    [[nodiscard]] result<void> begin(std::string& out, const control::send& m);
    [[nodiscard]] result<void> begin(std::string& out, const control::reg_send& m);
    [[nodiscard]] result<void> begin(std::string& out, const control::alias_send& m);
    [[nodiscard]] etf::encode_options payload_options();
    [[nodiscard]] written end(std::string& out) { return frames_.end(out); }
    void abandon(std::string& out) { frames_.abandon(out); }

private:
    template <class Message>
    [[nodiscard]] written write_with(std::string& out, const Message& m, const term& payload);

    node_identity self_;
    flags negotiated_;
    frame_writer frames_;
};

}  // namespace beam::dist
