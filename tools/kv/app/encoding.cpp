#include "tools/kv/app/encoding.hpp"

#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "libbeamcore/base/hash.hpp"

namespace kv {

namespace {

using std::chrono::nanoseconds;

/// What a `kind` on the wire may be at most, so that no byte makes an enum what it is not.
template <class Enum>
Enum kind_of(std::uint8_t n, Enum last) {
    if (n > std::uint8_t(last)) throw malformed_bytes("an unknown kind");
    return Enum(n);
}

void write(byte_writer& w, bool b) {
    w.u8(b ? 1 : 0);
}
void write(byte_writer& w, const std::string& s) {
    w.text(s);
}
void write(byte_writer& w, std::uint64_t n) {
    w.number(n);
}
void write(byte_writer& w, nanoseconds n) {
    w.signed_number(n.count());
}
void read(byte_reader& r, bool& b) {
    b = r.u8() != 0;
}
void read(byte_reader& r, std::string& s) {
    s = r.text();
}
void read(byte_reader& r, std::uint64_t& n) {
    n = r.number();
}
void read(byte_reader& r, nanoseconds& n) {
    n = nanoseconds(r.signed_number());
}

void write(byte_writer& w, const std::pair<std::string, value>& item);
void read(byte_reader& r, std::pair<std::string, value>& item);
void write(byte_writer& w, const change& c);
void read(byte_reader& r, change& c);
void write(byte_writer& w, const operation& o);
void read(byte_reader& r, operation& o);
void write(byte_writer& w, const part_snapshot& p);
void read(byte_reader& r, part_snapshot& p);
void write(byte_writer& w, const scan_range& s);
void read(byte_reader& r, scan_range& s);
void write(byte_writer& w, const scan_page& p);
void read(byte_reader& r, scan_page& p);
void write(byte_writer& w, const log_mark& m);
void read(byte_reader& r, log_mark& m);

template <class T>
void write(byte_writer& w, const std::optional<T>& o) {
    write(w, o.has_value());
    if (o) write(w, *o);
}
template <class T>
void read(byte_reader& r, std::optional<T>& o) {
    bool is_there = false;
    read(r, is_there);
    o.reset();
    if (is_there) read(r, o.emplace());
}
template <class T>
void write(byte_writer& w, const std::vector<T>& all) {
    w.number(all.size());
    for (const T& one : all) write(w, one);
}
template <class T>
void read(byte_reader& r, std::vector<T>& all) {
    all.clear();
    // Grows as it is read: a count alone takes no memory.
    for (std::size_t n = r.count(); n > 0; --n) read(r, all.emplace_back());
}

void write(byte_writer& w, const std::pair<std::string, value>& item) {
    w.text(item.first);
    write(w, item.second);
}
void read(byte_reader& r, std::pair<std::string, value>& item) {
    item.first = r.text();
    read(r, item.second);
}
void write(byte_writer& w, const request_id& id) {
    w.fixed64(id.client);
    w.number(id.number);
}
void read(byte_reader& r, request_id& id) {
    id.client = r.fixed64();
    id.number = r.number();
}
void write(byte_writer& w, const outcome& o) {
    write(w, o.done);
    w.number(o.version);
    w.text(o.detail);
}
void read(byte_reader& r, outcome& o) {
    read(r, o.done);
    o.version = r.number();
    o.detail = r.text();
}
void write(byte_writer& w, const change& c) {
    w.text(c.key);
    write(w, c.bytes);
    w.signed_number(c.expires_ms);
}
void read(byte_reader& r, change& c) {
    c.key = r.text();
    read(r, c.bytes);
    c.expires_ms = r.signed_number();
}
void write(byte_writer& w, const operation& o) {
    w.u8(std::uint8_t(o.what));
    w.text(o.key);
    w.text(o.bytes);
    w.signed_number(o.amount);
    w.signed_number(o.expires_ms);
    write(w, o.expect_version);
    write(w, o.expect_bytes);
}
void read(byte_reader& r, operation& o) {
    o.what = kind_of(r.u8(), operation::kind::expire);
    o.key = r.text();
    o.bytes = r.text();
    o.amount = r.signed_number();
    o.expires_ms = r.signed_number();
    read(r, o.expect_version);
    read(r, o.expect_bytes);
}

void write(byte_writer& w, const part_snapshot& p) {
    write(w, p.at);
    write(w, p.reflects);
    w.text(p.last_key);
}
void read(byte_reader& r, part_snapshot& p) {
    read(r, p.at);
    read(r, p.reflects);
    p.last_key = r.text();
}
void write(byte_writer& w, const scan_range& s) {
    w.text(s.prefix);
    write(w, s.after);
    w.number(s.items_max);
    w.number(s.bytes_max);
    w.u8(std::uint8_t(s.what));
}
void read(byte_reader& r, scan_range& s) {
    s.prefix = r.text();
    read(r, s.after);
    s.items_max = r.number();
    s.bytes_max = r.number();
    s.what = kind_of(r.u8(), scan_range::kind::count);
}
void write(byte_writer& w, const scan_page& p) {
    write(w, p.items);
    w.number(p.count);
    w.text(p.last);
    write(w, p.is_end);
}
void read(byte_reader& r, scan_page& p) {
    read(r, p.items);
    p.count = r.number();
    p.last = r.text();
    read(r, p.is_end);
}
void write(byte_writer& w, const log_mark& m) {
    w.number(m.seq);
    w.number(m.bytes);
}
void read(byte_reader& r, log_mark& m) {
    m.seq = r.number();
    m.bytes = r.number();
}

// The fields of each message, in one place for both ways. A field that is forgotten here does not compile.

template <class M, class... Kind>
concept is_message = (std::is_same_v<std::remove_const_t<M>, Kind> || ...);

template <class Way>
void each(Way&& way, is_message<prepare> auto& m) {
    auto& [epoch, before, commit_seq, entries] = m;
    way(epoch, before, commit_seq, entries);
}
template <class Way>
void each(Way&& way, is_message<ack> auto& m) {
    auto& [epoch, durable_seq, wants_commit] = m;
    way(epoch, durable_seq, wants_commit);
}
template <class Way>
void each(Way&& way, is_message<query, stale, erase_wish, may_erase> auto& m) {
    auto& [epoch] = m;
    way(epoch);
}
template <class Way>
void each(Way&& way, is_message<log_ends> auto& m) {
    auto& [epoch, base, runs, applied_seq, reflects, part] = m;
    way(epoch, base, runs, applied_seq, reflects, part);
}
template <class Way>
void each(Way&& way, is_message<beacon> auto& m) {
    auto& [epoch, number, echo_life, echo, commit_seq, is_member, is_serving] = m;
    way(epoch, number, echo_life, echo, commit_seq, is_member, is_serving);
}
template <class Way>
void each(Way&& way, is_message<beacon_ack> auto& m) {
    auto& [epoch, number, life, time] = m;
    way(epoch, number, life, time);
}
template <class Way>
void each(Way&& way, is_message<snapshot_piece> auto& m) {
    auto& [epoch, transfer, index, at, reflects, after, items, requests, is_last, is_refill] = m;
    way(epoch, transfer, index, at, reflects, after, items, requests, is_last, is_refill);
}
template <class Way>
void each(Way&& way, is_message<snapshot_ack> auto& m) {
    auto& [epoch, transfer, index] = m;
    way(epoch, transfer, index);
}

template <std::size_t I = 0>
void read_message(byte_reader& r, std::size_t which, message& m) {
    if constexpr (I < std::variant_size_v<message>) {
        if (which != I) return read_message<I + 1>(r, which, m);
        each([&](auto&... fields) { (read(r, fields), ...); }, m.emplace<I>());
    } else {
        throw malformed_bytes("an unknown message");
    }
}

}  // namespace

void write(byte_writer& w, const store_id& s) {
    w.fixed64(s.high);
    w.fixed64(s.low);
}
void read(byte_reader& r, store_id& s) {
    s.high = r.fixed64();
    s.low = r.fixed64();
}

void write(byte_writer& w, const log_point& p) {
    w.number(p.epoch);
    w.number(p.seq);
}
void read(byte_reader& r, log_point& p) {
    p.epoch = r.number();
    p.seq = r.number();
}

void write(byte_writer& w, const value& v) {
    w.number(v.version);
    w.signed_number(v.expires_ms);
    w.text(v.bytes);
}
namespace {

/// What is in it, but for its bytes: these are where they were.
std::string_view read_in_place(byte_reader& r, value& v) {
    v.version = r.number();
    v.expires_ms = r.signed_number();
    return r.text_in_place();
}

}  // namespace

void read(byte_reader& r, value& v) {
    v.bytes = read_in_place(r, v);
}

void write(byte_writer& w, const entry& e) {
    write(w, e.at);
    write(w, e.id);
    write(w, e.result);
    write(w, e.changes);
    w.number(e.settled);
    w.number(e.age_ms);
}
void read(byte_reader& r, entry& e) {
    read(r, e.at);
    read(r, e.id);
    read(r, e.result);
    read(r, e.changes);
    e.settled = r.number();
    e.age_ms = r.number();
}

void write(byte_writer& w, const shard_record& record) {
    w.number(record.epoch);
    write(w, record.primary);
    write(w, record.isr);
}
void read(byte_reader& r, shard_record& to) {
    to.epoch = r.number();
    read(r, to.primary);
    read(r, to.isr);
    to.past.clear();  // is not with it
    to.past_from = shard_record::all_before(to.epoch);
}

void write(byte_writer& w, const dedup_table& t) {
    w.number(t.age_ms());
    w.number(t.all().size());
    for (const auto& [id, client] : t.all()) {
        w.fixed64(id);
        w.number(client.last_ms);
        w.number(client.settled);
        w.number(client.outcomes.size());
        for (const auto& [number, outcome] : client.outcomes) {
            w.number(number);
            write(w, outcome);
        }
    }
}
void read(byte_reader& r, dedup_table& t) {
    const std::uint64_t age_ms = r.number();
    dedup_table::clients_by_id clients;
    for (std::size_t n = r.count(); n > 0; --n) {
        dedup_table::client& c = clients[r.fixed64()];
        c.last_ms = r.number();
        c.settled = r.number();
        for (std::size_t k = r.count(); k > 0; --k) {
            const std::uint64_t number = r.number();
            if (!c.outcomes.empty() && c.outcomes.back().first >= number)
                throw malformed_bytes("requests out of order");
            read(r, c.outcomes.emplace_back(number, outcome()).second);
        }
    }
    t = dedup_table::restored(std::move(clients), age_ms);
}

void write(byte_writer& w, const checkpoint& c) {
    w.number(c.seq);
    write(w, c.requests);
    write(w, c.log.runs);
    write(w, c.log.marks);
    w.number(c.log.bytes);
    write(w, c.reflects);
    w.number(c.installed);
}
void read(byte_reader& r, checkpoint& c) {
    c.seq = r.number();
    read(r, c.requests);
    read(r, c.log.runs);
    read(r, c.log.marks);
    c.log.bytes = r.number();
    read(r, c.reflects);
    c.installed = r.number();
}

void write(byte_writer& w, const message& m) {
    w.u8(std::uint8_t(m.index()));
    std::visit(
        [&](const auto& x) { each([&](const auto&... fields) { (write(w, fields), ...); }, x); },
        m);
}
void read(byte_reader& r, message& m) {
    const std::size_t which = r.u8();
    read_message(r, which, m);
}

void write(byte_writer& w, const write_request& r) {
    write(w, r.id);
    write(w, r.operations);
    write(w, r.patience);
    w.number(r.settled);
}
void read(byte_reader& r, write_request& to) {
    read(r, to.id);
    read(r, to.operations);
    read(r, to.patience);
    to.settled = r.number();
}

void write(byte_writer& w, const read_request& r) {
    w.text(r.key);
    write(w, r.primary_only);
    write(w, r.stale);
    write(w, r.patience);
    write(w, r.without_bytes);
    write(w, r.scan);
}
void read(byte_reader& r, read_request& to) {
    to.key = r.text();
    read(r, to.primary_only);
    read(r, to.stale);
    read(r, to.patience);
    read(r, to.without_bytes);
    read(r, to.scan);
}

void write(byte_writer& w, const answer& a) {
    w.u8(std::uint8_t(a.what));
    write(w, a.result);
    write(w, a.found);
    write(w, a.page);
    write(w, a.by_primary);
    write(w, a.age);
    write(w, a.hint);
    w.text(a.why);
}
void read(byte_reader& r, answer& a) {
    a.what = kind_of(r.u8(), answer::kind::unknown);
    read(r, a.result);
    read(r, a.found);
    read(r, a.page);
    read(r, a.by_primary);
    read(r, a.age);
    read(r, a.hint);
    a.why = r.text();
}

void write(byte_writer& w, const changes_request& c) {
    w.text(c.prefix);
    write(w, c.after);
    w.number(c.bytes_max);
    write(w, c.patience);
}
void read(byte_reader& r, changes_request& c) {
    c.prefix = r.text();
    read(r, c.after);
    c.bytes_max = r.number();
    read(r, c.patience);
}

void write(byte_writer& w, const changes_page& p) {
    write(w, p.is_too_old);
    w.number(p.seq);
    w.number(p.changes.size());
    for (const told_change& c : p.changes) {
        w.text(c.key);
        write(w, c.value);
        w.number(c.version);
        w.signed_number(c.expires_ms);
    }
}
void read(byte_reader& r, changes_page& p) {
    read(r, p.is_too_old);
    p.seq = r.number();
    for (std::size_t n = r.count(); n > 0; --n) {
        told_change& c = p.changes.emplace_back();
        c.key = r.text();
        read(r, c.value);
        c.version = r.number();
        c.expires_ms = r.signed_number();
    }
}

std::size_t length_of(const message& m) {
    constexpr std::size_t of_others = 128;
    std::size_t all = of_others;
    if (const auto* p = std::get_if<prepare>(&m))
        for (const entry& e : p->entries) all += length_of(e);
    if (const auto* piece = std::get_if<snapshot_piece>(&m))
        for (const auto& [key, v] : piece->items) all += key.size() + length_of(v);
    return all;
}

std::string sealed(std::string_view bytes) {
    sealing_writer w;
    w.raw(bytes);
    return w.take_sealed();
}

std::string sealing_writer::take_sealed() {
    std::string all = take();
    constexpr std::size_t size = 4;
    byte_writer sum;
    sum.fixed32(std::uint32_t(beam::xxh3_64(std::string_view(all).substr(size))));
    all.replace(0, size, sum.bytes());
    return all;
}

std::string_view unsealed(std::string_view bytes) {
    byte_reader r(bytes);
    const std::uint32_t sum = r.fixed32();
    const std::string_view content = r.rest();
    if (sum != std::uint32_t(beam::xxh3_64(content)))
        throw malformed_bytes("a checksum that does not fit");
    return content;
}

value value_within(std::string sealed_value) {
    value v;
    byte_reader r(unsealed(sealed_value));
    const std::string_view bytes = read_in_place(r, v);
    r.expect_end();
    // They are the end of it.
    sealed_value.erase(0, sealed_value.size() - bytes.size());
    v.bytes = std::move(sealed_value);
    return v;
}

}  // namespace kv
