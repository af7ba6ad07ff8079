// frame_writer: the frames that we send, in the form that was negotiated.
//
// It does not encode: the caller appends the terms between begin() and end(), in the form that with_version() and
// references() say. Frames must be sent in the order in which they were begun: an atom is sent once, and referred to
// afterwards. For one thread at a time.
//
//     w.begin(out);
//     ...                      // append the control message
//     w.message_begins(out);
//     ...                      // append the message
//     auto cut = w.end(out);   // or abandon(out)
//     while (cut && *cut && !(*cut)->at_end()) (*cut)->next(to);    // an output; other frames may go between
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/base/result.hpp"
#include "libbeamcore/dist/flags.hpp"
#include "libbeamcore/dist/frame.hpp"
#include "libbeamcore/dist/output.hpp"
#include "libbeamcore/term/etf.hpp"

namespace beam::dist {

namespace detail {
class outgoing_atoms;
}

/// A large message that goes in fragments. Its fragments must all be sent, in order; other frames may go between.
class BEAM_EXPORT cut_message {
public:
    [[nodiscard]] bool at_end() const { return left_ == 0; }
    /// How many fragments are still to be sent.
    [[nodiscard]] std::size_t fragments_left() const { return left_; }

    /// Appends the next fragment, a frame of its own. Of long binaries nothing is copied.
    void next(output& to);

private:
    friend class frame_writer;
    cut_message(std::string bytes, std::size_t at, std::vector<etf::splice> splices,
                std::size_t control_size, std::string references);
    [[nodiscard]] std::size_t bytes_left() const;

    std::string bytes_;   // control message and message, from at_
    std::size_t at_ = 0;  // what is sent already
    std::vector<etf::splice> splices_;
    std::size_t splice_ = 0, of_splice_ = 0;  // what is sent of them
    std::size_t control_size_ = 0;
    std::string references_;  // of the first fragment
    std::uint64_t sequence_ = 0;
    std::size_t left_ = 0;
    bool is_first_ = true;
};

class BEAM_EXPORT frame_writer {
public:
    explicit frame_writer(flags negotiated);
    frame_writer(frame_writer&&) noexcept;
    frame_writer& operator=(frame_writer&&) noexcept;
    ~frame_writer();

    /// Begins a frame at the end of `out`. What is there already stays.
    void begin(std::string& out);
    /// The control message is complete; what follows is the message, which may be cut.
    void message_begins(const std::string& out) { message_at_ = out.size(); }
    /// The frame is complete. A message that is too large for one is taken out of `out` again, and given. If `out` had
    /// nothing else, without a copy.
    ///
    /// Errors: `too_large` (4 GiB); as abandon(out) then.
    [[nodiscard]] result<std::optional<cut_message>> end(std::string& out);
    /// Takes what was begun out of `out` again.
    void abandon(std::string& out);

    /// Whether each term begins with 131.
    [[nodiscard]] bool with_version() const { return !header_; }
    /// For the terms of this frame; null: atoms are written out.
    [[nodiscard]] etf::atom_references* references();
    /// The same; null: the binaries of this frame are written out.
    [[nodiscard]] std::vector<etf::splice>* splices() { return cuts_ ? &splices_ : nullptr; }

    /// Appends a tick.
    static void tick(std::string& out) { out.append(4, '\0'); }

private:
    bool header_ = false;
    bool cuts_ = false;
    std::unique_ptr<detail::outgoing_atoms> atoms_;  // null: no cache
    std::size_t head_size_ = 0;                      // that is left free for the header
    std::size_t begin_ = 0, message_at_ = 0;
    std::vector<etf::splice> splices_;  // of this frame
    std::string head_;                  // kept for its memory
};

}  // namespace beam::dist
