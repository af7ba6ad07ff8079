#include "libbeamcore/runtime/simulation.hpp"

#include <cstdio>
#include <stdexcept>

#include "libbeamcore/runtime/internal/runtime_impl.hpp"

namespace beam {

using namespace detail;

namespace {
worker& stepper_of(runtime_impl& impl) {
    if (!impl.stepper)
        throw std::logic_error("step needs a runtime made with {.deterministic = true}");
    return *impl.stepper;
}

// On one thread every signal goes to one run queue, and current_worker() is the stepper while it runs.
class stepping {
public:
    explicit stepping(worker& w) : outer_(current_worker()), block_(current_or_null()) {
        set_current_worker(&w);
    }
    ~stepping() {
        set_current_worker(outer_);
        set_current(block_);
    }

private:
    worker* outer_;
    process_block* block_;
};
}  // namespace

bool runtime::step() {
    worker& w = stepper_of(*impl_);
    stepping scope(w);
    w.poll_timers();
    scheduler& s = *w.sched;
    const std::size_t jobs = impl_->virtual_dirty.size();
    const std::size_t choices = s.length() + jobs;
    if (choices == 0) return false;
    if (jobs > 0 && impl_->random.below(choices) < jobs) {
        const std::size_t i = impl_->random.below(jobs);
        auto job = std::move(impl_->virtual_dirty[i]);
        impl_->virtual_dirty.erase(impl_->virtual_dirty.begin() + std::ptrdiff_t(i));
        job();
        return true;
    }
    w.run(s.pop_any(impl_->random));
    return true;
}

std::size_t runtime::run_until_idle(std::size_t limit) {
    std::size_t n = 0;
    while (n < limit && step()) ++n;
    return n;
}

namespace {
/// Moves the clock to the next timer, but not beyond `limit`. False: there is none before it.
bool to_next_timer(runtime_impl& impl, std::int64_t limit) {
    scheduler& s = *impl.stepper->sched;
    auto next = s.timers.next_deadline();
    if (!next || *next > limit) return false;
    // The wheel gives a lower bound, and looks at ticks that have begun.
    impl.virtual_now = std::max(impl.virtual_now, *next);
    stepping scope(*impl.stepper);
    impl.stepper->poll_timers();
    return true;
}
}  // namespace

void runtime::advance(std::chrono::nanoseconds d) {
    stepper_of(*impl_);
    const std::int64_t target = impl_->virtual_now + d.count();
    run_until_idle();
    while (to_next_timer(*impl_, target)) run_until_idle();
    impl_->virtual_now = target;
    run_until_idle();
}

bool runtime::run_until(const std::function<bool()>& done, std::chrono::nanoseconds virtual_limit) {
    stepper_of(*impl_);
    const std::int64_t limit = impl_->virtual_now + virtual_limit.count();
    while (!done()) {
        if (step()) continue;
        if (!to_next_timer(*impl_, limit)) return done();
    }
    return true;
}

namespace simulation {

std::optional<failure> explore(const scenario& s, const exploration& options) {
    for (std::uint64_t i = 0; i < options.seeds; ++i) {
        const std::uint64_t seed = options.first_seed + i;
        runtime_options o = options.options;
        o.deterministic = true;
        o.seed = seed;
        std::optional<std::string> wrong;
        try {
            runtime node(o);
            wrong = s(node);
        } catch (const std::exception& e) {
            wrong = e.what();
        }
        if (!wrong) continue;
        if (options.print)
            std::fprintf(stderr, "simulation: failed with seed %llu (%llu passed before it): %s\n",
                         static_cast<unsigned long long>(seed), static_cast<unsigned long long>(i),
                         wrong->c_str());
        return failure{seed, *wrong};
    }
    return {};
}

}  // namespace simulation

}  // namespace beam
