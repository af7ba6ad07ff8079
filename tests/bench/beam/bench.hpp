// What a benchmark is made of: a group has a name, runs at one of three sizes and gives figures.
//
//     BENCH(ping_pong) {
//         beam::runtime node;
//         ...
//         run.figure("ping_pong", nanoseconds, "ns");
//     }
//
// Names, units and what each figure means are those of tests/bench/figures.txt and of the peers in
// tests/bench/peers, which do the same work.
#pragma once

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>

#include "libbeamcore/runtime/runtime.hpp"

namespace bench {

enum class size { full, quick, smoke };

/// One run of a group.
class run {
public:
    explicit run(bench::size s) : size_(s) {}

    /// Smoke sizes are only there to see that the bench works.
    [[nodiscard]] int pick(int full, int quick, int smoke) const {
        return size_ == size::full ? full : size_ == size::quick ? quick : smoke;
    }
    /// Prints a line of JSON. Of several variants the best one counts.
    void figure(const std::string& name, double value, const char* unit,
                const char* variant = nullptr) const;

private:
    bench::size size_;
};

using group = void (*)(const run&);

/// For BENCH only.
struct registration {
    registration(const char* name, group code);
};

#define BENCH(name)                                                            \
    static void bench_##name(const ::bench::run& run);                         \
    static const ::bench::registration registered_##name(#name, bench_##name); \
    static void bench_##name([[maybe_unused]] const ::bench::run& run)

inline std::int64_t now_ns() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

/// Charges one operation and says whether to `co_await me.yield()` now: what a loop that does not wait
/// owes to others, and what Erlang does at every call.
inline bool turn_is_over(beam::self me) {
    return me.bump_reductions(1);
}

/// Fails the bench: it did not do the work it claims to measure.
inline void expect(bool holds, const char* what) {
    if (!holds) throw std::runtime_error(what);
}

/// Runs `code(self, args...)` in a process of `node` and gives its value.
template <class F, class... Args>
auto in_process(beam::runtime& node, F code, Args... args) {
    auto result = node.execute(code, args...);
    expect(result.has_value(), "the measuring process exited");
    return *std::move(result);
}

}  // namespace bench
