// The runtime's end of the socket to beamd's parent process.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/base/result.hpp"
#include "libbeamcore/base/unique_fd.hpp"
#include "libbeamcore/node/node_options.hpp"

namespace beam {

/// What the parent says while the runtime runs.
struct link_event {
    enum class what {
        stop,      ///< drain, then exit with 0; `text` is the reason
        reread,    ///< SIGHUP: `settings` are those of node_options now
        listener,  ///< accept on `fd` as well; the old socket's file is gone, its queue is not
        exited,    ///< process `pid`, adopted from an earlier child, ended with `status` (waitpid)
        status,    ///< answers ask_status()
        parent_gone,  ///< leave at once: end your ports' process groups and exit
    };
    what kind;
    std::string text;
    std::map<std::string, std::string> settings{};
    unique_fd fd;
    int pid = 0;
    int status = 0;
    int restarts = 0;
    std::chrono::milliseconds uptime{};
    bool again = false;  ///< stop: another runtime follows at once, clients come back to it
};

/// The link to the parent. One thread at a time may use it; nothing waits, except open().
///
/// Usage: open, boot, ready() (or failed(), then exit); poll fd() for reading and call next() until
/// it returns nothing. Liveness is proven by calling next(): it answers the parent's pings.
class BEAM_EXPORT child_link {
public:
    /// Greets the parent and takes over the descriptors. Waits for the parent's answer, at most 5 s.
    /// Makes the inherited descriptors close-on-exec. Should the parent die, this process is killed
    /// 3 s later, even when it hangs, so that its lock is free for the next node.
    ///
    /// Errors: `no_parent` (not started by beamd), `version` (it speaks another protocol).
    [[nodiscard]] static result<child_link> open(const node_options& options);

    [[nodiscard]] int fd() const { return socket_.get(); }
    [[nodiscard]] std::optional<link_event> next();

    void ready();
    void failed(std::string_view why);         ///< one line for a person; exit after it
    void stopping(std::string_view reason);    ///< exit with 0 after it, and the parent ends too
    void restart(std::string_view reason);     ///< exit with 0 after it: another child is started
    void keep(std::string_view name, int fd);  ///< the parent holds a copy for later children
    void drop(std::string_view name);
    void reexec_parent();  ///< the parent becomes the beamd now on disk
    void ask_status();

    int restarts = 0;          ///< how often the runtime was started anew before this time
    std::string start_reason;  ///< `started`, `crashed: signal 11`, `restart asked for by ...`
    std::int64_t node_started_ms = 0;       ///< Unix time of the parent's own start
    std::map<std::string, unique_fd> kept;  ///< what earlier children left with keep()

private:
    child_link() = default;
    void send(std::string_view verb, std::string_view argument = {}, int fd = -1);

    unique_fd socket_;
    bool gone_ = false;
};

}  // namespace beam
