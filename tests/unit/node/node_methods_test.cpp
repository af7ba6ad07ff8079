// What observers ask a node.
#include "libbeamcore/runtime/spawn.hpp"
#include "tests/unit/node/harness.hpp"

using test::client;
using test::json;
using test::node;

namespace {

beam::process idle(beam::self self) {
    (void)co_await self.receive();
}

const json* find_tree(const json& trees, const std::string& id) {
    for (const auto& t : trees)
        if (t["id"] == id) return &t;
    return nullptr;
}

}  // namespace

TEST_CASE("node.status has what beamd status prints") {
    node n;
    client c = n.connect();
    const json s = c.ask("node.status")["result"];
    for (const char* key : {"node", "state", "os_pid", "parent_pid", "version", "uptime_ms",
                            "applications", "started_by", "restarts", "stops_when"})
        CHECK_MESSAGE(s.contains(key), key);
    CHECK(s["node"] == "beam");
    CHECK(s["state"] == "ready");
    CHECK(s["os_pid"] == ::getpid());
    CHECK(s["clients"] == 1);
    CHECK(s["restarts"] == 0);
}

TEST_CASE("processes are sorted and cut in the node") {
    node n;
    std::vector<beam::pid> mine;
    for (int i = 0; i < 500; ++i) mine.push_back(n.runtime->spawn(idle));
    client c = n.connect();
    const json all =
        c.ask("node.processes", {{"sort", "pid"}, {"ascending", true}, {"limit", 10000}})["result"];
    CHECK(all["total"].get<int>() >= 500);
    CHECK(all["shown"] == all["processes"].size());
    const json top = c.ask("node.processes", {{"sort", "reductions"}, {"limit", 5}})["result"];
    REQUIRE(top["processes"].size() == 5);
    for (int i = 1; i < 5; ++i)
        CHECK(top["processes"][i - 1]["reductions"] >= top["processes"][i]["reductions"]);
    const json named = c.ask("node.processes", {{"match", "node_"}})["result"];
    CHECK(named["matching"].get<int>() >= 4);
    // A name or a code's label may have matched.
    for (const auto& p : named["processes"]) CHECK(p.dump().find("node_") != std::string::npos);
    CHECK(c.ask("node.processes", {{"limit", 0}})["result"]["processes"].empty());
    CHECK(c.ask("node.processes", {{"sort", "beauty"}})["error"]["data"]["exit"] == 2);
    CHECK(c.ask("node.processes", {{"parent", "<0.9999.0>"}})["result"]["matching"] == 0);
}

