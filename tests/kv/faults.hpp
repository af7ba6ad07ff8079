// What happens to a cluster while its clients work: chosen by a seed, one after the other, sometimes two at once.
#pragma once

#include <chrono>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "tests/kv/clients.hpp"
#include "tests/kv/nodes.hpp"

namespace test {

class kv_faults {
public:
    /// `only`: names of faults; empty: all that are possible here.
    kv_faults(kv_nodes& nodes, std::uint64_t seed, std::vector<std::string> only);

    /// Until then; whole again afterwards: all run, hear each other and have a coordinator.
    void run_for(std::chrono::milliseconds time);

    /// Waits until each node says that all shards have all copies.
    [[nodiscard]] bool is_healthy_within(std::chrono::milliseconds time);

    /// What was done, a line each: `12345 ms: kill n1`.
    [[nodiscard]] const std::vector<std::string>& done() const { return done_; }

    /// What a node did that it must not, whatever its clients were told.
    [[nodiscard]] const std::vector<std::string>& complaints() const { return complaints_; }

private:
    struct fault {
        std::string name;
        std::size_t weight;
        std::function<void()> happens;
    };

    void kill_one();
    void kill_primary_again_and_again();
    void kill_all();
    void kill_runtime();
    void kill_runtimes_again_and_again();
    void crash_at_point();
    void pause_one();
    void pause_and_kill();
    void cut_one();
    void cut_one_way();
    void drain_one();
    void wipe_one();
    void flip_bit();
    void stop_coordinator();
    void pause_coordinator();

    std::size_t below(std::size_t n);
    void wait(std::chrono::milliseconds least, std::chrono::milliseconds most);
    void note(const std::string& what);
    [[nodiscard]] bool is_healthy();
    [[nodiscard]] std::size_t primary_of(const std::string& key);

    kv_nodes& nodes_;
    kv_asker asker_;
    std::mt19937_64 random_;
    std::vector<fault> faults_;
    std::vector<std::string> done_, complaints_;
    std::int64_t began_;
};

}  // namespace test
