#include "tools/kv/app/resp_client.hpp"

#include <string_view>
#include <utility>

#include "libbeamcore/term/atoms.hpp"
#include "tools/kv/app/answers.hpp"
#include "tools/kv/app/limits.hpp"

namespace kv {

namespace {

using beam::awaitable;

constexpr unsigned changes_tried_max = 100;
constexpr std::size_t keys_max = 1000;

beam::future<routed_answer> read(const std::string& key, bool primary_only, bool with_bytes) {
    read_request r;
    r.key = key;
    r.primary_only = primary_only;
    r.without_bytes = !with_bytes;
    r.patience = resp_patience;
    return router::read(std::move(r));
}

/// It was not there to take the request.
bool was_absent(const beam::term& why) {
    const beam::term reason = why.is_tuple() ? why.elements()[0] : why;
    return reason == beam::atoms::noproc;
}

std::string_view first_word(const routed_answer& a) {
    if (a.what.what == answer::kind::busy) return "TRYAGAIN ";
    if (a.what.what == answer::kind::unknown) return "UNKNOWN ";
    return a.what.why == too_few_copies ? "NOREPLICAS " : "CLUSTERDOWN ";
}

}  // namespace

// Made once a module.
const resp::command_index<resp_client>& all_resp_commands() {
    static const resp::command_index<resp_client> all{
        value_commands(), key_commands(), scan_commands(), resp::connection_commands<resp_client>,
        server_commands()};
    return all;
}

beam::future<routed_answer> read_key(const resp_client& c, const std::string& key) {
    return read(key, !c.takes_replicas, true);
}
beam::future<routed_answer> read_at_primary(const std::string& key) {
    return read(key, true, true);
}
beam::future<routed_answer> look_at_key(const resp_client& c, const std::string& key) {
    return read(key, !c.takes_replicas, false);
}
beam::future<routed_answer> look_at_primary(const std::string& key) {
    return read(key, true, false);
}

beam::future<routed_answer> write_one(operation o) {
    std::vector<operation> all;
    all.push_back(std::move(o));
    return router::write(std::move(all), resp_patience);
}

bool is_read(const store_answer& a) {
    return a && a->what.what == answer::kind::found;
}
bool is_done(const store_answer& a) {
    return a && a->what.what == answer::kind::done;
}
bool is_refused(const store_answer& a) {
    return a && a->what.what == answer::kind::refused;
}

awaitable<bool> change_key(resp_client& c, std::string key, chooser choose, bool wants_bytes) {
    for (unsigned tries = 0; tries < changes_tried_max; ++tries) {
        auto reading = read(key, true, wants_bytes);
        store_answer there = co_await reading.outcome();
        if (!is_read(there)) {
            auto saying = say_failure(c, std::move(there), key, true);
            co_await saying;
            co_return false;
        }
        std::optional<operation> o = choose(there->what.found);
        if (!o) co_return true;
        o->key = key;
        o->expect_version = there->what.found ? there->what.found->version : 0;
        auto writing = write_one(*std::move(o));
        store_answer done = co_await writing.outcome();
        if (is_done(done)) co_return true;
        if (is_refused(done)) continue;
        auto saying = say_failure(c, std::move(done), key, true);
        co_await saying;
        co_return false;
    }
    c.out.error("TRYAGAIN others change the key all the time; nothing was written");
    co_return false;
}

operation put_of(std::string key, std::string bytes, std::int64_t expires_ms) {
    operation o;
    o.key = std::move(key);
    o.bytes = std::move(bytes);
    o.expires_ms = expires_ms;
    return o;
}

awaitable<void> say_failure(resp_client& c, store_answer a, std::string key, bool is_write) {
    if (!a) {
        const bool is_unknown = is_write && !was_absent(a.error());
        c.out.error(is_unknown ? "UNKNOWN the store died meanwhile; the write may or may not have "
                                 "been applied"
                    : is_write ? "TRYAGAIN the store is being restarted; nothing was written"
                               : "TRYAGAIN the store is being restarted");
        co_return;
    }
    if (is_refused(a)) {
        c.out.error(a->what.result.detail == several_shards
                        ? "CROSSSLOT the keys are not of one shard: give them the same {tag}; "
                          "nothing was written"
                        : "ERR " + a->what.result.detail);
        co_return;
    }
    std::string text(first_word(*a));
    auto asking = failed(*std::move(a), std::move(key), is_write);
    const beam::request_error e = co_await asking;
    c.out.error(text + e.why);
}

bool refuse_key(resp_client& c, const std::string& key) {
    const auto why = bad_key(key);
    if (why) c.out.error("ERR " + *why);
    return why.has_value();
}

bool refuse_entry(resp_client& c, const std::string& key, const std::string& bytes) {
    if (refuse_key(c, key)) return true;
    const auto why = bad_value(bytes);
    if (why) c.out.error("ERR " + *why);
    return why.has_value();
}

bool refuse_count(resp_client& c, std::size_t keys) {
    if (keys <= keys_max) return false;
    c.out.error("ERR a command has at most 1000 keys");
    return true;
}

std::optional<std::int64_t> expiry_of(resp::time_unit unit, std::int64_t amount) {
    resp::expiry_clock clock;
    clock.now = wall_ms();
    clock.ttl_max = ttl_max_ms;
    return resp::expiry_of(unit, amount, clock);
}

}  // namespace kv
