// What a client may do wrong. Each time others go on being served, and so is it, unless it is said that its
// connection ends.
#include <random>
#include <thread>

#include "tests/unit/node/harness.hpp"

using test::client;
using test::json;
using test::node;

namespace {

// The node serves others, and this client if it may.
void still_serves(node& n) {
    client other = n.connect();
    CHECK(other.ask("node.ping")["result"]["pong"] == true);
    CHECK(other.ask("probe.echo", {{"still", "here"}})["result"]["still"] == "here");
}

int error_code(const json& answer) {
    return answer["error"]["code"].get<int>();
}

}  // namespace

TEST_CASE("garbage is answered line by line with -32700, and the connection stays") {
    node n;
    client c = n.connect();
    const std::string lines[] = {"hello?",
                                 "GET / HTTP/1.1",
                                 "{\"id\":1",
                                 "}{",
                                 "\x01\x02\x03",
                                 std::string("a\0b", 3),
                                 "\xff\xff\xff",
                                 "{\"method\":\"\xc0\x80\"}",
                                 "{\"id\":1,\"method\":\"node.ping\"} trailing",
                                 "[[[[[",
                                 "0x10",
                                 "NaN",
                                 "-"};
    for (const auto& line : lines) {
        c.send(line + "\n");
        const json answer = c.read();
        CAPTURE(line);
        CHECK(error_code(answer) == -32700);
        CHECK(answer["id"] == nullptr);
        CHECK(answer["error"]["data"]["exit"] == 65);
    }
    c.send("\n\r\n   \n\t\n");  // nothing is no request
    CHECK(c.ask("node.ping").contains("result"));
    still_serves(n);
}

TEST_CASE("random bytes never take the node down") {
    node n;
    std::mt19937 random(11);
    for (int round = 0; round < 20; ++round) {
        client c = n.connect();
        std::string bytes;
        for (int i = 0; i < 20'000; ++i) bytes += char(random());
        std::string_view rest(bytes);
        (void)c.send_some(rest);
        c.close();
    }
    still_serves(n);
}

TEST_CASE("damaged requests never take the node down, and each line has an answer") {
    node n;
    client c = n.connect();
    std::mt19937 random(12);
    const std::string good =
        R"({"jsonrpc":"2.0","id":1,"method":"probe.echo","params":{"a":[1,2.5,"x"],"b":{"$b64":"AA=="}},"deadline_ms":9000})";
    int sent = 0;
    std::string all;
    for (int i = 0; i < 2000; ++i) {
        std::string line = good;
        for (int k = 0; k <= int(random() % 3); ++k) {
            const auto at = random() % line.size();
            switch (random() % 3) {
                case 0:
                    line[at] = char(32 + random() % 95);
                    break;
                case 1:
                    line.erase(at, 1 + random() % 10);
                    break;
                default:
                    line.insert(at, 1, "{}[]\",:0"[random() % 8]);
            }
        }
        if (line.empty() || line.find_first_not_of(' ') == std::string::npos) continue;
        all += line + "\n";
        ++sent;
    }
    std::thread writer([&] { c.send(all + "{\"id\":\"end\",\"method\":\"node.ping\"}\n"); });
    int answered = 0;
    for (;;) {
        const json m = c.read();
        ++answered;
        if (m.contains("id") && m["id"] == "end") break;
    }
    writer.join();
    // What lost its id, or its method became a notice, has none.
    CHECK(answered > sent / 2);
    CHECK(answered <= sent + 1);
    still_serves(n);
}

TEST_CASE("half a line holds nobody up, and its end completes it") {
    node n;
    client c = n.connect();
    c.send("{\"id\":1,\"meth");
    still_serves(n);
    c.send("od\":\"node.ping\"}\n");
    CHECK(c.read()["result"]["pong"] == true);

    client byte_by_byte = n.connect();
    for (const char ch : std::string("{\"id\":2,\"method\":\"node.ping\"}\n"))
        byte_by_byte.send(std::string_view(&ch, 1));
    CHECK(byte_by_byte.read()["id"] == 2);

    client gone = n.connect();
    gone.send("{\"id\":1,\"meth");
    gone.close();
    still_serves(n);

    client ends = n.connect();
    ends.send("{\"id\":1,\"meth");
    ends.finish_writing();
    CHECK(error_code(ends.read()) == -32700);
    CHECK(ends.is_closed());
}

TEST_CASE("a line of 100 MB is refused after its first megabyte, and the connection ends") {
    node n;
    client c = n.connect();
    c.send("{\"id\":1,\"method\":\"probe.wait\"}\n");
    n.wait_until("probe.waiting", 1);
    const std::string megabyte(1 << 20, 'x');
    bool open = true;
    std::thread writer([&] {
        try {
            for (int i = 0; i < 100; ++i) c.send(megabyte);
        } catch (const std::exception&) {
            open = false;  // the node has closed
        }
    });
    const json answer = c.read();
    CHECK(answer["error"]["data"]["kind"] == "too_long");
    CHECK(answer["error"]["data"]["exit"] == 65);
    CHECK(c.is_closed());
    writer.join();
    // Its other requests were cancelled.
    n.wait_until("probe.waiting", 0);
    still_serves(n);
}

TEST_CASE("a line may be as long as the limit, and no longer") {
    beam::node_settings s;
    s.line_max = 4096;
    node n(s);
    client c = n.connect();
    std::string line = R"({"id":1,"method":"node.ping","params":{"filling":")";
    line += std::string(4096 - line.size() - 3, 'x') + "\"}}";
    REQUIRE(line.size() == 4096);
    c.send(line + "\n");
    CHECK(c.read().contains("result"));
    c.send(line.substr(0, line.size() - 3) + "x\"}}\n");
    CHECK(c.read()["error"]["data"]["kind"] == "too_long");
    CHECK(c.is_closed());
}

