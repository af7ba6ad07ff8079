// How a node stops, and when it leaves by itself.
#include <map>

#include "tests/unit/node/harness.hpp"

using test::client;
using test::json;
using test::node;
using namespace std::chrono_literals;

namespace {

beam::node_options spawned() {
    beam::node_options o;
    o.spawned = true;
    return o;
}

beam::node_settings quick_idle() {
    beam::node_settings s;
    s.idle = 50ms;
    s.idle_max = 10min;
    return s;
}

}  // namespace

TEST_CASE("applications named at the start run when the node is ready") {
    beam::node_options o;
    o.applications = {"needy"};
    node n({}, o);
    REQUIRE(n.booted);
    client c = n.connect();
    CHECK(c.ask("node.status")["result"]["applications"].size() == 2);
    CHECK(c.ask("node.status")["result"]["state"] == "ready");
}

TEST_CASE("a node whose application does not start does not boot, and says why") {
    beam::node_options o;
    o.applications = {"broken"};
    node n({}, o);
    REQUIRE_FALSE(n.booted);
    CHECK(n.booted.error().detail.find("broken does not start") != std::string::npos);
    o.applications = {"absent"};
    node m({}, o);
    REQUIRE_FALSE(m.booted);
    CHECK(m.booted.error().detail.find("absent") != std::string::npos);
}

TEST_CASE("a stop ends the node with 0, once what was begun is done") {
    node n;
    client waits = n.connect();
    waits.send("{\"id\":1,\"method\":\"probe.wait\"}\n");
    n.wait_until("probe.waiting", 1);
    client c = n.connect();
    CHECK(c.ask("node.stop")["result"]["state"] == "stopping");
    CHECK(c.is_closed());  // it had nothing to wait for: the stop has begun
    CHECK_FALSE(n.has_ended());
    // Nothing new is begun on the connection that still has something to wait for.
    waits.send("{\"id\":2,\"method\":\"probe.echo\"}\n");
    const json refused = waits.read();
    CHECK(refused["id"] == 2);
    CHECK(refused["error"]["data"]["kind"] == "stopping");
    CHECK(refused["error"]["data"]["exit"] == 75);
    waits.send("{\"method\":\"$/cancel\",\"params\":{\"id\":1}}\n");
    CHECK(waits.read()["id"] == 1);
    CHECK(waits.is_closed());
    CHECK(n.exit_code() == 0);
}

TEST_CASE("a stop ends streams at once, with an answer that says so") {
    node n;
    client stream = n.connect();
    stream.send("{\"id\":1,\"method\":\"probe.stream\",\"params\":{\"items\":3},\"ask\":2}\n");
    CHECK(stream.read()["params"]["item"]["n"] == 1);
    CHECK(stream.read()["params"]["item"]["n"] == 2);
    client c = n.connect();
    CHECK(c.ask("node.stop").contains("result"));
    const json end = stream.read();
    CHECK(end["id"] == 1);
    CHECK(end["error"]["data"]["kind"] == "stopping");
    CHECK(stream.is_closed());
    CHECK(n.exit_code() == 0);
}

TEST_CASE("a request that does not end is cut off after the drain time") {
    beam::node_settings s;
    s.drain = 50ms;
    node n(s);
    client waits = n.connect();
    waits.send("{\"id\":1,\"method\":\"probe.wait\"}\n");
    n.wait_until("probe.waiting", 1);
    client c = n.connect();
    CHECK(c.ask("node.stop").contains("result"));
    CHECK(n.exit_code() == 0);
}

TEST_CASE("idle clients are closed by a stop") {
    node n;
    client idle = n.connect();
    CHECK(idle.ask("node.ping").contains("result"));
    client c = n.connect();
    (void)c.ask("node.stop");
    CHECK(idle.is_closed());
    CHECK(n.exit_code() == 0);
}

TEST_CASE("a spawned node leaves when it was idle for long enough") {
    node n(quick_idle(), spawned());
    {
        client c = n.connect();
        CHECK(c.ask("node.status")["result"]["stops_when"] == "no client for 50ms");
    }
    CHECK(n.exit_code() == 0);
}

TEST_CASE("a node without any client leaves as well") {
    node n(quick_idle(), spawned());
    CHECK(n.exit_code() == 0);
}

