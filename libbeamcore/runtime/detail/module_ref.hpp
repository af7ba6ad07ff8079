// Which shared module a piece of code belongs to, and how many hold on to it.
//
// A process body and a stored callback keep their module mapped. The count is raised when they are made
// and lowered by libbeamcore's own code after control has left the module, so that the last instruction
// of a destructor never runs in an unmapped page (design: upgrades, "Who still uses old code").
#pragma once

#include <atomic>
#include <cstdint>

#include "libbeamcore/base/export.hpp"

namespace beam::detail {

/// One loaded version of an application. It lies in libbeamcore's memory and outlives the module.
struct module_record {
    const char* name = "";
    const char* version = "";
    std::atomic<std::int64_t> users{0};
};

}  // namespace beam::detail

// Defined, hidden, by BEAM_APPLICATION in each application module and set by the loader; absent in
// libbeamcore and in plain executables, whose code is never unmapped.
extern "C" __attribute__((weak, visibility("hidden")))
beam::detail::module_record* beam_this_module;

namespace beam::detail {

/// The module this function was compiled into, or null for code that is never unmapped. Internal
/// linkage on purpose: each module must see its own.
[[maybe_unused]] static inline module_record* this_module() {
    module_record** slot = &beam_this_module;
    // An undefined weak symbol has address zero; the barrier keeps the compiler from assuming otherwise.
    asm("" : "+r"(slot));
    return slot ? *slot : nullptr;
}

inline void retain_module(module_record* m) {
    if (m) m->users.fetch_add(1, std::memory_order_relaxed);
}

/// Lowers the count. Never inlined into a module: the caller's code may be gone right afterwards.
BEAM_EXPORT void release_module(module_record* m) noexcept;

}  // namespace beam::detail
