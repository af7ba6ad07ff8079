#include "libbeamcore/node/handover.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "libbeamcore/node/parent.hpp"

namespace beam {

namespace {

constexpr char separator = '\x1f';

}  // namespace

std::optional<handover> handover::take() {
    const char* left = std::getenv(parent_handover_variable);
    if (!left) return std::nullopt;
    const std::string all = left;
    ::unsetenv(parent_handover_variable);
    handover h;
    for (std::size_t at = 0; at < all.size();) {
        const auto end = std::min(all.find(separator, at), all.size());
        const auto equals = all.find('=', at);
        if (equals < end)
            h.fields_[all.substr(at, equals - at)] = all.substr(equals + 1, end - equals - 1);
        at = end + 1;
    }
    return h;
}

void handover::add(const std::string& key, std::string value) {
    fields_[key] = std::move(value);
}

void handover::add_fd(const std::string& key, int fd) {
    if (fd < 0) return;
    ::fcntl(fd, F_SETFD, 0);
    add(key, std::to_string(fd));
}

void handover::leave() const {
    std::string all;
    for (const auto& [key, value] : fields_) all.append(key).append("=").append(value) += separator;
    ::setenv(parent_handover_variable, all.c_str(), 1);
}

void handover::withdraw() {
    ::unsetenv(parent_handover_variable);
}

std::string handover::text(const std::string& key) const {
    const auto at = fields_.find(key);
    return at == fields_.end() ? std::string() : at->second;
}

long long handover::number(const std::string& key) const {
    const auto at = fields_.find(key);
    return at == fields_.end() ? -1 : std::atoll(at->second.c_str());
}

int handover::descriptor(const std::string& key) const {
    const int fd = static_cast<int>(number(key));
    if (fd >= 0) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    return fd;
}

std::map<std::string, std::string> handover::all_of(std::string_view group) const {
    const std::string start = std::string(group) + " ";
    std::map<std::string, std::string> found;
    for (auto at = fields_.lower_bound(start);
         at != fields_.end() && at->first.rfind(start, 0) == 0; ++at)
        found.emplace(at->first.substr(start.size()), at->second);
    return found;
}

}  // namespace beam
