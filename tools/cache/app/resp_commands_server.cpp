// Commands about the connection and the server, and CL.THROTTLE, which the rate limiter answers.
#include <unistd.h>

#include <array>
#include <chrono>
#include <utility>

#include "libbeamcore/otp/application.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "tools/cache/app/glob.hpp"
#include "tools/cache/app/resp_client.hpp"
#include "tools/cache/app/worker.hpp"
#include "tools/ratelimit/app/ratelimit.hpp"

namespace cache {

namespace {

// What clients read a server's abilities from.
constexpr std::string_view redis_version = "7.0.0";

void ping(resp_client& c, arguments all) {
    if (all.size() > 2) return c.out.error("ERR wrong number of arguments for 'ping' command");
    all.size() == 2 ? c.out.bulk(all[1]) : c.out.simple("PONG");
}

void echo(resp_client& c, arguments all) {
    c.out.bulk(all[1]);
}

void quit(resp_client& c, arguments) {
    c.out.simple("OK");
    c.closes = true;
}

void select(resp_client& c, arguments all) {
    const auto n = integer_of(all[1]);
    if (!n) return c.out.error(not_an_integer);
    *n == 0 ? c.out.simple("OK") : c.out.error("ERR DB index is out of range");
}

bool is_name(std::string_view name) {
    for (unsigned char ch : name)
        if (ch < '!' || ch > '~') return false;
    return true;
}

constexpr std::string_view bad_name =
    "ERR Client names cannot contain spaces, newlines or special characters.";

void hello(resp_client& c, arguments all) {
    auto version = c.out.version();
    std::string name = c.name;
    if (all.size() > 1) {
        const auto n = integer_of(all[1]);
        if (!n) return c.out.error("ERR Protocol version is not an integer or out of range");
        if (*n != 2 && *n != 3) return c.out.error("NOPROTO unsupported protocol version");
        version = resp::protocol(*n);
    }
    for (std::size_t i = 2; i < all.size(); ++i) {
        if (equals(all[i], "AUTH") && i + 2 < all.size()) {
            // Who can connect may do everything; a password would say otherwise.
            return c.out.error(
                "WRONGPASS invalid username-password pair or user is disabled: there are no "
                "passwords here");
        }
        if (!equals(all[i], "SETNAME") || i + 1 == all.size())
            return c.out.error("ERR Syntax error in HELLO option '" + std::string(all[i]) + "'");
        name = all[++i];
        if (!is_name(name)) return c.out.error(bad_name);
    }
    c.name = std::move(name);
    c.out.set_version(version);
    c.out.map(7);
    c.out.bulk("server"), c.out.bulk("redis");
    c.out.bulk("version"), c.out.bulk(redis_version);
    c.out.bulk("proto"), c.out.integer(int(version));
    c.out.bulk("id"), c.out.integer(std::int64_t(c.id));
    c.out.bulk("mode"), c.out.bulk("standalone");
    c.out.bulk("role"), c.out.bulk("master");
    c.out.bulk("modules"), c.out.array(0);
}

void auth(resp_client& c, arguments) {
    c.out.error(
        "ERR AUTH called without any password configured for the default user. Are you "
        "sure your configuration is correct?");
}

void unknown_subcommand(resp_client& c, std::string_view command, std::string_view sub) {
    c.out.error("ERR unknown subcommand '" + std::string(sub.substr(0, 128)) + "'. Try " +
                std::string(command) + " HELP.");
}

void client(resp_client& c, arguments all) {
    const std::string_view what = all[1];
    if (equals(what, "ID") && all.size() == 2) return c.out.integer(std::int64_t(c.id));
    if (equals(what, "GETNAME") && all.size() == 2)
        return c.name.empty() ? c.out.null() : c.out.bulk(c.name);
    if (equals(what, "SETNAME") && all.size() == 3) {
        if (!is_name(all[2])) return c.out.error(bad_name);
        c.name = all[2];
        return c.out.simple("OK");
    }
    // What a library says of itself, and wishes that ask for nothing here.
    if ((equals(what, "SETINFO") && all.size() == 4) ||
        (equals(what, "NO-EVICT") && all.size() == 3) ||
        (equals(what, "NO-TOUCH") && all.size() == 3))
        return c.out.simple("OK");
    if (equals(what, "INFO") && all.size() == 2)
        return c.out.verbatim("id=" + std::to_string(c.id) + " name=" + c.name +
                              " resp=" + std::to_string(int(c.out.version())) + "\n");
    unknown_subcommand(c, "CLIENT", what);
}

void config(resp_client& c, arguments all) {
    if (!equals(all[1], "GET") || all.size() < 3)
        return equals(all[1], "SET")
                   ? c.out.error("ERR limits are set with `cache limits`, not with CONFIG SET")
                   : unknown_subcommand(c, "CONFIG", all[1]);
    const limits& l = c.data.bounds();
    const std::string_view by = !l.bounded()              ? "noeviction"
                                : l.policy == policy::lru ? "allkeys-lru"
                                : l.policy == policy::lfu ? "allkeys-lfu"
                                                          : "allkeys-fifo";
    const std::pair<std::string_view, std::string> known[] = {
        {"maxmemory", std::to_string(l.max_bytes)},
        {"maxmemory-policy", std::string(by)},
        {"save", ""},
        {"appendonly", "no"},
        {"databases", "1"},
        {"timeout", "0"},
        {"maxclients", "20000"},
        {"proto-max-bulk-len", std::to_string(value_max)}};
    std::vector<const std::pair<std::string_view, std::string>*> wanted;
    for (const auto& k : known)
        for (std::string_view pattern : all.subspan(2))
            if (matches(pattern, k.first)) {
                wanted.push_back(&k);
                break;
            }
    c.out.map(wanted.size());
    for (const auto* k : wanted) c.out.bulk(k->first), c.out.bulk(k->second);
}

void describe(resp_client& c, const resp_command& command) {
    std::vector<std::string_view> flags;
    for (std::string_view rest = command.flags; !rest.empty();) {
        const auto space = std::min(rest.find(' '), rest.size());
        flags.push_back(rest.substr(0, space));
        rest.remove_prefix(std::min(space + 1, rest.size()));
    }
    std::string name(command.name);
    for (char& ch : name)
        if (ch >= 'A' && ch <= 'Z') ch = char(ch - 'A' + 'a');
    c.out.array(6);
    c.out.bulk(name);
    c.out.integer(command.arity);
    c.out.set(flags.size());
    for (std::string_view f : flags) c.out.simple(f);
    c.out.integer(command.first_key);
    c.out.integer(command.last_key);
    c.out.integer(command.first_key == 0 ? 0 : command.name == "MSET" ? 2 : 1);
}

void command(resp_client& c, arguments all) {
    if (all.size() == 1) {
        c.out.array(all_commands().size());
        for (const resp_command& known : all_commands()) describe(c, known);
        return;
    }
    if (equals(all[1], "COUNT") && all.size() == 2)
        return c.out.integer(std::int64_t(all_commands().size()));
    if (equals(all[1], "DOCS")) return c.out.map(0);
    if (!equals(all[1], "INFO")) return unknown_subcommand(c, "COMMAND", all[1]);
    c.out.array(all.size() - 2);
    for (std::string_view name : all.subspan(2)) {
        const resp_command* known = find_command(name);
        known ? describe(c, *known) : c.out.null();
    }
}

// -- INFO ---------------------------------------------------------------------------------------------

std::string info_text(const statistics& s, std::string_view section) {
    const totals& t = s.counted;
    const auto wants = [&](std::string_view name) {
        return section.empty() || equals(section, "ALL") || equals(section, "EVERYTHING") ||
               equals(section, "DEFAULT") || equals(section, name);
    };
    std::string text;
    const auto line = [&](std::string_view name, std::string_view value) {
        text.append(name).append(":").append(value).append("\r\n");
    };
    const auto count = [&](std::string_view name, std::int64_t n) {
        line(name, std::to_string(n));
    };
    const auto begin = [&](std::string_view name) {
        if (!text.empty()) text += "\r\n";
        text.append("# ").append(name).append("\r\n");
    };
    if (wants("SERVER")) {
        begin("Server");
        line("redis_version", redis_version);
        line("redis_mode", "standalone");
        line("server_name", "beamcore cache");
        count("process_id", ::getpid());
    }
    if (wants("MEMORY")) {
        begin("Memory");
        count("used_memory", t.bytes);
        count("maxmemory", s.bounds.max_bytes);
        line("maxmemory_policy", name_of(s.bounds.policy));
    }
    if (wants("STATS")) {
        begin("Stats");
        count("keyspace_hits", t.hits);
        count("keyspace_misses", t.misses);
        count("expired_keys", t.expired);
        count("evicted_keys", t.evicted);
        count("inserted_keys", t.inserted);
        count("deleted_keys", t.deleted);
    }
    if (wants("REPLICATION")) {
        begin("Replication");
        line("role", "master");
        line("connected_slaves", "0");
    }
    if (wants("KEYSPACE")) {
        begin("Keyspace");
        if (t.entries() > 0) line("db0", "keys=" + std::to_string(t.entries()));
    }
    return text;
}

beam::awaitable<void> info(resp_client& c, std::vector<std::string> all) {
    auto asked = worker::stats();
    beam::outcome<statistics> s = co_await asked.outcome();
    if (!s) {
        c.out.error("LOADING the cache's worker is being restarted");
        co_return;
    }
    c.out.verbatim(info_text(*s, all.size() > 1 ? all[1] : std::string()));
}

// -- CL.THROTTLE --------------------------------------------------------------------------------------

/// Seconds, rounded up: who waits that long has waited long enough. -1 stays -1.
std::int64_t seconds(std::chrono::nanoseconds d) {
    if (d.count() < 0) return -1;
    return (d.count() + 999'999'999) / 1'000'000'000;
}

beam::awaitable<void> throttle(resp_client& c, std::vector<std::string> all) {
    if (all.size() > 6) {
        c.out.error("ERR wrong number of arguments for 'cl.throttle' command");
        co_return;
    }
    std::array<std::int64_t, 4> n{0, 0, 0, 1};
    for (std::size_t i = 2; i < all.size(); ++i) {
        const auto value = integer_of(all[i]);
        if (!value || *value < 0 || (i == 4 && *value > ttl_max_ms / 1000)) {
            c.out.error(not_an_integer);
            co_return;
        }
        n[i - 2] = *value;
    }
    if (!ratelimit::is_running()) {
        auto starting = beam::application::ensure_all_started(beam::atom("ratelimit"));
        beam::outcome<std::vector<beam::atom>> started = co_await starting;
        if (!started) {
            c.out.error(
                "ERR CL.THROTTLE needs the application ratelimit, which does not start on this "
                "node");
            co_return;
        }
    }
    auto asked = ratelimit::throttle(all[1], std::uint64_t(n[0]), std::uint64_t(n[1]),
                                     std::chrono::seconds(n[2]), std::uint64_t(n[3]));
    beam::outcome<ratelimit::throttle_answer> a = co_await asked.outcome();
    if (!a || !a->error.empty()) {
        c.out.error("ERR " + (a ? a->error : std::string("the rate limiter did not answer")));
        co_return;
    }
    c.out.array(5);
    c.out.integer(a->limited);
    c.out.integer(std::int64_t(a->limit));
    c.out.integer(std::int64_t(a->remaining));
    c.out.integer(seconds(a->retry_after));
    c.out.integer(seconds(a->reset_after));
}

constexpr resp_command table[] = {
    {"PING", -1, ping, nullptr, "fast", 0, 0},       {"ECHO", 2, echo, nullptr, "fast", 0, 0},
    {"QUIT", -1, quit, nullptr, "fast", 0, 0},       {"SELECT", 2, select, nullptr, "fast", 0, 0},
    {"HELLO", -1, hello, nullptr, "fast", 0, 0},     {"AUTH", -2, auth, nullptr, "fast", 0, 0},
    {"CLIENT", -2, client, nullptr, "", 0, 0},       {"CONFIG", -2, config, nullptr, "", 0, 0},
    {"COMMAND", -1, command, nullptr, "", 0, 0},     {"INFO", -1, nullptr, info, "", 0, 0},
    {"CL.THROTTLE", -5, nullptr, throttle, "write"},
};

}  // namespace

std::span<const resp_command> server_commands() {
    return table;
}

}  // namespace cache
