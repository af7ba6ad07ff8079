// os_port: an OS process, with what it starts, as a source of messages.
//
// The program leads a process group of its own. When its port is closed, and so when the port's owner
// dies, the group is told to end (SIGTERM), and killed (SIGKILL) after a time of grace; when the program
// ends by itself, what is left of its group ends likewise. So no grandchild is left, except one that made
// itself a group or session of its own: that was its wish.
//
// The death of this OS process is not seen by the program but as the end of its pipes: no PDEATHSIG is
// set, for that fires when the thread that spawned it ends. A node's parent process sees to it.
//
//     auto port = beam::io::open_port({.argv = {"sh", "-c", "date; read x"}, .streams = {.framing = line}});
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/base/result.hpp"
#include "libbeamcore/io/connection.hpp"
#include "libbeamcore/io/messages.hpp"
#include "libbeamcore/runtime/process.hpp"

namespace beam::io {

namespace detail {
class child;
}

/// How an OS process ended. Both at their defaults: not known (SIGCHLD is ignored, or somebody else
/// waited for it).
struct exit_status {
    int code = -1;   ///< what it gave to exit(); -1 if a signal ended it
    int signal = 0;  ///< what ended it; 0 if it exited
    [[nodiscard]] bool is_success() const { return code == 0; }
    friend bool operator==(const exit_status&, const exit_status&) = default;
    BEAM_FIELDS(exit_status, code, signal)
};

/// The last message of a port: it ended, and all that it wrote to pipes was read (end_of_input came for
/// each). Who does not read a program's output lets it be discarded, or uses wait().
struct exited {
    token from;
    exit_status status;
    BEAM_FIELDS(exited, from, status)
};

enum class output_to : std::uint8_t {
    messages,  ///< a pipe that the owner reads
    discard,   ///< /dev/null
    inherit,   ///< where this OS process writes
    output,    ///< for the error output: where the output goes
};

struct port_options {
    /// The program and its arguments. A name without a slash is looked for in PATH (of this OS process).
    std::vector<std::string> argv;
    /// Added to the environment; without a value: taken out of it.
    std::vector<std::pair<std::string, std::optional<std::string>>> env{};
    bool clear_env = false;  ///< begin with an empty environment
    std::string cwd{};       ///< empty: this OS process's
    bool input = true;       ///< a pipe that the owner writes; else /dev/null
    output_to output = output_to::messages;
    output_to error_output = output_to::inherit;
    stream_options streams{};               ///< of the pipes
    std::chrono::milliseconds grace{5000};  ///< between SIGTERM and SIGKILL
};

/// As with a connection: the process that last called activate(), read*() or wait() is told.
class BEAM_EXPORT os_port {
public:
    os_port() noexcept;
    os_port(os_port&&) noexcept;
    os_port& operator=(os_port&& other) noexcept;
    ~os_port();  ///< close()

    explicit operator bool() const { return child_ != nullptr; }
    [[nodiscard]] token id() const;
    [[nodiscard]] pid_t os_pid() const;

    /// Lets `n` more messages come from the output and `n` from the error output, then end_of_input of
    /// each, then `exited`.
    void activate(std::uint32_t n = 1);
    /// The same for one of them: 1 the output, 2 the error output.
    void activate_stream(int stream, std::uint32_t n = 1);
    void deactivate();

    /// Reads from the output (1) or the error output (2) by asking, as connection::read does.
    [[nodiscard]] awaitable<result<std::string>> read(timeout limit = infinity{}, int stream = 1);
    [[nodiscard]] awaitable<result<std::string>> read_line(timeout limit = infinity{},
                                                           int stream = 1);

    /// Writes to the program's input, as connection::write does.
    [[nodiscard]] awaitable<result<void>> write(std::string bytes, timeout limit = infinity{});
    [[nodiscard]] result<bool> try_write(std::string_view bytes);
    /// The program reads the end of its input after what was written.
    void close_input();

    /// Sends a signal to the program and its group. Errors: `esrch` (it has ended).
    result<void> kill(int signal);
    /// Waits until the program has ended, whether its output was read or not. Errors: `timeout`, `closed`.
    [[nodiscard]] awaitable<result<exit_status>> wait(timeout limit = infinity{});
    /// Nothing as long as it runs.
    [[nodiscard]] std::optional<exit_status> status() const;

    /// Closes the pipes and ends the group: SIGTERM now, SIGKILL after the grace, in the background.
    void close();

    /// For this layer.
    explicit os_port(std::shared_ptr<detail::child> c) noexcept;

private:
    std::shared_ptr<detail::child> child_;
};

/// Starts a program; the calling process owns it. All descriptors but the three are closed in it, no
/// signal is blocked or ignored. Takes about a millisecond.
///
/// Errors: `enoent`, `eacces`, ... (the program or cwd), `empty_argv`, `emfile`, `eagain`.
[[nodiscard]] BEAM_EXPORT result<os_port> open_port(const port_options& options);

/// Kills the groups of all open ports of a runtime at once, from any thread. For a node that must leave.
BEAM_EXPORT void kill_all_ports(runtime& node);

}  // namespace beam::io

BEAM_EXPORTED_DESCRIPTOR(beam::io::exit_status);
BEAM_EXPORTED_DESCRIPTOR(beam::io::exited);
