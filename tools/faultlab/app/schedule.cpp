#include "tools/faultlab/app/schedule.hpp"

#include <algorithm>

#include "libbeamcore/base/random.hpp"
#include "tools/faultlab/app/words.hpp"

namespace faultlab {

namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using plan = std::vector<planned_fault>;

constexpr auto between_chances = 100ms;
constexpr beam::rate rate_by_default{1, 1s};

plan one_after_another(beam::random_generator& random, std::uint64_t count, double percent) {
    plan made;
    for (std::uint64_t i = 0; i < count; ++i) {
        const bool is_taken = random.chance(percent);
        const std::uint64_t draw = random();
        if (is_taken) made.push_back({0ms, draw});
    }
    return made;
}

plan by_chance(beam::random_generator& random, milliseconds during, double percent,
               std::uint64_t count_max) {
    plan made;
    for (milliseconds at{0}; at < during && made.size() < count_max; at += between_chances) {
        const bool is_taken = random.chance(percent);
        const std::uint64_t draw = random();
        if (is_taken) made.push_back({at, draw});
    }
    return made;
}

// Half to one and a half of the mean, so that nothing gets in step with it.
plan at_rate(beam::random_generator& random, const beam::rate& rate, milliseconds during,
             std::uint64_t count_max) {
    const double mean_ms = std::chrono::duration<double, std::milli>(rate.period).count() /
                           static_cast<double>(rate.count);
    plan made;
    double at = 0;
    while (made.size() < count_max) {
        at += mean_ms * (0.5 + random.real());
        if (at >= static_cast<double>(during.count())) break;
        made.push_back({milliseconds(static_cast<std::int64_t>(at)), random()});
    }
    return made;
}

plan within(beam::random_generator& random, std::uint64_t count, milliseconds during) {
    plan made;
    for (std::uint64_t i = 0; i < count; ++i) {
        const auto at = random.below(static_cast<std::uint64_t>(during.count()) + 1);
        made.push_back({milliseconds(static_cast<std::int64_t>(at)), random()});
    }
    std::stable_sort(made.begin(), made.end(),
                     [](const planned_fault& a, const planned_fault& b) { return a.at < b.at; });
    return made;
}

}  // namespace

bool is_drawn(const schedule_request& r) {
    return r.count.value_or(1) != 1 || r.during || r.rate || r.percent;
}

beam::result<std::vector<planned_fault>> make_schedule(const schedule_request& r) {
    const std::string too_many = "more than " + std::to_string(faults_max) + " faults";
    if (r.count.value_or(0) > faults_max) return beam::fail("too_many", too_many);
    // One more than allowed is enough to see that there are too many.
    const std::uint64_t count_max = r.count.value_or(faults_max + 1);
    const std::uint64_t count = r.count.value_or(1);
    beam::random_generator random(r.seed);
    plan made;
    if (r.percent && !r.during)
        made = one_after_another(random, count, *r.percent);
    else if (r.percent)
        made = by_chance(random, *r.during, *r.percent, count_max);
    else if (r.rate)
        made = at_rate(random, *r.rate, r.during.value_or(milliseconds::max()),
                       r.during ? count_max : count);
    else if (r.during && r.count)
        made = within(random, count, *r.during);
    else if (r.during)
        made = at_rate(random, rate_by_default, *r.during, count_max);
    else
        made = one_after_another(random, count, 1);
    if (made.size() > faults_max) return beam::fail("too_many", too_many);
    return made;
}

}  // namespace faultlab
