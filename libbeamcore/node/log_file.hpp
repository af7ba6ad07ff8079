// NAME.log: what the node says, at most 10 MB a file, five old ones kept.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "libbeamcore/base/unique_fd.hpp"

namespace beam {

/// An append-only file that rotates: NAME.log becomes NAME.log.1, that NAME.log.2, and so on. Never
/// fails: what cannot be written (disk full, folder gone) is counted and said once it can be again.
class log_file {
public:
    static constexpr std::size_t size_max = 10'000'000;
    static constexpr int kept = 5;

    /// `echo` also writes everything to stderr.
    log_file(std::string path, bool echo, std::size_t size_limit = size_max);

    /// Bytes as they are, from the child.
    void raw(std::string_view bytes);

    /// One line of the parent's own, with the time and its name.
    void line(std::string_view text);

    /// Opens the file at the path anew: somebody else may have moved it away.
    void reopen();

private:
    void rotate();

    std::string path_;
    unique_fd fd_;
    std::size_t size_ = 0;
    std::size_t size_limit_;
    std::size_t lost_ = 0;
    bool echo_;
    bool at_line_start_ = true;
};

}  // namespace beam
