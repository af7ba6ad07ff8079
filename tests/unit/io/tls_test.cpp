#include "libbeamcore/io/tls.hpp"

#include <atomic>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "libbeamcore/io/connection.hpp"
#include "libbeamcore/runtime/send.hpp"
#include "tests/support/certificates.hpp"
#include "tests/unit/io/world.hpp"

using namespace beam;
using namespace std::chrono_literals;
using test::context_of;
using test::patience;
using test::wish;

namespace {

/// The two ends of a connection.
struct ends {
    io::connection client, server;
};

ends make_ends(const io::stream_options& options = {}) {
    auto [ours, fd] = test::make_pair(options);
    auto other = io::connection::adopt(std::move(fd), options);
    REQUIRE(other.has_value());
    return {std::move(ours), *std::move(other)};
}

struct answered {
    io::connection c;
    std::string code, detail;
};

process answer(self me, io::connection c, io::tls_context context, pid parent) {
    auto accepting = c.accept_tls(std::move(context), patience);
    result<void> r = co_await accepting;
    answered a{std::move(c), r ? "" : r.error().code, r ? "" : r.error().detail};
    beam::send(parent, std::move(a));
    (void)me;
}

/// What both ends say of the handshake: "" or a code.
struct outcome_of_both {
    ends both;
    std::string client, server, client_detail, server_detail;
};

awaitable<outcome_of_both> shake_hands(ends e, io::tls_context client, io::tls_context server,
                                       std::string host) {
    const pid me = this_process().id();
    spawn(answer, std::move(e.server), std::move(server), me);
    auto connecting = e.client.connect_tls(std::move(client), std::move(host), patience);
    result<void> r = co_await connecting;
    if (!r) e.client.close();
    auto receiving = this_process().receive<answered>();
    answered a = co_await receiving;
    e.server = std::move(a.c);
    outcome_of_both o{std::move(e), r ? "" : r.error().code, std::move(a.code),
                      r ? "" : r.error().detail, std::move(a.detail)};
    co_return o;
}

/// Through with it.
awaitable<ends> secured(const test::authority& ca, io::stream_options options = {},
                        io::tls_version version = io::tls_version::v1_3) {
    auto o = ca.options();
    o.version_min = version;
    const auto context = context_of(o);
    auto shaking = shake_hands(make_ends(options), context, context, "127.0.0.1");
    outcome_of_both both = co_await shaking;
    CHECK_MESSAGE(both.client == "", both.client_detail);
    CHECK_MESSAGE(both.server == "", both.server_detail);
    co_return std::move(both.both);
}

bool contains(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

std::string pattern(std::size_t n) {
    std::string s(n, 0);
    for (std::size_t i = 0; i < n; ++i) s[i] = char(i * 7 + i / 251);
    return s;
}

}  // namespace

TEST_CASE("a connection goes on encrypted, and says with whom and how") {
    test::in_node([](self) -> awaitable<void> {
        const test::authority ca;
        auto securing = secured(ca);
        ends e = co_await securing;
        CHECK(e.client.tls_name().starts_with("TLSv1.3 "));
        CHECK(e.server.tls_name() == e.client.tls_name());
        CHECK(e.client.peer_certificate().is_for("127.0.0.1"));
        CHECK(e.server.peer_certificate().subject() == "node");
        CHECK(e.client.try_write("one\ntwo\n") == true);
        auto line = co_await e.server.read_line(patience);
        CHECK(line == "one");
        auto rest = co_await e.server.read(patience);
        CHECK(rest == "two\n");
        CHECK(e.server.try_write_soon("answer\n") == true);
        auto answer = co_await e.client.read_line(patience);
        CHECK(answer == "answer");
        e.server.finish_output();
        auto end = co_await e.client.read(patience);
        REQUIRE_FALSE(end);
        CHECK(end.error().is("eof"));
        // The other direction goes on.
        CHECK(e.client.try_write("still\n") == true);
        auto still = co_await e.server.read_line(patience);
        CHECK(still == "still");
        e.client.close();
        auto over = co_await e.server.read(patience);
        CHECK(over.error().is("eof"));
        CHECK(io::connection().tls_name().empty());
        CHECK_FALSE(io::connection().peer_certificate());
    });
}

TEST_CASE("nothing of what is sent can be read on the way") {
    test::in_node([](self) -> awaitable<void> {
        const test::authority ca;
        const auto context = context_of(ca.options());
        auto [ours, theirs] = test::make_pair();
        // The peer speaks no TLS, but sees the client's first words: no plain text may follow.
        spawn(
            [](self, io::connection c, io::tls_context t) -> process {
                auto connecting = c.connect_tls(std::move(t), "secret.example", 1s);
                (void)co_await connecting;
                auto written = c.try_write("secret text");
                CHECK_FALSE(written);
            },
            std::move(ours), context);
        std::string seen;
        for (char buffer[4096];;) {
            const auto n = ::recv(theirs.get(), buffer, sizeof buffer, 0);
            if (n <= 0) break;
            seen.append(buffer, std::size_t(n));
        }
        CHECK(seen.size() > 100);
        CHECK(seen.front() == 0x16);
        CHECK_FALSE(contains(seen, "secret text"));
        co_return;
    });
}

TEST_CASE("large data arrives whole in both directions at once, in TLS 1.2 and 1.3") {
    for (const auto version : {io::tls_version::v1_2, io::tls_version::v1_3})
        test::in_node(
            [](self, io::tls_version v) -> awaitable<void> {
                const test::authority ca;
                auto securing = secured(ca, {}, v);
                ends e = co_await securing;
                const std::string there = pattern(5'000'000), back = pattern(3'000'001);
                struct got {
                    std::string bytes;
                };
                spawn(
                    [](self, io::connection c, std::string out, std::size_t n,
                       pid parent) -> process {
                        auto writing = c.write(std::move(out), patience);
                        auto sent = co_await writing;
                        CHECK(sent.has_value());
                        auto reading = c.read_exactly(n, patience);
                        auto all = co_await reading;
                        got g{all ? *all : all.error().code};
                        beam::send(parent, std::move(g));
                    },
                    std::move(e.server), back, there.size(), this_process().id());
                auto writing = e.client.write(there, patience);
                auto sent = co_await writing;
                CHECK(sent.has_value());
                auto reading = e.client.read_exactly(back.size(), patience);
                auto all = co_await reading;
                CHECK(all.has_value());
                CHECK((all && *all == back));
                auto receiving = this_process().receive<got>();
                got other = co_await receiving;
                CHECK((other.bytes == there));
            },
            version);
}

TEST_CASE("who has buffers of its own reads and writes what there is room for") {
    test::in_node([](self me) -> awaitable<void> {
        const test::authority ca;
        auto securing = secured(ca);
        ends e = co_await securing;
        const std::string all = pattern(4'000'000);
        std::string_view left = all;
        std::string got;
        std::vector<char> buffer(100'000);
        bool was_full = false;
        // One process has both ends, so that writing meets a full socket for certain.
        while (got.size() < all.size()) {
            while (!left.empty()) {
                auto n = e.client.try_write_some(left);
                REQUIRE(n.has_value());
                left.remove_prefix(*n);
                if (*n == 0) break;
            }
            was_full = was_full || !left.empty();
            auto n = e.server.try_read(buffer);
            REQUIRE(n.has_value());
            if (*n > 0)
                got.append(buffer.data(), *n);
            else
                co_await me.receive_if<io::readable>([](const io::readable&) { return true; },
                                                     patience);
        }
        CHECK(was_full);
        CHECK((got == all));
        auto none = e.server.try_read(buffer);
        CHECK(none == 0u);
        e.client.close();
        auto told = co_await me.receive_if<io::readable>([](const io::readable&) { return true; },
                                                         patience);
        CHECK(told.has_value());
        auto end = e.server.try_read(buffer);
        REQUIRE_FALSE(end);
        CHECK(end.error().is("eof"));
    });
}

TEST_CASE("lines come as messages, as without TLS") {
    test::in_node([](self me) -> awaitable<void> {
        const test::authority ca;
        io::stream_options o;
        o.framing = io::framing::line;
        auto securing = secured(ca, o);
        ends e = co_await securing;
        e.server.activate(3);
        CHECK(e.client.try_write("1\n2\nrest") == true);
        CHECK((co_await me.receive<io::line>()).text == "1");
        CHECK((co_await me.receive<io::line>()).text == "2");
        e.client.close();
        auto last = co_await me.receive<io::line>();
        CHECK(last.text == "rest");
        CHECK_FALSE(last.complete);
        e.server.activate(1);
        auto end = co_await me.receive<io::end_of_input>();
        CHECK(end.reason == atoms::eof);
    });
}

TEST_CASE("an end that the peer did not tell may have been made by anybody") {
    test::in_node([](self) -> awaitable<void> {
        const test::authority ca;
        const auto context = context_of(ca.options());
        auto e = make_ends();
        // The client's socket, cut beneath it.
        auto parts = e.client.release();
        const int raw = ::dup(parts.fd.get());
        unique_fd keep(raw);
        e.client = *io::connection::adopt(std::move(parts));
        auto shaking = shake_hands(std::move(e), context, context, "");
        outcome_of_both both = co_await shaking;
        CHECK(both.client == "");
        CHECK(both.both.client.try_write("half a word") == true);
        ::shutdown(raw, SHUT_WR);
        auto some = co_await both.both.server.read(patience);
        CHECK(some == "half a word");
        auto end = co_await both.both.server.read(patience);
        REQUIRE_FALSE(end);
        CHECK(end.error().is("tls_truncated"));
        CHECK(contains(end.error().detail, "without a word"));
    });
}

namespace {

struct row {
    io::tls_options client, server;
    std::string host;
    std::string client_says, server_says;
    std::string reason;
};

std::vector<row> rows_of(const test::authority& ours, const test::authority& others) {
    const auto good = ours.options();
    const auto expired = ours.options(wish("old", {"127.0.0.1"}, test::days(-30), test::days(-2)));
    const auto early = ours.options(wish("early", {"127.0.0.1"}, test::days(2), test::days(30)));
    auto cheat = others.options();  // believes our authority, and has a certificate of another
    cheat.authorities = ours.own().certificate;
    auto naked = good;
    naked.certificate.clear();
    return {
        {good, good, "127.0.0.1", "", "", ""},
        {good, good, "localhost", "", "", ""},
        {good, cheat, "", "tls_bad_certificate", "tls_refused", "certificate"},
        {good, expired, "", "tls_bad_certificate", "tls_refused", "certificate has expired"},
        {good, early, "", "tls_bad_certificate", "tls_refused", "not yet valid"},
        {good, good, "10.0.0.1", "tls_bad_certificate", "tls_refused", "IP address mismatch"},
        {good, good, "other.example", "tls_bad_certificate", "tls_refused", "hostname mismatch"},
        // A client is through before the server looks at it, and hears of that when it reads.
        {cheat, good, "", "", "tls_bad_certificate", ""},
        {expired, good, "", "", "tls_bad_certificate", ""},
        {naked, good, "", "", "tls_no_certificate", ""},
    };
}

}  // namespace

TEST_CASE("the peer's certificate must be of our authority, valid now, and for the host") {
    test::in_node([](self) -> awaitable<void> {
        const test::authority ours, others;
        const auto rows = rows_of(ours, others);
        for (const row& r : rows) {
            auto shaking =
                shake_hands(make_ends(), context_of(r.client), context_of(r.server), r.host);
            outcome_of_both both = co_await shaking;
            CHECK_MESSAGE(both.client == r.client_says, both.client_detail);
            CHECK_MESSAGE(both.server == r.server_says, both.server_detail);
            CHECK(contains(both.client_detail, r.reason));
            if (!r.client_says.empty() || r.server_says.empty()) continue;
            auto reading = both.both.client.read(patience);
            result<std::string> told = co_await reading;
            REQUIRE_FALSE(told);
            CHECK_MESSAGE(told.error().is("tls_refused"), told.error().code << told.error().detail);
            CHECK(contains(told.error().detail, "the peer refuses"));
        }
    });
}

TEST_CASE("a server may let anybody in, and a client need not look") {
    test::in_node([](self) -> awaitable<void> {
        const test::authority ours, others;
        auto open = ours.options();
        open.verify_peer = false;
        io::tls_options naked;
        naked.verify_peer = false;
        auto shaking = shake_hands(make_ends(), context_of(naked), context_of(open), "any.example");
        outcome_of_both both = co_await shaking;
        CHECK_MESSAGE(both.client == "", both.client_detail);
        CHECK(both.server == "");
        CHECK_FALSE(both.both.server.peer_certificate());
        CHECK(both.both.client.peer_certificate().subject() == "node");
        // Who looks, looks: also at a server that does not.
        naked.verify_peer = true;
        naked.authorities = others.own().certificate;
        auto again = shake_hands(make_ends(), context_of(naked), context_of(open), "");
        outcome_of_both second = co_await again;
        CHECK(second.client == "tls_bad_certificate");
    });
}

TEST_CASE("who speaks no TLS is told apart from who is silent, and from who goes away") {
    test::in_node([](self) -> awaitable<void> {
        const test::authority ca;
        const auto context = context_of(ca.options());
        for (const std::string_view words :
             {std::string_view("GET / HTTP/1.0\r\n\r\n"),
              std::string_view("\0\x10Nabcdefghijklmnop", 18),
              std::string_view("\xff\xff\xff\xff\xff\xff\xff\xff", 8),
              std::string_view("hello hello\n")}) {
            auto [c, peer] = test::make_pair();
            CHECK(test::put(peer.get(), words));
            auto accepting = c.accept_tls(context, patience);
            result<void> r = co_await accepting;
            REQUIRE_FALSE(r);
            CHECK_MESSAGE(r.error().is("tls_not_spoken"),
                          r.error().code << ": " << r.error().detail);
            auto later = co_await c.read(0ms);
            CHECK(later.error().is("tls_not_spoken"));
            CHECK(c.try_write("x").error().is("tls_not_spoken"));
        }
        {
            auto [c, peer] = test::make_pair();
            CHECK(test::put(peer.get(), "SSH-2.0-server\r\n"));
            auto connecting = c.connect_tls(context, {}, patience);
            result<void> r = co_await connecting;
            CHECK(r.error().is("tls_not_spoken"));
        }
        {
            auto [c, peer] = test::make_pair();
            peer.reset();
            auto connecting = c.connect_tls(context, {}, patience);
            result<void> r = co_await connecting;
            REQUIRE_FALSE(r);
            const bool gone = r.error().is("tls_truncated") || r.error().is("epipe") ||
                              r.error().is("econnreset");
            CHECK_MESSAGE(gone, r.error().code);
        }
        for (const std::string_view words :
             {std::string_view(), std::string_view("\x16\x03\x01\x01", 4)}) {
            auto [c, peer] = test::make_pair();
            if (!words.empty()) CHECK(test::put(peer.get(), words));
            auto accepting = c.accept_tls(context, 20ms);
            result<void> r = co_await accepting;
            CHECK(r.error().is("timeout"));
            CHECK(contains(r.error().detail, "silent"));
            auto later = co_await c.read(0ms);
            CHECK(later.error().is("timeout"));
        }
    });
}

TEST_CASE("bytes that are changed on the way end the connection") {
    test::in_node([](self) -> awaitable<void> {
        const test::authority ca;
        const auto context = context_of(ca.options());
        // Between the two stands somebody who passes all on until both are through, and then one thing more.
        auto left = test::make_pair();
        auto right = test::make_pair();
        const int a = left.theirs.get(), b = right.theirs.get();
        std::atomic<bool> through = false;
        std::thread middle([&] {
            char buffer[65536];
            while (!through) {
                pollfd p[2] = {{a, POLLIN, 0}, {b, POLLIN, 0}};
                if (::poll(p, 2, 1) <= 0) continue;
                for (int i = 0; i < 2; ++i) {
                    if (!(p[i].revents & POLLIN)) continue;
                    const auto n = ::recv(i == 0 ? a : b, buffer, sizeof buffer, 0);
                    if (n > 0) (void)test::put(i == 0 ? b : a, {buffer, std::size_t(n)});
                }
            }
        });
        auto shaking =
            shake_hands({std::move(left.ours), std::move(right.ours)}, context, context, "");
        outcome_of_both both = co_await shaking;
        through = true;
        middle.join();
        CHECK(both.server == "");
        CHECK(test::put(b, std::string("\x17\x03\x03\x00\x20", 5) + std::string(32, 'x')));
        auto read = co_await both.both.server.read(patience);
        REQUIRE_FALSE(read);
        CHECK_MESSAGE(read.error().is("tls_failed"),
                      read.error().code << ": " << read.error().detail);
    });
}

TEST_CASE("TLS begins once, and a connection that has begun cannot be handed over") {
    test::in_node([](self) -> awaitable<void> {
        const test::authority ca;
        auto securing = secured(ca);
        ends e = co_await securing;
        auto again = e.client.connect_tls(context_of(ca.options()), {}, patience);
        result<void> r = co_await again;
        REQUIRE_FALSE(r);
        CHECK(r.error().is("tls_begun"));
        auto parts = e.client.release();
        CHECK_FALSE(parts.fd);
        auto end = co_await e.server.read(patience);
        CHECK(end.error().is("eof"));
        io::connection none;
        auto nothing = none.accept_tls(context_of(ca.options()), patience);
        result<void> closed = co_await nothing;
        CHECK(closed.error().is("closed"));
    });
}

TEST_CASE("what was read before TLS began is its beginning") {
    test::in_node([](self) -> awaitable<void> {
        const test::authority ca;
        const auto context = context_of(ca.options());
        auto [c, peer] = test::make_pair();
        auto parts = c.release();
        parts.unread = "GET / HTTP/1.1\r\n\r\n";
        c = *io::connection::adopt(std::move(parts));
        auto accepting = c.accept_tls(context, patience);
        result<void> r = co_await accepting;
        REQUIRE_FALSE(r);
        CHECK(r.error().is("tls_not_spoken"));
    });
}

TEST_CASE("a context wants a certificate, its key, and authorities") {
    const test::authority ca;
    const auto good = ca.options();
    auto o = good;
    o.certificate = "no certificate";
    CHECK(io::tls_context::make(o).error().is("bad_certificate"));
    o = good;
    o.key = ca.options().key;
    CHECK(io::tls_context::make(o).error().is("bad_key"));
    o.key.clear();
    CHECK(io::tls_context::make(o).error().is("bad_key"));
    o = good;
    o.authorities = "nobody";
    CHECK(io::tls_context::make(o).error().is("bad_authorities"));
    o = good;
    o.key =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
        "MIHeMEkGCSqGSIb3DQEFDTA8MBsGCSqGSIb3DQEFDDAOBAgAAAAAAAAAAAICCAAw\n"
        "-----END ENCRYPTED PRIVATE KEY-----\n";
    CHECK(io::tls_context::make(o).error().is("bad_key"));
    CHECK_FALSE(io::tls_context());
}
