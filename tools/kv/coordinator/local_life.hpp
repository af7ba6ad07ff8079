// local_life: the lock that says that a life of a node goes on.
//
// A life holds two bytes of members/NODE.lock: byte 0, that of the name, and one that its incarnation chooses. The
// kernel frees both when the OS process has ended, after all of its threads have: a free byte of a life that the members list is
// proof of its death. Each life has a byte of its own, so nobody who looks at an old one is in the way of a new one.
//
// The locks are of open files (F_OFD_SETLK), not of the OS process (F_SETLK): these are dropped when anybody in the
// process closes any descriptor of the file, and a free lock of a live process would be a false proof. Nor do they
// exclude two nodes in one process. An open file's lock lasts until its last descriptor is closed: a child that was forked keeps it
// until it runs a program, so that a death may be seen late; never early.
#pragma once

#include <cstdint>
#include <string>

#include "libbeamcore/base/result.hpp"
#include "libbeamcore/base/unique_fd.hpp"

namespace kv {

class local_life {
public:
    /// Errors: `name_taken` (another life holds the name), the system's.
    ///
    /// A life whose object is gone, but which was not ended, goes on in this OS process, also one of another version of
    /// this code; if it is of this node its lock is taken over, and that life ends.
    [[nodiscard]] static beam::result<local_life> begin(const std::string& folder,
                                                        const std::string& node,
                                                        std::uint64_t incarnation);
    local_life(local_life&& other) noexcept = default;
    local_life& operator=(local_life&& other) noexcept = delete;
    /// The life goes on: only end(), and the death of the OS process, end it.
    ~local_life();

    void end();

    /// False: that life has ended, for sure. True if it cannot be known.
    [[nodiscard]] static bool may_go_on(const std::string& folder, const std::string& node,
                                        std::uint64_t incarnation);

private:
    local_life(std::string file, beam::unique_fd fd) : file_(std::move(file)), fd_(std::move(fd)) {}

    std::string file_;
    beam::unique_fd fd_;
};

}  // namespace kv
