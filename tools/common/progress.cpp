#include "tools/common/progress.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

namespace beam::tool {

namespace {

using std::chrono::steady_clock;

constexpr std::chrono::milliseconds drawn_every{100};
constexpr std::size_t bar_width = 30;

std::string bar(std::uint64_t done, std::uint64_t all) {
    const auto full = std::size_t(double(std::min(done, all)) / double(all) * double(bar_width));
    return "[" + std::string(full, '#') + std::string(bar_width - full, ' ') + "] ";
}

}  // namespace

progress::progress(common_options common, std::string what, std::string unit, std::uint64_t all)
    : common_(std::move(common)),
      what_(std::move(what)),
      unit_(std::move(unit)),
      all_(all),
      is_shown_(!common_->quiet && !common_->json && ::isatty(2) == 1),
      begun_(steady_clock::now()) {}

progress::~progress() {
    if (is_shown_ && drawn_ != steady_clock::time_point()) std::fputs("\r\033[K", stderr);
}

void progress::at(std::uint64_t done) {
    if (!is_shown_) return;
    const auto now = steady_clock::now();
    if (now < drawn_ + drawn_every) return;
    drawn_ = now;
    const double seconds = std::chrono::duration<double>(now - begun_).count();
    const auto rate = std::uint64_t(seconds > 0 ? double(done) / seconds : 0);
    const std::string line = "\r\033[K" + (all_ > 0 ? bar(done, all_) : std::string()) + what_ +
                             " " + std::to_string(done) + " " + unit_ + " (" +
                             std::to_string(rate) + "/s)";
    std::fputs(line.c_str(), stderr);
    std::fflush(stderr);
}

}  // namespace beam::tool
