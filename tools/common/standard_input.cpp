#include "tools/common/standard_input.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <utility>

#include "tools/common/failure.hpp"

namespace beam::tool {

std::optional<std::string> read_stdin(std::size_t max) {
    // A file says how long it is before it is read.
    struct stat s {};
    if (::fstat(STDIN_FILENO, &s) == 0 && S_ISREG(s.st_mode) && std::size_t(s.st_size) > max)
        return {};
    std::string bytes;
    char buffer[65536];
    while (std::size_t n = std::fread(buffer, 1, sizeof buffer, stdin)) {
        bytes.append(buffer, n);
        if (bytes.size() > max) return {};
    }
    if (std::ferror(stdin)) throw failure(exit_code::io_error, "cannot read stdin");
    return bytes;
}

std::string message_on_stdin(std::size_t max) {
    if (auto text = read_stdin(max)) return *std::move(text);
    throw failure(exit_code::usage, "the message has more than the " + std::to_string(max) +
                                        " bytes that are allowed");
}

}  // namespace beam::tool
