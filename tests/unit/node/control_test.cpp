// The control protocol as a client sees it: cli.md, "Protocol: JSON-RPC 2.0".
#include <algorithm>
#include <set>
#include <vector>

#include "tests/unit/node/harness.hpp"

using test::client;
using test::json;
using test::node;

namespace {

json error_data(const json& answer) {
    REQUIRE(answer.contains("error"));
    return answer["error"]["data"];
}

}  // namespace

TEST_CASE("hello is answered with the protocol, the node's name and version") {
    node n;
    REQUIRE(n.booted);
    client c = n.connect();
    const json answer =
        c.ask("hello", {{"protocol", {1, 2}}, {"tool", "chatctl"}, {"version", "0.1.0"}});
    CHECK(answer["jsonrpc"] == "2.0");
    CHECK(answer["result"]["protocol"] == 1);
    CHECK(answer["result"]["node"] == "beam");
    CHECK(answer["result"].contains("version"));
    // What the client said of itself is known to its requests.
    CHECK(c.ask("probe.facts")["result"]["tool"] == "chatctl");
}

TEST_CASE("a failed hello fails what follows") {
    node n;
    client c = n.connect();
    c.send(
        "{\"id\":1,\"method\":\"hello\",\"params\":{\"protocol\":[99]}}\n{\"id\":2,\"method\":"
        "\"node.ping\"}\n");
    CHECK(error_data(c.read())["exit"] == 76);
    const json second = c.read();
    CHECK(second["id"] == 2);
    CHECK(error_data(second)["exit"] == 76);
    CHECK(c.ask("hello", {{"protocol", {1}}})["result"]["protocol"] == 1);
    CHECK(c.ask("node.ping").contains("result"));
}

TEST_CASE("hello is optional") {
    node n;
    client c = n.connect();
    CHECK(c.ask("node.ping")["result"]["pong"] == true);
}

TEST_CASE("an application is loaded and started by the first request for it") {
    node n;
    client c = n.connect();
    CHECK(c.ask("node.status")["result"]["applications"] == json::array());
    CHECK(c.ask("probe.count")["result"] == 1);
    CHECK(c.ask("probe.count")["result"] == 2);
    const json apps = c.ask("node.status")["result"]["applications"];
    REQUIRE(apps.size() == 1);
    CHECK(apps[0]["name"] == "probe");
    CHECK(apps[0]["version"] == "1");
}

TEST_CASE("what an application depends on is started before it") {
    node n;
    client c = n.connect();
    CHECK(c.ask("needy.ping")["result"] == "pong");
    const json apps = c.ask("node.status")["result"]["applications"];
    REQUIRE(apps.size() == 2);
    CHECK(apps[0]["name"] == "needy");  // the last started first
    CHECK(apps[1]["name"] == "probe");
}

TEST_CASE("fifty clients that need one application at once start it once") {
    node n;
    std::vector<client> clients;
    for (int i = 0; i < 50; ++i) clients.push_back(n.connect());
    for (auto& c : clients) c.send(json{{"id", 1}, {"method", "probe.count"}});
    std::set<int> counts;
    for (auto& c : clients) counts.insert(c.read()["result"].get<int>());
    CHECK(counts.size() == 50);
    CHECK(*counts.rbegin() == 50);
}

TEST_CASE("an application that does not start says why") {
    node n;
    client c = n.connect();
    const json data = error_data(c.ask("broken.ping"));
    CHECK(data["kind"] == "application_failed");
    CHECK(data["exit"] == 70);
    CHECK(data["why"].get<std::string>().find("no_disk") != std::string::npos);
    CHECK(data["why"].get<std::string>().find("beam.log") != std::string::npos);
    CHECK(c.ask("node.ping").contains("result"));
}

TEST_CASE("an application that fails again and again is not tried for each request") {
    node n;
    client c = n.connect();
    const auto why = [&] { return error_data(c.ask("broken.ping"))["why"].get<std::string>(); };
    const auto is_known = [](const std::string& text) {
        return text.find("tried again in") != std::string::npos;
    };
    std::string answer = why();
    CHECK_FALSE(is_known(answer));
    for (int i = 0; i < 100 && !is_known(answer); ++i) answer = why();
    CHECK(is_known(answer));
    CHECK(answer.find("no_disk") != std::string::npos);
}

