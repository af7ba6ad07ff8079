#include "libbeamcore/store/internal/make_engine.hpp"

#include <dlfcn.h>

#include "libbeamcore/base/abi_stamp.hpp"
#include "libbeamcore/store/internal/lmdb/engine.hpp"
#include "libbeamcore/store/internal/rocksdb/module.hpp"

namespace beam::store::detail {

namespace {

std::string beside_this_library(const char* file) {
    Dl_info here{};
    if (::dladdr(reinterpret_cast<const void*>(&make_engine), &here) == 0 || !here.dli_fname)
        return file;
    const std::string path = here.dli_fname;
    return path.substr(0, path.rfind('/') + 1) + file;
}

// It stays loaded: RocksDB has threads that outlive its stores.
result<const rocksdb_module*> load_rocksdb() {
    const std::string file = beside_this_library(rocksdb_module_file);
    void* const handle = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        const char* why = ::dlerror();
        return fail("no_engine", std::string("rocksdb: ") + (why ? why : file) +
                                     "; try: install librocksdb-dev and build beamcore again");
    }
    const auto* module = static_cast<const rocksdb_module*>(::dlsym(handle, rocksdb_module_symbol));
    if (!module || module->stamp != abi_stamp)
        return fail("no_engine", "rocksdb: " + file + " is of another version of beamcore");
    return module;
}

}  // namespace

result<std::unique_ptr<engine>> make_engine(engine_type type, const std::string& folder,
                                            const open_options& options) {
    if (type == engine_type::lmdb) return std::make_unique<lmdb_engine>(folder, options);
    const auto module = load_rocksdb();
    if (!module) return pass(module);
    return std::unique_ptr<engine>((*module)->make(folder, options));
}

}  // namespace beam::store::detail
