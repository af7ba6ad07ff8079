// Child specifications and supervisor flags: how a supervisor starts, restarts and stops its children.
//
// Fields, names and defaults are OTP's (stdlib's supervisor, child_spec() and sup_flags()). Differences:
// `modules` is not given, for `start` knows them; an id is any term, and a text stands for a binary.
// The structs have constructors, so that one built inside a co_await expression is safe on g++ 12.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/base/result.hpp"
#include "libbeamcore/otp/child_start.hpp"
#include "libbeamcore/otp/start_result.hpp"
#include "libbeamcore/runtime/timeout.hpp"
#include "libbeamcore/term/descriptor.hpp"
#include "libbeamcore/term/outcome.hpp"
#include "libbeamcore/term/term.hpp"

namespace beam {

/// When a child that has ended is started again. An exit is abnormal when its reason is none of
/// `normal`, `shutdown` and `{shutdown, Term}`.
enum class restart_type : std::uint8_t {
    permanent,  ///< always
    transient,  ///< only after an abnormal exit
    temporary,  ///< never, not even when a sibling's death takes it down
};

struct brutal_kill {  ///< exit(child, kill) at once
    friend constexpr bool operator==(brutal_kill, brutal_kill) = default;
};

/// A duration is how long the child may take after exit(child, shutdown) before it is killed; infinity
/// waits as long as it takes.
using shutdown_type = std::variant<std::chrono::milliseconds, brutal_kill, infinity>;

enum class child_type : std::uint8_t { worker, supervisor };

/// What a worker is given to stop when its specification says nothing.
inline constexpr std::chrono::milliseconds default_shutdown{5000};

/// One child of a supervisor. A plain value: copy it, pass it on, change its fields.
struct child_spec {
    child_spec() = default;
    child_spec(term id, child_start start, restart_type restart = restart_type::permanent,
               std::optional<shutdown_type> shutdown = {}, child_type type = child_type::worker,
               bool significant = false)
        : id(std::move(id)),
          start(std::move(start)),
          restart(restart),
          shutdown(shutdown),
          type(type),
          significant(significant) {}

    term id;  ///< unique among its siblings; a dynamic supervisor ignores it

    /// What to start: a class and its arguments, so that a restart takes the current code. The child is
    /// linked to the supervisor (it exits when the supervisor does) and start returns once it has
    /// initialised. Runs in the supervisor's own process: meanwhile no child is restarted.
    child_start start;

    restart_type restart = restart_type::permanent;
    std::optional<shutdown_type> shutdown{};  ///< default: 5 s for a worker, else infinity
    child_type type = child_type::worker;
    bool significant = false;  ///< counts for auto_shutdown; not for a permanent child
};

/// How long the child may take to stop, the default filled in.
[[nodiscard]] BEAM_EXPORT shutdown_type shutdown_of(const child_spec& spec);

/// Checks `spec` and starts nothing.
///
/// Errors: `missing_id`, `missing_start`, `negative_shutdown`, `permanent_significant`.
[[nodiscard]] BEAM_EXPORT result<void> check(const child_spec& spec);

/// Whom a child's end takes along.
enum class restart_strategy : std::uint8_t {
    one_for_one,         ///< nobody
    one_for_all,         ///< all its siblings
    rest_for_one,        ///< the siblings started after it
    simple_one_for_one,  ///< nobody; all children are made from one specification
};

/// Whether a supervisor stops, with reason `shutdown`, when significant children have ended by themselves.
enum class auto_shutdown_type : std::uint8_t { never, any_significant, all_significant };

/// How a supervisor deals with its children's ends. More than `intensity` restarts within `period` make
/// it give up: it stops its children and exits with `shutdown`.
struct supervisor_flags {
    restart_strategy strategy = restart_strategy::one_for_one;
    int intensity = 1;
    std::chrono::seconds period{5};
    auto_shutdown_type auto_shutdown = auto_shutdown_type::never;

