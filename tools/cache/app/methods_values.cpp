// Methods about single entries: put, get, delete, time, and making a value that is missing.
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "libbeamcore/runtime/blocking.hpp"
#include "tools/cache/app/flights.hpp"
#include "tools/cache/app/method_parts.hpp"
#include "tools/cache/app/methods.hpp"
#include "tools/cache/app/uploads.hpp"
#include "tools/cache/app/worker.hpp"

namespace cache {

namespace {

using beam::answer;
using beam::atom;
using beam::awaitable;
using beam::request;

// A longer value goes in parts: the control socket's lines have an end.
constexpr std::size_t whole_max = 128 << 10;
constexpr std::size_t part_size = 512 << 10;
// Joining more than that would hold up a scheduler.
constexpr std::size_t joined_at_once = 1 << 20;

struct put_params {
    std::string key;
    std::optional<std::string> value;
    std::optional<std::string> upload;
    std::optional<std::int64_t> ttl_ms;
    std::optional<std::vector<std::string>> tags;
    std::int64_t stale_ms = 0;
    BEAM_FIELDS(put_params, key, value, upload, ttl_ms, tags, stale_ms)
};
struct part_params {
    std::string upload;
    std::uint64_t offset = 0;
    beam::term bytes;
    BEAM_FIELDS(part_params, upload, offset, bytes)
};
struct del_params {
    std::optional<std::string> key;
    std::optional<std::string> tag;
    BEAM_FIELDS(del_params, key, tag)
};
struct touch_params {
    std::string key;
    std::optional<std::int64_t> ttl_ms;
    BEAM_FIELDS(touch_params, key, ttl_ms)
};
struct fill_params {
    std::string key;
    bool stale = false;
    BEAM_FIELDS(fill_params, key, stale)
};
struct load_item {
    std::string key;
    std::string value;
    BEAM_FIELDS(load_item, key, value)
};
struct load_params {
    std::vector<load_item> entries;
    std::optional<std::int64_t> ttl_ms;
    std::optional<std::vector<std::string>> tags;
    BEAM_FIELDS(load_params, entries, ttl_ms, tags)
};

std::optional<std::string> bad_tags(const std::optional<std::vector<std::string>>& tags) {
    if (!tags) return {};
    if (tags->size() > tags_max) return "at most 16 tags are allowed";
    for (const std::string& t : *tags)
        if (t.empty() || t.size() > tag_max) return "a tag has 1 to 256 bytes";
    return {};
}

std::optional<beam::term> tags_term(const std::optional<std::vector<std::string>>& tags) {
    if (!tags) return {};
    std::vector<beam::term> all;
    for (const std::string& t : *tags) all.push_back(beam::binary(t));
    return beam::list_of(std::move(all));
}

/// After changes: tells of them, and waits where the worker is far behind.
awaitable<void> settle(session& s) {
    s.settle(true);
    if (!s.is_ahead()) co_return;
    auto behind = worker::catch_up();
    (void)co_await behind.outcome();
}

/// Key and value of an entry in one, as bytes_of() makes them.
beam::term joined(const std::string& key, const std::vector<beam::term>& parts) {
    std::size_t size = key.size();
    for (const beam::term& p : parts) size += p.bytes().size();
    return beam::binary_filled(size, [&](char* to) {
        to = std::copy_n(key.data(), key.size(), to);
        for (const beam::term& p : parts) to = std::copy_n(p.bytes().data(), p.bytes().size(), to);
    });
}

awaitable<std::optional<beam::term>> uploaded(std::string name, std::string key) {
    auto asked = uploads::take(std::move(name));
    std::vector<beam::term> parts = co_await asked;
    if (parts.empty()) co_return std::nullopt;
    std::size_t size = 0;
    for (const beam::term& p : parts) size += p.bytes().size();
    if (size <= joined_at_once) co_return joined(key, parts);
    auto job = beam::blocking([key, parts] { return joined(key, parts); });
    beam::term whole = co_await job;
    co_return whole;
}

awaitable<answer> put(request&, put_params p) {
    if (auto why = bad_key(p.key)) co_return malformed(*why);
    if (auto why = bad_tags(p.tags)) co_return malformed(*why);
    if (auto why = bad_ttl(p.ttl_ms)) co_return malformed(*why);
    if (auto why = bad_ttl(p.stale_ms)) co_return malformed(*why);
    if (p.value.has_value() == p.upload.has_value())
        co_return malformed("a value is given, or the name of its upload");
    std::optional<beam::term> bytes;
    if (p.value)
        bytes = bytes_of(p.key, {*p.value});
    else
        bytes = co_await uploaded(*p.upload, p.key);
    if (!bytes)
        co_return beam::refuse("unknown_upload", "the parts of the value are not known (any more)",
                               {}, 75);
    session s;
    const auto most = s.bounds().max_bytes;
    const auto weight = entry_overhead + std::int64_t(bytes->bytes().size());
    if (most > 0 && weight > most)
        co_return beam::refuse("too_large",
                               "the entry would take " + std::to_string(weight) +
                                   " bytes, and the cache may hold " + std::to_string(most),
                               "cache limits --max-bytes SIZE", 1);
    put_options options;
    options.ttl_ms = p.ttl_ms;
    options.stale_ms = p.stale_ms;
    options.tags = tags_term(p.tags);
    if (!options.tags) options.tags = beam::term(beam::nil);
    const auto done = s.put_bytes(p.key, *std::move(bytes), options);
    co_await settle(s);
    co_return beam::map({{atom("key"), p.key}, {atom("replaced"), done.had}});
}

awaitable<answer> upload(request&, part_params p) {
    if (!p.bytes.is_binary() || p.upload.empty()) co_return malformed("no bytes, or no name");
    auto asked = uploads::add(p.upload, p.offset, p.bytes);
    beam::outcome<std::uint64_t> size = co_await asked;
    if (size) co_return beam::map({{atom("size"), *size}});
    if (size.error() == atom("too_large"))
        co_return beam::refuse("too_large", "the value has more than the 512 MiB that are allowed",
                               {}, 1);
    if (size.error() == atom("too_many"))
        co_return beam::refuse("overloaded", "too many values are on their way", {}, 75);
    co_return malformed("this part does not follow on those before");
}

awaitable<answer> get(request&, key_params p) {
    if (auto why = bad_key(p.key)) co_return malformed(*why);
    session s;
    const auto value = s.get(p.key);
    s.settle(true);
    if (!value) co_return no_such_key(p.key);
    // A long one is asked for with `read`.
    if (value->value().size() > whole_max)
        co_return beam::map({{atom("key"), p.key}, {atom("size"), value->value().size()}});
    co_return beam::map({{atom("key"), p.key}, {atom("value"), beam::binary(value->value())}});
}

awaitable<answer> read(request& r, key_params p) {
    session s;
    auto e = s.peek(p.key);
    if (!e) co_return no_such_key(p.key);
    const std::string_view all = e->value();
    for (std::size_t at = 0; at < all.size(); at += part_size) {
        beam::term part = beam::binary(all.substr(at, part_size));
        beam::term item = beam::map({{atom("bytes"), part}});
        co_await r.item(std::move(item));
    }
    co_return beam::map({{atom("size"), all.size()}});
}

awaitable<answer> del(request&, del_params p) {
    if (p.tag) {
        auto asked = worker::delete_tag(*p.tag);
        beam::outcome<std::uint64_t> deleted = co_await asked.outcome();
        if (!deleted) co_return worker_died();
        co_return beam::map({{atom("deleted"), *deleted}});
    }
    if (!p.key) co_return malformed("a key or a tag is missing");
    if (auto why = bad_key(*p.key)) co_return malformed(*why);
    session s;
    const auto taken = s.take(*p.key);
    co_await settle(s);
    if (!taken) co_return no_such_key(*p.key);
    co_return beam::map({{atom("deleted"), 1}});
}

awaitable<answer> ttl(request&, key_params p) {
    if (auto why = bad_key(p.key)) co_return malformed(*why);
    session s;
    const auto e = s.peek(p.key);
    if (!e || !e->is_live(s.now_ms())) co_return no_such_key(p.key);
    co_return beam::map({{atom("key"), p.key}, {atom("ttl_ms"), time_left(s, *e)}});
}

// With a ttl the entry gets it from now on; without one it counts as used.
awaitable<answer> touch(request&, touch_params p) {
    if (auto why = bad_key(p.key)) co_return malformed(*why);
    if (auto why = bad_ttl(p.ttl_ms)) co_return malformed(*why);
    session s;
    const bool there =
        p.ttl_ms ? s.expire_at(p.key, *p.ttl_ms == 0 ? 0 : s.now_ms() + *p.ttl_ms) : s.touch(p.key);
    co_await settle(s);
    if (!there) co_return no_such_key(p.key);
    co_return beam::map({{atom("key"), p.key}});
}

awaitable<answer> load(request&, load_params p) {
    if (auto why = bad_tags(p.tags)) co_return malformed(*why);
    if (auto why = bad_ttl(p.ttl_ms)) co_return malformed(*why);
    for (const load_item& i : p.entries)
        if (auto why = bad_key(i.key)) co_return malformed(*why);
    session s;
    put_options options;
    options.ttl_ms = p.ttl_ms;
    options.tags = tags_term(p.tags);
    for (const load_item& i : p.entries) (void)s.put(i.key, i.value, options);
    co_await settle(s);
    co_return beam::map({{atom("loaded"), p.entries.size()}});
}

beam::term found_value(const entry& e, bool stale) {
    if (e.value().size() > whole_max)
        return beam::map({{atom("size"), e.value().size()}, {atom("stale"), stale}});
    return beam::map({{atom("value"), beam::binary(e.value())}, {atom("stale"), stale}});
}

// The client that is sent `run` makes the value, puts it, and ends this stream. Until then this process, which leads,
// stays; if the client dies, it dies with the connection, and the next one leads.
awaitable<answer> fill(request& r, fill_params p) {
    if (auto why = bad_key(p.key)) co_return malformed(*why);
    session s;
    if (s.get(p.key)) {
        const auto e = s.peek(p.key);
        s.settle(true);
        if (e) co_return found_value(*e, false);
    }
    s.settle(true);
    for (;;) {
        s.look_at_clock();
        const auto e = s.peek(p.key);
        if (e && e->is_live(s.now_ms())) co_return found_value(*e, false);
        const bool has_stale = p.stale && e;
        auto asked = flights::join(p.key, !has_stale);
        flight_role role = co_await asked;
        if (role == flight_role::busy) co_return found_value(*e, true);
        if (role == flight_role::landed) continue;
        // Who led before may have put it just before it ended.
        s.look_at_clock();
        const auto now = s.peek(p.key);
        if (now && now->is_live(s.now_ms())) co_return found_value(*now, false);
        beam::term run = beam::map({{atom("run"), true}});
        co_await r.item(std::move(run));
        co_await beam::this_process().sleep_for(beam::infinity{});
    }
}

}  // namespace

void add_value_methods(beam::application_definition& app) {
    app.method("put", put);
    app.method("upload", upload);
    app.method("get", get, {.restartable = true});
    app.method("read", read, {.restartable = true});
    app.method("del", del);
    app.method("delete", del);
    app.method("ttl", ttl, {.restartable = true});
    app.method("touch", touch);
    app.method("load", load);
    app.method("fill", fill);
}

}  // namespace cache
