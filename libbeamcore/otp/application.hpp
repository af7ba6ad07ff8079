// application: a part of a node that is started and stopped as one, with what it needs started before.
//
// An application_spec is a plain value: what OTP's NAME.app says, and the functions of the callback
// module. Whoever loads modules (the release layer) makes it and gives it to load(), or to set_loader()
// for applications that are loaded when they are asked for. Applications belong to a runtime.
//
//     struct chat_app {
//         static beam::awaitable<beam::start_result> start(beam::term) {
//             return beam::supervisor::start_link<chat_sup>(8);
//         }
//         static void stop(beam::term state);
//     };
//     beam::application::load(beam::application_of<chat_app>("chat", "1"));
//     auto r = co_await beam::application::ensure_all_started(beam::atom("chat"));
//
// A started application has a process of its own, its master: the group leader of all its processes, whose
// top process it watches. All functions are called from a process.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/otp/child_spec.hpp"
#include "libbeamcore/otp/child_start.hpp"
#include "libbeamcore/otp/start_result.hpp"
#include "libbeamcore/runtime/callback.hpp"
#include "libbeamcore/runtime/process.hpp"
#include "libbeamcore/term/outcome.hpp"
#include "libbeamcore/term/term.hpp"

namespace beam {

/// A parameter of an application.
struct env_entry {
    atom key;
    term value;
};

/// The functions of an application's callback module; all but start may be empty.
struct application_callbacks {
    /// Starts the top process, linked to the caller. What else the start gives (`started::info`) is the
    /// application's state, for the others.
    callback<awaitable<start_result>(term arguments)> start;
    /// For each of the start phases, in order, once start is through.
    callback<awaitable<outcome<void>>(atom phase, term arguments)> start_phase;
    /// Before the top process is told to stop; gives the state for stop.
    callback<term(term state)> prep_stop;
    /// When the top process has ended, by itself too.
    callback<void(term state)> stop;
    /// When parameters have changed under a running application: entries, entries and keys.
    callback<void(std::vector<env_entry> changed, std::vector<env_entry> added,
                  std::vector<atom> removed)>
        config_change;
};

/// Callbacks shared by the copies of a specification; they keep their module mapped.
class BEAM_EXPORT application_code {
public:
    application_code() = default;
    application_code(application_callbacks callbacks);  // NOLINT: implicit

    explicit operator bool() const { return callbacks_ != nullptr; }
    const application_callbacks* operator->() const { return callbacks_.get(); }

private:
    std::shared_ptr<const application_callbacks> callbacks_;
};

/// What an application is: the keys of OTP's application resource file.
struct application_spec {
    application_spec() = default;
    application_spec(atom name, std::string vsn) : name(name), vsn(std::move(vsn)) {}