TEST_CASE("a method that the node does not know is 76, with what to try") {
    node n;
    client c = n.connect();
    for (const char* method : {"absent.method", "probe.absent", "node.absent", "nodots", "",
                               "../../etc.passwd", ".", "probe.", "Probe.echo"}) {
        CAPTURE(method);
        const json answer = c.ask(method);
        CHECK(answer["error"]["code"] == -32601);
        CHECK(error_data(answer)["exit"] == 76);
        CHECK(error_data(answer)["try"] == "beamd restart");
    }
}

TEST_CASE("parameters are read into a handler's struct; what does not fit is exit 2") {
    node n;
    client c = n.connect();
    CHECK(c.ask("probe.greet", {{"name", "ann"}, {"times", 2}})["result"] ==
          "hello ann;hello ann;");
    const json bad = c.ask("probe.greet", {{"name", 5}});
    CHECK(bad["error"]["code"] == -32602);
    CHECK(error_data(bad)["exit"] == 2);
    CHECK(error_data(bad)["why"].get<std::string>().find("name") != std::string::npos);
}

TEST_CASE("a handler's error is passed on as it is") {
    node n;
    client c = n.connect();
    CHECK(error_data(c.ask("probe.greet")) == json{{"kind", "no_name"},
                                                   {"what", ""},
                                                   {"why", "nobody is there to greet"},
                                                   {"try", "probe greet NAME"},
                                                   {"exit", 1}});
}

TEST_CASE("a request that crashes is exit 70 with the log's path, and the node goes on") {
    node n;
    client c = n.connect();
    const json answer = c.ask("probe.crash");
    CHECK(answer["error"]["code"] == -32603);
    const json data = error_data(answer);
    CHECK(data["kind"] == "crashed");
    CHECK(data["exit"] == 70);
    CHECK(data["why"].get<std::string>().find("on purpose") != std::string::npos);
    CHECK(data["why"].get<std::string>().find("beam.log") != std::string::npos);
    CHECK(c.ask("probe.echo", {{"a", 1}})["result"] == json{{"a", 1}});
    CHECK(c.ask("probe.crash_worker")["result"] == "ok");
    CHECK(c.ask("probe.echo")["result"] == json::object());
}

TEST_CASE("answers come in any order, by id") {
    node n;
    client c = n.connect();
    c.send("{\"id\":\"slow\",\"method\":\"probe.wait\"}\n");
    for (int i = 0; i < 20; ++i)
        c.send(json{{"id", i}, {"method", "probe.echo"}, {"params", {{"n", i}}}});
    std::set<int> seen;
    for (int i = 0; i < 20; ++i) {
        const json a = c.read();
        CHECK(a["result"]["n"] == a["id"]);
        seen.insert(a["id"].get<int>());
    }
    CHECK(seen.size() == 20);
    c.send("{\"method\":\"$/cancel\",\"params\":{\"id\":\"slow\"}}\n");
    CHECK(c.read()["id"] == "slow");
}

TEST_CASE("a request without an id is done and not answered") {
    node n;
    client c = n.connect();
    CHECK(c.ask("probe.count")["result"] == 1);
    c.send(
        "{\"method\":\"probe.count\"}\n{\"method\":\"node.ping\"}\n{\"method\":\"probe.crash\"}\n{"
        "\"method\":\"absent.x\"}\n");
    // The next answer is the next request's. The notification's count may come before or after it.
    const auto count = c.ask("probe.count")["result"].get<int>();
    CHECK((count == 2 || count == 3));
}

