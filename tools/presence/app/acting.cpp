#include "tools/presence/app/acting.hpp"

#include <unistd.h>

#include "tools/presence/app/answers.hpp"
#include "tools/presence/app/limits.hpp"
#include "tools/presence/app/session.hpp"

namespace presence {

std::string guest_name(const beam::request& r) {
    return r.uid() == ::geteuid() ? "user42" : "uid" + std::to_string(r.uid());
}

beam::awaitable<asked<std::string>> acting(beam::request& r, std::string as) {
    if (as.empty()) as = guest_name(r);
    if (auto why = bad_name("the user's name", as)) co_return malformed(*why);
    co_await renew_leases(as);
    co_return as;
}

beam::awaitable<void> renew_leases(std::string user) {
    auto entries = co_await entries_of(std::move(user));
    if (!entries) co_return;  // what was asked for says so
    for (const beam::tracker::presence& entry : *entries)
        if (!read(entry).listens) session::renew(entry.process);
}

}  // namespace presence
