// NAME.lock: held, it means that a node of that name lives. Never a pid in a file: pids are reused.
#pragma once

#include <string>

#include "libbeamcore/base/result.hpp"
#include "libbeamcore/base/unique_fd.hpp"

namespace beam {

/// An exclusive flock on a file, held until destroyed (and as long as any process that inherited
/// the descriptor lives). The file is never unlinked.
class lock_file {
public:
    lock_file() = default;

    /// Takes the lock, or fails at once. Errors: `held`, `cannot_open`.
    [[nodiscard]] static result<lock_file> take(const std::string& path);

    /// Adopts a descriptor that holds the lock already (after execve).
    [[nodiscard]] static lock_file adopt(int fd, std::string path);

    /// Whether the file at the path is still the locked one. Somebody may have deleted it, and then
    /// it protects nothing.
    [[nodiscard]] bool is_in_place() const;

    [[nodiscard]] int fd() const { return fd_.get(); }
    [[nodiscard]] int release() { return fd_.release(); }

private:
    unique_fd fd_;
    std::string path_;
};

}  // namespace beam
