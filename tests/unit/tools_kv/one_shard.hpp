// One shard on one store, for tests that take it through its steps. What it does among others is the simulator's:
// tests/sim/kv_sim_test.cpp.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "tools/kv/shard/shard.hpp"

namespace test {

inline const kv::store_id a{1, 1}, b{1, 2};

struct some_data : kv::table {
    std::map<std::string, kv::value> all;
    [[nodiscard]] std::optional<kv::value> get(const std::string& key) const override {
        const auto found = all.find(key);
        if (found == all.end()) return std::nullopt;
        return found->second;
    }
};

/// A shard with a clock; each call gives what it wants done.
struct one {
    some_data data;
    kv::shard s;
    std::chrono::nanoseconds now = std::chrono::seconds(100);

    explicit one(kv::store_id self = a, kv::config c = {}, kv::stored_shard from = {})
        : s(c, self, 1, std::move(from), data) {}

    template <class F>
    kv::outputs operator()(F what) {
        kv::outputs out;
        what(s, kv::instant{now, 0}, out);
        return out;
    }
    kv::outputs read_record(kv::shard_record r, std::uint64_t rev) {
        return (*this)([&](kv::shard& x, const kv::instant& at, kv::outputs& o) {
            x.record_read(at, {r, rev}, o);
        });
    }
    kv::outputs receive(kv::store_id from, kv::message m) {
        return (*this)([&](kv::shard& x, const kv::instant& at, kv::outputs& o) {
            x.receive(at, from, m, o);
        });
    }
    kv::outputs sync(std::uint64_t ticket) {
        return (*this)(
            [&](kv::shard& x, const kv::instant& at, kv::outputs& o) { x.synced(at, ticket, o); });
    }
    std::chrono::milliseconds patience{1000};  // of writes
    kv::outputs put(std::uint64_t number) {
        return (*this)([&](kv::shard& x, const kv::instant& at, kv::outputs& o) {
            kv::write_request r;
            r.id = {5, number};
            r.operations.push_back({kv::operation::kind::put, "k", "v"});
            r.patience = patience;
            x.write(at, number, r, o);
        });
    }
    kv::outputs tick() {
        return (*this)([](kv::shard& x, const kv::instant& at, kv::outputs& o) { x.tick(at, o); });
    }
    kv::outputs read(kv::read_request r) {
        return (*this)([&](kv::shard& x, const kv::instant& at, kv::outputs& o) {
            r.patience = std::chrono::seconds(1);
            x.read(at, 77, r, o);
        });
    }
    kv::outputs plan(std::vector<kv::store_id> stores) {
        return (*this)([&](kv::shard& x, const kv::instant& at, kv::outputs& o) {
            x.plan_changed(at, stores, o);
        });
    }
    /// Some writes, each on disk before the next.
    void put_and_sync(std::uint64_t first, std::uint64_t last) {
        for (std::uint64_t n = first; n <= last; ++n) sync(put(n).sync);
    }
    /// The only store of a new shard, serving.
    void lead_alone() {
        (*this)([](kv::shard& x, const kv::instant& at, kv::outputs& o) { x.start(at, o); });
        read_record({1, a, {a}}, 1);
        const auto begun = read_record({2, a, {a}}, 2);
        sync(begun.sync);
    }
};

/// A primary whose log is too short for b, about to send it a snapshot with a piece in two.
struct filler : one {
    static kv::config small() {
        kv::config c;
        c.log_kept = 1;
        c.window_entries = 1;
        c.pieces_in_flight_bytes = 3;
        return c;
    }
    explicit filler(kv::config c = small()) : one(a, c) {
        lead_alone();
        put_and_sync(1, 5);
        plan({a, b});
    }
    kv::outputs piece(std::uint64_t transfer, std::string key, bool is_last) {
        return (*this)([&](kv::shard& s, const kv::instant& at, kv::outputs& o) {
            s.piece_read(at, b, transfer, {{key, kv::value{"v", 2, 0}}}, is_last, o);
        });
    }
};

template <class T>
std::vector<T> all(const kv::outputs& out) {
    std::vector<T> found;
    for (const auto& m : out.messages)
        if (const T* t = std::get_if<T>(&m.what)) found.push_back(*t);
    return found;
}
template <class T>
std::vector<T> stored(const kv::outputs& out) {
    std::vector<T> found;
    for (const auto& c : out.storage)
        if (const T* t = std::get_if<T>(&c)) found.push_back(*t);
    return found;
}

template <class T>
const T* find(const kv::outputs& out) {
    for (const auto& m : out.messages)
        if (const T* t = std::get_if<T>(&m.what)) return t;
    return nullptr;
}

}  // namespace test
