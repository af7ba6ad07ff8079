// The protocol between beamd's parent process and its child, the runtime.
//
// A SOCK_SEQPACKET pair; one packet a message: a verb and its arguments, separated by NUL bytes, and
// at most one file descriptor. A verb that a side does not know is ignored, so that both can grow;
// what changes the meaning of a verb changes `version`.
//
//   child to parent
//     hello VERSION            first of all; the parent answers with welcome, gives, begin
//     ready                    serves clients: goes to systemd and to whoever waits for the start
//     failed TEXT              cannot boot; TEXT is one line for a person; the child then exits
//     keep NAME + fd           hold this descriptor and give it to every later child
//     drop NAME                close it again
//     stopping REASON          an ordered stop has begun (idle, told over the control socket): when
//                              the child has exited with 0, the parent ends too
//     restart REASON           as stopping, but another child is started after it
//     reexec                   the parent replaces itself by the beamd on disk; the child stays
//     pong                     answers ping
//     status                   asks for one status packet
//   parent to child
//     welcome VERSION RESTARTS STARTED_AT_UNIX_MS REASON   RESTARTS so far; REASON of this start
//     give NAME + fd           a descriptor an earlier child left with keep
//     begin                    ends the gives
//     listener + fd            the socket file was deleted and made anew: accept here as well
//     stop REASON [again]      drain and exit with 0; killed when it takes longer than the drain time;
//                              again: another child is started after it
//     reread [KEY VALUE]...    SIGHUP: these are the settings of config.toml now
//     ping                     asked for when systemd watches; unanswered, no WATCHDOG=1 is sent
//     exited PID STATUS        an adopted process (a port of an earlier child) ended, as waitpid says
//     status PARENT_PID RESTARTS UPTIME_MS
//
// When the parent is gone the socket reads as ended: the child leaves at once.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libbeamcore/base/unique_fd.hpp"

namespace beam::parent_protocol {

inline constexpr int version = 1;
inline constexpr std::size_t packet_size_max = 64 * 1024;

struct packet {
    std::string verb;
    std::vector<std::string> arguments;
    unique_fd fd;

    /// Argument `i`, or nothing when the sender gave fewer.
    [[nodiscard]] std::string argument(std::size_t i) const {
        return i < arguments.size() ? arguments[i] : std::string();
    }
};

[[nodiscard]] std::string encode(std::string_view verb, const std::vector<std::string>& arguments);
[[nodiscard]] packet decode(std::string_view bytes);

enum class io { done, would_block, closed };

/// Sends one encoded packet, with `fd` unless it is -1. Never waits.
io send_packet(int socket, std::string_view bytes, int fd = -1);

/// Receives one packet if there is one. Never waits. A received descriptor is close-on-exec.
io receive_packet(int socket, packet& into);

}  // namespace beam::parent_protocol
