#include "tools/presence/app/notices/records.hpp"

#include "tools/tenant/requests.hpp"

namespace presence::records {

const keeping& of(place p) {
    return p == place::kv ? in_kv() : on_disk();
}

bool is_elsewhere(const beam::term& why) {
    return tenant::is_definite(why);
}

receipt receipt_of(const std::string& user, const notice& n) {
    receipt r;
    r.user = user;
    r.id = n.id;
    r.seq = n.seq;
    r.accepted_ms = n.accepted_ms;
    return r;
}

receipt receipt_of(const std::string& user, const change& c) {
    receipt r = receipt_of(user, c.what);
    r.state = c.state;
    if (is_closed(c.state)) r.closed_ms = c.at_ms;
    return r;
}

}  // namespace presence::records
