// What a runtime knows of applications.
//
// There is no controller process: each running application's master enters and removes itself here, so
// its state does not hang on who started it. The mutex is held for looking and entering only.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "libbeamcore/otp/application.hpp"

namespace beam::detail {

enum class application_status : std::uint8_t { starting, running, stopping };

struct running_application {
    application_status status = application_status::starting;
    pid master;
    pid top;
    restart_type type = restart_type::temporary;
    application_spec spec;
    std::uint64_t number = 0;  // in the order of starting
};

class application_controller {
public:
    [[nodiscard]] static application_controller& current();

    // -- loaded
    outcome<void> load(application_spec spec);
    outcome<void> load_version(application_spec spec);
    outcome<void> use_version(atom name, std::string_view vsn);
    outcome<void> unload(atom name);
    outcome<void> unload_version(atom name, std::string_view vsn);
    [[nodiscard]] std::optional<application_spec> find(atom name) const;
    [[nodiscard]] std::vector<std::string> versions(atom name) const;
    [[nodiscard]] std::vector<application_info> loaded() const;

    // -- running
    // Enters a start with what `spawn` gives as its master; or says who is there already.
    template <class Spawn>
    std::optional<running_application> enter(const application_spec& spec, restart_type type,
                                             Spawn spawn) {
        std::lock_guard guard(lock_);
        auto [at, added] = running_.try_emplace(spec.name);
        if (!added) return at->second;
        at->second.spec = spec;
        at->second.type = type;
        at->second.number = ++started_;
        at->second.master = spawn();
        return std::nullopt;
    }
    void set_running(atom name, pid top);
    void set_stopping(atom name);
    void remove(atom name);
    [[nodiscard]] std::optional<running_application> find_running(atom name) const;
    // The last started first.
    [[nodiscard]] std::vector<running_application> running() const;
    [[nodiscard]] std::optional<atom> by_master(pid master) const;

    // -- parameters
    [[nodiscard]] std::optional<term> get_env(atom name, atom key) const;
    [[nodiscard]] std::vector<env_entry> all_env(atom name) const;
    void set_env(atom name, atom key, term value, bool persistent);
    void unset_env(atom name, atom key);
    outcome<void> set_config(const term& config);

    // -- hooks
    void set_loader(application::loader load);
    void set_node_stop(application::node_stop stop);
    [[nodiscard]] std::shared_ptr<const application::loader> get_loader() const;
    void stop_node(atom name, const term& reason);

private:
    struct loaded_application {
        application_spec spec;
        std::vector<application_spec> others;
    };
    struct parameter {
        term value;
        bool persistent = false;
        bool from_spec = false;
    };
    using parameters = std::map<std::string_view, std::pair<atom, parameter>>;  // by the key's text

    void enter_env(const application_spec& spec, bool anew);

    mutable std::mutex lock_;
    std::unordered_map<atom, loaded_application> loaded_;
    std::unordered_map<atom, running_application> running_;
    std::unordered_map<atom, parameters> env_;
    std::unordered_map<atom, std::vector<env_entry>> config_;
    std::uint64_t started_ = 0;
    std::shared_ptr<const application::loader> loader_;
    std::shared_ptr<const application::node_stop> node_stop_;
};

// Starts the process that starts, watches and stops an application. Answers an await_application_request.
[[nodiscard]] pid spawn_application_master(application_controller& controller,
                                           application_spec spec, restart_type type);

struct await_application_request {
    using reply = outcome<void>;
};
struct stop_application_request {
    using reply = outcome<void>;
};

}  // namespace beam::detail
