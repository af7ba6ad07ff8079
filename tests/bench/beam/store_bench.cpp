// Stores: durable writes of one and of several processes, reads and scans, for each engine. Keys of 16 bytes and
// values of 128; the folder lies in TMPDIR, whose disk decides: store_sync is what that disk needs for an append of
// 4 KiB with a sync, without a store.
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "libbeamcore/base/unique_fd.hpp"
#include "libbeamcore/runtime/send.hpp"
#include "libbeamcore/store/store.hpp"
#include "tests/bench/beam/bench.hpp"

namespace {

using namespace beam;

struct done {};

class folder {
public:
    folder() {
        std::string name = (std::filesystem::temp_directory_path() / "beam-bench-XXXXXX").string();
        bench::expect(::mkdtemp(name.data()) != nullptr, "no folder for a store");
        path_ = name;
    }
    ~folder() { std::filesystem::remove_all(path_); }
    folder(const folder&) = delete;
    folder& operator=(const folder&) = delete;
    std::string operator/(const char* name) const { return path_ + "/" + name; }

private:
    std::string path_;
};

std::string key_of(int i) {
    char text[17];
    (void)std::snprintf(text, sizeof text, "key%013d", i);
    return text;
}
const std::string value(128, 'v');

/// All numbers below `count`, in an order that looks random: steps by a number that has no factor with it.
int scattered(int i, int count) {
    return int((std::int64_t(i) * 7919 + 17) % count);
}

pid start(const std::string& path, store::engine_type engine) {
    store::open_options o;
    o.engine = engine;
    auto s = store::start_link(path, o);
    bench::expect(s.has_value(), "the store did not start");
    return *s;
}

process writer(self, pid s, pid main, int first, int n, int count) {
    for (int i = 0; i < n; ++i) {
        auto r = co_await store::put(s, key_of(scattered(first + i, count)), value);
        bench::expect(r.has_value(), "a write failed");
    }
    send(main, done{});
}

/// Microseconds for a write, of so many writers together.
awaitable<double> write_us(self me, std::string path, store::engine_type engine, int writers,
                           int each) {
    const pid s = start(path, engine);
    const int count = writers * each;
    auto first = co_await store::put(s, "first", value);
    bench::expect(first.has_value(), "a write failed");
    const auto began = bench::now_ns();
    for (int w = 0; w < writers; ++w) spawn_link(writer, s, me.id(), w * each, each, count);
    for (int w = 0; w < writers; ++w) co_await me.receive<done>();
    co_return double(bench::now_ns() - began) / 1000 / count;
}

awaitable<void> load(self, std::string path, store::engine_type engine, int count) {
    const pid s = start(path, engine);
    for (int i = 0; i < count; i += 1000) {
        store::batch b;
        for (int k = i; k < i + 1000; ++k) b.put(key_of(scattered(k, count)), value);
        auto r = co_await store::write(s, std::move(b));
        bench::expect(r.has_value(), "a write failed");
    }
}

/// Nanoseconds for a read, of a store that was opened anew.
awaitable<double> get_ns(self me, std::string path, store::engine_type engine, int count) {
    const pid s = start(path, engine);
    std::int64_t began = 0;
    for (int i = -count / 4; i < count; ++i) {
        if (i == 0) began = bench::now_ns();  // before that: warms up
        const auto v = store::get(s, key_of(scattered(i + count, count)));
        bench::expect(v && *v && (*v)->size() == value.size(), "a key was not found");
        if (bench::turn_is_over(me)) co_await me.yield();
    }
    co_return double(bench::now_ns() - began) / count;
}

awaitable<double> scan_ns(self me, std::string path, store::engine_type engine, int count) {
    const pid s = start(path, engine);
    const auto began = bench::now_ns();
    store::scan_options o;
    int found = 0;
    do {
        const auto page = store::scan(s, o);
        bench::expect(page.has_value(), "a scan failed");
        found += int(page->items.size());
        o.after = page->next;
        co_await me.yield();
    } while (!o.after.empty());
    bench::expect(found == count, "a scan missed keys");
    co_return double(bench::now_ns() - began) / count;
}

void measure_writes(const bench::run& run, store::engine_type engine) {
    for (const int writers : {1, 16, 128}) {
        const folder dir;
        beam::runtime node;
        const int each = run.pick(writers == 1 ? 4000 : 1000, writers == 1 ? 1000 : 300, 3);
        run.figure("store_" + to_string(engine) + "_put_" + std::to_string(writers),
                   bench::in_process(node, write_us, dir / "store", engine, writers, each), "us");
    }
}

void measure_reads(const bench::run& run, store::engine_type engine) {
    const folder dir;
    const int count = run.pick(200'000, 50'000, 1000);
    for (const bool is_load : {true, false}) {
        beam::runtime node;
        if (is_load) {
            auto r = node.execute(load, dir / "store", engine, count);
            bench::expect(r.has_value(), "the loading process exited");
            continue;
        }
        run.figure("store_" + to_string(engine) + "_get",
                   bench::in_process(node, get_ns, dir / "store", engine, count), "ns");
    }
    beam::runtime node;
    run.figure("store_" + to_string(engine) + "_scan",
               bench::in_process(node, scan_ns, dir / "store", engine, count), "ns");
}

bool is_built(store::engine_type engine) {
    const folder dir;
    beam::runtime node;
    return bench::in_process(
        node,
        [](self, std::string path, store::engine_type wanted) -> awaitable<bool> {
            store::open_options o;
            o.engine = wanted;
            co_return store::start(path, o).has_value();
        },
        dir / "store", engine);
}

void measure(const bench::run& run, void (*what)(const bench::run&, store::engine_type)) {
    for (const auto engine : {store::engine_type::lmdb, store::engine_type::rocksdb})
        if (is_built(engine)) what(run, engine);
}

}  // namespace

BENCH(store_write) {
    {
        const folder dir;
        const unique_fd fd(::open((dir / "file").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
        const std::string block(4096, 'b');
        const int n = run.pick(2000, 500, 5);
        const auto began = bench::now_ns();
        for (int i = 0; i < n; ++i)
            bench::expect(
                ::write(fd.get(), block.data(), block.size()) == 4096 && ::fdatasync(fd.get()) == 0,
                "an append failed");
        run.figure("store_sync", double(bench::now_ns() - began) / 1000 / n, "us");
    }
    measure(run, measure_writes);
}
BENCH(store_read) {
    measure(run, measure_reads);
}
