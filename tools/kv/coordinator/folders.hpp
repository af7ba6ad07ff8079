// Folders of the local coordinator, and the system's errors told with a file's name.
#pragma once

#include <string>
#include <vector>

#include "libbeamcore/base/result.hpp"
#include "libbeamcore/base/unique_fd.hpp"

namespace kv {

/// `enoent`, `eacces`, ...: an errno as an error.
[[nodiscard]] beam::error system_error(int number, const std::string& file);

/// Makes the folder if it is not there (0700), and opens it. Errors: the system's.
[[nodiscard]] beam::result<beam::unique_fd> open_folder(const std::string& path);

/// Whether a file system of this kind (statfs::f_type) may be on another machine's disk: a lock there may hold among the
/// processes of one host only, and a map of a file may show what is old.
[[nodiscard]] bool is_of_network(long kind);

/// Errors: `bad_file_system`, the system's.
[[nodiscard]] beam::result<void> check_file_system(const std::string& path);

/// Descriptors that this OS process has of the file that `fd` is of; not `fd`. Those of other threads may be closed by now.
[[nodiscard]] std::vector<int> other_descriptors(int fd);

/// The name of a node as that of a file, short enough for a socket in /proc/self/fd/N/.
[[nodiscard]] std::string file_name(const std::string& node);

}  // namespace kv
