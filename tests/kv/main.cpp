// kv_trial: real nodes, real faults, and clients whose record is judged. One round a seed; a seed decides what happens, not when
// the processes get to it: the same seed is the same kind of day, not the same day.
#include <CLI/CLI.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "libbeamcore/base/duration.hpp"
#include "tests/kv/clients.hpp"
#include "tests/kv/faults.hpp"
#include "tests/kv/nodes.hpp"
#include "tests/kv/verdict.hpp"
#include "tools/common/failure.hpp"

namespace {

using namespace std::chrono_literals;
using namespace test;
namespace fs = std::filesystem;
using act = kv_event::act;
using end = kv_event::end;

constexpr auto equal_within = 30s;
constexpr auto expired_within = 5s;
constexpr int clients = 8;

struct words {
    std::uint64_t seed = 1, rounds = 1;
    std::string time = "20s", coordinator = "local", engine, breaks, folder = "/tmp";
    int nodes = 3;
    std::vector<std::string> faults;
    bool keep = false;
};

/// What is there when all is over: through the primary, and from each copy. It is part of the record.
complaints final_state(kv_asker& asker, kv_record& record) {
    complaints all;
    std::size_t from_replicas = 0;
    const auto keys = by_key(record);
    for (const auto& [key, events] : keys) {
        const bool is_short_lived = events.front().ttl_ms > 0;
        kv_event whole;
        whole.client = clients;
        whole.key = key;
        whole.node = asker.nodes().front();
        asker.get(whole, true, 10'000);
        if (whole.told != end::done)
            all.push_back("cannot be read when all is well: " + key + ": " + whole.why);
        record.push_back(whole);
        if (is_short_lived) {
            const std::int64_t due = events.front().called + events.front().ttl_ms * 1'000'000;
            if (whole.found && whole.called > due + expired_within / 1ns)
                all.push_back("its time is over, and it is there: " + key);
            continue;
        }
        for (const std::string& node : asker.nodes()) {
            kv_event copy;
            copy.client = clients;
            copy.key = key;
            copy.node = node;
            asker.get(copy, false, 10'000);
            if (copy.told != end::done)
                all.push_back("cannot be read through " + node + " when all is well: " + key);
            else if (copy.found != whole.found || copy.version != whole.version)
                all.push_back("copies differ: " + key + " is " + copy.found.value_or("none") +
                              " on " + node + " and " + whole.found.value_or("none") +
                              " on its primary");
            from_replicas += copy.told == end::done && copy.found && !copy.by_primary ? 1 : 0;
            record.push_back(std::move(copy));
        }
    }
    if (from_replicas == 0) all.push_back("no replica answered when all was well");
    return all;
}

const char* name_of(act a) {
    static constexpr const char* names[] = {"get", "put", "swap", "delete", "incr"};
    return names[std::size_t(a)];
}
const char* name_of(end e) {
    static constexpr const char* names[] = {"done", "refused", "nothing", "unknown"};
    return names[std::size_t(e)];
}

void write_record(const kv_record& record, const fs::path& path) {
    std::ofstream out(path);
    for (const kv_event& e : record) {
        nlohmann::json line{{"called", e.called},      {"answered", e.answered},
                            {"client", e.client},      {"node", e.node},
                            {"what", name_of(e.what)}, {"key", e.key},
                            {"told", name_of(e.told)}, {"version", e.version}};
        if (!e.wanted.empty()) line["wanted"] = e.wanted;
        if (!e.expected.empty()) line["expected"] = e.expected;
        if (e.found) line["found"] = *e.found;
        if (e.what == act::get) line["by_primary"] = e.by_primary;
        if (e.ttl_ms > 0) line["ttl_ms"] = e.ttl_ms;
        if (e.together != 0) line["together"] = e.together;
        if (!e.why.empty()) line["why"] = e.why;
        out << line.dump() << "\n";
    }
}

/// `put: 120 done, 3 unknown`: a trial in which nothing was answered proves nothing.
std::string counted(const kv_record& record) {
    std::size_t done = 0, refused = 0, nothing = 0, unknown = 0, replicas = 0;
    for (const kv_event& e : record) {
        done += e.told == end::done ? 1 : 0;
        refused += e.told == end::refused ? 1 : 0;
        nothing += e.told == end::nothing ? 1 : 0;
        unknown += e.told == end::unknown ? 1 : 0;
        replicas += e.what == act::get && e.found && !e.by_primary ? 1 : 0;
    }
    return std::to_string(record.size()) + " requests: " + std::to_string(done) + " done (" +
           std::to_string(replicas) + " by replicas), " + std::to_string(refused) + " refused, " +
           std::to_string(nothing) + " definite errors, " + std::to_string(unknown) + " unknown";
}

/// Whether all was well. If not, what is needed to find out stays in its folder.
bool round(const words& w, std::uint64_t seed, std::chrono::milliseconds time) {
    std::string name = w.folder + "/kv-trial-XXXXXX";
    if (!::mkdtemp(name.data())) throw std::runtime_error("no folder can be made in " + w.folder);
    kv_cluster_options o;
    o.nodes = w.nodes;
    o.etcd = w.coordinator == "etcd";
    o.engine = w.engine;
    o.breaks = w.breaks;
    o.folder = name;
    std::printf("kv_trial: seed %llu, %d nodes, %s, %s: %s\n",
                static_cast<unsigned long long>(seed), w.nodes, w.coordinator.c_str(),
                w.engine.empty() ? "lmdb" : w.engine.c_str(), name.c_str());
    std::fflush(stdout);
    complaints found;
    kv_record record;
    std::vector<std::string> done;
    {
        kv_nodes nodes(o);
        kv_faults faults(nodes, seed, w.faults);
        if (!faults.is_healthy_within(20s)) found.emplace_back("not healthy at first");
        {
            kv_clients some(nodes.names(), clients, seed);
            faults.run_for(time);
            if (!faults.is_healthy_within(equal_within))
                found.emplace_back("not healthy 30 s after the last fault");
            some.stop();
            record = some.record();
        }
        kv_asker asker(nodes.names());
        const complaints more = final_state(asker, record);
        found.insert(found.end(), more.begin(), more.end());
        done = faults.done();
        found.insert(found.end(), faults.complaints().begin(), faults.complaints().end());
    }
    const complaints more = judge(record);
    found.insert(found.end(), more.begin(), more.end());
    std::printf("kv_trial: seed %llu: %zu events, %s: %s\n", static_cast<unsigned long long>(seed),
                done.size(), counted(record).c_str(), found.empty() ? "ok" : "FAILED");
    const bool is_kept = w.keep || (!found.empty() && w.breaks.empty());
    if (is_kept) {
        write_record(record, fs::path(name) / "record.jsonl");
        std::ofstream events(fs::path(name) / "events");
        for (const std::string& line : done) events << line << "\n";
    }
    for (std::size_t i = 0; i < found.size() && i < 20; ++i)
        std::printf("kv_trial: %s\n", found[i].c_str());
    std::fflush(stdout);
    if (!is_kept) fs::remove_all(name);
    return found.empty();
}

}  // namespace

int main(int argc, char** argv) {
    words w;
    CLI::App app{"Real nodes of kv, real faults, and clients whose record is judged"};
    app.add_option("--seed", w.seed, "The first seed (1)");
    app.add_option("--rounds", w.rounds, "So many seeds, one after the other (1)");
    app.add_option("--for", w.time, "How long things go wrong in each round (20s)");
    app.add_option("--nodes", w.nodes, "How many nodes (3)");
    app.add_option("--coordinator", w.coordinator, "local or etcd (local)")
        ->check(CLI::IsMember({"local", "etcd"}));
    app.add_option("--engine", w.engine, "lmdb or rocksdb (lmdb)");
    app.add_option("--break", w.breaks,
                   "Nodes do not follow this rule: it is good when a round is bad")
        ->check(CLI::IsMember({"deduplicate"}));
    app.add_option("--faults", w.faults, "Only these, such as kill,pause,cut")->delimiter(',');
    app.add_option("--folder", w.folder, "Where the nodes' folders are (/tmp)");
    app.add_flag("--keep", w.keep, "Keep the record and the folder of a good round, too");
    CLI11_PARSE(app, argc, argv);
    std::signal(SIGPIPE, SIG_IGN);
    const auto time = beam::parse_duration(w.time);
    if (!time) {
        std::fprintf(stderr, "kv_trial: --for %s is not a duration\n", w.time.c_str());
        return 2;
    }
    try {
        for (std::uint64_t s = w.seed; s < w.seed + w.rounds; ++s)
            if (!round(w, s, std::chrono::duration_cast<std::chrono::milliseconds>(*time)))
                return w.breaks.empty() ? 1 : 0;
    } catch (const beam::tool::failure& f) {
        std::fprintf(stderr, "kv_trial: %s\n", f.why.c_str());
        return 1;
    } catch (const std::exception& e) {
        std::fprintf(stderr, "kv_trial: %s\n", e.what());
        return 1;
    }
    if (!w.breaks.empty())
        std::fprintf(stderr, "kv_trial: --break %s was not noticed\n", w.breaks.c_str());
    return w.breaks.empty() ? 0 : 1;
}
