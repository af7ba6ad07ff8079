// Where nodes have their sockets, and where they keep state and logs.
#pragma once

#include <string>
#include <string_view>

namespace beam::tool {

/// `$XDG_RUNTIME_DIR/beamcore` if that variable names a folder of ours, else `beamcore-UID` in the
/// temporary folder. Nothing is looked at or made but XDG_RUNTIME_DIR.
[[nodiscard]] std::string runtime_folder_path();

/// Checks that `path` is a folder, no link, owned by us, and closed to others; makes it (0700) if it
/// is missing. Throws a failure: exit 77 says what is wrong with it, 73 why it cannot be made.
void secure_folder(const std::string& path);

/// runtime_folder_path(), checked and made.
[[nodiscard]] std::string runtime_folder();

/// `$XDG_STATE_HOME/beamcore`, `~/.local/state/beamcore`, or, if neither can be written (no HOME, a
/// read-only home), `state` in `runtime_folder`. Made if missing, 0700.
[[nodiscard]] std::string state_folder(const std::string& runtime_folder);

/// Whether NAME can be a node's name: letters, digits, `_ . @ -`, at most 64, not beginning with a
/// dot or a hyphen.
[[nodiscard]] bool is_node_name(std::string_view name);

/// The socket of a node. Throws a failure with exit 78 if the path is over 107 bytes.
[[nodiscard]] std::string socket_path(const std::string& runtime_folder, std::string_view node);

/// Throws a failure with exit 78 if a socket cannot have this path.
void check_socket_path(const std::string& path);

}  // namespace beam::tool
