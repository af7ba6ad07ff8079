// Reaching rooms, wherever they are, for the methods.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "libbeamcore/release/method.hpp"
#include "libbeamcore/runtime/process.hpp"
#include "libbeamcore/term/pid.hpp"
#include "tools/chatctl/app/post.hpp"

namespace chat {

template <class T>
using asked = tl::expected<T, beam::request_error>;

/// What a look for a room's process came to.
struct reached {
    std::optional<beam::pid> room;
    bool is_known = true;                    ///< false, and there is no such room
    std::optional<beam::request_error> why;  ///< why kv's cannot be had just now
};
/// One look; a room in kv that has no process is opened. `but`, which has just failed, is not what is looked for.
[[nodiscard]] beam::awaitable<reached> reach_room(std::string name, beam::pid but = {});

/// How long to wait for a room before the next look, if nothing may take longer than `until`.
[[nodiscard]] std::chrono::nanoseconds until_next_look(std::chrono::nanoseconds until);

/// The room's process, waiting for it while it is restarted or moves. The caller watches the room then. Errors: `not_found`,
/// also if it does not come back in time; those of refuse_kept().
[[nodiscard]] beam::awaitable<asked<beam::pid>> living_room(std::string name);

/// The process of a room in kv, opened where its shard is led. Errors: those of refuse_kept().
[[nodiscard]] beam::awaitable<asked<beam::pid>> open_in_kv(std::string name);
/// Makes a room in kv, and returns when it is known here. Errors: `already_exists`, `too_many`, `not_open` (it is made), those of
/// refuse_kept().
[[nodiscard]] beam::awaitable<asked<beam::pid>> create_in_kv(std::string name);
/// Deletes a room that is in kv, everywhere. Errors: `not_found`, those of refuse_kept().
[[nodiscard]] beam::awaitable<asked<marks>> remove_in_kv(std::string name);

/// Why what is kept of a room could not be read or written, for people. Of kv: `unavailable` (69), `overloaded`, `moving` and `timeout` (75);
/// after the last it may have been done.
[[nodiscard]] tl::unexpected<beam::request_error> refuse_kept(const beam::term& why,
                                                              const std::string& room);
/// Of a failed call: the process was gone before it got the request, or has done nothing of it.
[[nodiscard]] bool was_not_done(const beam::term& call_failure);

}  // namespace chat