TEST_CASE("a node does not leave while a client is connected, or an application objects") {
    node n(quick_idle(), spawned());
    client c = n.connect();
    CHECK(c.ask("probe.object", {{"why", "3 sessions are open"}})["result"] == "ok");
    // Several idle times pass.
    for (int i = 0; i < 3; ++i) {
        c.send("{\"id\":1,\"method\":\"probe.wait\",\"deadline_ms\":100}\n");
        CHECK(c.read().contains("error"));
    }
    CHECK_FALSE(n.has_ended());
    c.close();
    // Now only the objection keeps it: a later client finds it, and withdraws the objection.
    {
        client holder(n.socket());
        holder.send("{\"id\":1,\"method\":\"probe.wait\",\"deadline_ms\":50}\n");
        (void)holder.read();
    }
    CHECK_FALSE(n.has_ended());
    client last = n.connect();
    CHECK(last.ask("probe.object")["result"] == "ok");
    last.close();
    CHECK(n.exit_code() == 0);
}

TEST_CASE("no objection keeps a node for ever") {
    auto s = quick_idle();
    s.idle_max = 200ms;
    node n(s, spawned());
    {
        client c = n.connect();
        CHECK(c.ask("probe.object", {{"why", "for ever"}})["result"] == "ok");
    }
    CHECK(n.exit_code() == 0);
}

TEST_CASE("a node started by hand never leaves by itself") {
    node n(quick_idle(), {});
    client c = n.connect();
    CHECK(c.ask("node.status")["result"]["stops_when"] == "told to");
    c.send("{\"id\":1,\"method\":\"probe.wait\",\"deadline_ms\":200}\n");
    (void)c.read();
    c.close();
    client again = n.connect();
    CHECK(again.ask("node.ping").contains("result"));
    CHECK_FALSE(n.has_ended());
}

TEST_CASE("settings that are read again count from then on") {
    node n(quick_idle(), spawned());
    client c = n.connect();
    const auto tell = [&](std::map<std::string, std::string> configured) {
        const auto lifecycle = n.runtime->whereis(beam::node_names::lifecycle());
        REQUIRE(lifecycle);
        n.runtime->send(*lifecycle, beam::control::settings_reread{std::move(configured)});
    };
    const auto becomes = [&](const char* key, std::int64_t value) {
        const auto end = std::chrono::steady_clock::now() + test::patience;
        while (c.ask("node.config")["result"][key] != value)
            REQUIRE(std::chrono::steady_clock::now() < end);
    };
    CHECK(c.ask("node.ping").contains("result"));  // it is taken over, with the first limit
    tell({{"idle_exit", "1h"}, {"line_max", "2K"}});
    becomes("idle_exit_ms", 3'600'000);
    becomes("line_max_bytes", 2048);
    CHECK(c.ask("node.status")["result"]["stops_when"] == "no client for 1h");
    // A connection keeps the limit it was made with; a new one has the new one.
    const std::string long_line =
        json{{"id", 1}, {"method", "node.ping"}, {"params", {{"x", std::string(4000, 'x')}}}}
            .dump() +
        "\n";
    c.send(long_line);
    CHECK(c.read()["result"]["pong"] == true);
    client other = n.connect();
    other.send(long_line);
    CHECK(other.read()["error"]["data"]["kind"] == "too_long");
    CHECK(other.is_closed());
    // A shorter time counts at once, not after the longer one that was waited for.
    tell({{"idle_exit", "50ms"}});
    becomes("idle_exit_ms", 50);
    becomes("line_max_bytes", 1 << 20);
    c.close();
    CHECK(n.exit_code() == 0);
}

TEST_CASE("settings come from the environment, and nonsense is left out") {
    ::setenv("BEAM_LINE_MAX", "8M", 1);
    ::setenv("BEAM_IDLE_EXIT", "2m", 1);
    ::unsetenv("CI");
    auto s = beam::node_settings::from_environment();
    CHECK(s.line_max == 8 << 20);
    CHECK(s.idle == 2min);
    CHECK(s.idle_max == 12h);
    // What is configured counts where the environment says nothing.
    s = beam::node_settings::from_environment({{"idle_exit", "3h"}, {"log", "debug"}});
    CHECK(s.idle == 2min);
    CHECK(s.log_level == "debug");
    ::setenv("BEAM_LINE_MAX", "1G", 1);
    ::setenv("BEAM_IDLE_EXIT", "soon", 1);
    ::setenv("CI", "true", 1);
    s = beam::node_settings::from_environment();
    CHECK(s.line_max == 64 << 20);
    CHECK(s.idle == 5min);
    CHECK(s.idle_max == 1h);
    ::unsetenv("BEAM_LINE_MAX");
    ::unsetenv("BEAM_IDLE_EXIT");
    ::unsetenv("CI");
    CHECK(beam::node_settings::from_environment().line_max == 1 << 20);
}
