// Names for processes: a local name, or a key in a registry.
#pragma once

#include <optional>
#include <string_view>
#include <utility>
#include <variant>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/runtime/server_ref.hpp"
#include "libbeamcore/term/outcome.hpp"
#include "libbeamcore/term/term.hpp"

namespace beam {

/// A process known by a key in a registry of unique keys: `{via, registry, {Registry, Key}}`. Given as a
/// name to a start function, the new process registers itself under it; given where a server_ref is
/// wanted, the key is looked up there and then (an unknown key names no process: a call exits with
/// `noproc`).
class BEAM_EXPORT via {
public:
    via(atom registry, term key) : registry_(registry), key_(std::move(key)) {}
    /// With the value that the entry is to have when a process registers itself by this name.
    via(atom registry, term key, term value)
        : registry_(registry), key_(std::move(key)), value_(std::move(value)) {}

    [[nodiscard]] atom registry() const { return registry_; }
    [[nodiscard]] const term& key() const { return key_; }
    [[nodiscard]] const term& value() const { return value_; }

    /// The process now registered. Raises `badarg` for an unknown registry and for one with duplicate
    /// keys, which can name nothing.
    [[nodiscard]] std::optional<pid> whereis() const;
    operator server_ref() const;  // NOLINT: implicit

    /// Registers the calling process. Error: `{already_started, Pid}`. Raises as whereis().
    [[nodiscard]] outcome<void> register_self() const;

    [[nodiscard]] term to_term() const;

private:
    atom registry_;
    term key_;
    term value_;
};

/// What a process may be started as: nothing, a local name, or a via.
class BEAM_EXPORT server_name {
public:
    server_name() = default;
    server_name(atom local) : name_(local) {}                                 // NOLINT: implicit
    server_name(const char* local) : name_(atom(std::string_view(local))) {}  // NOLINT: implicit
    server_name(via v) : name_(std::move(v)) {}                               // NOLINT: implicit

    [[nodiscard]] explicit operator bool() const { return name_.index() != 0; }
    /// The local name, if it is one.
    [[nodiscard]] std::optional<atom> local() const;
    [[nodiscard]] std::optional<pid> whereis() const;
    /// Registers the calling process under it; nothing to do without a name. Error:
    /// `{already_started, Pid}`.
    [[nodiscard]] outcome<void> register_self() const;
    /// `{local, Name}`, `{via, registry, ...}`, or `undefined`.
    [[nodiscard]] term to_term() const;

private:
    std::variant<std::monostate, atom, via> name_;
};

}  // namespace beam
