#include "tools/breaker/opening_hook.hpp"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>

#include "libbeamcore/base/unique_fd.hpp"
#include "tools/common/failure.hpp"

namespace breaker {

namespace {

using namespace std::chrono_literals;
using beam::tool::deadline;

constexpr std::size_t running_max = 16;
constexpr auto ends_within = 30s;

// Not a pipe: a command that reads nothing must not end us by SIGPIPE.
beam::unique_fd readable(const std::string& text) {
    beam::unique_fd file(::memfd_create("change", MFD_CLOEXEC));
    const bool written =
        file && ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
    if (!written || ::lseek(file.get(), 0, SEEK_SET) != 0)
        throw beam::tool::failure(beam::tool::exit_code::try_again,
                                  std::string("no memory for a file: ") + std::strerror(errno));
    return file;
}

}  // namespace

opening_hook::~opening_hook() {
    while (!running_.empty()) end_oldest();
}

void opening_hook::run(const std::string& change) {
    if (command_.empty()) return;
    forget_ended();
    if (running_.size() >= running_max) end_oldest();
    const beam::unique_fd input = readable(change + "\n");
    beam::tool::child_options options;
    options.input = input.get();
    options.output = 2;
    options.own_group = true;
    options.gets_descriptors = false;
    running_.emplace_back(std::vector<std::string>{"/bin/sh", "-c", command_}, options);
}

void opening_hook::forget_ended() {
    for (auto c = running_.begin(); c != running_.end();) {
        if (!c->ends_by(deadline::in(0s))) {
            ++c;
            continue;
        }
        (void)c->reap();
        c = running_.erase(c);
    }
}

void opening_hook::end_oldest() {
    auto& oldest = running_.front();
    if (!oldest.ends_by(deadline::in(ends_within))) oldest.kill(SIGKILL);
    (void)oldest.reap();
    running_.pop_front();
}

}  // namespace breaker
