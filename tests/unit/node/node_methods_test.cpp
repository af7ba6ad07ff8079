// What observers ask a node.
#include <limits>
#include <set>

#include "libbeamcore/runtime/spawn.hpp"
#include "libbeamcore/term/syntax.hpp"
#include "tests/unit/node/harness.hpp"

using namespace std::chrono_literals;
using test::client;
using test::json;
using test::node;

namespace {

beam::process idle(beam::self self) {
    (void)co_await self.receive();
}

struct ping {
    beam::pid from;
};
struct pong {};

beam::process answers_pings(beam::self self) {
    for (;;) {
        const ping p = co_await self.receive<ping>();
        beam::send(p.from, pong{});
    }
}

beam::process counts_round_trips(beam::self self, beam::pid peer,
                                 std::atomic<std::int64_t>* longest) {
    for (;;) {
        const auto began = std::chrono::steady_clock::now();
        beam::send(peer, ping{self.id()});
        (void)co_await self.receive<pong>();
        const auto took = (std::chrono::steady_clock::now() - began).count();
        if (took > longest->load()) longest->store(took);
        co_await self.sleep_for(1ms);
    }
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
    CHECK(all["shown"] == 200);  // an answer is bounded, whatever is asked
    CHECK(all["total"].get<int>() >= 500);
    CHECK(all["shown"] == all["processes"].size());
    const json top = c.ask("node.processes", {{"sort", "reductions"}, {"limit", 5}})["result"];
    REQUIRE(top["processes"].size() == 5);
    for (int i = 1; i < 5; ++i)
        CHECK(top["processes"][i - 1]["reductions"] >= top["processes"][i]["reductions"]);
    const json named = c.ask("node.processes", {{"match", "node_"}})["result"];
    CHECK(named["matching"].get<int>() >= 4);
    const auto has = [](const json& text) {
        return text.is_string() && text.get<std::string>().find("node_") != std::string::npos;
    };
    for (const auto& p : named["processes"]) CHECK((has(p["name"]) || has(p["initial_call"])));
    const json worker = c.ask("node.processes", {{"match", "node_lifecycle"}})["result"];
    REQUIRE(worker["matching"] == 1);
    CHECK(worker["processes"][0]["name"] == "node_lifecycle");
    CHECK(c.ask("node.processes", {{"limit", 0}})["result"]["processes"].empty());
    CHECK(c.ask("node.processes", {{"sort", "beauty"}})["error"]["data"]["exit"] == 2);
    CHECK(c.ask("node.processes", {{"parent", "<0.9999.0>"}})["result"]["matching"] == 0);
    const json after =
        c.ask("node.processes",
              {{"sort", "pid"}, {"ascending", true}, {"limit", 10}, {"offset", 50}})["result"];
    REQUIRE(after["processes"].size() == 10);
    CHECK(after["offset"] == 50);
    CHECK(after["processes"][0]["pid"] == all["processes"][50]["pid"]);
    const json by_name =
        c.ask("node.processes", {{"sort", "name"}, {"ascending", true}, {"limit", 4}})["result"];
    std::string last;
    for (const auto& p : by_name["processes"]) {
        CHECK(p["name"].get<std::string>() > last);
        last = p["name"];
    }
}

TEST_CASE("what is shown is in order, whatever the processes do meanwhile") {
    node n;
    for (int i = 0; i < 100; ++i)
        (void)n.runtime->spawn([](beam::self self) -> beam::process {
            for (int k = 1;; ++k) {
                (void)self.bump_reductions(k % 100);
                co_await self.yield();
            }
        });
    client c = n.connect();
    for (int asked = 0; asked < test::many(100); ++asked) {
        const json top =
            c.ask("node.processes", {{"sort", "reductions"}, {"limit", 100}})["result"];
        REQUIRE(top["processes"].size() == 100);
        std::int64_t last = std::numeric_limits<std::int64_t>::max();
        for (const auto& p : top["processes"]) {
            const auto count = p["reductions"].get<std::int64_t>();
            CHECK(count <= last);
            last = count;
        }
    }
}

TEST_CASE("the rate of reductions is measured over the time asked for") {
    node n;
    const beam::pid busy = n.runtime->spawn([](beam::self self) -> beam::process {
        for (;;) {
            (void)self.bump_reductions(100);
            co_await self.sleep_for(1ms);
        }
    });
    (void)n.runtime->spawn(idle);
    client c = n.connect();
    const json top =
        c.ask("node.processes", {{"sort", "rate"}, {"sample_ms", 200}, {"limit", 3}})["result"];
    REQUIRE(top["processes"].size() == 3);
    CHECK(top["processes"][0]["reductions_per_s"].get<std::int64_t>() > 0);
    bool seen = false;
    for (const auto& p : top["processes"]) seen |= p["pid"] == beam::to_string(beam::term(busy));
    CHECK(seen);
}

TEST_CASE("a list of 100000 processes is answered while others are served") {
    node n;
    for (int i = 0; i < 100'000; ++i) (void)n.runtime->spawn(idle);
    std::atomic<std::int64_t> longest{0};
    const beam::pid pong = n.runtime->spawn(answers_pings);
    (void)n.runtime->spawn(counts_round_trips, pong, &longest);
    client asks = n.connect(), other = n.connect();
    const auto hand_overs = n.runtime->statistics().hand_overs;
    const auto began = std::chrono::steady_clock::now();
    for (int i = 0; i < 3; ++i) {
        asks.send(json{{"id", i},
                       {"method", "node.processes"},
                       {"params", {{"sort", "memory"}, {"limit", 20}}}});
        for (int k = 0; k < 10; ++k) CHECK(other.ask("node.ping").contains("result"));
        const json a = asks.read();
        CHECK(a["result"]["total"].get<int>() >= 100'000);
        CHECK(a["result"]["processes"].size() == 20);
    }
    const auto took = std::chrono::steady_clock::now() - began;
    MESSAGE("a list takes at most ",
            std::chrono::duration_cast<std::chrono::microseconds>(took).count() / 3,
            " us; the longest round trip of a ping meanwhile: ", longest.load() / 1000,
            " us; hand-overs: ", n.runtime->statistics().hand_overs - hand_overs);
}

TEST_CASE("pages together list 100000 processes, each once, each page bounded") {
    node n;
    std::set<std::string> mine;
    for (int i = 0; i < test::many(100'000); ++i)
        mine.insert(beam::to_string(beam::term(n.runtime->spawn(idle))));
    client c = n.connect();
    json from = 1;
    while (!from.is_null()) {
        const json page = c.ask("node.processes", {{"from", from}, {"limit", 200}})["result"];
        REQUIRE(page["shown"] <= 200);
        CHECK(page["total"].get<int>() >= test::many(100'000));
        for (const auto& p : page["processes"]) mine.erase(p["pid"].get<std::string>());
        from = page["next"];
    }
    CHECK(mine.empty());
    const json only = c.ask("node.processes", {{"from", 1}, {"match", "node_"}})["result"];
    CHECK(only["next"].is_null());
    CHECK(only["shown"].get<int>() >= 4);
}

TEST_CASE("a process that never gives way is seen, and nobody waits for it") {
    node n;
    std::atomic<bool> runs{false}, stop{false};
    const beam::pid stuck = n.runtime->spawn(
        [](beam::self, std::atomic<bool>* begun, std::atomic<bool>* end) -> beam::process {
            begun->store(true);
            begun->notify_one();
            while (!end->load()) continue;
            co_return;
        },
        &runs, &stop);
    runs.wait(false);
    client c = n.connect();
    const std::string text = beam::to_string(beam::term(stuck));
    const json i = c.ask("node.process_info", {{"pid", text}, {"state", true}})["result"];
    CHECK(i["pid"] == text);
    CHECK(i["answers"] == false);
    CHECK(i["status"] == "running");
    CHECK(i["state"].is_null());
    stop = true;
}

TEST_CASE("a process is ended, suspended and resumed when asked") {
    node n;
    client c = n.connect();
    CHECK(c.ask("probe.count")["result"] == 1);
    const json before = c.ask("node.process_info", {{"pid", "probe_worker"}})["result"];
    CHECK(before["answers"] == true);
    CHECK(c.ask("node.suspend_process", {{"pid", before["pid"]}})["result"]["state"] ==
          "suspended");
    CHECK(c.ask("node.process_info", {{"pid", before["pid"]}})["result"]["status"] == "suspended");
    CHECK(c.ask("node.resume_process", {{"pid", before["pid"]}})["result"]["state"] == "resumed");
    CHECK(c.ask("node.process_info", {{"pid", before["pid"]}})["result"]["status"] == "waiting");
    const json ended = c.ask("node.exit_process", {{"pid", "probe_worker"}})["result"];
    CHECK(ended["pid"] == before["pid"]);
    CHECK(ended["ended"] == true);
    CHECK(ended["reason"] == "killed");
    CHECK(c.ask("node.process_info", {{"pid", before["pid"]}})["error"]["data"]["kind"] ==
          "not_found");
    for (const char* method : {"node.exit_process", "node.suspend_process", "node.resume_process"})
        CHECK(c.ask(method, {{"pid", before["pid"]}})["error"]["data"]["exit"] == 1);
    CHECK(c.ask("node.exit_process",
                {{"pid", "node_sup"}, {"reason", "boredom"}})["error"]["data"]["exit"] == 2);
}

TEST_CASE("a process that is no behaviour is sent nothing it does not know") {
    node n;
    const beam::pid plain = n.runtime->spawn(
        [](beam::self self) -> beam::process { (void)co_await self.receive<std::string>(); });
    client c = n.connect();
    const json i = c.ask("node.process_info",
                         {{"pid", beam::to_string(beam::term(plain))}, {"state", true}})["result"];
    CHECK(i["state"].is_null());
    const json after =
        c.ask("node.process_info", {{"pid", beam::to_string(beam::term(plain))}})["result"];
    CHECK(after["messages"].empty());
    CHECK(after["message_queue_len"] == 0);
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
    CHECK((*own)["children"][0]["id"] == "node_connections");
    CHECK((*own)["children"][0]["children_count"] == 1);
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
    const auto root_of = [&](const std::string& typed) {
        return c.ask("node.supervision_tree", {{"root", typed}});
    };
    CHECK(root_of("probe")["result"]["trees"][0]["id"] == "probe");
    CHECK(root_of("node")["result"]["trees"][0]["name"] == "node_sup");
    CHECK(root_of("node_sup")["result"]["trees"][0]["children"].size() == 4);
    std::string bare = before["pid"];
    bare = bare.substr(1, bare.size() - 2);
    CHECK(root_of(bare)["result"]["trees"][0]["pid"] == before["pid"]);
    CHECK(root_of("absent")["error"]["data"]["kind"] == "not_found");
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

TEST_CASE("node.method tells whether a request may be made again") {
    node n;
    client c = n.connect();
    const auto restartable = [&](const char* name) {
        return c.ask("node.method", {{"name", name}})["result"]["restartable"];
    };
    CHECK(restartable("probe.echo") == true);
    CHECK(restartable("probe.crash_worker") == false);
    CHECK(restartable("node.processes") == true);
    CHECK(restartable("node.status") == true);
    CHECK(restartable("node.stop") == false);
    CHECK(c.ask("node.method", {{"name", "absent.x"}})["error"]["data"]["exit"] == 76);
    CHECK(c.ask("node.method", {{"name", "probe.echo"}})["result"]["version"] == "1");
}

TEST_CASE("node.config tells the limits") {
    node n;
    client c = n.connect();
    const json s = c.ask("node.config")["result"];
    CHECK(s["line_max_bytes"] == 1 << 20);
    CHECK(s["requests_max"] == 1000);
}
