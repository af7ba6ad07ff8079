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
#include "libbeamcore/dist/internal/raw_bytes.hpp"

namespace beam::dist::detail {

struct fragmented_message {
    gathered_bytes bytes;
    std::vector<atom> references;
    std::uint64_t next = 0;  // the fragment that must come; 0: it is whole
};

class fragment_assembler {
public:
    explicit fragment_assembler(const frame_limits& limits) : limits_(limits) {}

    /// The first fragment of several. Errors of both: `bad_frame`, `too_long`, `too_many_fragments`.
    [[nodiscard]] result<void> begin(std::uint64_t sequence, std::uint64_t fragment,
                                     std::span<const atom> references, std::string_view bytes);
    /// The message, if that was its last one.
    [[nodiscard]] result<std::optional<fragmented_message>> go_on(std::uint64_t sequence,
                                                                  std::uint64_t fragment,
                                                                  std::string_view bytes);

    [[nodiscard]] std::size_t open() const { return open_.size(); }
    [[nodiscard]] std::size_t bytes() const { return bytes_; }

private:
    [[nodiscard]] result<void> add(fragmented_message& to, std::string_view bytes);

    frame_limits limits_;
    std::unordered_map<std::uint64_t, fragmented_message> open_;
    std::size_t bytes_ = 0;
};

}  // namespace beam::dist::detail
