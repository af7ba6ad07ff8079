// The mark that a store is open: a file beside it that says how many lives in a row have not closed it.
//
// A damaged page kills the runtime (SIGBUS, or an assertion of LMDB's) and would kill the next one too, when it
// is asked for the same key. That a life ended without closing is no more than a kill -9; when two did, the file
// is read through before it is opened again.
#pragma once

#include <string>

namespace beam::store::detail {

inline constexpr unsigned cut_off_max = 2;

/// How many lives in a row ended without closing the store in that folder.
[[nodiscard]] unsigned lives_cut_off(const std::string& folder);
/// A life begins, after `cut_off` that did not close. Without room for the mark it has none.
void mark_open(const std::string& folder, unsigned cut_off);
void mark_closed(const std::string& folder);

}  // namespace beam::store::detail
