#include "tools/common/client.hpp"

#include <doctest/doctest.h>

#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <nlohmann/json.hpp>
#include <thread>

#include "tests/unit/tools_common/fixture/sandbox.hpp"

using fixture::sandbox;
using nlohmann::json;

namespace {

// A socket that a test answers by hand.
class hand_server {
public:
    explicit hand_server(const sandbox& s) : path(s.root + "/hand.sock") {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strcpy(address.sun_path, path.c_str());
        fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        REQUIRE(::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
        REQUIRE(::listen(fd_, 10) == 0);
    }
    ~hand_server() { ::close(fd_); }

    int accept() const {
        pollfd waits{fd_, POLLIN, 0};
        REQUIRE(::poll(&waits, 1, 10'000) == 1);
        return ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
    }

    // What comes until `lines` newlines have.
    static std::string read_lines(int fd, std::size_t lines) {
        std::string text;
        char c;
        while (fixture::count_of(text, "\n") < lines && ::read(fd, &c, 1) == 1) text += c;
        return text;
    }
    static void say(int fd, const std::string& text) {
        REQUIRE(::send(fd, text.data(), text.size(), MSG_NOSIGNAL) ==
                static_cast<ssize_t>(text.size()));
    }

    std::string path;

private:
    int fd_ = -1;
};

const std::string hello_answer = R"({"id":0,"result":{"protocol":1,"node":"x","version":"0.1.0"}})"
                                 "\n";

}  // namespace

TEST_CASE("hello goes out with the first request in one write, answers may be cut anywhere") {
    sandbox s;
    hand_server server(s);
    auto tool = s.start("demo", {"--socket", server.path, "ask", "demo.x", "--json"});
    const int fd = server.accept();
    char buffer[4096];
    const auto n = ::recv(fd, buffer, sizeof buffer, 0);
    REQUIRE(n > 0);
    const std::string got(buffer, static_cast<std::size_t>(n));
    CHECK(fixture::count_of(got, "\n") == 2);
    const auto hello = json::parse(got.substr(0, got.find('\n')));
    CHECK(hello["method"] == "hello");
    CHECK(hello["params"]["protocol"] == json::array({1}));
    CHECK(hello["params"]["tool"] == "demo");
    const auto request = json::parse(got.substr(got.find('\n') + 1));
    CHECK(request["method"] == "demo.x");
    CHECK(request["deadline_ms"] <= 10'000);
    CHECK(request["deadline_ms"] > 5'000);
    const auto answer = hello_answer + R"({"method":"$/item","params":{"id":99,"item":1}})"
                                       "\n"
                                       R"({"id":1,"result":[1,)"
                                       "\"\xc3\xa4\"]}\n";
    for (char c : answer) hand_server::say(fd, std::string(1, c));
    const auto outcome = tool.wait();
    CHECK(outcome.code == 0);
    CHECK(outcome.out == "[1,\"\xc3\xa4\"]\n");
    ::close(fd);
}

TEST_CASE("a connection that ends before hello was answered was never served: asked again") {
    sandbox s;
    hand_server server(s);
    auto tool = s.start("demo", {"--socket", server.path, "ask", "demo.x"});
    for (int i = 0; i < 3; ++i) ::close(server.accept());
    const int fd = server.accept();
    CHECK(hand_server::read_lines(fd, 2).find("demo.x") != std::string::npos);
    hand_server::say(fd, hello_answer + R"({"id":4,"result":"done"})"
                                        "\n");
    const auto outcome = tool.wait();
    CHECK(outcome.code == 0);
    CHECK(outcome.out == "\"done\"\n");
    ::close(fd);
}

TEST_CASE(
    "a connection that ends after hello was answered may have been served: 75, not asked again") {
    sandbox s;
    hand_server server(s);
    auto tool = s.start("demo", {"--socket", server.path, "ask", "demo.x", "--json"});
    const int fd = server.accept();
    (void)hand_server::read_lines(fd, 2);
    hand_server::say(fd, hello_answer);
    ::close(fd);
    const int next = server.accept();
    const auto question = hand_server::read_lines(next, 2);
    CHECK(question.find("node.method") != std::string::npos);
    CHECK(question.find("demo.x") != std::string::npos);
    hand_server::say(next, hello_answer + R"({"id":2,"result":{"restartable":false}})"
                                          "\n");
    const auto outcome = tool.wait();
    CHECK(outcome.code == 75);
    const auto error = json::parse(outcome.err)["error"];
    CHECK(error["kind"] == "node_ended");
    CHECK(error["applied"] == "unknown");
    ::close(next);
}

TEST_CASE("what the node calls restartable is asked again when a runtime dies under it") {
    sandbox s;
    hand_server server(s);
    auto tool = s.start("demo", {"--socket", server.path, "ask", "demo.x"});
    int fd = server.accept();
    (void)hand_server::read_lines(fd, 2);
    hand_server::say(fd, hello_answer);
    ::close(fd);
    // The next one dies as well, while it is asked; the third lives.
    fd = server.accept();
    (void)hand_server::read_lines(fd, 2);
    hand_server::say(fd, hello_answer);
    ::close(fd);
    fd = server.accept();
    (void)hand_server::read_lines(fd, 2);
    hand_server::say(fd, hello_answer + R"({"id":3,"result":{"restartable":true}})"
                                        "\n");
    const auto again = json::parse(hand_server::read_lines(fd, 1));
    CHECK(again["method"] == "demo.x");
    hand_server::say(fd, R"({"id":4,"result":"served"})"
                         "\n");
    const auto outcome = tool.wait();
    CHECK(outcome.code == 0);
    CHECK(outcome.out == "\"served\"\n");
    ::close(fd);
}

TEST_CASE("connected but silent is busy: 75 at the timeout") {
    sandbox s;
    hand_server server(s);
    const auto outcome =
        s.demo({"--socket", server.path, "get", "k", "--timeout", "100ms", "--json"});
    CHECK(outcome.code == 75);
    CHECK(json::parse(outcome.err)["error"]["applied"] == "unknown");
    // A stream without a time limit waits for its items for ever, for the first sign of life it does not.
    const auto stream = s.demo({"--socket", server.path, "count", "0", "1", "--timeout", "100ms"});
    CHECK(stream.code == 75);
}

TEST_CASE("a hello that is refused, or another protocol, is 76") {
    sandbox s;
    hand_server server(s);
    for (const auto& answer :
         {std::string(R"({"id":0,"error":{"code":-32000,"message":"no common protocol"}})"),
          std::string(R"({"id":0,"result":{"protocol":2}})")}) {
        auto tool = s.start("demo", {"--socket", server.path, "ask", "demo.x"});
        const int fd = server.accept();
        (void)hand_server::read_lines(fd, 2);
        hand_server::say(fd, answer + "\n");
        CHECK(tool.wait().code == 76);
        ::close(fd);
    }
}

TEST_CASE("garbage, a wrong answer and a binary line are 76, never a crash") {
    sandbox s;
    hand_server server(s);
    for (const auto& bytes : {std::string("}{\n"), std::string("\xff\xfe\n"), std::string("[1]\n"),
                              std::string("\0\0\n", 3), std::string(100'000, '[') + "\n",
                              std::string(R"({"id":1})") + "\n"}) {
        auto tool = s.start("demo", {"--socket", server.path, "ask", "demo.x"});
        const int fd = server.accept();
        (void)hand_server::read_lines(fd, 2);
        hand_server::say(fd, hello_answer + bytes);
        const auto outcome = tool.wait();
        CHECK(outcome.code == 76);
        CHECK(fixture::count_of(outcome.err, "\n") == 1);
        ::close(fd);
    }
}

TEST_CASE("a node that does not know a method: 76, try beamd restart") {
    sandbox s;
    const auto got = s.demo({"ask", "demo.unknown"});
    CHECK(got.code == 76);
    CHECK(got.err == "demo: ask demo.unknown failed: no such method; try: beamd restart\n");
}

TEST_CASE("a request that crashes the node is 75 with what is unknown, and the next works") {
    sandbox s;
    const auto got = s.demo({"ask", "demo.crash"});
    CHECK(got.code == 75);
    CHECK(got.err.find("(it may have been done); try: beamd logs") != std::string::npos);
    CHECK(s.demo({"put", "a", "b"}).code == 0);
    CHECK(s.status("restarts") == 1);
}

TEST_CASE("no answer in time is 75; the node's other clients are not hurt") {
    sandbox s;
    const auto got = s.demo({"ask", "demo.hang", "--timeout", "50ms"});
    CHECK(got.code == 75);
    CHECK(s.demo({"put", "a", "b"}).code == 0);
}

TEST_CASE("a stream prints what comes and ends by count, time, idleness, or the node's end") {
    sandbox s;
    CHECK(s.demo({"count", "0", "3"}).out == "0\n1\n2\n");
    CHECK(s.demo({"count", "0", "9", "--open", "--count", "2"}).out == "0\n1\n");
    const auto timed = s.demo({"count", "0", "2", "--open", "--for", "50ms"});
    CHECK(timed.code == 0);
    CHECK(timed.out == "0\n1\n");
    const auto idle = s.demo({"count", "0", "2", "--open", "--until-idle=50ms", "--json"});
    CHECK(idle.code == 0);
    CHECK(idle.out == "{\"n\":0}\n{\"n\":1}\n");
}

TEST_CASE("a followed stream survives a crash of the node: nothing lost, nothing twice") {
    sandbox s;
    const auto got = s.demo({"count", "0", "100", "--crash"});
    CHECK(got.code == 0);
    std::string expected;
    for (int i = 0; i < 100; ++i) expected += std::to_string(i) + "\n";
    CHECK(got.out == expected);
}

TEST_CASE("a followed stream survives kill -9 of the node's parent") {
    sandbox s;
    auto stream = s.start("demo", {"count", "0", "3", "--open"});
    REQUIRE(stream.reads("2\n"));
    const auto parent = s.status("parent_pid");
    REQUIRE(parent > 1);
    ::kill(static_cast<pid_t>(parent), SIGKILL);
    REQUIRE(fixture::eventually([&] { return !fixture::lives(parent); }));
    // It starts another node, as nobody else does.
    REQUIRE(fixture::eventually([&] { return s.beamd({"ping"}).code == 0; }));
    CHECK(s.status("parent_pid") != parent);
    stream.kill(SIGINT);
    CHECK(stream.wait().code == 130);
}

TEST_CASE("Ctrl-C cancels the request and is 130") {
    sandbox s;
    hand_server server(s);
    auto tool = s.start("demo", {"--socket", server.path, "ask", "demo.x"});
    const int fd = server.accept();
    (void)hand_server::read_lines(fd, 2);
    hand_server::say(fd, hello_answer);
    tool.kill(SIGINT);
    const auto cancel = json::parse(hand_server::read_lines(fd, 1));
    CHECK(cancel["method"] == "$/cancel");
    CHECK(cancel["params"]["id"] == 1);
    const auto outcome = tool.wait();
    CHECK(outcome.code == 130);
    CHECK(outcome.out + outcome.err == "");
    ::close(fd);
}

TEST_CASE("batch answers in order, keeps going, and exits with the worst code") {
    sandbox s;
    std::string input, expected;
    for (int i = 0; i < 1000; ++i) {
        const auto n = std::to_string(i);
        input += R"({"id":)" + n + R"(,"method":"put","params":{"key":")" + n +
                 R"(","value":"v"}})"
                 "\n";
        expected += R"({"id":)" + n +
                    R"(,"result":"ok"})"
                    "\n";
    }
    const auto all = s.demo({"batch"}, input);
    CHECK(all.code == 0);
    CHECK(all.out == expected);

    const auto mixed = s.demo({"batch"},
                              "{\"method\":\"get\",\"params\":{\"key\":\"7\"}}\n\nno "
                              "json\n{\"method\":\"get\",\"params\":{\"key\":\"x\"}}");
    CHECK(mixed.code == 65);
    CHECK(fixture::count_of(mixed.out, "\n") == 3);
    CHECK(mixed.out.rfind("{\"result\":\"v\"}\n{\"error\":{\"exit\":65", 0) == 0);
    CHECK(mixed.out.find("\"kind\":\"not_found\"") != std::string::npos);
    CHECK(s.demo({"batch"}, "").code == 0);
}

TEST_CASE("batch through a restart: the answer to what was not begun is not lost among questions") {
    sandbox s;
    hand_server server(s);
    auto tool = s.start("demo", {"--socket", server.path, "--timeout", "5s", "batch"},
                        "{\"method\":\"first\"}\n{\"method\":\"second\"}\n");
    int fd = server.accept();
    (void)hand_server::read_lines(fd, 3);
    hand_server::say(fd, hello_answer +
                             R"({"id":1,"error":{"code":-32003,"message":"the node restarts",)"
                             R"("data":{"exit":75,"kind":"restarting"}}})"
                             "\n");
    ::close(fd);
    // A node that answers each line before it reads the next.
    fd = server.accept();
    for (int i = 0; i < 4; ++i) {
        const auto line = json::parse(hand_server::read_lines(fd, 1), nullptr, false);
        REQUIRE(!line.is_discarded());
        if (line["method"] == "hello") {
            hand_server::say(fd, hello_answer);
            continue;
        }
        const json result =
            line["method"] == "node.method" ? json{{"restartable", true}} : line["method"];
        hand_server::say(fd, json{{"id", line["id"]}, {"result", result}}.dump() + "\n");
    }
    const auto outcome = tool.wait();
    CHECK(outcome.code == 0);
    CHECK(outcome.out == "{\"result\":\"demo.first\"}\n{\"result\":\"demo.second\"}\n");
    ::close(fd);
}

TEST_CASE("a long answer arrives whole") {
    sandbox s;
    const auto got = s.demo({"batch"}, R"({"method":"long","params":{"size":3000000}})"
                                       "\n");
    CHECK(got.code == 0);
    CHECK(got.out.size() == 3'000'000 + std::string("{\"result\":\"\"}\n").size());
}
