#include "tests/kv/faults.hpp"

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>
#include <thread>

#include "tools/common/deadline.hpp"
#include "tools/common/failure.hpp"

namespace test {

using beam::tool::deadline;
using nlohmann::json;
using namespace std::chrono_literals;
using std::chrono::milliseconds;
namespace fs = std::filesystem;

namespace {

/// In one of its files, wherever there is something. The file and the place.
std::optional<std::string> flip_bit_in(const fs::path& folder, std::uint64_t choice) {
    std::vector<fs::path> files;
    for (const auto& f : fs::recursive_directory_iterator(folder))
        // What is in the file of locks is made anew whenever the store is opened.
        if (f.is_regular_file() && f.file_size() > 0 && f.path().filename() != "lock.mdb")
            files.push_back(f.path());
    if (files.empty()) return std::nullopt;
    std::sort(files.begin(), files.end());
    const fs::path& file = files[choice % files.size()];
    std::fstream bytes(file, std::ios::in | std::ios::out | std::ios::binary);
    const auto size = fs::file_size(file);
    auto at = choice / 8 % size;
    // Much of a file may never have been written.
    for (std::uint64_t tries = 0; tries < size; ++tries, at = (at + 1) % size) {
        bytes.seekg(std::streamoff(at));
        const int byte = bytes.get();
        if (byte == 0) continue;
        bytes.seekp(std::streamoff(at));
        bytes.put(char(byte ^ (1 << choice % 8)));
        return file.string() + " at " + std::to_string(at);
    }
    return std::nullopt;
}

}  // namespace

kv_faults::kv_faults(kv_nodes& nodes, std::uint64_t seed, std::vector<std::string> only)
    : nodes_(nodes), asker_(nodes.names()), random_(seed), began_(kv_clock()) {
    faults_ = {{"kill", 4, [this] { kill_one(); }},
               {"primary", 2, [this] { kill_primary_again_and_again(); }},
               {"all", 2, [this] { kill_all(); }},
               {"runtime", 3, [this] { kill_runtime(); }},
               {"crashes", 2, [this] { kill_runtimes_again_and_again(); }},
               {"point", 3, [this] { crash_at_point(); }},
               {"pause", 4, [this] { pause_one(); }},
               {"two", 2, [this] { pause_and_kill(); }},
               {"drain", 2, [this] { drain_one(); }},
               {"wipe", 1, [this] { wipe_one(); }},
               {"flip", 1, [this] { flip_bit(); }}};
    if (nodes_.network()) {
        faults_.push_back({"cut", 4, [this] { cut_one(); }});
        faults_.push_back({"oneway", 3, [this] { cut_one_way(); }});
    }
    if (nodes_.etcd()) {
        faults_.push_back({"etcd", 2, [this] { stop_coordinator(); }});
        faults_.push_back({"etcdpause", 2, [this] { pause_coordinator(); }});
    }
    if (only.empty()) return;
    std::erase_if(faults_, [&](const fault& f) {
        return std::find(only.begin(), only.end(), f.name) == only.end();
    });
}

void kv_faults::run_for(milliseconds time) {
    const auto until = deadline::in(time);
    std::size_t weights = 0;
    for (const fault& f : faults_) weights += f.weight;
    wait(300ms, 1s);
    while (!until.is_over() && weights > 0) {
        std::size_t at = below(weights);
        for (const fault& f : faults_) {
            if (at < f.weight) {
                f.happens();
                break;
            }
            at -= f.weight;
        }
        if (const auto ended = nodes_.tend()) note(*ended);
        // Often the next one comes before the last one is mended.
        wait(50ms, below(3) == 0 ? 5s : 800ms);
    }
    for (std::size_t i = 0; i < nodes_.size(); ++i) nodes_.start(i);
    note("healed");
}

// -- the faults -----------------------------------------------------------------------------------

void kv_faults::kill_one() {
    const std::size_t i = below(nodes_.size());
    note("kill " + nodes_.names()[i]);
    nodes_.kill(i);
    wait(0ms, below(6) == 0 ? 13s : 3s);  // 10 s make a node `out`
    nodes_.start(i);
    note("started " + nodes_.names()[i]);
}

void kv_faults::kill_primary_again_and_again() {
    const auto keys = kv_clients::contended_keys();
    const std::string& key = keys[below(keys.size())];
    for (std::size_t times = 2 + below(3); times > 0; --times) {
        const std::size_t i = primary_of(key);
        note("kill " + nodes_.names()[i] + ", primary of " + key);
        nodes_.kill(i);
        wait(0ms, 1500ms);
        nodes_.start(i);
        wait(0ms, 1500ms);
    }
}

void kv_faults::kill_all() {
    note("kill all");
    std::vector<std::size_t> order(nodes_.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::shuffle(order.begin(), order.end(), random_);
    for (const std::size_t i : order) nodes_.kill(i);
    std::shuffle(order.begin(), order.end(), random_);
    for (const std::size_t i : order) {
        nodes_.start(i);
        wait(0ms, 1s);
    }
    note("started all");
}

void kv_faults::kill_runtime() {
    const std::size_t i = below(nodes_.size());
    note("kill the runtime of " + nodes_.names()[i]);
    nodes_.kill_runtime(i);
}

/// At any step of a write, of a start, of taking over.
void kv_faults::kill_runtimes_again_and_again() {
    for (std::size_t times = 5 + below(10); times > 0; --times) {
        kill_runtime();
        wait(0ms, 600ms);
    }
}

/// At one step of its writes, life after life.
void kv_faults::crash_at_point() {
    static constexpr const char* points[] = {"append", "synced", "answer", "data", "checkpoint"};
    const std::size_t i = below(nodes_.size());
    const std::size_t point = below(std::size(points));
    // Data comes once in hundreds of writes of a shard, a checkpoint in a thousand.
    const std::size_t most = point >= 3 ? 2 : below(2) == 0 ? 5 : 200;
    const std::string at = std::string(points[point]) + ":" + std::to_string(1 + below(most));
    note(nodes_.names()[i] + " dies at " + at);
    nodes_.kill(i);
    nodes_.start(i, at);
    wait(1s, 5s);
    nodes_.kill(i);
    wait(0ms, 1s);
    nodes_.start(i);
    note("started " + nodes_.names()[i]);
}

void kv_faults::pause_one() {
    const std::size_t i = below(nodes_.size());
    note("pause " + nodes_.names()[i]);
    nodes_.pause(i);
    // Longer than the others' patience, so that there is another primary when it goes on; or shorter.
    if (below(2) == 0)
        wait(3500ms, 6s);
    else
        wait(100ms, 3500ms);
    nodes_.resume(i);
    note("resumed " + nodes_.names()[i]);
}

void kv_faults::pause_and_kill() {
    const std::size_t i = below(nodes_.size());
    const std::size_t j = (i + 1 + below(nodes_.size() - 1)) % nodes_.size();
    note("pause " + nodes_.names()[i] + ", kill " + nodes_.names()[j]);
    nodes_.pause(i);
    wait(0ms, 3s);
    nodes_.kill(j);
    wait(0ms, 3s);
    nodes_.resume(i);
    wait(0ms, 1s);
    nodes_.start(j);
    note("resumed and started");
}

void kv_faults::cut_one() {
    const std::size_t i = below(nodes_.size());
    note("cut " + nodes_.names()[i]);
    nodes_.network()->cut(i);
    wait(200ms, 8s);
    nodes_.network()->heal(i);
    note("healed " + nodes_.names()[i]);
}

void kv_faults::cut_one_way() {
    const std::size_t i = below(nodes_.size());
    const std::size_t j = (i + 1 + below(nodes_.size() - 1)) % nodes_.size();
    note("cut what " + nodes_.names()[i] + " sends to " + nodes_.names()[j]);
    nodes_.network()->deafen(i, j);
    wait(200ms, 8s);
    nodes_.network()->hear(i, j);
    note("healed");
}

/// All it has is copied elsewhere, and erased there; when it is back, or before all of that is done, the others' is.
void kv_faults::drain_one() {
    const std::size_t i = below(nodes_.size());
    const std::string& name = nodes_.names()[i];
    const json node{{"node", name.substr(0, name.find('@'))}};
    const auto ask = [&](const char* method) {
        for (const std::string& asked : nodes_.names()) {
            try {
                (void)asker_.ask(asked, method, node, 1000);
                return true;
            } catch (const beam::tool::failure&) {
                continue;  // another may be up
            }
        }
        return false;
    };
    const std::string at = below(2) == 0 ? "" : "erase:" + std::to_string(1 + below(5));
    note("drain " + name + (at.empty() ? "" : ", dies at " + at));
    if (!at.empty()) {
        nodes_.kill(i);
        nodes_.start(i, at);
    }
    (void)ask("kv.cluster_drain");
    wait(0ms, 6s);
    if (!at.empty()) {
        nodes_.kill(i);
        nodes_.start(i);
    }
    const auto until = deadline::in(20s);
    while (!ask("kv.cluster_rejoin") && !until.is_over()) wait(20ms, 20ms);
    note("rejoined " + name);
}

/// The disk of a node may be lost only while all it has is elsewhere as well.
void kv_faults::wipe_one() {
    for (std::size_t i = 0; i < nodes_.size(); ++i) nodes_.start(i);
    if (!is_healthy_within(20s)) return;
    const std::size_t i = below(nodes_.size());
    note("wipe " + nodes_.names()[i]);
    nodes_.kill(i);
    nodes_.wipe(i);
    wait(0ms, 2s);
    nodes_.start(i);
    note("started " + nodes_.names()[i]);
    // Until it is filled the others may hold the only copies.
    (void)is_healthy_within(20s);
}

/// In a file of a node's store: the node serves what is right, or says which store it is that it cannot use. Which bit it was
/// cannot be told afterwards, so the store is thrown away.
void kv_faults::flip_bit() {
    for (std::size_t i = 0; i < nodes_.size(); ++i) nodes_.start(i);
    if (!is_healthy_within(20s)) return;
    const std::size_t i = below(nodes_.size());
    nodes_.kill(i);
    const auto flipped = flip_bit_in(nodes_.store(i), random_());
    if (!flipped) return nodes_.start(i);
    note("flipped a bit in " + *flipped);
    nodes_.start(i);
    if (!is_healthy_within(6s) && !nodes_.log_names_store(i))
        complaints_.push_back(nodes_.names()[i] + " does not say what is wrong with " + *flipped);
    nodes_.kill(i);
    nodes_.wipe(i);
    nodes_.start(i);
    (void)is_healthy_within(20s);
}

void kv_faults::stop_coordinator() {
    note("kill etcd");
    nodes_.etcd()->stop();
    if (below(2) == 0) kill_runtime();
    wait(0ms, 4s);
    nodes_.etcd()->start();
    note("started etcd");
}

void kv_faults::pause_coordinator() {
    note("pause etcd");
    nodes_.etcd()->signal(SIGSTOP);
    if (below(2) == 0) kill_runtime();
    wait(0ms, 6s);
    nodes_.etcd()->signal(SIGCONT);
    note("resumed etcd");
}

// -- what they need -------------------------------------------------------------------------------

std::size_t kv_faults::below(std::size_t n) {
    return std::uniform_int_distribution<std::size_t>(0, n - 1)(random_);
}

/// The time that passes is what the fault is made of.
void kv_faults::wait(milliseconds least, milliseconds most) {
    const auto more = std::size_t((most - least).count()) + 1;
    std::this_thread::sleep_for(least + milliseconds(below(more)));
}

void kv_faults::note(const std::string& what) {
    done_.push_back(std::to_string(kv_clock() / 1'000'000) + " ms: " + what);
}

bool kv_faults::is_healthy() {
    return std::all_of(nodes_.names().begin(), nodes_.names().end(), [&](const std::string& node) {
        try {
            const json h = asker_.ask(node, "kv.cluster_health", json::object(), 2000);
            return h.at("healthy") == true && h.at("down").empty() && h.at("shards_moving") == 0;
        } catch (const beam::tool::failure&) {
            return false;
        }
    });
}

bool kv_faults::is_healthy_within(milliseconds time) {
    const auto until = deadline::in(time);
    while (!is_healthy()) {
        if (until.is_over()) return false;
        if (const auto ended = nodes_.tend()) note(*ended);
        std::this_thread::sleep_for(20ms);
    }
    return true;
}

std::size_t kv_faults::primary_of(const std::string& key) {
    for (const std::string& node : nodes_.names()) {
        try {
            const json a = asker_.ask(node, "kv.locate", {{"key", key}}, 1000);
            const auto primary = a.at("primary").get<std::string>() + "@";
            for (std::size_t i = 0; i < nodes_.size(); ++i)
                if (nodes_.names()[i].starts_with(primary)) return i;
        } catch (const beam::tool::failure&) {
            continue;  // another knows it
        }
    }
    return below(nodes_.size());
}

}  // namespace test
