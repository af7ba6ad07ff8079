// Files of tables: bytes in, bytes out. What they mean is in files.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "libbeamcore/base/result.hpp"
#include "libbeamcore/base/unique_fd.hpp"

namespace beam::detail::ets {

/// A file that takes its place when it is whole: written beside it, put on disk, renamed. What was there stays
/// until then; dropped before finish(), nothing is left.
class new_file {
public:
    [[nodiscard]] static result<new_file> create(const std::string& path);
    new_file(new_file&& other) noexcept = default;
    ~new_file();

    /// Errors of all three: `io`, the detail with the path and the system's words.
    [[nodiscard]] result<void> write(std::string_view bytes);
    [[nodiscard]] result<void> finish();

private:
    new_file(std::string path, std::string beside, unique_fd fd)
        : path_(std::move(path)), beside_(std::move(beside)), fd_(std::move(fd)) {}

    std::string path_;
    std::string beside_;
    unique_fd fd_;
};

/// Reads a file from its beginning; asks for no more memory than the file has bytes.
class file_reader {
public:
    [[nodiscard]] static result<file_reader> open(const std::string& path);

    /// One line without its end; one that is longer than a table's files have is cut. Empty at the end.
    [[nodiscard]] result<std::string> line();
    /// So many bytes, or fewer where the file ends.
    [[nodiscard]] result<std::string> take(std::size_t bytes);

private:
    file_reader(std::string path, unique_fd fd) : path_(std::move(path)), fd_(std::move(fd)) {}
    [[nodiscard]] result<bool> more();

    static constexpr std::size_t line_max = 64 * 1024;
    std::string path_;
    unique_fd fd_;
    std::string held_;
    std::size_t at_ = 0;
};

}  // namespace beam::detail::ets
