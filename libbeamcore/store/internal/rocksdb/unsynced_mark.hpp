// The mark of a store with open_options::sync_interval that is open: a file beside its own that says in which start of the
// machine.
//
// What a kill of the OS process leaves is what was written, for the kernel has it. A stop of the machine leaves some pages of the
// logs and not others. So one that is found and is of another start of the machine says that any page of the logs may be missing.
#pragma once

#include <string>

#include "libbeamcore/base/result.hpp"

namespace beam::store::detail {

struct unsynced_mark {
    bool is_there = false;
    bool is_of_this_boot = false;
    bool has_lost = false;  ///< a life since this boot has found one of another

    /// Whatever page was not synced may be missing.
    [[nodiscard]] bool may_have_holes() const { return is_there && !is_of_this_boot; }
    [[nodiscard]] bool may_have_lost() const { return may_have_holes() || has_lost; }
};

/// One that cannot be read is of another start.
[[nodiscard]] unsynced_mark find_unsynced_mark(const std::string& folder);
/// It is on disk when this returns, and of this start. Errors: those of the system.
[[nodiscard]] result<void> set_unsynced_mark(const std::string& folder, bool has_lost);
void remove_unsynced_mark(const std::string& folder);

}  // namespace beam::store::detail
