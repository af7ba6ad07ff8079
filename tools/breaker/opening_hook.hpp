// A command for each breaker that opens: `watch --on-open CMD`.
#pragma once

#include <list>
#include <string>

#include "tools/common/child_process.hpp"

namespace breaker {

/// Runs the command beside the watching, at most 16 of them at once; waits for those that run when it ends. One
/// that takes longer than 30 s then is killed.
class opening_hook {
public:
    explicit opening_hook(std::string command) : command_(std::move(command)) {}
    opening_hook(const opening_hook&) = delete;
    opening_hook& operator=(const opening_hook&) = delete;
    ~opening_hook();

    /// A breaker has opened. `change`: the line that watch prints, which is the command's input. Its output goes
    /// to stderr.
    void run(const std::string& change);

private:
    void forget_ended();
    void end_oldest();

    std::string command_;  // empty: none
    std::list<beam::tool::child_process> running_;
};

}  // namespace breaker