TEST_CASE("1000 requests may be in flight on one connection, one more is overloaded") {
    node n;
    client c = n.connect();
    std::string all;
    for (int i = 0; i < 1000; ++i) all += json{{"id", i}, {"method", "probe.wait"}}.dump() + "\n";
    c.send(all);
    c.send("{\"id\":\"more\",\"method\":\"probe.wait\"}\n");
    const json refused = c.read();
    CHECK(refused["id"] == "more");
    CHECK(refused["error"]["code"] == -32001);
    CHECK(error_data(refused)["kind"] == "overloaded");
    CHECK(error_data(refused)["exit"] == 75);
    // What is quick is still answered, and so are others.
    CHECK(c.ask("node.ping").contains("result"));
    client other = n.connect();
    CHECK(other.ask("probe.echo").contains("result"));
    c.close();
    n.wait_until("probe.waiting", 0);
}

TEST_CASE("a stream's items come in order, its answer ends it") {
    node n;
    client c = n.connect();
    c.send("{\"id\":7,\"method\":\"probe.stream\",\"params\":{\"items\":100}}\n");
    for (int i = 1; i <= 100; ++i) {
        const json item = c.read();
        CHECK(item["method"] == "$/item");
        CHECK_FALSE(item.contains("id"));
        CHECK(item["params"]["id"] == 7);
        CHECK(item["params"]["item"]["n"] == i);
    }
    const json end = c.read();
    CHECK(end["id"] == 7);
    CHECK(end["result"] == 100);
}

TEST_CASE("a slow reader blocks the producer, and nothing is lost") {
    beam::node_settings s;
    s.output_max = 64 << 10;
    node n(s);
    client c = n.connect();
    // 40 MB: much more than all the buffers between.
    c.send("{\"id\":7,\"method\":\"probe.stream\",\"params\":{\"items\":400,\"size\":100000}}\n");
    c.send("{\"id\":8,\"method\":\"node.ping\"}\n");
    client other = n.connect();
    n.wait_until("probe.waiting", 1);
    for (int i = 0; i < 100; ++i) CHECK(other.ask("probe.waiting")["result"] == 1);
    int next = 1;
    bool pong = false;
    for (;;) {
        const json m = c.read();
        if (m.contains("id")) {
            if (m["id"] == 7) break;
            pong = true;
            continue;
        }
        CHECK(m["params"]["item"]["n"] == next++);
    }
    CHECK(next == 401);
    if (!pong) CHECK(c.read()["id"] == 8);
}

TEST_CASE("a lossy stream says how many items were dropped") {
    beam::node_settings s;
    s.output_max = 16 << 10;
    node n(s);
    client c = n.connect();
    const auto ended = n.connect().ask("probe.lossy_ended")["result"].get<std::int64_t>();
    c.send("{\"id\":7,\"method\":\"probe.lossy\",\"params\":{\"items\":2000,\"size\":10000}}\n");
    n.wait_until("probe.lossy_ended", ended + 1);
    std::int64_t last = 0, got = 0, dropped = 0;
    for (;;) {
        const json m = c.read();
        if (m.contains("id")) break;
        if (m["params"].contains("dropped")) {
            dropped += m["params"]["dropped"].get<std::int64_t>();
            continue;
        }
        const auto number = m["params"]["item"]["n"].get<std::int64_t>();
        CHECK(number > last);
        last = number;
        ++got;
    }
    CHECK(dropped > 0);
    CHECK(got + dropped == 2000);
}

TEST_CASE("$/ask gives explicit demand") {
    node n;
    client c = n.connect();
    c.send("{\"id\":7,\"method\":\"probe.stream\",\"params\":{\"items\":10},\"ask\":2}\n");
    CHECK(c.read()["params"]["item"]["n"] == 1);
    CHECK(c.read()["params"]["item"]["n"] == 2);
    // No item comes before it is asked for: this answer is the next line.
    CHECK(c.ask("probe.echo").contains("result"));
    c.send("{\"method\":\"$/ask\",\"params\":{\"id\":7,\"n\":3}}\n");
    for (int i = 3; i <= 5; ++i) CHECK(c.read()["params"]["item"]["n"] == i);
    CHECK(c.ask("probe.echo").contains("result"));
    c.send("{\"method\":\"$/ask\",\"params\":{\"id\":7,\"n\":100}}\n");
    for (int i = 6; i <= 10; ++i) CHECK(c.read()["params"]["item"]["n"] == i);
    CHECK(c.read()["id"] == 7);
}