    atom name;
    std::string vsn;
    std::string description{};
    std::vector<atom> applications{};                   ///< must be running before it starts
    std::vector<atom> optional_applications{};          ///< those of them that may be absent
    std::vector<atom> included_applications{};          ///< are loaded with it, and started by it
    std::vector<atom> registered{};                     ///< names that it registers
    std::vector<env_entry> env{};                       ///< parameters, unless configured otherwise
    std::vector<std::pair<atom, term>> start_phases{};  ///< and what start_phase is given
    atom module{};     ///< the callback module's name; without code a library, without processes
    term arguments{};  ///< what start is given
    application_code code{};
};

/// Reads `{application, Name, [{Key, Value}, ...]}`, a NAME.app; `code` is to be added. Unknown keys are
/// ignored. Error: `{bad_application, T}`, with the part that is wrong.
[[nodiscard]] BEAM_EXPORT outcome<application_spec> application_spec_from_term(const term& t);
/// The same back.
[[nodiscard]] BEAM_EXPORT term to_term(const application_spec& spec);

namespace detail {

template <class T>
application_callbacks callbacks_of() {
    application_callbacks c;
    c.start = [](term arguments) -> awaitable<start_result> {
        using result = decltype(T::start(arguments));
        if constexpr (is_waiting_start<result>) {
            return T::start(std::move(arguments));
        } else {
            return [](term given) -> awaitable<start_result> {
                co_return T::start(std::move(given));
            }(std::move(arguments));
        }
    };
    if constexpr (requires(atom p, term t) { T::start_phase(p, t); }) {
        c.start_phase = [](atom phase, term arguments) -> awaitable<outcome<void>> {
            using result = decltype(T::start_phase(phase, arguments));
            if constexpr (std::is_same_v<result, awaitable<outcome<void>>>) {
                return T::start_phase(phase, std::move(arguments));
            } else {
                return [](atom p, term given) -> awaitable<outcome<void>> {
                    if constexpr (std::is_void_v<result>) {
                        T::start_phase(p, std::move(given));
                        co_return outcome<void>();
                    } else {
                        co_return T::start_phase(p, std::move(given));
                    }
                }(phase, std::move(arguments));
            }
        };
    }
    if constexpr (requires(term t) { T::prep_stop(t); })
        c.prep_stop = [](term state) { return term(T::prep_stop(std::move(state))); };
    if constexpr (requires(term t) { T::stop(t); })
        c.stop = [](term state) { T::stop(std::move(state)); };
    if constexpr (requires(std::vector<env_entry> e, std::vector<atom> k) {
                      T::config_change(e, e, k);
                  }) {
        c.config_change = [](std::vector<env_entry> changed, std::vector<env_entry> added,
                             std::vector<atom> removed) {
            T::config_change(std::move(changed), std::move(added), std::move(removed));
        };
    }
    return c;
}

}  // namespace detail

/// The specification of an application whose callback module is the class T (static start, start_phase,
/// prep_stop, stop, config_change). The rest is to be filled in.
template <class T>
[[nodiscard]] application_spec application_of(std::string_view name, std::string vsn) {
    application_spec spec(atom(name), std::move(vsn));
    spec.module = detail::class_name<T>();
    spec.code = application_code(detail::callbacks_of<T>());
    return spec;
}

/// One line of which_applications and loaded_applications.
struct application_info {
    atom name;
    std::string description;
    std::string vsn;
};

namespace application {

// -- loading --------------------------------------------------------------------------------------

/// Makes an application known, with its parameters. Those it includes are loaded when it is started. Error:
/// `{already_loaded, A}`.
BEAM_EXPORT outcome<void> load(application_spec spec);
/// Makes another version of a loaded application known, without using it (an upgrade's). Errors:
/// `{not_loaded, A}`, `{already_loaded, A}` for the same version.
BEAM_EXPORT outcome<void> load_version(application_spec spec);
/// Makes a version that is loaded the current one; parameters that it brings and that were not set
/// otherwise are taken over. What runs goes on running. The version used before stays loaded. Error:
/// `{not_loaded, A}`.
BEAM_EXPORT outcome<void> use_version(atom name, std::string_view vsn);
/// Forgets an application and its parameters. Errors: `{running, A}`, `{not_loaded, A}`.
BEAM_EXPORT outcome<void> unload(atom name);
/// Forgets a version that is not the current one. Errors: `{running, A}` for the current one,
/// `{not_loaded, A}`.
BEAM_EXPORT outcome<void> unload_version(atom name, std::string_view vsn);
/// The current version's specification.
[[nodiscard]] BEAM_EXPORT std::optional<application_spec> get_spec(atom name);
/// All loaded versions, the current one first.
[[nodiscard]] BEAM_EXPORT std::vector<std::string> versions(atom name);

/// Who makes specifications of applications that are to be started and are not loaded. May wait.
using loader = callback<awaitable<outcome<application_spec>>(atom name)>;
BEAM_EXPORT void set_loader(loader load);

// -- starting and stopping ------------------------------------------------------------------------

/// Starts an application, loading it if need be. `type` says what its end means: temporary, nothing;
/// transient, an abnormal one stops the node; permanent, any.
///
/// Errors: `{already_started, A}`, `{not_started, Dependency}`, `{"no such file or directory", "A.app"}` for
/// one nobody can load; `{Reason, {Module, start, [normal, Arguments]}}` when start fails, `{bad_return,
/// {{Module, start, [normal, Arguments]}, V}}` when it throws or says ignore.
[[nodiscard]] BEAM_EXPORT awaitable<outcome<void>> start(
    atom name, restart_type type = restart_type::temporary);

/// Starts an application and before it, in order, all it depends on that is not running. Gives those that
/// were started. Error: `{A, Reason}` of the one that failed; those started by this call are stopped
/// again.
[[nodiscard]] BEAM_EXPORT awaitable<outcome<std::vector<atom>>> ensure_all_started(
    atom name, restart_type type = restart_type::temporary);

/// Stops an application: prep_stop, then its top process (shutdown, and as long as it takes), then stop.
/// It stays loaded. Error: `{not_started, A}`.
[[nodiscard]] BEAM_EXPORT awaitable<outcome<void>> stop(atom name);
/// Stops all that run, the last started first.
[[nodiscard]] BEAM_EXPORT awaitable<void> stop_all();

/// What is called, in the master's process, when an application's end stops the node. It should see to it
/// that stop_all() and the node's end follow. One a runtime.
using node_stop = callback<void(atom application, const term& reason)>;
BEAM_EXPORT void set_node_stop(node_stop stop);

// -- looking --------------------------------------------------------------------------------------

/// Those that run, the last started first.
[[nodiscard]] BEAM_EXPORT std::vector<application_info> which_applications();
[[nodiscard]] BEAM_EXPORT std::vector<application_info> loaded_applications();
[[nodiscard]] BEAM_EXPORT bool is_running(atom name);
/// The process whose death is the end of the application; and its master.
[[nodiscard]] BEAM_EXPORT std::optional<pid> top_process(atom name);
[[nodiscard]] BEAM_EXPORT std::optional<pid> master(atom name);
/// The application that a process belongs to, by its group leader. Asks the process.
[[nodiscard]] BEAM_EXPORT awaitable<std::optional<atom>> get_application(pid process);
/// The application that the calling process belongs to.
[[nodiscard]] BEAM_EXPORT std::optional<atom> get_application();

// -- parameters -----------------------------------------------------------------------------------

[[nodiscard]] BEAM_EXPORT std::optional<term> get_env(atom name, atom key);
[[nodiscard]] BEAM_EXPORT term get_env(atom name, atom key, term otherwise);
[[nodiscard]] BEAM_EXPORT std::vector<env_entry> get_all_env(atom name);
/// A persistent parameter survives unload, and loading does not overwrite it.
BEAM_EXPORT void set_env(atom name, atom key, term value, bool persistent = false);
BEAM_EXPORT void unset_env(atom name, atom key);

/// The node's configuration, `[{Application, [{Key, Value}]}]`: goes before what specifications say, for
/// applications loaded already too. Error: `{bad_config, T}`.
BEAM_EXPORT outcome<void> set_config(const term& config);

/// The parameters of all running applications, for config_change.
struct env_snapshot {
    std::vector<std::pair<atom, std::vector<env_entry>>> applications;
};
[[nodiscard]] BEAM_EXPORT env_snapshot prep_config_change();
/// Calls config_change of each application whose parameters are not what they were.
BEAM_EXPORT void config_change(const env_snapshot& before);

}  // namespace application

}  // namespace beam
