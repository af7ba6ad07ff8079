// server_ref: whom a message, call or timer is for: a pid, or a name looked up when it is used.
#pragma once

#include <optional>
#include <string_view>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/term/atom.hpp"
#include "libbeamcore/term/pid.hpp"
#include "libbeamcore/term/term.hpp"

namespace beam {

/// A pid, a locally registered name, or `{Name, Node}`. Trivially destructible.
class server_ref {
public:
    server_ref(pid p) : pid_(p) {}                        // NOLINT: implicit
    server_ref(atom name) : name_(name), named_(true) {}  // NOLINT: implicit
    server_ref(atom name, atom node) : name_(name), node_(node), named_(true), remote_(true) {}

    [[nodiscard]] bool is_name() const { return named_; }
    [[nodiscard]] atom name() const { return name_; }
    /// Only for the `{Name, Node}` form.
    [[nodiscard]] std::optional<atom> node() const {
        return remote_ ? std::optional<atom>(node_) : std::nullopt;
    }
    /// The pid it stands for now, in the calling process's runtime; nothing for an unknown name.
    [[nodiscard]] std::optional<pid> resolve() const { return named_ ? resolve_name() : pid_; }
    /// As resolve(), the pid that names nobody standing for nothing. For the path of every message: an
    /// optional is written in two pieces and read in one, which stalls (a cast: 32 ns; without this, and without
    /// a result that nobody looks at, 21).
    [[nodiscard]] pid resolve_or_none() const {
        return named_ ? resolve_name().value_or(pid()) : pid_;
    }
    /// As it is shown in exit reasons: the pid, the name or `{Name, Node}`.
    [[nodiscard]] BEAM_EXPORT term to_term() const;

private:
    [[nodiscard]] BEAM_EXPORT std::optional<pid> resolve_name() const;

    pid pid_{};
    atom name_{};
    atom node_{};
    bool named_ = false;
    bool remote_ = false;
};

}  // namespace beam
