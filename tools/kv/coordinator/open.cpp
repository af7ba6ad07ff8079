#include "tools/kv/coordinator/open.hpp"

#include "tools/kv/coordinator/etcd.hpp"
#include "tools/kv/coordinator/local.hpp"

namespace kv {

coordinator::~coordinator() = default;

beam::result<std::unique_ptr<coordinator>> open_coordinator(const coordinator_options& options) {
    if (const auto* local = std::get_if<local_options>(&options)) return open_local(*local);
    return open_etcd(std::get<etcd_options>(options));
}

}  // namespace kv