TEST_CASE("$/cancel ends a request, which is answered") {
    node n;
    client c = n.connect();
    c.send("{\"id\":7,\"method\":\"probe.wait\"}\n");
    n.wait_until("probe.waiting", 1);
    c.send("{\"method\":\"$/cancel\",\"params\":{\"id\":7}}\n");
    const json answer = c.read();
    CHECK(answer["id"] == 7);
    CHECK(answer["error"]["code"] == -32800);
    CHECK(error_data(answer)["kind"] == "cancelled");
    n.wait_until("probe.waiting", 0);
    // The id may be used again.
    c.send("{\"id\":7,\"method\":\"node.ping\"}\n");
    CHECK(c.read()["result"]["pong"] == true);
}

TEST_CASE("$/cancel ends a stream") {
    node n;
    client c = n.connect();
    c.send("{\"id\":\"s\",\"method\":\"probe.stream\",\"params\":{\"items\":-1}}\n");
    for (int i = 0; i < 10; ++i) (void)c.read();
    c.send("{\"method\":\"$/cancel\",\"params\":{\"id\":\"s\"}}\n");
    for (;;) {
        const json m = c.read();
        if (!m.contains("id")) continue;
        CHECK(m["error"]["code"] == -32800);
        break;
    }
    n.wait_until("probe.waiting", 0);
    CHECK(c.ask("node.ping").contains("result"));
}

TEST_CASE("closing the connection cancels all") {
    node n;
    client c = n.connect();
    c.send("{\"id\":1,\"method\":\"probe.wait\"}\n{\"id\":2,\"method\":\"probe.wait\"}\n");
    c.send("{\"id\":3,\"method\":\"probe.stream\",\"params\":{\"items\":-1,\"size\":1000}}\n");
    n.wait_until("probe.waiting", 3);
    c.close();
    n.wait_until("probe.waiting", 0);
}

TEST_CASE("a half-closed connection still gets its answers, then the end") {
    node n;
    client c = n.connect();
    c.send(
        "{\"id\":1,\"method\":\"probe.count\"}\n{\"id\":2,\"method\":\"probe.stream\",\"params\":{"
        "\"items\":50}}\n{\"id\":3,\"method\":\"node.ping\"}");
    c.finish_writing();
    std::set<int> answered;
    while (auto line = c.line()) {
        const json m = json::parse(*line);
        if (m.contains("id")) answered.insert(m["id"].get<int>());
    }
    CHECK(answered == std::set<int>{1, 2, 3});  // the last line had no newline
}

TEST_CASE("deadline_ms is enforced by the node") {
    node n;
    client c = n.connect();
    c.send("{\"id\":7,\"method\":\"probe.wait\",\"deadline_ms\":20}\n");
    const json answer = c.read();
    CHECK(answer["id"] == 7);
    CHECK(answer["error"]["code"] == -32002);
    CHECK(error_data(answer)["kind"] == "timeout");
    CHECK(error_data(answer)["exit"] == 75);
    CHECK(error_data(answer)["applied"] == "unknown");
    n.wait_until("probe.waiting", 0);
    c.send("{\"id\":8,\"method\":\"probe.wait\",\"deadline_ms\":0}\n");
    CHECK(error_data(c.read())["kind"] == "timeout");
    c.send("{\"id\":9,\"method\":\"probe.count\",\"deadline_ms\":60000}\n");
    CHECK(c.read().contains("result"));
}

TEST_CASE("a request knows who asks, and where its node keeps things") {
    node n;
    client c = n.connect();
    const json facts = c.ask("probe.facts")["result"];
    CHECK(facts["uid"] == ::getuid());
    CHECK(facts["node"] == "beam");
    CHECK(facts["method"] == "probe.facts");
    CHECK(facts["store"] == n.context.options.store_folder());
}

TEST_CASE("large answers and large requests pass") {
    node n;
    client c = n.connect();
    CHECK(c.ask("probe.big", {{"bytes", 5'000'000}})["result"].get<std::string>().size() ==
          5'000'000);
    const std::string large(900'000, 'l');
    CHECK(c.ask("probe.echo", {{"large", large}})["result"]["large"] == large);
}
