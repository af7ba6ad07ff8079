// Deterministic mode: the same runtime on one thread, with virtual time and a seed.
//
//     beam::runtime node({.deterministic = true, .seed = 42});
//     auto answer = node.execute(scenario);
//
// Which runnable process runs next, how many reductions it gets before it must give way, and when a
// blocking job finishes are chosen by the seed; time stands still until nothing can run, then jumps to the next
// timer. The same seed gives the same interleaving. After CAF's deterministic test fixture, Pony's systematic
// testing and TigerBeetle's VOPR.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/runtime/runtime.hpp"

namespace beam::simulation {

/// One run of a scenario: makes what it needs in `node`, runs it, and gives what went wrong, or nothing.
using scenario = std::function<std::optional<std::string>(runtime& node)>;

struct failure {
    std::uint64_t seed = 0;
    std::string what;
};

struct exploration {
    std::uint64_t first_seed = 1;
    std::uint64_t seeds = 1000;
    runtime_options options{};  ///< deterministic and seed are set by explore
    bool print = true;          ///< the failing seed, on stderr
};

/// Runs `s` with each seed in turn, in a fresh node, until one fails; gives the smallest failing seed of the
/// range, and prints how to repeat it. An exception out of the scenario is a failure too.
BEAM_EXPORT std::optional<failure> explore(const scenario& s, const exploration& options = {});

}  // namespace beam::simulation
