// A shard's disk in a store of its own, for tests.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/store/world.hpp"
#include "tools/kv/app/encoding.hpp"
#include "tools/kv/app/shard_disk.hpp"

namespace disk_test {

using namespace beam;
using kv::shard_disk;

inline constexpr std::uint32_t number = 3;

inline atom store_name() {
    return atom("disk_test_store");
}
inline beam::pid open(const std::string& path) {
    store::open_options o;
    o.name = store_name();
    return test::start(path, o);
}

inline kv::store_id some_store() {
    return {7, 9};
}

/// A shard's log and its disk, and all that was done to them in this life.
struct world {
    explicit world(std::uint32_t shard = number, std::size_t kept_back = 0)
        : disk(store_name(), shard) {
        disk.keep_back(kept_back);
        stored = disk.load();
        log = kv::shard_log(stored.base, stored.applied_seq, stored.entries, stored.saved.log);
    }

    /// Not on disk yet.
    void stage(std::vector<kv::storage_change> all) {
        batches.push_back(disk.changes(++ticket, all, log).batch);
        disk.complete(batches.back());
    }
    /// As the process of a shard does from time to time.
    void stage_kept_back() {
        disk.write_kept_back(batches.emplace_back(), ++ticket);
        disk.complete(batches.back());
    }
    /// As a shard does after a start, when the others agree.
    void apply_again() {
        while (log.applied_seq() < log.last().seq) {
            const kv::entry next = log.at(log.applied_seq() + 1);
            log.mark_applied();
            stage({kv::apply_entry{next}});
        }
    }
    awaitable<void> write() {
        for (store::batch& b : std::exchange(batches, {})) {
            auto writing = store::write(store_name(), std::move(b));
            const auto done = co_await writing;
            REQUIRE(done.has_value());
        }
        disk.committed(ticket);
    }
    awaitable<void> change(std::vector<kv::storage_change> all) {
        stage(std::move(all));
        return write();
    }

    kv::entry entry_of(std::vector<kv::change> changes) {
        kv::entry e;
        e.at = {epoch, log.last().seq + 1};
        e.id = {5, e.at.seq};
        e.changes = std::move(changes);
        e.result.version = e.at.seq;
        return e;
    }
    /// Appended and applied, in memory.
    std::vector<kv::storage_change> written(std::vector<kv::change> changes) {
        const kv::entry e = entry_of(std::move(changes));
        log.append(e);
        log.mark_applied();
        return {kv::append_log{e}, kv::apply_entry{e}};
    }
    awaitable<void> put(std::string key, std::string value, std::int64_t expires_ms = 0) {
        auto all = written({{std::move(key), std::move(value), expires_ms}});
        return change(std::move(all));
    }

    /// Of the log, with the checkpoint that tells a start what it does not read then.
    awaitable<void> drop_to(std::uint64_t seq) {
        kv::checkpoint saved;
        saved.seq = log.applied_seq();
        saved.log = log.shape();
        log.drop_to(seq);
        std::vector<kv::storage_change> drop{saved, kv::drop_log{log.base()}};
        return change(std::move(drop));
    }

    shard_disk disk;
    kv::stored_shard stored;
    kv::shard_log log;
    std::uint64_t epoch = 1, ticket = 0;
    std::vector<store::batch> batches;
};

inline std::string bytes_at(const shard_disk& d, const std::string& key) {
    const auto v = d.get(key);
    return v ? v->bytes : "none";
}

inline std::string shown(const kv::scan_page& page) {
    std::string all;
    for (const auto& [key, v] : page.items) all += key + "=" + v.bytes + " ";
    return all + (page.is_end ? "end" : "more");
}

inline std::string scanned(const shard_disk& d, const kv::scan_range& range = {},
                           std::int64_t now = 0) {
    return shown(d.scan(range, now));
}

inline kv::scan_range range_of(std::string prefix, std::optional<std::string> after = {},
                               std::size_t items = 1000) {
    kv::scan_range r;
    r.prefix = std::move(prefix);
    r.after = std::move(after);
    r.items_max = items;
    return r;
}

}  // namespace disk_test
