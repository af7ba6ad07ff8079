// Puts messages together that come in fragments, several at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "libbeamcore/base/result.hpp"
#include "libbeamcore/dist/frame.hpp"
#include "libbeamcore/dist/internal/growing_binary.hpp"

namespace beam::dist::detail {

/// All fragments of one message.
struct whole_message {
    term bytes;  // a binary
    std::vector<atom> references;
};

class fragment_assembler {
public:
    explicit fragment_assembler(const frame_limits& limits) : limits_(limits) {}

    // Errors of all: `bad_frame`, `too_long`, `too_many_fragments`.

    /// The first fragment of several.
    [[nodiscard]] result<void> begin(std::uint64_t sequence, std::uint64_t fragment,
                                     std::span<const atom> references, std::string_view bytes);
    /// A later one; the message, if that was its last one.
    [[nodiscard]] result<std::optional<whole_message>> go_on(std::uint64_t sequence,
                                                             std::uint64_t fragment,
                                                             std::string_view bytes);

    // The same where its bytes are still to come, which can be read to where they belong.

    /// A later fragment, of so many bytes.
    [[nodiscard]] result<void> expect(std::uint64_t sequence, std::uint64_t fragment,
                                      std::size_t size);
    /// For the bytes of it that have not come; empty: none is expected.
    [[nodiscard]] std::span<char> room();
    /// So many were put there. The message, if they were its last ones.
    [[nodiscard]] std::optional<whole_message> filled(std::size_t n);

    /// Messages whose end has not come.
    [[nodiscard]] std::size_t open() const { return open_.size(); }
    [[nodiscard]] std::size_t bytes() const { return bytes_; }

private:
    struct message {
        growing_binary bytes;
        std::vector<atom> references;
        std::uint64_t next = 0;  // the fragment that must come
    };
    using messages = std::unordered_map<std::uint64_t, message>;

    /// Room for so many bytes, and for what is likely to follow them.
    [[nodiscard]] result<void> make_room(message& m, std::size_t size);

    frame_limits limits_;
    messages open_;
    message* expected_ = nullptr;  // whose fragment is coming
    std::uint64_t expected_sequence_ = 0;
    std::size_t expected_left_ = 0;
    std::size_t bytes_ = 0;
};

}  // namespace beam::dist::detail
