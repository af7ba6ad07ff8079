// Commands that read and write values.
#include <algorithm>
#include <charconv>
#include <functional>
#include <vector>

#include "tools/cache/app/limits.hpp"
#include "tools/cache/app/resp_client.hpp"

namespace cache {

namespace {

void value_or_null(resp_client& c, const std::optional<held_value>& value) {
    value ? c.out.bulk(value->value()) : c.out.null();
}

// When that is; nothing if no time was said. False: it is none, and that was said.
bool find_expiry(resp_client& c, std::string_view command, const resp::expiry_options& options,
                 std::optional<std::int64_t>& at) {
    if (!options.unit) return true;
    const auto amount = resp::expiry_amount(c.out, command, options.amount);
    if (!amount) return false;
    at = expiry_of(c.data, *options.unit, *amount);
    if (!at) resp::invalid_expire(c.out, command);
    return at.has_value();
}

bool has_room_for(resp_client& c, std::string_view key, std::size_t value_size) {
    if (key.size() > key_max) {
        c.out.error("ERR the key is longer than 65536 bytes");
        return false;
    }
    const auto most = c.data.bounds().max_bytes;
    if (most == 0 || entry_overhead + std::int64_t(key.size() + value_size) <= most) return true;
    c.out.error("OOM command not allowed: the value is larger than the cache's limit");
    return false;
}

void get(resp_client& c, arguments all) {
    if (!c.data.read(all[1], [&c](std::string_view value) { c.out.bulk(value); })) c.out.null();
}

void set(resp_client& c, arguments all) {
    resp::set_options said;
    if (!resp::read_set(all, said)) return c.out.error(resp::syntax_error);
    put_options options;
    if (!find_expiry(c, "set", said.when, options.expires_at_ms)) return;
    if (!has_room_for(c, all[1], all[2].size())) return;
    options.only_new = said.only_new;
    options.only_existing = said.only_existing;
    options.keep_ttl = said.when.keeps;
    options.gives_old = said.gets;
    // Redis forgets a time that is not said again; tags, which it has not, likewise.
    options.tags = beam::term(beam::nil);
    const auto done = c.data.put(all[1], all[2], options);
    if (said.gets)
        value_or_null(c, done.old);
    else
        done.stored ? c.out.simple("OK") : c.out.null();
}

void set_with_ttl(resp_client& c, arguments all, resp::time_unit unit, std::string_view name) {
    const auto amount = resp::expiry_amount(c.out, name, all[2]);
    if (!amount) return;
    put_options options;
    options.expires_at_ms = expiry_of(c.data, unit, *amount);
    if (!options.expires_at_ms) return resp::invalid_expire(c.out, name);
    if (!has_room_for(c, all[1], all[3].size())) return;
    options.tags = beam::term(beam::nil);
    (void)c.data.put(all[1], all[3], options);
    c.out.simple("OK");
}

void setex(resp_client& c, arguments all) {
    set_with_ttl(c, all, resp::time_unit::s, "setex");
}

void psetex(resp_client& c, arguments all) {
    set_with_ttl(c, all, resp::time_unit::ms, "psetex");
}

void setnx(resp_client& c, arguments all) {
    if (!has_room_for(c, all[1], all[2].size())) return;
    put_options options;
    options.only_new = true;
    c.out.integer(c.data.put(all[1], all[2], options).stored);
}

void getset(resp_client& c, arguments all) {
    if (!has_room_for(c, all[1], all[2].size())) return;
    put_options options;
    options.gives_old = true;
    value_or_null(c, c.data.put(all[1], all[2], options).old);
}

void getdel(resp_client& c, arguments all) {
    // What is given is what was taken: another may have put meanwhile.
    const auto taken = c.data.get(all[1]) ? c.data.take(all[1]) : std::nullopt;
    taken ? c.out.bulk(taken->value()) : c.out.null();
}

void getex(resp_client& c, arguments all) {
    resp::expiry_options when;
    for (std::size_t i = 2; i < all.size(); ++i) {
        if (resp::equals(all[i], "PERSIST") && !when.unit)
            when.persists = true;
        else if (!resp::read_expiry(all, i, when))
            return c.out.error(resp::syntax_error);
    }
    const auto value = c.data.get(all[1]);
    std::optional<std::int64_t> at;
    if (value && !find_expiry(c, "getex", when, at)) return;
    if (when.persists) at = 0;
    if (value && at && (*at == 0 || *at > c.data.now_ms()))
        (void)c.data.expire_at(all[1], *at);
    else if (value && at)
        (void)c.data.take(all[1]);
    value_or_null(c, value);
}

// A reply is made whole before it is sent, so one command must not ask for more than a value may have.
void mget(resp_client& c, arguments all) {
    std::vector<std::optional<held_value>> values;
    values.reserve(all.size() - 1);
    std::size_t size = 0;
    for (std::string_view key : all.subspan(1)) {
        values.push_back(c.data.get(key));
        if (values.back()) size += values.back()->value().size();
    }
    if (size > value_max)
        return c.out.error("ERR the values have more than 512 MiB together; ask for fewer keys");
    c.out.array(values.size());
    for (const auto& v : values) value_or_null(c, v);
}

void mset(resp_client& c, arguments all) {
    if (all.size() % 2 == 0) return resp::wrong_arguments(c, "mset");
    for (std::size_t i = 1; i < all.size(); i += 2)
        if (!has_room_for(c, all[i], all[i + 1].size())) return;
    for (std::size_t i = 1; i < all.size(); i += 2) (void)c.data.put(all[i], all[i + 1]);
    c.out.simple("OK");
}

void add(resp_client& c, std::string_view key, std::int64_t amount) {
    if (!has_room_for(c, key, 20)) return;
    std::int64_t sum = 0;
    std::string_view wrong;
    (void)c.data.change(key, [&](std::optional<std::string_view> old) -> std::optional<beam::term> {
        wrong = {};
        const auto before = old ? resp::integer_of(*old) : std::optional<std::int64_t>(0);
        if (!before)
            wrong = resp::not_an_integer;
        else if (__builtin_add_overflow(*before, amount, &sum))
            wrong = "ERR increment or decrement would overflow";
        if (!wrong.empty()) return std::nullopt;
        char digits[24];
        const auto end = std::to_chars(digits, digits + sizeof digits, sum).ptr;
        return bytes_of(key, {std::string_view(digits, std::size_t(end - digits))});
    });
    wrong.empty() ? c.out.integer(sum) : c.out.error(wrong);
}

void incr(resp_client& c, arguments all) {
    add(c, all[1], 1);
}
void decr(resp_client& c, arguments all) {
    add(c, all[1], -1);
}
void incrby(resp_client& c, arguments all) {
    const auto amount = resp::integer_of(all[2]);
    amount ? add(c, all[1], *amount) : c.out.error(resp::not_an_integer);
}
void decrby(resp_client& c, arguments all) {
    const auto amount = resp::integer_of(all[2]);
    if (!amount) return c.out.error(resp::not_an_integer);
    if (*amount == INT64_MIN) return c.out.error("ERR decrement would overflow");
    add(c, all[1], -*amount);
}

void append(resp_client& c, arguments all) {
    const auto old = c.data.peek(all[1]);
    const std::size_t before = old ? old->value().size() : 0;
    if (before + all[2].size() > value_max)
        return c.out.error("ERR string exceeds maximum allowed size (proto-max-bulk-len)");
    if (!has_room_for(c, all[1], before + all[2].size())) return;
    const auto now = c.data.change(
        all[1], [&](std::optional<std::string_view> value) -> std::optional<beam::term> {
            return bytes_of(all[1], {value.value_or(std::string_view()), all[2]});
        });
    c.out.integer(now ? std::int64_t(now->value().size()) : 0);
}

void strlen(resp_client& c, arguments all) {
    const auto value = c.data.get(all[1]);
    c.out.integer(value ? std::int64_t(value->value().size()) : 0);
}

constexpr resp_command table[] = {
    {"GET", 2, get, nullptr, "readonly fast"},
    {"SET", -3, set, nullptr, "write denyoom"},
    {"SETEX", 4, setex, nullptr, "write denyoom"},
    {"PSETEX", 4, psetex, nullptr, "write denyoom"},
    {"SETNX", 3, setnx, nullptr, "write denyoom fast"},
    {"GETSET", 3, getset, nullptr, "write denyoom fast"},
    {"GETDEL", 2, getdel, nullptr, "write fast"},
    {"GETEX", -2, getex, nullptr, "write fast"},
    {"MGET", -2, mget, nullptr, "readonly fast", 1, -1},
    {"MSET", -3, mset, nullptr, "write denyoom", 1, -1},
    {"INCR", 2, incr, nullptr, "write denyoom fast"},
    {"DECR", 2, decr, nullptr, "write denyoom fast"},
    {"INCRBY", 3, incrby, nullptr, "write denyoom fast"},
    {"DECRBY", 3, decrby, nullptr, "write denyoom fast"},
    {"APPEND", 3, append, nullptr, "write denyoom fast"},
    {"STRLEN", 2, strlen, nullptr, "readonly fast"},
};

}  // namespace

std::span<const resp_command> value_commands() {
    return table;
}

}  // namespace cache
