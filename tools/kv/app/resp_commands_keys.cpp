// Commands about keys: what is there, and for how long.
#include <algorithm>
#include <utility>

#include "tools/kv/app/resp_client.hpp"

namespace kv {

namespace {

using beam::awaitable;

constexpr std::size_t asked_at_once = 64;

bool refuse_keys(resp_client& c, const words& all) {
    if (refuse_count(c, all.size() - 1)) return true;
    return std::any_of(all.begin() + 1, all.end(),
                       [&c](const std::string& key) { return refuse_key(c, key); });
}

/// Deletes what is there of these keys, each by itself. How many; nothing: one failed, and that was said. Each is
/// deleted if it is as it was read; one that was changed meanwhile is read again.
awaitable<std::optional<std::int64_t>> erase(resp_client& c, words keys) {
    std::int64_t erased = 0;
    constexpr int rounds_max = 100;
    for (int round = 0; round < rounds_max && !keys.empty(); ++round) {
        std::vector<beam::future<routed_answer>> reading, writing;
        for (const std::string& key : keys) reading.push_back(look_at_primary(key));
        words found;
        std::optional<std::pair<store_answer, std::string>> failure;
        for (std::size_t i = 0; i < keys.size(); ++i) {
            store_answer a = co_await reading[i].outcome();
            if (!is_read(a)) {
                failure.emplace(std::move(a), keys[i]);
            } else if (a->what.found) {
                operation o;
                o.what = operation::kind::remove;
                o.key = keys[i];
                o.expect_version = a->what.found->version;
                found.push_back(keys[i]);
                writing.push_back(write_one(std::move(o)));
            }
        }
        words again;
        for (std::size_t i = 0; i < found.size(); ++i) {
            store_answer a = co_await writing[i].outcome();
            if (is_done(a))
                ++erased;
            else if (is_refused(a))
                again.push_back(std::move(found[i]));
            else
                failure.emplace(std::move(a), std::move(found[i]));
        }
        if (failure) {
            auto saying =
                say_failure(c, std::move(failure->first), std::move(failure->second), true);
            co_await saying;
            co_return std::nullopt;
        }
        keys = std::move(again);
    }
    if (keys.empty()) co_return erased;
    c.out.error("TRYAGAIN others change the key all the time; it was not deleted");
    co_return std::nullopt;
}

awaitable<void> del(resp_client& c, words all) {
    if (refuse_keys(c, all)) co_return;
    std::int64_t erased = 0;
    for (std::size_t first = 1; first < all.size(); first += asked_at_once) {
        const std::size_t end = std::min(all.size(), first + asked_at_once);
        words some(all.begin() + std::ptrdiff_t(first), all.begin() + std::ptrdiff_t(end));
        auto erasing = erase(c, std::move(some));
        const std::optional<std::int64_t> n = co_await erasing;
        if (!n) co_return;
        erased += *n;
    }
    c.out.integer(erased);
}

awaitable<void> exists(resp_client& c, words all) {
    if (refuse_keys(c, all)) co_return;
    std::int64_t there = 0;
    for (std::size_t first = 1; first < all.size(); first += asked_at_once) {
        const std::size_t end = std::min(all.size(), first + asked_at_once);
        std::vector<beam::future<routed_answer>> reading;
        for (std::size_t i = first; i < end; ++i) reading.push_back(look_at_key(c, all[i]));
        for (std::size_t i = first; i < end; ++i) {
            store_answer a = co_await reading[i - first].outcome();
            if (!is_read(a)) {
                auto saying = say_failure(c, std::move(a), std::move(all[i]), false);
                co_await saying;
                co_return;
            }
            there += a->what.found.has_value();
        }
    }
    c.out.integer(there);
}

/// What is there of the one key that a command has, without its bytes. Nothing: it failed, and that was said.
awaitable<std::optional<std::optional<value>>> look_up(resp_client& c, std::string key) {
    if (refuse_key(c, key)) co_return std::nullopt;
    auto reading = look_at_key(c, key);
    store_answer a = co_await reading.outcome();
    if (is_read(a)) co_return std::move(a->what.found);
    auto saying = say_failure(c, std::move(a), std::move(key), false);
    co_await saying;
    co_return std::nullopt;
}

awaitable<void> type(resp_client& c, words all) {
    auto looking = look_up(c, std::move(all[1]));
    const std::optional<std::optional<value>> there = co_await looking;
    if (there) c.out.simple(*there ? "string" : "none");
}

/// -1: it stays, -2: there is none.
awaitable<void> tell_time_left(resp_client& c, std::string key, bool in_seconds) {
    auto looking = look_up(c, std::move(key));
    const std::optional<std::optional<value>> there = co_await looking;
    if (!there) co_return;
    if (!*there || (*there)->expires_ms == 0) {
        c.out.integer(*there ? -1 : -2);
        co_return;
    }
    // It is there until its removal is committed.
    const std::int64_t left = std::max<std::int64_t>((*there)->expires_ms - wall_ms(), 0);
    c.out.integer(in_seconds ? (left + 500) / 1000 : left);
}

awaitable<void> ttl(resp_client& c, words all) {
    return tell_time_left(c, std::move(all[1]), true);
}
awaitable<void> pttl(resp_client& c, words all) {
    return tell_time_left(c, std::move(all[1]), false);
}

/// Gives what is there another time, if the options allow it; a time that is over deletes it.
awaitable<void> expire_if(resp_client& c, std::string key, resp::expire_options options,
                          std::int64_t at) {
    bool is_changed = false;
    auto choose = [&](const std::optional<value>& there) -> std::optional<operation> {
        is_changed = there && options.allow(there->expires_ms, at);
        if (!is_changed) return std::nullopt;
        operation o;
        o.what = at <= wall_ms() ? operation::kind::remove : operation::kind::expire;
        o.expires_ms = at;
        return o;
    };
    auto changing = change_key(c, std::move(key), choose, false);
    if (co_await changing) c.out.integer(is_changed);
}

awaitable<void> expire(resp_client& c, words all, resp::time_unit unit, std::string_view name) {
    resp::expire_options options;
    const std::vector<std::string_view> views(all.begin(), all.end());
    if (!resp::read_expire(c.out, views, options)) co_return;
    const auto amount = resp::integer_of(all[2]);
    if (!amount) {
        c.out.error(resp::not_an_integer);
        co_return;
    }
    const auto at = expiry_of(unit, *amount);
    if (!at) {
        resp::invalid_expire(c.out, name);
        co_return;
    }
    if (refuse_key(c, all[1])) co_return;
    if (all.size() > 3 || *at <= wall_ms()) {
        auto expiring = expire_if(c, std::move(all[1]), options, *at);
        co_await expiring;
        co_return;
    }
    operation o;
    o.what = operation::kind::expire;
    o.key = all[1];
    o.expires_ms = *at;
    auto writing = write_one(std::move(o));
    store_answer a = co_await writing.outcome();
    if (is_done(a) || is_refused(a)) {
        c.out.integer(is_done(a));
        co_return;
    }
    auto saying = say_failure(c, std::move(a), std::move(all[1]), true);
    co_await saying;
}

awaitable<void> expire_s(resp_client& c, words all) {
    return expire(c, std::move(all), resp::time_unit::s, "expire");
}
awaitable<void> expire_ms(resp_client& c, words all) {
    return expire(c, std::move(all), resp::time_unit::ms, "pexpire");
}
awaitable<void> expire_at_s(resp_client& c, words all) {
    return expire(c, std::move(all), resp::time_unit::unix_s, "expireat");
}
awaitable<void> expire_at_ms(resp_client& c, words all) {
    return expire(c, std::move(all), resp::time_unit::unix_ms, "pexpireat");
}

awaitable<void> persist(resp_client& c, words all) {
    if (refuse_key(c, all[1])) co_return;
    bool is_changed = false;
    auto choose = [&](const std::optional<value>& there) -> std::optional<operation> {
        is_changed = there && there->expires_ms != 0;
        if (!is_changed) return std::nullopt;
        operation o;
        o.what = operation::kind::expire;
        return o;
    };
    auto changing = change_key(c, std::move(all[1]), choose, false);
    if (co_await changing) c.out.integer(is_changed);
}

constexpr resp_command table[] = {
    {"DEL", -2, nullptr, del, "write", 1, -1},
    {"UNLINK", -2, nullptr, del, "write fast", 1, -1},
    {"EXISTS", -2, nullptr, exists, "readonly fast", 1, -1},
    {"TYPE", 2, nullptr, type, "readonly fast"},
    {"TTL", 2, nullptr, ttl, "readonly fast"},
    {"PTTL", 2, nullptr, pttl, "readonly fast"},
    {"EXPIRE", -3, nullptr, expire_s, "write fast"},
    {"PEXPIRE", -3, nullptr, expire_ms, "write fast"},
    {"EXPIREAT", -3, nullptr, expire_at_s, "write fast"},
    {"PEXPIREAT", -3, nullptr, expire_at_ms, "write fast"},
    {"PERSIST", 2, nullptr, persist, "write fast"},
};

}  // namespace

std::span<const resp_command> key_commands() {
    return table;
}

}  // namespace kv
