#include "libbeamcore/store/internal/rocksdb/module.hpp"

#include "libbeamcore/base/abi_stamp.hpp"
#include "libbeamcore/store/internal/rocksdb/engine.hpp"

extern "C" BEAM_EXPORT const beam::store::detail::rocksdb_module beamcore_rocksdb_module;

const beam::store::detail::rocksdb_module beamcore_rocksdb_module{
    beam::abi_stamp,
    [](const std::string& folder,
       const beam::store::open_options& options) -> beam::store::detail::engine* {
        return new beam::store::detail::rocksdb_engine(folder, options);
    }};
