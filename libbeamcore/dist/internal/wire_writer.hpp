// wire_writer: tuples of pids, references, atoms and numbers, straight into bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "libbeamcore/dist/control.hpp"
#include "libbeamcore/term/etf.hpp"
#include "libbeamcore/term/node_table.hpp"

namespace beam::dist::detail {

/// Gathers what it writes, and appends it in one piece: finish().
class wire_writer {
public:
    wire_writer(std::string& out, const etf::encode_options& options)
        : out_(out), options_(options) {}

    /// A tuple that begins with that code; its other fields follow.
    void head(control::op code);
    void put(const pid& p);
    void put(const ref& r);
    void put(atom a);
    void put(const control::target& t);
    void put(std::uint64_t n);
    /// Throws what is wrong with it (an error).
    void put(const term& t);
    void put_empty_atom();
    void put_version();
    void finish();

private:
    // An atom of 255 characters has 1020 bytes; nothing else is as long.
    static constexpr std::size_t field_max = 1100;

    [[nodiscard]] node_identity node(std::uint32_t index) const {
        return index == 0 ? options_.self : node_at(index);
    }
    void room() {
        if (std::size_t(block_ + sizeof block_ - at_) < field_max) finish();
    }
    void u8(std::uint64_t v) { *at_++ = char(v); }
    void u16(std::uint64_t v);
    void u32(std::uint64_t v);
    void name(atom a);

    std::string& out_;
    const etf::encode_options& options_;
    char* at_ = block_;
    char block_[2 * field_max];
};

}  // namespace beam::dist::detail
