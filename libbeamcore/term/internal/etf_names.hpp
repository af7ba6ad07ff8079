// Atoms and nodes from the wire: what may be made of them, and what it costs.
#pragma once

#include <cstdint>
#include <string_view>

#include "libbeamcore/term/etf.hpp"

namespace beam::etf {

class name_reader {
public:
    explicit name_reader(const decode_options& options) noexcept : options_(options) {}

    // Throw `stopped`.
    atom of_utf8(std::string_view text);
    atom of_latin1(std::string_view text);
    atom at_place(std::size_t place) const;
    // 0 for `self`.
    std::uint32_t node(const node_identity& node);

private:
    void pay();

    const decode_options& options_;
    node_identity last_{};  // a frame's terms are of few nodes; looking one up takes a lock
    std::uint32_t last_index_ = 0;
};

}  // namespace beam::etf
