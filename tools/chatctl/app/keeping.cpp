#include "tools/chatctl/app/keeping.hpp"

#include "tools/kv/app/kv.hpp"
#include "tools/tenant/requests.hpp"

namespace chat {

medium medium_now() {
    return kv::has_cluster_here() ? medium::kv : medium::disk;
}

const keeping& kept_in(medium m) {
    return m == medium::kv ? in_kv() : on_disk();
}

bool is_replaced(const beam::term& why) {
    return tenant::has_code(why, "conflict") || why == beam::atom("not_found");
}

}  // namespace chat
