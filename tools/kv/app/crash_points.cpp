#include "tools/kv/app/crash_points.hpp"

#ifdef BEAM_KV_CRASH_POINTS

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <string>
#include <variant>

namespace kv {

namespace {

struct wish {
    std::string point;
    std::atomic<long> left{0};

    wish() {
        const char* said = std::getenv("BEAM_KV_CRASH");
        if (!said) return;
        const std::string_view text(said);
        const auto colon = text.find(':');
        if (colon == std::string_view::npos) return;
        point = text.substr(0, colon);
        left = std::strtol(said + colon + 1, nullptr, 10);
    }
};

template <class T>
bool has(const std::vector<storage_change>& batch) {
    for (const storage_change& c : batch)
        if (std::holds_alternative<T>(c)) return true;
    return false;
}

}  // namespace

void crash_point(std::string_view name) {
    static wish w;
    if (w.point == name && w.left.fetch_sub(1) == 1) ::kill(::getpid(), SIGKILL);
}

void crash_point(const std::vector<storage_change>& batch) {
    if (has<append_log>(batch)) crash_point("append");
    if (has<checkpoint>(batch)) crash_point("checkpoint");
    if (has<stage_items>(batch)) crash_point("stage");
    if (has<install_staged>(batch)) crash_point("install");
    if (has<erase_copy>(batch)) crash_point("erase");
}

rules rules_of_shards() {
    rules r;
    const char* broken = std::getenv("BEAM_KV_BREAK");
    if (broken && std::string_view(broken) == "deduplicate") r.deduplicate = false;
    return r;
}

}  // namespace kv

#endif
