// wire_writer: tuples of pids, references, atoms and numbers, straight into bytes.
#pragma once

#include <cstdint>
#include <string>

#include "libbeamcore/dist/control.hpp"
#include "libbeamcore/term/etf.hpp"
#include "libbeamcore/term/node_table.hpp"

namespace beam::dist::detail {

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

private:
    [[nodiscard]] node_identity node(std::uint32_t index) const {
        return index == 0 ? options_.self : node_at(index);
    }

    std::string& out_;
    const etf::encode_options& options_;
};

}  // namespace beam::dist::detail
