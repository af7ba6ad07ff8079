#include "libbeamcore/node/restart_pace.hpp"

#include <algorithm>

namespace beam {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds died_young = std::chrono::seconds(1);
constexpr milliseconds first_pause{100};
constexpr std::size_t doublings_max = 10;

}  // namespace

restart_pace::verdict restart_pace::died(clock::time_point now, clock::time_point started) {
    deaths_.push_back(now);
    while (now - deaths_.front() > period_) deaths_.pop_front();
    const std::size_t deaths = deaths_.size();
    if (deaths > intensity_) return {true, deaths, {}};
    if (deaths < 2 || now - started >= died_young) return {false, deaths, {}};
    return {false, deaths, first_pause * (1 << std::min(deaths - 2, doublings_max))};
}

}  // namespace beam