TEST_CASE("a list of 100000 processes is answered while others are served") {
    node n;
    for (int i = 0; i < 100'000; ++i) (void)n.runtime->spawn(idle);
    client asks = n.connect(), other = n.connect();
    for (int i = 0; i < 3; ++i) {
        asks.send(json{{"id", i},
                       {"method", "node.processes"},
                       {"params", {{"sort", "memory"}, {"limit", 20}}}});
        for (int k = 0; k < 10; ++k) CHECK(other.ask("node.ping").contains("result"));
        const json a = asks.read();
        CHECK(a["result"]["total"].get<int>() >= 100'000);
        CHECK(a["result"]["processes"].size() == 20);
    }
}

TEST_CASE("one process tells of itself") {
    node n;
    client c = n.connect();
    CHECK(c.ask("probe.count")["result"] == 1);
    const json w = c.ask("node.process_info", {{"pid", "probe_worker"}, {"state", true}})["result"];
    CHECK(w["name"] == "probe_worker");
    CHECK(w["links"].size() >= 1);
    CHECK(w["application"] == "probe");
    CHECK(w["state"] == "#{count_ => 1}");
    const json same = c.ask("node.process_info", {{"pid", w["pid"]}})["result"];
    CHECK(same["name"] == "probe_worker");
    CHECK(c.ask("node.process_info", {{"pid", "<0.99999.7>"}})["error"]["data"]["kind"] ==
          "not_found");
    CHECK(c.ask("node.process_info", {{"pid", "nonsense"}})["error"]["data"]["exit"] == 1);
    CHECK(c.ask("node.process_info", {{"pid", 5}})["error"]["data"]["exit"] == 2);
}

TEST_CASE("supervision trees show the node and each application") {
    node n;
    client c = n.connect();
    CHECK(c.ask("probe.count").contains("result"));
    const json trees = c.ask("node.supervision_tree")["result"]["trees"];
    const json* own = find_tree(trees, "node");
    REQUIRE(own);
    CHECK((*own)["type"] == "supervisor");
    REQUIRE((*own)["children"].size() == 4);
    CHECK((*own)["children"][1]["id"] == "node_connections");
    CHECK((*own)["children"][1]["children_count"] == 1);
    const json* probe = find_tree(trees, "probe");
    REQUIRE(probe);
    REQUIRE((*probe)["children"].size() == 1);
    CHECK((*probe)["children"][0]["id"] == "worker");
    CHECK((*probe)["children"][0]["name"] == "probe_worker");

    const json before =
        c.ask("node.supervision_tree", {{"application", "probe"}})["result"]["trees"][0];
    CHECK(c.ask("probe.crash_worker")["result"] == "ok");
    json after;
    do {
        after = c.ask("node.supervision_tree", {{"application", "probe"}})["result"]["trees"][0];
    } while (after["children"][0]["pid"].is_null() ||
             after["children"][0]["pid"] == before["children"][0]["pid"]);
    CHECK(after["pid"] == before["pid"]);
    CHECK(c.ask("node.supervision_tree", {{"application", "absent"}})["error"]["data"]["kind"] ==
          "not_found");
    // Of a supervisor with many children only the number is told.
    const json cut = c.ask("node.supervision_tree",
                           {{"pid", "node_sup"}, {"children_max", 2}})["result"]["trees"][0];
    CHECK(cut["children_count"] == 4);
    CHECK(cut["children"].empty());
}

TEST_CASE("the system's numbers are measured") {
    node n;
    client c = n.connect();
    const json s = c.ask("node.system")["result"];
    CHECK(s["processes"].get<int>() > 5);
    CHECK(s["memory_resident_bytes"].get<std::int64_t>() > 1'000'000);
    CHECK(s["atoms"].get<int>() > 100);
    CHECK(s["run_queues"].size() == s["schedulers"]);
    CHECK(s["reductions"].get<std::int64_t>() <
          c.ask("node.system")["result"]["reductions"].get<std::int64_t>());
}

TEST_CASE("applications are listed, running and installed, and started when asked") {
    node n;
    client c = n.connect();
    CHECK(c.ask("node.start_application", {{"application", "needy"}})["result"]["state"] ==
          "running");
    const json a = c.ask("node.applications", {{"installed", true}})["result"];
    REQUIRE(a["applications"].size() == 2);
    CHECK(a["applications"][0]["name"] == "needy");
    CHECK(a["applications"][0]["applications"] == json{"probe"});
    CHECK(a["applications"][1]["description"] == "What tests ask");
    bool vault = false;
    for (const auto& f : a["installed"]) vault |= f["name"] == "vault" && f["version"] == "3";
    CHECK(vault);
    CHECK(c.ask("node.start_application", {{"application", "absent"}})["error"]["data"]["exit"] ==
          76);
    CHECK(c.ask("node.start_application", {{"application", "No Name"}})["error"]["data"]["exit"] ==
          2);
}

TEST_CASE("node.config tells the limits") {
    node n;
    client c = n.connect();
    const json s = c.ask("node.config")["result"];
    CHECK(s["line_max_bytes"] == 1 << 20);
    CHECK(s["requests_max"] == 1000);
    CHECK(c.ask("node.await")["result"]["state"] == "ready");
}
