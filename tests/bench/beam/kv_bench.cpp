// kv inside a node: gets of a process of the same node, and a scan of everything. The cluster is that node alone, without
// distribution; one scheduler, so that a get's time is that of a core.
#include <stdlib.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "libbeamcore/otp/start_result.hpp"
#include "libbeamcore/release/node_facts.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/send.hpp"
#include "libbeamcore/runtime/spawn.hpp"
#include "libbeamcore/store/store.hpp"
#include "tests/bench/beam/bench.hpp"
#include "tests/bench/beam/resident.hpp"
#include "tools/kv/app/application.hpp"
#include "tools/kv/app/keeper.hpp"
#include "tools/kv/app/kv.hpp"
#include "tools/kv/app/router.hpp"
#include "tools/kv/app/scanning.hpp"
#include "tools/kv/app/shard_server.hpp"

namespace {

using namespace beam;
using namespace std::chrono_literals;

struct done {};

constexpr std::uint32_t shards = 64;

std::string key_of(std::uint64_t n) {
    char text[32];
    (void)std::snprintf(text, sizeof text, "key:%012llu", static_cast<unsigned long long>(n));
    return text;
}

struct folder {
    std::filesystem::path path;
    folder() {
        std::string name = (std::filesystem::temp_directory_path() / "beam-bench-XXXXXX").string();
        bench::expect(::mkdtemp(name.data()) != nullptr, "no folder for a store");
        path = name;
    }
    ~folder() { std::filesystem::remove_all(path); }
    folder(const folder&) = delete;
    folder& operator=(const folder&) = delete;
};

/// A node with kv, in a folder of its own.
class kv_node {
public:
    explicit kv_node(const char* engine) : node_(options()) {
        ::setenv("BEAM_KV_ENGINE", engine, 1);
        node_facts facts;
        facts.name = "bench";
        facts.store_folder = folder_.path / "store";
        facts.socket = folder_.path / "run" / "bench.sock";
        std::filesystem::create_directories(facts.store_folder);
        std::filesystem::create_directories(folder_.path / "run");
        set_node_facts(node_, std::move(facts));
        (void)node_.spawn(be_node);
        bench::in_process(node_, found);
    }
    runtime& node() { return node_; }

private:
    static runtime_options options() {
        runtime_options o;
        o.schedulers = 1;
        return o;
    }
    static process be_node(self me) {
        start_result tree = co_await kv::kv_app::start(term());
        bench::expect(tree.has_value(), "the application did not start");
        co_await me.sleep_for(infinity{});
    }
    static awaitable<bool> found(self me) {
        while (!whereis(atom("kv"))) co_await me.sleep_for(1ms);
        kv::founding what;
        what.nodes = {std::string(beam::node().name())};
        what.shards = shards;
        what.copies = 1;
        auto founding = kv::keeper::found(std::move(what));
        const outcome<bool> made = co_await founding;
        bench::expect(made.has_value(), "no cluster");
        auto first = kv::put("first", "value");
        const outcome<kv::written> w = co_await first;
        bench::expect(w.has_value(), "a write failed");
        co_return true;
    }

