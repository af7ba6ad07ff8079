// What schedulers have to do with reclamation (detail/reclaim.hpp).
#pragma once

namespace beam::detail {

/// By a thread that is about to sleep: frees what it has retired, and leaves the rest to the others.
void reclaim_when_idle() noexcept;

}  // namespace beam::detail
