// beam_bench: the beamcore side of scripts/bench.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <exception>
#include <vector>

#include "libbeamcore/base/log.hpp"
#include "tests/bench/beam/bench.hpp"

namespace bench {
namespace {

struct entry {
    const char* name;
    group code;
};

std::vector<entry>& entries() {
    static std::vector<entry> all;
    return all;
}

int usage() {
    std::fputs(
        "usage: beam_bench GROUP [--quick | --smoke]\n"
        "       beam_bench --list\n"
        "       beam_bench --smoke          every group, at the smallest size\n",
        stderr);
    return 2;
}

bool run_one(const entry& e, size s) {
    try {
        e.code(run(s));
        return true;
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "beam_bench: %s failed: %s\n", e.name, failure.what());
        return false;
    }
}

}  // namespace

registration::registration(const char* name, group code) {
    entries().push_back({name, code});
}

void run::figure(const std::string& name, double value, const char* unit,
                 const char* variant) const {
    const std::string of = variant ? ",\"variant\":\"" + std::string(variant) + "\"" : "";
    std::printf(
        "{\"bench\":\"%s\",\"subject\":\"beamcore\",\"value\":%.2f,\"unit\":\"%s\","
        "\"better\":\"lower\"%s}\n",
        name.c_str(), value, unit, of.c_str());
    std::fflush(stdout);
}

static int run_main(int argc, char** argv) {
    const char* wanted = nullptr;
    auto s = size::full;
    std::sort(entries().begin(), entries().end(),
              [](const entry& a, const entry& b) { return std::strcmp(a.name, b.name) < 0; });
    for (int i = 1; i < argc; ++i) {
        if (!std::strcmp(argv[i], "--quick")) {
            s = size::quick;
        } else if (!std::strcmp(argv[i], "--smoke")) {
            s = size::smoke;
        } else if (!std::strcmp(argv[i], "--list")) {
            for (const auto& e : entries()) std::puts(e.name);
            return 0;
        } else if (argv[i][0] == '-' || wanted) {
            return usage();
        } else {
            wanted = argv[i];
        }
    }
    // As in production with reports switched off: the peers' are off as well.
    beam::set_log_threshold(beam::log_level::none);
    if (!wanted) {
        if (s != size::smoke) return usage();
        bool good = true;
        for (const auto& e : entries()) good = run_one(e, s) && good;
        return good ? 0 : 1;
    }
    for (const auto& e : entries())
        if (!std::strcmp(e.name, wanted)) return run_one(e, s) ? 0 : 1;
    std::fprintf(stderr, "beam_bench: no group %s; try: beam_bench --list\n", wanted);
    return 2;
}

}  // namespace bench

int main(int argc, char** argv) {
    return bench::run_main(argc, argv);
}