TEST_CASE("10000 requests of a client that reads nothing are all answered once it reads") {
    node n;
    client c = n.connect();
    std::string all;
    for (int i = 0; i < 10'000; ++i)
        all += json{{"id", i},
                    {"method", i % 2 ? "node.ping" : "probe.echo"},
                    {"params", {{"text", std::string(200, 't')}}}}
                   .dump() +
               "\n";
    std::string_view rest(all);
    // Until the node reads no more.
    (void)c.send_some(rest);
    still_serves(n);
    std::thread writer([&] { c.send(rest); });
    std::vector<bool> seen(10'000);
    int overloaded = 0;
    for (int i = 0; i < 10'000; ++i) {
        const json m = c.read();
        const auto id = m["id"].get<std::size_t>();
        CHECK_FALSE(seen[id]);
        seen[id] = true;
        if (m.contains("error")) {
            CHECK(error_code(m) == -32001);
            ++overloaded;
        }
    }
    writer.join();
    MESSAGE("overloaded: " << overloaded);
    CHECK(c.ask("node.ping").contains("result"));
}

TEST_CASE("a client that reads nothing while others work costs them nothing, and may leave") {
    beam::node_settings s;
    s.output_max = 64 << 10;
    node n(s);
    client c = n.connect();
    for (int i = 0; i < 20; ++i)
        c.send(json{{"id", i}, {"method", "probe.big"}, {"params", {{"bytes", 1'000'000}}}});
    for (int i = 0; i < 50; ++i) still_serves(n);
    c.close();
    n.wait_until("probe.waiting", 0);
    still_serves(n);
}

TEST_CASE("deep nesting is refused, and costs no stack") {
    node n;
    client c = n.connect();
    c.send(std::string(900'000, '[') + "\n");
    CHECK(error_code(c.read()) == -32700);
    std::string deep = "{\"id\":1,\"method\":\"m\",\"params\":";
    for (int i = 0; i < 100'000; ++i) deep += "{\"a\":";
    c.send(deep + "\n");
    CHECK(error_code(c.read()) == -32700);
    c.send("{\"id\":1,\"method\":\"probe.echo\",\"params\":" + std::string(63, '[') +
           std::string(63, ']') + "}\n");
    CHECK(c.read().contains("result"));
}

TEST_CASE("ids of odd types are refused, and duplicates while the first is in flight") {
    node n;
    client c = n.connect();
    for (const char* id : {"{}", "[1]", "true"}) {
        c.send(std::string("{\"method\":\"node.ping\",\"id\":") + id + "}\n");
        const json answer = c.read();
        CHECK(error_code(answer) == -32600);
        CHECK(answer["id"] == nullptr);
    }
    c.send("{\"id\":5,\"method\":\"probe.wait\"}\n{\"id\":5,\"method\":\"node.ping\"}\n");
    const json answer = c.read();
    CHECK(answer["id"] == 5);
    CHECK(answer["error"]["data"]["kind"] == "duplicate_id");
    // 5 and "5" are two ids.
    c.send("{\"id\":\"5\",\"method\":\"node.ping\"}\n");
    CHECK(c.read()["result"]["pong"] == true);
    c.send("{\"method\":\"$/cancel\",\"params\":{\"id\":5}}\n");
    CHECK(error_code(c.read()) == -32800);
}

TEST_CASE("notices about unknown ids, or without sense, are ignored") {
    node n;
    client c = n.connect();
    for (const char* line :
         {R"({"method":"$/cancel","params":{"id":99}})", R"({"method":"$/cancel"})",
          R"({"method":"$/cancel","params":{"id":{}}})", R"({"method":"$/cancel","params":[1]})",
          R"({"method":"$/ask","params":{"id":1}})",
          R"({"method":"$/ask","params":{"id":1,"n":"x"}})",
          R"({"method":"$/unknown","params":{}})", R"({"method":"$/"})"})
        c.send(std::string(line) + "\n");
    CHECK(c.ask("node.ping").contains("result"));
    c.send("{\"id\":1,\"method\":\"$/cancel\",\"params\":{\"id\":99}}\n");
    CHECK(c.read()["result"] == false);
    c.send("{\"id\":2,\"method\":\"$/unknown\"}\n");
    CHECK(error_code(c.read()) == -32601);
}

TEST_CASE("closing in mid-stream, in every way, leaves nothing behind") {
    node n;
    for (int i = 0; i < 20; ++i) {
        client c = n.connect();
        c.send("{\"id\":1,\"method\":\"probe.stream\",\"params\":{\"items\":-1,\"size\":2000}}\n");
        for (int k = 0; k < i; ++k) (void)c.read();
        if (i % 2) c.finish_writing();
        c.close();
    }
    n.wait_until("probe.waiting", 0);
    still_serves(n);
}

TEST_CASE("a client's reset ends its requests") {
    node n;
    client c = n.connect();
    c.send("{\"id\":1,\"method\":\"probe.wait\"}\n");
    n.wait_until("probe.waiting", 1);
    // Unread input at close makes a Unix socket's peer see a reset.
    c.send("{\"id\":2,\"method\":\"node.ping\"}\n");
    c.close();
    n.wait_until("probe.waiting", 0);
    still_serves(n);
}

TEST_CASE("a thousand connections that say nothing, come and go") {
    node n;
    std::vector<client> idle;
    for (int i = 0; i < 200; ++i) idle.push_back(n.connect());
    still_serves(n);
    for (int i = 0; i < 800; ++i) n.connect().close();
    still_serves(n);
    for (auto& c : idle) CHECK(c.ask("node.ping").contains("result"));
}

TEST_CASE("params with keys of JSON's own making are only data") {
    node n;
    client c = n.connect();
    const json odd = {{"$b64x", 1}, {"__proto__", {{"a", 1}}}, {"", "empty"},
                      {"id", 5},    {"method", "x"},           {"\n", "\x01"}};
    CHECK(c.ask("probe.echo", odd)["result"] == odd);
}
