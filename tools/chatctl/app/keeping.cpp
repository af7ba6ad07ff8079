#include "tools/chatctl/app/keeping.hpp"

#include <utility>

#include "tools/chatctl/app/limits.hpp"
#include "tools/kv/app/kv.hpp"
#include "tools/tenant/requests.hpp"

namespace chat {

medium medium_now() {
    return kv::has_cluster_here() ? medium::kv : medium::disk;
}

const keeping& kept_in(medium m) {
    return m == medium::kv ? in_kv() : on_disk();
}

addition added_to(const room_log& log, room_record record, std::vector<post> posts) {
    const std::uint64_t next = log.last_id() + posts.size() + 1;
    addition what;
    what.record = std::move(record);
    what.record.seen = log.seen();
    for (const post& p : posts) mark(what.record.seen, p);
    what.first_kept = next > kept_max ? next - kept_max : 1;
    what.posts = std::move(posts);
    return what;
}

bool is_replaced(const beam::term& why) {
    return tenant::has_code(why, "conflict") || why == beam::atom("not_found");
}

}  // namespace chat
