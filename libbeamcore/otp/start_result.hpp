// start_result: what starting a process of a behaviour gives.
#pragma once

#include <optional>
#include <tl/expected.hpp>
#include <utility>
#include <variant>

#include "libbeamcore/term/descriptor.hpp"
#include "libbeamcore/term/outcome.hpp"
#include "libbeamcore/term/pid.hpp"
#include "libbeamcore/term/term.hpp"

namespace beam {

/// `{ok, Pid}` or `{ok, Pid, Info}`.
struct started {
    beam::pid pid;
    std::optional<term> info{};
};

/// The class decided not to run: no process is left, and it is no failure.
struct ignore {};

/// `{ok, Pid}`, `{ok, Pid, Info}`, `ignore`, or `{error, Reason}` with Reason as the error.
using start_result = tl::expected<std::variant<started, ignore>, term>;

/// The pid of a start; the reason, or `ignore`, as the error.
[[nodiscard]] inline outcome<pid> started_pid(start_result r) {
    if (!r) return fail_term(std::move(r.error()));
    if (auto* s = std::get_if<started>(&*r)) return s->pid;
    return fail_term(atoms::ignore);
}

/// As OTP's functions give it.
template <>
struct BEAM_EXPORT field_codec<start_result> {
    static term to(const start_result& value);
    static result<void> from(const term& t, start_result& value);
    template <class>
    static constexpr std::uint64_t fingerprint() {
        return detail::fnv("start_result");
    }
};

}  // namespace beam

BEAM_EXPORTED_DESCRIPTOR(beam::start_result);
BEAM_EXPORTED_DESCRIPTOR(beam::outcome<void>);
