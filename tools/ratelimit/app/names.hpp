// The names that the parts of the application know each other by.
#pragma once

#include "libbeamcore/term/atom.hpp"

namespace ratelimit {

inline beam::atom usage_name() {
    return beam::atom("ratelimit_usage");
}
inline beam::atom rules_name() {
    return beam::atom("ratelimit_rules");
}
inline beam::atom marks_name() {
    return beam::atom("ratelimit_marks");
}
inline beam::atom breakers_name() {
    return beam::atom("breakers");
}
inline beam::atom keeper_name() {
    return beam::atom("ratelimit_keeper");
}
inline beam::atom limiter_name() {
    return beam::atom("ratelimit_limiter");
}
inline beam::atom writer_name() {
    return beam::atom("ratelimit_writer");
}
inline beam::atom store_name() {
    return beam::atom("ratelimit_store");
}
inline beam::atom breaker_registry() {
    return beam::atom("breaker_registry");
}
inline beam::atom breaker_supervisor() {
    return beam::atom("breaker_sup");
}
inline beam::atom breaker_watchers() {
    return beam::atom("breaker_watchers");
}

}  // namespace ratelimit
