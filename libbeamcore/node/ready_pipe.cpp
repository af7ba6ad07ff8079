#include "libbeamcore/node/ready_pipe.hpp"

#include <string>

namespace beam {

void ready_pipe::failed(std::string_view why) {
    std::string line(why);
    for (char& c : line)
        if (static_cast<unsigned char>(c) < ' ') c = ' ';
    // A pipe takes PIPE_BUF bytes in one piece.
    if (line.size() > 4000) line.resize(4000);
    say(line + "\n");
}

void ready_pipe::say(std::string_view line) {
    if (!fd_) return;
    // The starter may have given up: its end is closed then, and SIGPIPE is ignored by the parent.
    [[maybe_unused]] auto n = ::write(fd_.get(), line.data(), line.size());
    fd_.reset();
}

}  // namespace beam
