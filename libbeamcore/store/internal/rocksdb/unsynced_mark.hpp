// The mark of a store that is open and may have writes that are not on the disk (open_options::sync_interval): a file beside its own
// that says in which start of the machine.
//
// What a kill of the OS process leaves is what was written, for the kernel has it. A stop of the machine leaves some pages of the
// logs and not others. So a mark of another start says that any page of the logs may be missing, and that what was answered may be. Such a
// loss gets a name, which stays: who acts on it remembers on which it has.
#pragma once

#include <string>

#include "libbeamcore/base/result.hpp"

namespace beam::store::detail {

struct unsynced_mark {
    /// Of the machine's start, as boot_id() says; empty: nothing is unsynced.
    std::string boot;
    std::string loss;  ///< random; empty: nothing was ever lost

    /// Whatever page was not synced may be missing.
    [[nodiscard]] bool may_have_holes() const;
    [[nodiscard]] bool is_needed() const { return !boot.empty() || !loss.empty(); }
};

/// In the place of a boot's name: of no start of a machine.
inline constexpr const char* no_boot = "none";

/// None is there: an empty one. One that cannot be read is of no start.
[[nodiscard]] unsynced_mark find_unsynced_mark(const std::string& folder);
/// It is on disk when this returns; one that says nothing is none. Errors: those of the system.
[[nodiscard]] result<void> set_unsynced_mark(const std::string& folder, const unsynced_mark& mark);

}  // namespace beam::store::detail
