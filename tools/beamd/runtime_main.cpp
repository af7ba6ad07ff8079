// beamd-runtime: the runtime process of a node. beamd starts it, and starts it again; it is not for people.
#include <sched.h>

#include <array>
#include <charconv>
#include <cstdio>
#include <string_view>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/node/node.hpp"

namespace {

// jemalloc has four arenas a core, and memory goes back to the one it came from. What one thread allocates and another frees, as
// the network's and the store's do, is then spread over all of them and comes anew from the system each time (kv_join, two cores:
// 510 page faults and 15.4 ms a MiB; with one arena 210 and 9.2. No difference to kv_put_50.)
constexpr int cores_an_arena = 8;

// What is not used goes back to the system within a second, also from a node that does nothing any more: without the thread only
// who allocates gives back.
constexpr std::string_view settings = "background_thread:true,dirty_decay_ms:1000,narenas:";
std::array<char, settings.size() + 8> settings_here{};

void set_arenas() {
    cpu_set_t cores;
    CPU_ZERO(&cores);
    const int count = sched_getaffinity(0, sizeof cores, &cores) == 0 ? CPU_COUNT(&cores) : 1;
    settings.copy(settings_here.data(), settings.size());
    char* const at = settings_here.data() + settings.size();
    std::to_chars(at, settings_here.end() - 1, 1 + (count - 1) / cores_an_arena);
}

}  // namespace

// jemalloc's, where it is linked.
extern "C" BEAM_EXPORT const char* malloc_conf;
const char* malloc_conf = settings_here.data();

// Before jemalloc reads it, which is before any constructor.
[[gnu::section(".preinit_array"), gnu::used]] void (*const before_jemalloc)() = set_arenas;

int main(int argc, char** argv) {
    if (argc > 1) return beam::node_main(beam::child_options({argv + 1, argv + argc}));
    std::fputs("beamd-runtime: beamd starts this; try: beamd --help\n", stderr);
    return 2;
}
