// Commands that read and write values.
#include <algorithm>
#include <cstdlib>
#include <utility>

#include "tools/kv/app/limits.hpp"
#include "tools/kv/app/resp_client.hpp"

namespace kv {

namespace {

using beam::awaitable;

constexpr std::size_t asked_at_once = 64;
// A reply is made whole before it is sent.
constexpr std::size_t reply_max = std::size_t{16} << 20;

void value_or_null(resp_client& c, const std::optional<value>& v) {
    v ? c.out.bulk(v->bytes) : c.out.null();
}

awaitable<void> get(resp_client& c, words all) {
    if (refuse_key(c, all[1])) co_return;
    auto reading = read_key(c, all[1]);
    store_answer a = co_await reading.outcome();
    if (is_read(a)) {
        value_or_null(c, a->what.found);
        co_return;
    }
    auto saying = say_failure(c, std::move(a), std::move(all[1]), false);
    co_await saying;
}

awaitable<void> strlen(resp_client& c, words all) {
    if (refuse_key(c, all[1])) co_return;
    auto reading = read_key(c, all[1]);
    store_answer a = co_await reading.outcome();
    if (is_read(a)) {
        c.out.integer(a->what.found ? std::int64_t(a->what.found->bytes.size()) : 0);
        co_return;
    }
    auto saying = say_failure(c, std::move(a), std::move(all[1]), false);
    co_await saying;
}

awaitable<void> mget(resp_client& c, words all) {
    if (refuse_count(c, all.size() - 1)) co_return;
    for (std::size_t i = 1; i < all.size(); ++i)
        if (refuse_key(c, all[i])) co_return;
    std::string& bytes = c.bytes;
    c.out.array(all.size() - 1);
    for (std::size_t first = 1; first < all.size(); first += asked_at_once) {
        const std::size_t end = std::min(all.size(), first + asked_at_once);
        std::vector<beam::future<routed_answer>> reading;
        for (std::size_t i = first; i < end; ++i) reading.push_back(read_key(c, all[i]));
        for (std::size_t i = first; i < end; ++i) {
            store_answer a = co_await reading[i - first].outcome();
            if (is_read(a)) {
                value_or_null(c, a->what.found);
                if (bytes.size() <= reply_max) continue;
                bytes.clear();
                c.out.error("ERR the values have more than 16 MiB together; ask for fewer keys");
                co_return;
            }
            bytes.clear();
            auto saying = say_failure(c, std::move(a), std::move(all[i]), false);
            co_await saying;
            co_return;
        }
    }
}

/// Writes one value whatever there is. False: it failed, and that was said.
awaitable<bool> put(resp_client& c, std::string key, std::string bytes, std::int64_t expires_ms) {
    auto writing = write_one(put_of(key, std::move(bytes), expires_ms));
    store_answer a = co_await writing.outcome();
    if (is_done(a)) co_return true;
    auto saying = say_failure(c, std::move(a), std::move(key), true);
    co_await saying;
    co_return false;
}

/// Writes it if there is none: whether there was none. Nothing: it failed, and that was said.
awaitable<std::optional<bool>> put_new(resp_client& c, std::string key, std::string bytes,
                                       std::int64_t expires_ms) {
    operation o = put_of(key, std::move(bytes), expires_ms);
    o.expect_version = 0;
    auto writing = write_one(std::move(o));
    store_answer a = co_await writing.outcome();
    if (is_done(a)) co_return true;
    if (is_refused(a)) co_return false;
    auto saying = say_failure(c, std::move(a), std::move(key), true);
    co_await saying;
    co_return std::nullopt;
}

/// SET whose effect or answer depends on what there is.
awaitable<void> set_by_what_is_there(resp_client& c, words all, bool only_new, bool only_existing,
                                     bool gets, bool keeps, std::int64_t expires_ms) {
    std::optional<value> old;
    bool is_written = false;
    auto choose = [&](const std::optional<value>& there) -> std::optional<operation> {
        old = there;
        is_written = there ? !only_new : !only_existing;
        if (!is_written) return std::nullopt;
        return put_of({}, all[2], keeps && there ? there->expires_ms : expires_ms);
    };
    auto changing = change_key(c, all[1], choose);
    if (!co_await changing) co_return;
    if (gets)
        value_or_null(c, old);
    else
        is_written ? c.out.simple("OK") : c.out.null();
}

awaitable<void> set(resp_client& c, words all) {
    resp::set_options said;
    const std::vector<std::string_view> views(all.begin(), all.end());
    if (!resp::read_set(views, said)) {
        c.out.error(resp::syntax_error);
        co_return;
    }
    std::int64_t expires_ms = 0;
    if (said.when.unit) {
        const auto amount = resp::expiry_amount(c.out, "set", said.when.amount);
        if (!amount) co_return;
        const auto at = expiry_of(*said.when.unit, *amount);
        if (!at) {
            resp::invalid_expire(c.out, "set");
            co_return;
        }
        expires_ms = *at;
    }
    if (refuse_entry(c, all[1], all[2])) co_return;
    if (said.only_existing || said.gets || said.when.keeps) {
        auto setting = set_by_what_is_there(c, std::move(all), said.only_new, said.only_existing,
                                            said.gets, said.when.keeps, expires_ms);
        co_await setting;
        co_return;
    }
    if (said.only_new) {
        auto putting = put_new(c, std::move(all[1]), std::move(all[2]), expires_ms);
        const std::optional<bool> is_new = co_await putting;
        if (is_new) *is_new ? c.out.simple("OK") : c.out.null();
        co_return;
    }
    auto putting = put(c, std::move(all[1]), std::move(all[2]), expires_ms);
    if (co_await putting) c.out.simple("OK");
}

awaitable<void> set_with_ttl(resp_client& c, words all, resp::time_unit unit,
                             std::string_view name) {
    const auto amount = resp::expiry_amount(c.out, name, all[2]);
    if (!amount) co_return;
    const auto at = expiry_of(unit, *amount);
    if (!at) {
        resp::invalid_expire(c.out, name);
        co_return;
    }
    if (refuse_entry(c, all[1], all[3])) co_return;
    auto putting = put(c, std::move(all[1]), std::move(all[3]), *at);
    if (co_await putting) c.out.simple("OK");
}

awaitable<void> setex(resp_client& c, words all) {
    return set_with_ttl(c, std::move(all), resp::time_unit::s, "setex");
}
awaitable<void> psetex(resp_client& c, words all) {
    return set_with_ttl(c, std::move(all), resp::time_unit::ms, "psetex");
}

awaitable<void> setnx(resp_client& c, words all) {
    if (refuse_entry(c, all[1], all[2])) co_return;
    auto putting = put_new(c, std::move(all[1]), std::move(all[2]), 0);
    const std::optional<bool> is_new = co_await putting;
    if (is_new) c.out.integer(*is_new);
}

awaitable<void> getset(resp_client& c, words all) {
    if (refuse_entry(c, all[1], all[2])) co_return;
    auto setting = set_by_what_is_there(c, std::move(all), false, false, true, false, 0);
    co_await setting;
}

awaitable<void> getdel(resp_client& c, words all) {
    if (refuse_key(c, all[1])) co_return;
    std::optional<value> old;
    auto choose = [&old](const std::optional<value>& there) -> std::optional<operation> {
        old = there;
        if (!there) return std::nullopt;
        operation o;
        o.what = operation::kind::remove;
        return o;
    };
    auto changing = change_key(c, std::move(all[1]), choose);
    if (co_await changing) value_or_null(c, old);
}

awaitable<void> append(resp_client& c, words all) {
    if (refuse_key(c, all[1])) co_return;
    std::size_t size = 0;
    auto choose = [&](const std::optional<value>& there) -> std::optional<operation> {
        std::string bytes = (there ? there->bytes : std::string()) + all[2];
        size = bytes.size();
        if (size > value_max) return std::nullopt;
        return put_of({}, std::move(bytes), there ? there->expires_ms : 0);
    };
    auto changing = change_key(c, all[1], choose);
    if (!co_await changing) co_return;
    if (size > value_max)
        c.out.error("ERR string exceeds maximum allowed size (proto-max-bulk-len)");
    else
        c.out.integer(std::int64_t(size));
}

/// All of one shard, in one entry of its log.
awaitable<void> mset(resp_client& c, words all) {
    if (all.size() % 2 == 0) {
        resp::wrong_arguments(c, "mset");
        co_return;
    }
    if (refuse_count(c, all.size() / 2)) co_return;
    std::size_t bytes = 0;
    std::vector<operation> puts;
    for (std::size_t i = 1; i < all.size(); i += 2) {
        if (refuse_entry(c, all[i], all[i + 1])) co_return;
        bytes += all[i].size() + all[i + 1].size();
        puts.push_back(put_of(all[i], std::move(all[i + 1])));
    }
    if (bytes > operations_bytes_max) {
        c.out.error("ERR one command writes at most 4 MiB");
        co_return;
    }
    auto writing = router::write(std::move(puts), resp_patience);
    store_answer a = co_await writing.outcome();
    if (is_done(a)) {
        c.out.simple("OK");
        co_return;
    }
    auto saying = say_failure(c, std::move(a), std::move(all[1]), true);
    co_await saying;
}

awaitable<void> add(resp_client& c, std::string key, std::int64_t amount) {
    if (refuse_key(c, key)) co_return;
    operation o;
    o.what = operation::kind::add;
    o.key = key;
    o.amount = amount;
    auto writing = write_one(std::move(o));
    store_answer a = co_await writing.outcome();
    if (is_done(a)) {
        c.out.integer(std::strtoll(a->what.result.detail.c_str(), nullptr, 10));
        co_return;
    }
    if (is_refused(a)) {
        c.out.error(a->what.result.detail == "out of range"
                        ? "ERR increment or decrement would overflow"
                        : resp::not_an_integer);
        co_return;
    }
    auto saying = say_failure(c, std::move(a), std::move(key), true);
    co_await saying;
}

awaitable<void> incr(resp_client& c, words all) {
    return add(c, std::move(all[1]), 1);
}
awaitable<void> decr(resp_client& c, words all) {
    return add(c, std::move(all[1]), -1);
}
awaitable<void> incrby(resp_client& c, words all) {
    const auto amount = resp::integer_of(all[2]);
    if (!amount) {
        c.out.error(resp::not_an_integer);
        co_return;
    }
    auto adding = add(c, std::move(all[1]), *amount);
    co_await adding;
}
awaitable<void> decrby(resp_client& c, words all) {
    const auto amount = resp::integer_of(all[2]);
    if (!amount) {
        c.out.error(resp::not_an_integer);
        co_return;
    }
    if (*amount == INT64_MIN) {
        c.out.error("ERR decrement would overflow");
        co_return;
    }
    auto adding = add(c, std::move(all[1]), -*amount);
    co_await adding;
}

constexpr resp_command table[] = {
    {"GET", 2, nullptr, get, "readonly fast"},
    {"SET", -3, nullptr, set, "write denyoom"},
    {"SETEX", 4, nullptr, setex, "write denyoom"},
    {"PSETEX", 4, nullptr, psetex, "write denyoom"},
    {"SETNX", 3, nullptr, setnx, "write denyoom fast"},
    {"GETSET", 3, nullptr, getset, "write denyoom fast"},
    {"GETDEL", 2, nullptr, getdel, "write fast"},
    {"MGET", -2, nullptr, mget, "readonly fast", 1, -1},
    {"MSET", -3, nullptr, mset, "write denyoom", 1, -1},
    {"INCR", 2, nullptr, incr, "write denyoom fast"},
    {"DECR", 2, nullptr, decr, "write denyoom fast"},
    {"INCRBY", 3, nullptr, incrby, "write denyoom fast"},
    {"DECRBY", 3, nullptr, decrby, "write denyoom fast"},
    {"APPEND", 3, nullptr, append, "write denyoom fast"},
    {"STRLEN", 2, nullptr, strlen, "readonly fast"},
};

}  // namespace

std::span<const resp_command> value_commands() {
    return table;
}

}  // namespace kv
