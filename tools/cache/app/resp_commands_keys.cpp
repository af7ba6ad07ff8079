// Commands about keys: what is there, and for how long.
#include "libbeamcore/runtime/call.hpp"
#include "tools/cache/app/glob.hpp"
#include "tools/cache/app/resp_client.hpp"
#include "tools/cache/app/worker.hpp"

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

// NX: only if it stays so far; XX: only if not; GT, LT: only if that is later, earlier.
void expire(resp_client& c, arguments all, time_unit unit, std::string_view name) {
    bool nx = false, xx = false, gt = false, lt = false;
    for (std::string_view word : all.subspan(3)) {
        if (equals(word, "NX"))
            nx = true;
        else if (equals(word, "XX"))
            xx = true;
        else if (equals(word, "GT"))
            gt = true;
        else if (equals(word, "LT"))
            lt = true;
        else
            return c.out.error("ERR Unsupported option " + std::string(word));
    }
    if (nx && (xx || gt || lt))
        return c.out.error("ERR NX and XX, GT or LT options at the same time are not compatible");
    if (gt && lt) return c.out.error("ERR GT and LT options at the same time are not compatible");
    const auto amount = integer_of(all[2]);
    if (!amount) return c.out.error(not_an_integer);
    const auto at = expiry_of(c.data, unit, *amount);
    if (!at) return invalid_expire(c, name);
    const auto e = c.data.peek(all[1]);
    if (!e || !e->is_live(c.data.now_ms())) return c.out.integer(0);
    const bool stays = e->expires_at == 0;
    if ((nx && !stays) || (xx && stays) || (gt && (stays || *at <= e->expires_at)) ||
        (lt && !stays && *at >= e->expires_at))
        return c.out.integer(0);
    if (*at <= c.data.now_ms()) return c.out.integer(c.data.take(all[1]).has_value());
    c.out.integer(c.data.expire_at(all[1], *at));
}

void expire_s(resp_client& c, arguments all) {
    expire(c, all, time_unit::s, "expire");
}
void expire_ms(resp_client& c, arguments all) {
    expire(c, all, time_unit::ms, "pexpire");
}
void expire_at_s(resp_client& c, arguments all) {
    expire(c, all, time_unit::unix_s, "expireat");
}
void expire_at_ms(resp_client& c, arguments all) {
    expire(c, all, time_unit::unix_ms, "pexpireat");
}

void persist(resp_client& c, arguments all) {
    const auto e = c.data.peek(all[1]);
    const bool goes = e && e->is_live(c.data.now_ms()) && e->expires_at != 0;
    c.out.integer(goes && c.data.expire_at(all[1], 0));
}

void worker_died(resp_client& c) {
    c.out.error("LOADING the cache's worker is being restarted");
}

struct scan_options {
    std::uint64_t cursor = 0;
    std::uint64_t count = 10;
    std::string match = "*";
    bool strings = true;  // TYPE: all values are
};

bool read_scan(resp_client& c, const std::vector<std::string>& all, scan_options& o) {
    const auto cursor = integer_of(all[1]);
    if (!cursor || *cursor < 0) {
        c.out.error("ERR invalid cursor");
        return false;
    }
    o.cursor = std::uint64_t(*cursor);
    for (std::size_t i = 2; i < all.size(); i += 2) {
        if (i + 1 == all.size()) {
            c.out.error(syntax_error);
            return false;
        }
        if (equals(all[i], "MATCH")) {
            o.match = all[i + 1];
        } else if (equals(all[i], "TYPE")) {
            o.strings = equals(all[i + 1], "STRING");
        } else if (equals(all[i], "COUNT")) {
            const auto n = integer_of(all[i + 1]);
            if (!n || *n < 1) {
                c.out.error(n ? syntax_error : not_an_integer);
                return false;
            }
            o.count = std::uint64_t(*n);
        } else {
            c.out.error(syntax_error);
            return false;
        }
    }
    return true;
}

constexpr std::uint64_t looks_at_once = 1000;

/// Keys of about `looks` places from the cursor on, which goes behind them. False: the worker died.
beam::awaitable<bool> scan_part(std::uint64_t& cursor, std::uint64_t looks, std::string match,
                                std::vector<std::string>& found) {
    auto asked = worker::scan(cursor, looks);
    beam::outcome<scanned> part = co_await asked.outcome();
    if (!part) co_return false;
    for (std::string& k : part->keys)
        if (matches(match, k)) found.push_back(std::move(k));
    cursor = part->next;
    co_return true;
}

beam::awaitable<void> scan(resp_client& c, std::vector<std::string> all) {
    scan_options o;
    if (!read_scan(c, all, o)) co_return;
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
        (all.size() == 2 && !equals(all[1], "ASYNC") && !equals(all[1], "SYNC"))) {
        c.out.error(syntax_error);
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
