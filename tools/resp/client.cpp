#include "tools/resp/client.hpp"

#include <algorithm>
#include <atomic>
#include <vector>

#include "tools/resp/glob.hpp"

namespace resp {

namespace {

// A buffer that has been larger is given back.
constexpr std::size_t buffer_kept = 64 << 10;

constexpr std::string_view bad_name =
    "ERR Client names cannot contain spaces, newlines or special characters.";

bool is_name(std::string_view name) {
    for (unsigned char ch : name)
        if (ch < '!' || ch > '~') return false;
    return true;
}

}  // namespace

std::uint64_t next_client_id() {
    static std::atomic<std::uint64_t> last{0};
    return ++last;
}

sent send_replies(beam::io::connection& peer, std::string& bytes) {
    const auto done = peer.try_write_soon(bytes);
    if (!done) return sent::lost;
    if (!*done) return sent::no_room;
    bytes.clear();
    if (bytes.capacity() > buffer_kept) bytes = std::string();
    return sent::all;
}

void ping(client& c, arguments all) {
    if (all.size() > 2) return wrong_arguments(c, "ping");
    all.size() == 2 ? c.out.bulk(all[1]) : c.out.simple("PONG");
}

void echo(client& c, arguments all) {
    c.out.bulk(all[1]);
}

void quit(client& c, arguments) {
    c.out.simple("OK");
    c.closes = true;
}

void select(client& c, arguments all) {
    const auto n = integer_of(all[1]);
    if (!n) return c.out.error(not_an_integer);
    *n == 0 ? c.out.simple("OK") : c.out.error("ERR DB index is out of range");
}

void hello(client& c, arguments all) {
    auto version = c.out.version();
    std::string name = c.name;
    if (all.size() > 1) {
        const auto n = integer_of(all[1]);
        if (!n) return c.out.error("ERR Protocol version is not an integer or out of range");
        if (*n != 2 && *n != 3) return c.out.error("NOPROTO unsupported protocol version");
        version = protocol(*n);
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

void auth(client& c, arguments) {
    c.out.error(
        "ERR AUTH called without any password configured for the default user. Are you "
        "sure your configuration is correct?");
}

void about_client(client& c, arguments all) {
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

void config_get(client& c, arguments all,
                std::span<const std::pair<std::string_view, std::string>> known) {
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

void describe_command(writer& out, std::string_view name, int arity, std::string_view flags,
                      int first_key, int last_key, int key_step) {
    std::vector<std::string_view> words;
    for (std::string_view rest = flags; !rest.empty();) {
        const auto space = std::min(rest.find(' '), rest.size());
        words.push_back(rest.substr(0, space));
        rest.remove_prefix(std::min(space + 1, rest.size()));
    }
    out.array(6);
    out.bulk(small(name));
    out.integer(arity);
    out.set(words.size());
    for (std::string_view f : words) out.simple(f);
    out.integer(first_key);
    out.integer(last_key);
    out.integer(key_step);
}

void unknown_command(client& c, arguments all) {
    std::string text = "ERR unknown command '" + std::string(all[0].substr(0, 128)) +
                       "', with args beginning with: ";
    for (std::string_view a : all.subspan(1)) {
        if (text.size() > 300) break;
        text += "'" + std::string(a.substr(0, 128)) + "' ";
    }
    c.out.error(text);
}

void unknown_subcommand(client& c, std::string_view command, std::string_view sub) {
    c.out.error("ERR unknown subcommand '" + std::string(sub.substr(0, 128)) + "'. Try " +
                std::string(command) + " HELP.");
}

void wrong_arguments(client& c, std::string_view command) {
    c.out.error("ERR wrong number of arguments for '" + std::string(command) + "' command");
}

}  // namespace resp
