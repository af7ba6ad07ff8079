// What one listener has been shown of a room, and what he is to be shown next, whichever process serves it.
#pragma once

#include <cstdint>
#include <vector>

#include "tools/chatctl/app/log.hpp"

namespace chat {

class reader {
public:
    /// `read` of one who has listened before; empty for a new one.
    explicit reader(marks read) : read_(std::move(read)) {}

    /// Another process serves the room from now on.
    void resume(marks read, place from);
    /// The next one that it gives after after(): whether it is to be shown.
    [[nodiscard]] bool take(const post& p);

    [[nodiscard]] const marks& read() const { return read_; }
    [[nodiscard]] std::uint64_t after() const { return from_.after; }

private:
    [[nodiscard]] bool is_new(const post& p);

    marks read_;
    place from_;
    // Of the last keys. A message that was sent again, and so is under two epochs, has one.
    std::vector<std::uint64_t> keys_;
    std::size_t oldest_ = 0;
};

}  // namespace chat
