// The names that the parts of the notices know each other by.
#pragma once

#include "libbeamcore/term/atom.hpp"

namespace presence {

inline beam::atom store_name() {
    return beam::atom("presence_store");
}
inline beam::atom mailboxes_registry() {
    return beam::atom("presence_mailboxes");
}
inline beam::atom mailbox_supervisor() {
    return beam::atom("presence_mailbox_sup");
}
/// While notices move from the node's disk to kv.
inline beam::atom mover_name() {
    return beam::atom("presence_mover");
}
/// On every node: who keeps which user's mailbox there.
inline beam::atom post_office_name() {
    return beam::atom("presence_post_office");
}

}  // namespace presence
