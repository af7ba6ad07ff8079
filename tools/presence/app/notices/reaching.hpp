// Reaching mailboxes, wherever they are, for the methods.
#pragma once

#include <string>
#include <vector>

#include "libbeamcore/term/pid.hpp"
#include "tools/presence/app/notices/notice.hpp"
#include "tools/presence/app/notices/records.hpp"
#include "tools/presence/app/view.hpp"

namespace presence {

/// The mailbox of a user, on the node that owns him. With `start` false, the pid that names none if nothing waits there.
///
/// Errors: `unreachable` (69), and nothing was done; those of owners.hpp; why it did not start.
[[nodiscard]] beam::awaitable<asked<beam::pid>> reach_mailbox(std::string user, bool start);

/// What all nodes that can be reached said, and those that cannot be; or what is in kv, of which no node is asked.
template <class T>
struct collected {
    std::vector<T> found;
    std::vector<beam::atom> unreached;
};
[[nodiscard]] beam::awaitable<asked<collected<receipt>>> collect_receipts(std::string from,
                                                                          std::string id);
[[nodiscard]] beam::awaitable<asked<collected<records::waiting>>> collect_waiting();
[[nodiscard]] beam::awaitable<asked<std::vector<notice>>> expired_of(std::string user);

/// Of a failed call: the process was gone before it got the request.
[[nodiscard]] bool was_not_there(const beam::term& call_failure);

}  // namespace presence
