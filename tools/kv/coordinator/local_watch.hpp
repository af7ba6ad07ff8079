// local_watch: waits for what may be a change of cluster.mdb: a wake-up, the end of a member's OS process, and else a look now
// and then.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "libbeamcore/base/result.hpp"
#include "libbeamcore/base/unique_fd.hpp"
#include "tools/kv/coordinator/coordinator.hpp"
#include "tools/kv/coordinator/local_file.hpp"
#include "tools/kv/coordinator/local_wake.hpp"

namespace kv {

class local_watch {
public:
    local_watch(std::string folder, const local_file& file, const local_wake& wake,
                std::chrono::milliseconds look_every);

    /// Errors: the system's (no descriptors left).
    [[nodiscard]] beam::result<void> open();

    /// Whose ends are watched from now on. By any thread.
    void members_are(const kept_view& view);

    /// See coordinator::wait.
    [[nodiscard]] bool wait(std::uint64_t rev, steady_time deadline);
    /// By any thread. For good.
    void interrupt();
    [[nodiscard]] bool is_interrupted() const;

private:
    struct watched {
        std::string node;
        std::uint64_t incarnation = 0;
        std::int64_t os_pid = 0;
        beam::unique_fd end{};  // a pidfd, if one can be had
    };

    void take_members();
    [[nodiscard]] bool has_changed(std::uint64_t rev) const;

    const std::string folder_;
    const local_file& file_;
    const local_wake& wake_;
    const std::chrono::milliseconds look_every_;
    beam::unique_fd stop_;  // an eventfd
    std::mutex mutex_;
    std::vector<watched> told_;
    bool is_told_ = false;
    std::vector<watched> watched_;  // the waiting thread's
};

}  // namespace kv
