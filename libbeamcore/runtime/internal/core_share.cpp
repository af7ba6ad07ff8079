#include "libbeamcore/runtime/internal/core_share.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string>

#include "libbeamcore/base/unique_fd.hpp"

namespace beam::detail {

namespace {

constexpr std::int64_t ms = 1'000'000;
// Each rest that was tried again soon after the last is twice as long.
constexpr std::int64_t shortest_rest = 500 * ms, longest_rest = 8000 * ms;
// Who came back because work had piled up stays for a while.
constexpr std::int64_t stays_for = 100 * ms;

}  // namespace

std::optional<core_times> core_times_of(int thread_id) {
    const std::string name = "/proc/self/task/" + std::to_string(thread_id) + "/schedstat";
    const unique_fd file(::open(name.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) return std::nullopt;
    std::array<char, 96> text{};
    const auto n = ::read(file.get(), text.data(), text.size());
    if (n <= 0) return std::nullopt;
    const char* const end = text.data() + n;
    core_times t;
    const auto ran = std::from_chars(text.data(), end, t.ran);
    if (ran.ec != std::errc() || ran.ptr == end) return std::nullopt;
    const auto waited = std::from_chars(ran.ptr + 1, end, t.waited);
    if (waited.ec != std::errc()) return std::nullopt;
    return t;
}

unsigned core_share::more(unsigned active, std::int64_t now) {
    active_ = std::min(active, all_);
    changed_at_ = now;
    return active_;
}

unsigned core_share::all_help(std::int64_t now) {
    return more(all_, now);
}

unsigned core_share::begin_anew(std::int64_t now) {
    rests_for_ = 0;
    return more(all_, now);
}

unsigned core_share::judge(const period& p, std::int64_t now) {
    // In cores.
    const double ran = double(p.all.ran) / double(p.wall);
    const double waited = double(p.all.waited) / double(p.wall);
    if (!p.all_ran_out) return active_ < all_ ? more(active_ + 1, now) : active_;
    const bool is_contended = waited > ran / 2 && ran > 0.02;
    const bool is_enough_without = ran < 0.85 * (active_ - 1);
    if (active_ > 1 && is_contended && is_enough_without && now >= changed_at_ + stays_for) {
        const bool was_soon = now < changed_at_ + 2 * rests_for_;
        rests_for_ =
            was_soon ? std::clamp(2 * rests_for_, shortest_rest, longest_rest) : shortest_rest;
        rests_since_ = now;
        return --active_;
    }
    const bool are_cores_free = waited < std::max(ran / 5, 0.005);
    if (active_ < all_ && are_cores_free && now >= rests_since_ + rests_for_)
        return more(active_ + 1, now);
    return active_;
}

}  // namespace beam::detail