    folder folder_;
    runtime node_;
};

// -- filling -----------------------------------------------------------------------------------------

process filler(self, std::uint64_t first, std::uint64_t step, std::uint64_t count, pid main) {
    const std::string value(64, 'v');
    for (std::uint64_t n = first; n < count; n += step) {
        auto writing = kv::put(key_of(n), value);
        const outcome<kv::written> w = co_await writing;
        bench::expect(w.has_value(), "a write failed");
    }
    send(main, done{});
}

awaitable<bool> fill(self me, std::uint64_t keys) {
    constexpr std::uint64_t writers = 1000;
    for (std::uint64_t w = 0; w < writers; ++w) (void)spawn_link(filler, w, writers, keys, me.id());
    for (std::uint64_t w = 0; w < writers; ++w) (void)co_await me.receive<done>();
    co_return true;
}

/// Keys whose shards take turns in their order; those of a tag are of one shard, so many are put by one request.
std::string tagged_key_of(std::uint64_t n, std::uint64_t tag) {
    return key_of(n) + "{" + std::to_string(tag) + "}";
}

constexpr std::uint64_t tags = 640;

/// Of the keys from `begin` to `end`, both multiples of `tags`, those of some tags.
process bulk_filler(self, std::uint64_t first, std::uint64_t step, std::uint64_t begin,
                    std::uint64_t end, pid main) {
    constexpr std::size_t at_once = 500;
    for (std::uint64_t tag = first; tag < tags; tag += step) {
        std::vector<kv::transaction_part> parts;
        for (std::uint64_t n = begin + tag; n < end; n += tags) {
            kv::transaction_part part;
            part.key = tagged_key_of(n, tag);
            part.value = std::string(64, 'v');
            parts.push_back(std::move(part));
            if (parts.size() < at_once && n + tags < end) continue;
            auto writing = kv::transact(std::exchange(parts, {}));
            const outcome<kv::written> w = co_await writing;
            bench::expect(w.has_value(), "a write failed");
        }
    }
    send(main, done{});
}

awaitable<bool> bulk_fill(self me, std::uint64_t begin, std::uint64_t end) {
    constexpr std::uint64_t writers = 16;
    for (std::uint64_t w = 0; w < writers; ++w)
        (void)spawn_link(bulk_filler, w, writers, begin, end, me.id());
    for (std::uint64_t w = 0; w < writers; ++w) (void)co_await me.receive<done>();
    co_return true;
}

// -- gets --------------------------------------------------------------------------------------------

process reader(self, std::uint64_t first, int n, std::uint64_t keys, pid main) {
    for (int i = 0; i < n; ++i) {
        auto reading = kv::get(key_of((first + std::uint64_t(i) * 7919) % keys));
        const outcome<kv::found> f = co_await reading;
        bench::expect(f && f->value.size() == 64, "a key was not found");
    }
    send(main, done{});
}

awaitable<double> get_ns(self me, int each, std::uint64_t keys) {
    constexpr int readers = 50;
    const auto began = bench::now_ns();
    for (int r = 0; r < readers; ++r)
        (void)spawn_link(reader, std::uint64_t(r) * 104729, each, keys, me.id());
    for (int r = 0; r < readers; ++r) (void)co_await me.receive<done>();
    co_return double(bench::now_ns() - began) / readers / each;
}

// -- a scan ------------------------------------------------------------------------------------------

awaitable<double> scan_ns(self, std::uint64_t keys) {
    kv::scan_range all;
    all.items_max = 10'000;
    all.bytes_max = std::size_t{128} << 10;  // as kv.scan has it
    const auto began = bench::now_ns();
    kv::scanning scan(kv::shards_of_prefix("", shards), all, 10s);
    std::uint64_t count = 0;
    for (;;) {
        auto page = co_await scan.next(1000);
        bench::expect(page.has_value(), "a scan failed");
        count += page->size();
        if (page->size() < 1000) break;
    }
    bench::expect(count == keys + 1, "a scan missed keys");
    co_return double(bench::now_ns() - began) / double(count);
}

}  // namespace

BENCH(kv_get_inside) {
    for (const char* engine : {"lmdb", "rocksdb"}) {
        kv_node kv(engine);
        const std::uint64_t keys = std::uint64_t(run.pick(20'000, 20'000, 200));
        bench::in_process(kv.node(), fill, keys);
        const int each = run.pick(20'000, 5'000, 20);
        run.figure("kv_get_inside", bench::in_process(kv.node(), get_ns, each, keys), "ns", engine);
    }
}

// Memory: what the node has more with ten times as many keys, over their number: each shard keeps the end of its log in
// memory, however many keys there are. LMDB's map counts as resident when the kernel has the pages anyhow; so what is
// anonymous counts.
BENCH(kv_scan) {
    for (const char* engine : {"lmdb", "rocksdb"}) {
        kv_node kv(engine);
        const std::uint64_t keys = std::uint64_t(run.pick(15'625, 1'562, 2)) * tags;
        bench::in_process(kv.node(), bulk_fill, std::uint64_t(0), keys / tags / 10 * tags);
        const double before = bench::anonymous_bytes();
        bench::in_process(kv.node(), bulk_fill, keys / tags / 10 * tags, keys);
        const double more = bench::anonymous_bytes() - before;
        run.figure("kv_key_bytes", more / (double(keys) * 0.9), "bytes", engine);
        run.figure("kv_scan", bench::in_process(kv.node(), scan_ns, keys), "ns", engine);
    }
}
