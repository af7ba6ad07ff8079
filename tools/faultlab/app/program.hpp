// A program as a child of a tree under test: an OS process with its group, which the supervisor's worker
// starts, watches and stops.
//
// Its start gives its pid when the program is ready. Whenever it ends, by itself or not, nobody of its
// group is left: the group is told to end, and killed after a time of grace.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "libbeamcore/io/os_port.hpp"
#include "libbeamcore/otp/child_spec.hpp"
#include "libbeamcore/otp/gen_server.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "tools/faultlab/app/messages.hpp"
#include "tools/faultlab/app/words.hpp"

namespace faultlab {

/// When a program is ready: all that is given must hold; without any of them, when it has run for 50 ms.
struct readiness {
    std::string line;        ///< an extended regular expression that a line of its output matches
    std::uint16_t port = 0;  ///< 127.0.0.1 takes connections there
    std::string command;     ///< a command of the shell that ends with 0
    std::chrono::milliseconds within{10'000};
};

/// What programs of one run have in common.
struct program_setting {
    std::string folder;                      ///< where they run
    std::map<std::string, std::string> env;  ///< all of their environment
    readiness ready;
    std::chrono::milliseconds grace{1000};  ///< between SIGTERM and SIGKILL
    beam::pid experiment;                   ///< told of ends; without it no start goes on
    beam::pid lease;                        ///< told of process groups: see lease.hpp
};

class program : public beam::gen_server<program> {
    struct order {
        fault what = fault::kill;
        std::chrono::milliseconds hold{};
    };
    struct let_run {
        bool stop_again = false;  // a slow one: it runs for a moment only
    };

public:
    static void suffer(beam::pid program, fault what, std::chrono::milliseconds hold);

    /// The start of `command`, run by sh.
    static beam::child_start child(std::shared_ptr<const program_setting> setting, std::string name,
                                   std::string command);

    using calls = beam::messages<pulse_request>;
    using casts = beam::messages<order>;
    using infos = beam::messages<let_run, beam::io::data, beam::io::passive, beam::io::end_of_input,
                                 beam::io::exited>;

    static beam::awaitable<beam::init_result<program>> init(
        std::shared_ptr<const program_setting> setting, std::string name, std::string command);

    pulse handle_call(pulse_request) const;
    void handle_cast(order o);
    void handle_info(let_run m);
    void handle_info(beam::io::data) {}  // its output interests nobody once it is ready
    void handle_info(beam::io::passive m);
    void handle_info(beam::io::end_of_input) {}
    void handle_info(beam::down_message) {}
    beam::cast_result handle_info(beam::io::exited m);
    beam::awaitable<void> terminate(const beam::term& reason);

private:
    /// Why the program is not ready and never will be; nothing when it is.
    beam::awaitable<std::optional<std::string>> become_ready(beam::self me);
    bool takes_output(const std::string& bytes);
    beam::awaitable<bool> passes_probes();
    beam::awaitable<void> end_group();

    std::shared_ptr<const program_setting> setting_;
    std::string name_;
    beam::io::os_port port_;
    std::string line_;       // of the output, as far as it has come
    std::string last_line_;  // the last whole one, for who wants to know why
    bool line_seen_ = false;
    bool asked_to_end_ = false;  // by a fault: an end by SIGTERM is an orderly one then
    std::chrono::nanoseconds stopped_until_{};
};

/// `exited with 3`, `was killed by signal 9`.
[[nodiscard]] std::string described(const beam::io::exit_status& status);

}  // namespace faultlab
