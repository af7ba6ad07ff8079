// A shard of kv by itself, without disk and network: what one write and one read cost its state machine, alone and
// while a thousand others wait.
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/bench/beam/bench.hpp"
#include "tools/kv/shard/shard.hpp"

namespace {

using namespace std::chrono_literals;

constexpr int batch = 16;  // writes that one sync makes durable
const kv::store_id self{1, 1};

struct one_value : kv::table {
    [[nodiscard]] std::optional<kv::value> get(const std::string&) const override {
        return kv::value{std::string(128, 'v'), 1, 0};
    }
};

/// The only store of a shard, serving.
struct lone_shard {
    one_value data;
    kv::shard shard{{}, self, 1, {}, data};
    kv::instant at{1000s, 0};
    std::uint64_t number = 0;
    std::size_t answers = 0;

    lone_shard() {
        kv::outputs out;
        shard.start(at, out);
        shard.record_read(at, {{1, self, {self}}, 1}, out);
        out = {};
        shard.record_read(at, {{2, self, {self}}, 2}, out);
        sync(out);
    }
    void sync(const kv::outputs& written) {
        kv::outputs out;
        shard.synced(at, written.sync, out);
        answers += out.replies.size();
    }
    void write(kv::outputs& out) {
        kv::write_request r;
        ++number;
        r.id = {1 + number % batch, number};
        r.settled = number;
        r.patience = 10s;
        r.operations.push_back({kv::operation::kind::put, "key" + std::to_string(number % 1000),
                                std::string(128, 'v')});
        at.now += 1us;
        shard.write(at, number, std::move(r), out);
        answers += out.replies.size();
    }
    /// As a driver does: the outputs of each call by themselves, one sync for all.
    double writes(int n) {
        const auto start = bench::now_ns();
        for (int i = 0; i < n; i += batch) {
            kv::outputs last;
            for (int k = 0; k < batch; ++k) {
                last = {};
                write(last);
            }
            sync(last);
        }
        return double(bench::now_ns() - start) / n;
    }
    double reads(int n) {
        const auto start = bench::now_ns();
        for (int i = 0; i < n; ++i) {
            kv::outputs out;
            kv::read_request r;
            r.key = "key" + std::to_string(i % 1000);
            r.patience = 10s;
            shard.read(at, std::uint64_t(i), std::move(r), out);
            answers += out.replies.size();
        }
        return double(bench::now_ns() - start) / n;
    }
};

}  // namespace

BENCH(kv_shard) {
    const int n = run.pick(1'000'000, 200'000, 1600) / batch * batch;
    lone_shard one;
    one.writes(batch * 100);
    run.figure("kv_shard_write", one.writes(n), "ns");
    run.figure("kv_shard_read", one.reads(n), "ns");
    // A thousand that no sync has answered yet, and a sync that answers all of them.
    lone_shard busy;
    const int rounds = n / 1000 + 1;
    const auto start = bench::now_ns();
    for (int i = 0; i < rounds; ++i) {
        kv::outputs last;
        for (int k = 0; k < 1000; ++k) {
            last = {};
            busy.write(last);
        }
        busy.sync(last);
    }
    run.figure("kv_shard_write_1000_waiting", double(bench::now_ns() - start) / (rounds * 1000.0),
               "ns");
    bench::expect(busy.answers == std::size_t(rounds) * 1000, "a write was not answered");
}
