#include "libbeamcore/node/internal/failed_starts.hpp"

#include <utility>

#include "libbeamcore/base/duration.hpp"
#include "libbeamcore/runtime/detail/local.hpp"
#include "libbeamcore/runtime/process.hpp"
#include "libbeamcore/runtime/runtime.hpp"

namespace beam::control {

namespace {

const char failed_starts_key = 0;

}  // namespace

failed_starts& failed_starts::current() {
    void* found = detail::runtime_local(
        this_process().node(), &failed_starts_key,
        [](runtime&) -> void* { return new failed_starts; },
        [](void* f) noexcept { delete static_cast<failed_starts*>(f); });
    return *static_cast<failed_starts*>(found);
}

std::optional<rpc::failure> failed_starts::answer(const std::string& application,
                                                  clock::time_point now) {
    std::lock_guard lock(mutex_);
    const auto found = applications_.find(application);
    if (found == applications_.end()) return std::nullopt;
    const history& h = found->second;
    if (h.failed.size() < starts_max) return std::nullopt;
    const auto since_first = now - h.failed.front();
    if (since_first > period) return std::nullopt;
    rpc::failure why = h.last;
    why.error.why += "; it failed " + std::to_string(starts_max) +
                     " times in a row, and is tried again in " +
                     print_duration(period - since_first);
    return why;
}

void failed_starts::add(const std::string& application, rpc::failure why, clock::time_point began,
                        clock::time_point now) {
    std::lock_guard lock(mutex_);
    history& h = applications_[application];
    if (!h.failed.empty() && h.failed.back() > began) return;
    h.failed.push_back(now);
    if (h.failed.size() > starts_max) h.failed.pop_front();
    h.last = std::move(why);
}

void failed_starts::forget(const std::string& application) {
    std::lock_guard lock(mutex_);
    applications_.erase(application);
}

}  // namespace beam::control
