// resp_redis SOCKET SEED COUNT: gives redis-server and our decoder the same bytes, COUNT times, and says
// where they differ: in the commands that they see, and in the error. And what redis-server answers in
// both versions of the protocol, our reply decoder reads, and our writer would have written.
//
// resp_redis.sh starts the server.
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "libbeamcore/base/unique_fd.hpp"
#include "libbeamcore/io/resp.hpp"
#include "tests/support/resp_text.hpp"

using namespace beam::io;

static std::string socket_path;
static int differences = 0;

static void differ(std::string_view input, const std::string& ours, const std::string& theirs) {
    ++differences;
    std::printf("for %s\n  ours:  %s\n  redis: %s\n", quoted_bytes(input).c_str(), ours.c_str(),
                theirs.c_str());
}

static beam::unique_fd connected() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::snprintf(address.sun_path, sizeof address.sun_path, "%s", socket_path.c_str());
    beam::unique_fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
        std::perror(socket_path.c_str());
        std::exit(1);
    }
    return fd;
}

// All that redis-server sends to a client that sends these bytes and no more.
static std::string answer(std::string_view input) {
    const auto fd = connected();
    while (!input.empty()) {
        const auto sent = ::send(fd.get(), input.data(), input.size(), MSG_NOSIGNAL);
        if (sent <= 0) break;  // it has closed
        input.remove_prefix(std::size_t(sent));
    }
    ::shutdown(fd.get(), SHUT_WR);
    std::string all;
    for (;;) {
        pollfd p{fd.get(), POLLIN, 0};
        if (::poll(&p, 1, 10'000) <= 0) {
            std::printf("no answer within 10 s\n");
            std::exit(1);
        }
        char buffer[4096];
        const auto n = ::recv(fd.get(), buffer, sizeof buffer, 0);
        if (n <= 0) return all;
        all.append(buffer, std::size_t(n));
    }
}

static std::vector<resp::reply> replies(const std::string& bytes) {
    resp::reply_decoder d;
    d.feed(bytes);
    std::vector<resp::reply> all;
    while (auto r = d.next()) all.push_back(std::move(*r));
    if (!d.failure().empty()) differ(bytes, std::string(d.failure()), "sent this");
    return all;
}

// -- what is read ---------------------------------------------------------------------------------

// What redis-server says to a command that it does not know: it shows how it was read.
static std::string unknown_command(resp::request r) {
    constexpr std::size_t shown_max = 128;
    std::string arguments;
    for (std::size_t i = 1; i < r.size() && arguments.size() < shown_max; ++i) {
        const auto room = shown_max - arguments.size();
        arguments.append("'").append(r[i].substr(0, room)).append("' ");
    }
    std::string text = "ERR unknown command '";
    text.append(r[0].substr(0, shown_max)).append("', with args beginning with: ");
    text += arguments;
    for (auto& c : text)
        if (c == '\r' || c == '\n') c = ' ';
    return text;
}

// What our decoder makes of the input, said as redis-server would.
static std::vector<std::string> expected(std::string_view input) {
    resp::request_limits limits;
    limits.elements_max = std::numeric_limits<int>::max();
    resp::request_decoder d(limits);
    std::vector<std::string> texts;
    // In two pieces, as it may well arrive there.
    const std::string halves[2] = {std::string(input.substr(0, input.size() / 2)),
                                   std::string(input.substr(input.size() / 2))};
    for (const auto& half : halves) {
        d.feed(half);
        while (auto r = d.next()) texts.push_back(unknown_command(*r));
    }
    if (!d.failure().empty()) texts.emplace_back(d.failure());
    return texts;
}

// The input as pieces that may be exchanged: some commands, and things that make them wrong.
class generator {
public:
    explicit generator(std::uint64_t seed) : random_(seed) {}

    std::string input() {
        std::vector<std::string> tokens;
        for (auto n = 1 + below(4); n > 0; --n)
            below(3) == 0 ? inline_command(tokens) : array(tokens);
        for (auto n = below(3); n > 0 && !tokens.empty(); --n) {
            const auto at = tokens.begin() + std::ptrdiff_t(below(tokens.size()));
            if (below(3) == 0)
                tokens.erase(at);
            else
                *at = strange();
        }
        std::string all;
        for (const auto& t : tokens) all += t;
        // Where it waits for the end of a line, we know already what is wrong.
        return all + "\r\n";
    }

    std::string words() {
        std::string line;
        for (auto n = below(12); n > 0; --n) line += piece_of_word();
        return line;
    }

private:
    std::size_t below(std::size_t n) { return random_() % n; }

    std::string strange() {
        static constexpr const char* all[] = {"\r\n",
                                              "\n",
                                              "*",
                                              "$",
                                              "-",
                                              "+",
                                              ":",
                                              "0",
                                              "1",
                                              "2",
                                              "-1",
                                              "-2",
                                              "01",
                                              "+1",
                                              "1x",
                                              "",
                                              "536870912",
                                              "536870913",
                                              "2147483647",
                                              "2147483648",
                                              "4294967297",
                                              "9223372036854775807",
                                              "18446744073709551617",
                                              "z",
                                              "q \"z\" 'q'",
                                              "\"",
                                              "'",
                                              " "};
        return all[below(std::size(all))];
    }

    std::string piece_of_word() {
        static constexpr const char* all[] = {"z",   "q",  " ",  "\t",   "\v",    "\f",  "\"",
                                              "'",   "\\", "x",  "\\x4", "\\xfF", "\\n", "\\\"",
                                              "\\'", "1",  "\r", "\xff", "\\a",   "\" ", "' "};
        return all[below(std::size(all))];
    }

    void inline_command(std::vector<std::string>& to) {
        to.emplace_back("zq");
        for (auto n = below(4); n > 0; --n) to.push_back(" " + piece_of_word());
        to.emplace_back(below(2) == 0 ? "\n" : "\r\n");
    }

    void array(std::vector<std::string>& to) {
        const auto size = below(4);
        to.insert(to.end(), {"*", std::to_string(size), "\r\n"});
        for (std::size_t i = 0; i < size; ++i) {
            std::string text = below(20) == 0 ? std::string(below(300), 'z') : "";
            for (auto n = below(4); n > 0; --n) text += strange();
            to.insert(to.end(), {"$", std::to_string(text.size()), "\r\n", text, "\r\n"});
        }
    }

    std::mt19937_64 random_;
};

// The same error? Redis shows a wrong byte as it is.
static bool same_text(const std::string& ours, const std::string& theirs) {
    constexpr std::string_view wrong_byte = "ERR Protocol error: expected '$', got '\\x";
    if (ours.starts_with(wrong_byte))
        return theirs.starts_with(wrong_byte.substr(0, wrong_byte.size() - 2));
    return ours == theirs;
}

// False: only the beginning could be compared. Redis does not look at what ends a bulk string.
static bool compare_commands(const std::string& input) {
    auto ours = expected(input);
    std::vector<std::string> theirs;
    for (auto& r : replies(answer(input))) theirs.push_back(std::move(r.text));
    const bool is_whole =
        ours.empty() || ours.back() != "ERR Protocol error: expected CRLF after a bulk string";
    if (!is_whole) {
        ours.pop_back();
        theirs.resize(std::min(theirs.size(), ours.size()));
    }
    bool same = ours.size() == theirs.size();
    for (std::size_t i = 0; same && i < ours.size(); ++i) same = same_text(ours[i], theirs[i]);
    auto joined = [](const std::vector<std::string>& all) {
        std::string text;
        for (const auto& t : all) text += quoted_bytes(t) + " ";
        return text;
    };
    if (!same) differ(input, joined(ours), joined(theirs));
    return is_whole;
}

// The arguments to the byte: redis-server gives them back.
static void compare_words(const std::string& words) {
    const auto input = "EVAL 'return ARGV' 0 " + words + "\r\n";
    resp::request_decoder d;
    d.feed(input);
    std::string ours, theirs;
    while (auto r = d.next()) {
        for (const auto& w : r->subspan(3)) ours += quoted_bytes(w) + " ";
    }
    ours += d.failure();
    for (const auto& r : replies(answer(input))) {
        theirs += r.text;
        for (const auto& w : r.elements) theirs += quoted_bytes(w.text) + " ";
    }
    if (ours != theirs) differ(input, ours, theirs);
}

static void compare_sizes() {
    const std::string long_line(70'000, 'z');
    compare_commands(long_line);
    compare_commands("zq " + std::string(65'530, 'q') + "\r\n");
    std::string many = "*1000\r\n$1\r\nz\r\n";
    for (int i = 1; i < 1000; ++i) many += "$1\r\nq\r\n";
    compare_commands(many + "*1\r\n$40000\r\n" + std::string(40'000, 'z') + "\r\n");
}

// -- what is written ------------------------------------------------------------------------------

// `write` writes what redis-server answers to the command, byte for byte.
static void compare_writer(std::vector<std::string_view> command, resp::protocol version,
                           const std::function<void(resp::writer&)>& write) {
    std::string input;
    const std::string_view hello[] = {"HELLO", version == resp::protocol::resp3 ? "3" : "2"};
    resp::append_request(input, hello);
    resp::append_request(input, command);
    const auto bytes = answer(input);
    const auto all = replies(bytes);
    std::string ours;
    resp::writer w(ours, version);
    write(w);
    if (all.size() < 2 || !bytes.ends_with(ours))
        differ(input, quoted_bytes(ours), quoted_bytes(bytes));
    if (version == resp::protocol::resp2) return;
    std::string again;
    resp::writer to(again, version);
    for (const auto& r : all) write_reply(to, r);
    if (again != bytes) differ(input, quoted_bytes(again), quoted_bytes(bytes));
}

static void compare_writers(resp::protocol version) {
    auto compare = [&](const char* what, const std::function<void(resp::writer&)>& write) {
        compare_writer({"DEBUG", "PROTOCOL", what}, version, write);
    };
    compare("string", [](resp::writer& w) { w.bulk("Hello World"); });
    compare("integer", [](resp::writer& w) { w.integer(12345); });
    compare("null", [](resp::writer& w) { w.null(); });
    compare("true", [](resp::writer& w) { w.boolean(true); });
    compare("false", [](resp::writer& w) { w.boolean(false); });
    compare("bignum",
            [](resp::writer& w) { w.big_number("1234567999999999999999999999999999999"); });
    compare("verbatim", [](resp::writer& w) { w.verbatim("This is a verbatim\nstring"); });
    compare("array", [](resp::writer& w) {
        w.array(3);
        for (int i = 0; i < 3; ++i) w.integer(i);
    });
    compare("set", [](resp::writer& w) {
        w.set(3);
        for (int i = 0; i < 3; ++i) w.integer(i);
    });
    compare("map", [](resp::writer& w) {
        w.map(3);
        for (int i = 0; i < 3; ++i) w.integer(i), w.boolean(i == 1);
    });
    compare_writer({"LPOP", "nothing", "2"}, version, [](resp::writer& w) { w.null_array(); });
    compare_writer({"GET"}, version, [](resp::writer& w) {
        w.error("ERR wrong number of arguments for 'get' command");
    });
    compare_writer({"PING"}, version, [](resp::writer& w) { w.simple("PONG"); });
    for (const char* number : {"0.5", "100000", "-17", "3.0e20", "inf", "-inf"}) {
        std::string input = version == resp::protocol::resp3 ? "HELLO 3\r\n" : "HELLO 2\r\n";
        input += "DEL s\r\nZADD s " + std::string(number) + " m\r\nZSCORE s m\r\n";
        const auto bytes = answer(input);
        std::string ours;
        resp::writer(ours, version).real(std::strtod(number, nullptr));
        if (!bytes.ends_with(ours)) differ(input, quoted_bytes(ours), quoted_bytes(bytes));
    }
}

// An attribute and a push message, which only version 3 has.
static void compare_reader() {
    const auto attribute = replies(answer("HELLO 3\r\nDEBUG PROTOCOL attrib\r\n"));
    const auto push = replies(answer("HELLO 3\r\nDEBUG PROTOCOL push\r\n"));
    auto is_text = [](const resp::reply& r) { return r.kind == resp::reply_kind::bulk; };
    if (attribute.size() != 2 || !is_text(attribute[1])) differ("attrib", "2 replies", "others");
    if (push.size() != 3 || push[1].kind != resp::reply_kind::push || !is_text(push[2]))
        differ("push", "3 replies", "others");
}

int main(int argc, char** argv) {
    if (argc != 4) return 2;
    socket_path = argv[1];
    generator generate(std::strtoull(argv[2], nullptr, 10));
    const int count = std::atoi(argv[3]);
    int whole = 0;
    for (int i = 0; i < count; ++i) whole += compare_commands(generate.input());
    for (int i = 0; i < count; ++i) compare_words(generate.words());
    compare_sizes();
    compare_writers(resp::protocol::resp2);
    compare_writers(resp::protocol::resp3);
    compare_reader();
    std::printf(
        "resp_redis: %d inputs, %d of them compared to the end, and as many lines: %d differ\n",
        count, whole, differences);
    return differences == 0 && whole > count / 2 ? 0 : 1;
}
