// The names that the parts of the cache application know each other by.
#pragma once

#include "libbeamcore/term/atom.hpp"

namespace cache {

inline beam::atom entries_name() {
    return beam::atom("cache_entries");
}
inline beam::atom books_name() {
    return beam::atom("cache_books");
}
inline beam::atom keeper_name() {
    return beam::atom("cache_keeper");
}
inline beam::atom worker_name() {
    return beam::atom("cache_worker");
}
inline beam::atom flights_name() {
    return beam::atom("cache_flights");
}
inline beam::atom uploads_name() {
    return beam::atom("cache_uploads");
}
inline beam::atom servers_name() {
    return beam::atom("cache_servers");
}

}  // namespace cache
