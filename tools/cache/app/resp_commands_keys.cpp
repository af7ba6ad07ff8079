// Commands about keys: what is there, and for how long.
#include "libbeamcore/runtime/call.hpp"
#include "tools/cache/app/resp_client.hpp"
#include "tools/cache/app/worker.hpp"
#include "tools/resp/glob.hpp"

namespace cache {

namespace {

void del(resp_client& c, arguments all) {
    std::int64_t deleted = 0;
    for (std::string_view key : all.subspan(1)) deleted += c.data.take(key).has_value();
    c.out.integer(deleted);
}

void exists(resp_client& c, arguments all) {
    std::int64_t there = 0;
    for (std::string_view key : all.subspan(1)) there += c.data.has(key);
    c.out.integer(there);
}

void touch(resp_client& c, arguments all) {
    std::int64_t there = 0;
    for (std::string_view key : all.subspan(1)) there += c.data.touch(key);
    c.out.integer(there);
}

void type(resp_client& c, arguments all) {
    c.out.simple(c.data.has(all[1]) ? "string" : "none");
}

/// Milliseconds; -1: it stays, -2: there is none.
std::int64_t time_left(resp_client& c, std::string_view key) {
    const auto e = c.data.peek(key);
    if (!e || !e->is_live(c.data.now_ms())) return -2;
    return e->expires_at == 0 ? -1 : e->expires_at - c.data.now_ms();
}

void ttl(resp_client& c, arguments all) {
    const auto left = time_left(c, all[1]);
    c.out.integer(left < 0 ? left : (left + 500) / 1000);  // as redis rounds it
}

void pttl(resp_client& c, arguments all) {
    c.out.integer(time_left(c, all[1]));
}

void expire(resp_client& c, arguments all, resp::time_unit unit, std::string_view name) {
    resp::expire_options options;
    if (!resp::read_expire(c.out, all, options)) return;
    const auto amount = resp::integer_of(all[2]);
    if (!amount) return c.out.error(resp::not_an_integer);
    const auto at = expiry_of(c.data, unit, *amount);
    if (!at) return resp::invalid_expire(c.out, name);
    const auto e = c.data.peek(all[1]);
    if (!e || !e->is_live(c.data.now_ms())) return c.out.integer(0);
    if (!options.allow(e->expires_at, *at)) return c.out.integer(0);
    if (*at <= c.data.now_ms()) return c.out.integer(c.data.take(all[1]).has_value());
    c.out.integer(c.data.expire_at(all[1], *at));
}

void expire_s(resp_client& c, arguments all) {
    expire(c, all, resp::time_unit::s, "expire");
}
void expire_ms(resp_client& c, arguments all) {
    expire(c, all, resp::time_unit::ms, "pexpire");
}
void expire_at_s(resp_client& c, arguments all) {
    expire(c, all, resp::time_unit::unix_s, "expireat");
}
void expire_at_ms(resp_client& c, arguments all) {
    expire(c, all, resp::time_unit::unix_ms, "pexpireat");
}

void persist(resp_client& c, arguments all) {
    const auto e = c.data.peek(all[1]);
    const bool goes = e && e->is_live(c.data.now_ms()) && e->expires_at != 0;
    c.out.integer(goes && c.data.expire_at(all[1], 0));
}

void worker_died(resp_client& c) {
    c.out.error("LOADING the cache's worker is being restarted");
}

constexpr std::uint64_t looks_at_once = 1000;

/// Keys of about `looks` places from the cursor on, which goes behind them. False: the worker died.
beam::awaitable<bool> scan_part(std::uint64_t& cursor, std::uint64_t looks, std::string match,
                                std::vector<std::string>& found) {
    auto asked = worker::scan(cursor, looks);
    beam::outcome<scanned> part = co_await asked.outcome();
    if (!part) co_return false;
    for (std::string& k : part->keys)
        if (resp::matches(match, k)) found.push_back(std::move(k));
    cursor = part->next;
    co_return true;
}

beam::awaitable<void> scan(resp_client& c, std::vector<std::string> all) {
    resp::scan_options o;
    const std::vector<std::string_view> words(all.begin(), all.end());
    if (!resp::read_scan(c.out, words, o)) co_return;
    std::vector<std::string> found;
    std::uint64_t cursor = o.cursor;
    for (std::uint64_t left = o.count; left > 0;) {
        const std::uint64_t looks = std::min(left, looks_at_once);
        auto part = scan_part(cursor, looks, o.match, found);
        if (!co_await part) {
            worker_died(c);
            co_return;
        }
        left -= looks;
        if (cursor == 0) break;
    }
    if (!o.strings) found.clear();
    c.out.array(2);
    c.out.bulk(std::to_string(cursor));
    c.out.array(found.size());
    for (const std::string& k : found) c.out.bulk(k);
}

beam::awaitable<void> keys(resp_client& c, std::vector<std::string> all) {
    std::vector<std::string> found;
    std::uint64_t cursor = 0;
    do {
        auto part = scan_part(cursor, looks_at_once, all[1], found);
        if (!co_await part) {
            worker_died(c);
            co_return;
        }
    } while (cursor != 0);
    c.out.array(found.size());
    for (const std::string& k : found) c.out.bulk(k);
}

beam::awaitable<void> dbsize(resp_client& c, std::vector<std::string>) {
    auto asked = worker::stats();
    beam::outcome<statistics> s = co_await asked.outcome();
    s ? c.out.integer(s->counted.entries()) : worker_died(c);
}

// ASYNC and SYNC are the same here: it is done when it is answered, and holds up nobody.
beam::awaitable<void> flush(resp_client& c, std::vector<std::string> all) {
    if (all.size() > 2 ||
        (all.size() == 2 && !resp::equals(all[1], "ASYNC") && !resp::equals(all[1], "SYNC"))) {
        c.out.error(resp::syntax_error);
        co_return;
    }
    auto asked = worker::flush();
    beam::outcome<std::uint64_t> deleted = co_await asked.outcome();
    deleted ? c.out.simple("OK") : worker_died(c);
}

constexpr resp_command table[] = {
    {"DEL", -2, del, nullptr, "write", 1, -1},
    {"UNLINK", -2, del, nullptr, "write fast", 1, -1},
    {"EXISTS", -2, exists, nullptr, "readonly fast", 1, -1},
    {"TOUCH", -2, touch, nullptr, "readonly fast", 1, -1},
    {"TYPE", 2, type, nullptr, "readonly fast"},
    {"TTL", 2, ttl, nullptr, "readonly fast"},
    {"PTTL", 2, pttl, nullptr, "readonly fast"},
    {"EXPIRE", -3, expire_s, nullptr, "write fast"},
    {"PEXPIRE", -3, expire_ms, nullptr, "write fast"},
    {"EXPIREAT", -3, expire_at_s, nullptr, "write fast"},
    {"PEXPIREAT", -3, expire_at_ms, nullptr, "write fast"},
    {"PERSIST", 2, persist, nullptr, "write fast"},
    {"SCAN", -2, nullptr, scan, "readonly", 0, 0},
    {"KEYS", 2, nullptr, keys, "readonly", 0, 0},
    {"DBSIZE", 1, nullptr, dbsize, "readonly fast", 0, 0},
    {"FLUSHDB", -1, nullptr, flush, "write", 0, 0},
    {"FLUSHALL", -1, nullptr, flush, "write", 0, 0},
};

}  // namespace

std::span<const resp_command> key_commands() {
    return table;
}

}  // namespace cache