    friend bool operator==(const supervisor_flags&, const supervisor_flags&) = default;
};

/// Checks flags. Errors are OTP's terms: `{invalid_intensity, -1}`, `{invalid_period, 0}`.
[[nodiscard]] BEAM_EXPORT outcome<void> check_flags(const supervisor_flags& flags);

/// Checks a list of specifications as supervisor:check_childspecs/2 does; nothing given for
/// `auto_shutdown` leaves out what depends on it. Errors are OTP's terms: `missing_id`, `missing_start`,
/// `{invalid_shutdown, -10}`, `{duplicate_child_name, Id}`, `{bad_combination, [...]}`.
[[nodiscard]] BEAM_EXPORT outcome<void> check_childspecs(
    const std::vector<child_spec>& specs, std::optional<auto_shutdown_type> auto_shutdown = {});

/// Reads flags from an Erlang map (unknown keys are ignored) or `{Strategy, Intensity, Period}`. Errors:
/// `{invalid_type, T}`, `{invalid_strategy, T}`, `{invalid_intensity, T}`, `{invalid_period, T}`,
/// `{invalid_auto_shutdown, T}`.
[[nodiscard]] BEAM_EXPORT outcome<supervisor_flags> flags_from_term(const term& t);

/// Reads a specification from an Erlang map (unknown keys are ignored) or the old tuple of six. `start`,
/// `{Module, start_link, Args}`, names a class of the module table; it is looked up when the child is
/// started. Errors: `{invalid_child_spec, T}`, `missing_id`, `missing_start`, `{invalid_mfa, T}`,
/// `{invalid_restart_type, T}`, `{invalid_significant, T}`, `{bad_combination, [...]}` (checked if
/// `auto_shutdown` is given), `{invalid_child_type, T}`, `{invalid_shutdown, T}`, `{invalid_modules, T}`,
/// `{invalid_module, T}`.
[[nodiscard]] BEAM_EXPORT outcome<child_spec> child_spec_from_term(
    const term& t, std::optional<auto_shutdown_type> auto_shutdown = {});

/// The full map, defaults filled in, as supervisor:get_childspec/2 gives it.
[[nodiscard]] BEAM_EXPORT term to_term(const child_spec& spec);
[[nodiscard]] BEAM_EXPORT term to_term(const supervisor_flags& flags);
[[nodiscard]] BEAM_EXPORT term to_term(const shutdown_type& shutdown);
[[nodiscard]] BEAM_EXPORT atom to_atom(restart_type restart);
[[nodiscard]] BEAM_EXPORT atom to_atom(child_type type);
[[nodiscard]] BEAM_EXPORT atom to_atom(restart_strategy strategy);
[[nodiscard]] BEAM_EXPORT atom to_atom(auto_shutdown_type auto_shutdown);

/// What a supervisor's init gives: flags and the children to start, in order; or `ignore`.
class BEAM_EXPORT supervisor_init {
public:
    supervisor_init(supervisor_flags flags, std::vector<child_spec> children);
    supervisor_init(ignore);  // NOLINT: implicit
    /// `{ok, {Flags, [Spec]}}` or `ignore` as an Erlang module would give it. Anything else makes the
    /// start fail as in OTP.
    supervisor_init(term erlang);  // NOLINT: implicit

    [[nodiscard]] bool is_ignore() const;
    /// Flags and checked specifications, or the reason to stop for: `{bad_return, {Module, init, T}}`,
    /// `{supervisor_data, E}`, `{start_spec, E}`, `{bad_start_spec, List}`.
    [[nodiscard]] outcome<std::pair<supervisor_flags, std::vector<child_spec>>> check(
        const term& module) const;

private:
    struct plain {
        supervisor_flags flags;
        std::vector<child_spec> children;
    };
    std::variant<plain, ignore, term> value_;
};

/// As OTP's map.
template <>
struct BEAM_EXPORT field_codec<child_spec> {
    static term to(const child_spec& value);
    static result<void> from(const term& t, child_spec& value);
    template <class>
    static constexpr std::uint64_t fingerprint() {
        return detail::fnv("child_spec");
    }
};

}  // namespace beam

BEAM_EXPORTED_DESCRIPTOR(beam::outcome<beam::child_spec>);
