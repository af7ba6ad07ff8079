#include "libbeamcore/store/internal/make_engine.hpp"

#include "libbeamcore/store/internal/lmdb/engine.hpp"

namespace beam::store::detail {

result<std::unique_ptr<engine>> make_engine(engine_type type, const std::string& folder,
                                            const open_options& options) {
    if (type == engine_type::lmdb) return std::make_unique<lmdb_engine>(folder, options);
    return fail("no_engine", "rocksdb: is not built");
}

}  // namespace beam::store::detail
