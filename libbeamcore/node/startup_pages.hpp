// What starting took of code, given back.
#pragma once

namespace beam {

/// Takes the pages of code and constants out of this process's resident memory; those that are used again come
/// back from the page cache. For a process that has started and now waits, as beamd's parent does for months:
/// 4.6 MB resident become 1.
void give_back_startup_pages() noexcept;

}  // namespace beam
