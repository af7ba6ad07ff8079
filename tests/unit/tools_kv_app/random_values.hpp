// Values of any kind that kv writes as bytes, made of a seed: every field is something else each time.
#pragma once

#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tools/kv/app/encoding.hpp"

namespace test {

class random_values {
public:
    explicit random_values(std::uint64_t seed) : random_(seed) {}

    void make(bool& b) { b = number() % 2 == 0; }
    void make(std::uint64_t& n) { n = number(); }
    void make(std::int64_t& n) { n = std::int64_t(number()); }
    void make(std::chrono::nanoseconds& n) { n = std::chrono::nanoseconds(std::int64_t(number())); }
    void make(std::string& s) {
        s.clear();
        for (auto n = random_() % 20; n > 0; --n) s.push_back(char(random_()));
    }
    template <class T>
    void make(std::optional<T>& o) {
        o.reset();
        if (random_() % 2 == 0) make(o.emplace());
    }
    template <class T>
    void make(std::vector<T>& all) {
        all.clear();
        for (auto n = random_() % 4; n > 0; --n) make(all.emplace_back());
    }
    template <class A, class B>
    void make(std::pair<A, B>& p) {
        all_of(p.first, p.second);
    }

    void make(kv::store_id& s) { all_of(s.high, s.low); }
    void make(kv::log_point& p) { all_of(p.epoch, p.seq); }
    void make(kv::log_mark& m) { all_of(m.seq, m.bytes); }
    void make(kv::request_id& id) { all_of(id.client, id.number); }
    void make(kv::value& v) { all_of(v.bytes, v.version, v.expires_ms); }
    void make(kv::change& c) { all_of(c.key, c.bytes, c.expires_ms); }
    void make(kv::outcome& o) { all_of(o.done, o.version, o.detail); }
    void make(kv::entry& e) { all_of(e.at, e.id, e.result, e.changes, e.settled, e.age_ms); }
    void make(kv::shard_record& r) { all_of(r.epoch, r.primary, r.isr); }
    void make(kv::part_snapshot& p) { all_of(p.at, p.reflects, p.last_key); }
    void make(kv::dedup_table& t) {
        kv::dedup_table::clients_by_id clients;
        for (auto n = random_() % 4; n > 0; --n) {
            auto& c = clients[number()];
            all_of(c.last_ms, c.settled);
            for (std::uint64_t k = random_() % 4, at = 0; k > 0; --k)
                make(c.outcomes.emplace_back(at += 1 + random_() % 300, kv::outcome()).second);
        }
        t = kv::dedup_table::restored(std::move(clients), number());
    }
    void make(kv::checkpoint& c) {
        all_of(c.seq, c.requests, c.log.runs, c.log.marks, c.log.bytes, c.reflects, c.installed);
    }
    void make(kv::operation& o) {
        o.what = kv::operation::kind(random_() % 4);
        all_of(o.key, o.bytes, o.amount, o.expires_ms, o.expect_version, o.expect_bytes);
    }
    void make(kv::scan_range& s) {
        std::uint64_t items = 0, bytes = 0;
        all_of(s.prefix, s.after, items, bytes);
        s.items_max = items;
        s.bytes_max = bytes;
        s.what = kv::scan_range::kind(random_() % 3);
    }
    void make(kv::scan_page& p) { all_of(p.items, p.count, p.last, p.is_end); }
    void make(kv::write_request& r) { all_of(r.id, r.operations, r.patience, r.settled); }
    void make(kv::read_request& r) {
        all_of(r.key, r.primary_only, r.stale, r.patience, r.without_bytes, r.scan);
    }
    void make(kv::answer& a) {
        a.what = kv::answer::kind(random_() % 7);
        all_of(a.result, a.found, a.page, a.by_primary, a.age, a.hint, a.why);
    }
    void make(kv::changes_request& c) {
        std::uint64_t bytes = 0;
        all_of(c.prefix, c.after, bytes, c.patience);
        c.bytes_max = bytes;
    }
    void make(kv::told_change& c) { all_of(c.key, c.value, c.version, c.expires_ms); }
    void make(kv::changes_page& p) { all_of(p.is_too_old, p.seq, p.changes); }

    void make(kv::prepare& m) { all_of(m.epoch, m.before, m.commit_seq, m.entries); }
    void make(kv::ack& m) { all_of(m.epoch, m.durable_seq); }
    void make(kv::query& m) { make(m.epoch); }
    void make(kv::log_ends& m) {
        all_of(m.epoch, m.base, m.runs, m.applied_seq, m.reflects, m.part);
    }
    void make(kv::stale& m) { make(m.epoch); }
    void make(kv::beacon& m) {
        all_of(m.epoch, m.number, m.echo_life, m.echo, m.commit_seq, m.is_member, m.is_serving);
    }
    void make(kv::beacon_ack& m) { all_of(m.epoch, m.number, m.life, m.time); }
    void make(kv::snapshot_piece& m) {
        all_of(m.epoch, m.transfer, m.index, m.at, m.reflects, m.after, m.items, m.requests,
               m.is_last, m.is_refill);
    }
    void make(kv::erase_wish& m) { make(m.epoch); }
    void make(kv::may_erase& m) { make(m.epoch); }
    void make(kv::snapshot_ack& m) { all_of(m.epoch, m.transfer, m.index); }

    /// One of each kind, in turn.
    template <std::size_t I = 0>
    void make(kv::message& m, std::size_t which) {
        if constexpr (I < std::variant_size_v<kv::message>) {
            if (which == I)
                make(m.emplace<I>());
            else
                make<I + 1>(m, which);
        }
    }
    void make(kv::message& m) { make(m, random_() % std::variant_size_v<kv::message>); }

    /// Small ones, and all there are.
    std::uint64_t number() { return random_() >> (random_() % 64); }

private:
    template <class... Fields>
    void all_of(Fields&... fields) {
        (make(fields), ...);
    }

    std::mt19937_64 random_;
};

}  // namespace test
