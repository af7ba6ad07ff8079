// What libbeamcore_rocksdb.so gives, the one thing that a program finds in it by name.
//
// librocksdb has 11 MB and brings six libraries; a store that asks for it loads it, and nobody else.
#pragma once

#include <cstdint>
#include <string>

#include "libbeamcore/store/internal/engine.hpp"

namespace beam::store::detail {

struct rocksdb_module {
    std::uint64_t stamp;  ///< abi_stamp; another library's is not to be used
    engine* (*make)(const std::string& folder, const open_options& options);
};

inline constexpr const char* rocksdb_module_file = "libbeamcore_rocksdb.so";
inline constexpr const char* rocksdb_module_symbol = "beamcore_rocksdb_module";

}  // namespace beam::store::detail
