// The coordinator that is etcd, with a real one: what it goes through, and what that does to us.
#include <poll.h>
#include <sys/stat.h>

#include <atomic>
#include <fstream>
#include <mutex>
#include <thread>

#include "libbeamcore/base/base64.hpp"
#include "tests/unit/tools_kv_coordinator/etcd_servers.hpp"

using namespace test;
using kv::change_outcome;

namespace {

std::unique_ptr<kv::coordinator> open(const kv::etcd_options& o) {
    return value_of(kv::open_coordinator(o));
}

/// The next record of a shard, asked for until it is known to be made.
kv::known_record advance(kv::coordinator& c, std::uint32_t shard, const kv::store_id& by) {
    const auto end = in(20s);
    for (;;) {
        REQUIRE(std::chrono::steady_clock::now() < end);
        const auto now = c.read({shard});
        if (!now) continue;
        const auto done = c.change({{shard, (*now)[0].record.next(by), (*now)[0].rev}});
        if (done && (*done)[0].outcome == change_outcome::made) return (*done)[0].now;
    }
}

void write_password_file(const std::string& file, const std::string& text, mode_t mode = 0600) {
    std::filesystem::remove(file);
    std::ofstream(file) << text;
    REQUIRE(::chmod(file.c_str(), mode) == 0);
}

}  // namespace

TEST_CASE("the leader of three is killed: changes go on, each follows the one before") {
    if (!etcd_program()) return;
    etcd_servers etcd(3);
    const auto c = open(etcd.options());
    value_of(c->create(three_nodes()));
    std::uint64_t epoch = 1;
    for (int round = 0; round < 3; ++round) {
        for (int i = 0; i < 5; ++i) CHECK(advance(*c, 0, store_of(1)).record.epoch == ++epoch);
        const std::size_t leader = etcd.leader();
        etcd.kill(leader);
        const auto killed = std::chrono::steady_clock::now();
        // A change without an answer may have been made, and then the next one follows it.
        const auto after = advance(*c, 0, store_of(1)).record.epoch;
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - killed;
        MESSAGE("the first change after the leader was killed took " << took.count() << " s");
        CHECK(after > epoch);
        CHECK(after <= epoch + 3);
        epoch = after;
        etcd.start(leader);
        etcd.await(leader);
    }
    CHECK(value_of(c->read({0}))[0].record.epoch == epoch);
}

TEST_CASE(
    "without a majority calls end in time: reads unreachable, changes unknown; then all goes on") {
    if (!etcd_program()) return;
    etcd_servers etcd(3);
    const auto c = open(etcd.options());
    value_of(c->create(three_nodes()));
    const auto before = value_of(c->read({0}))[0];
    const std::size_t leader = etcd.leader();
    etcd.pause(leader);
    etcd.pause((leader + 1) % 3);
    for (int i = 0; i < 2; ++i) {
        const auto begin = std::chrono::steady_clock::now();
        CHECK(code_of(c->read({0})) == "unreachable");
        CHECK(code_of(c->snapshot()) == "unreachable");
        const auto asked = c->change({{0, before.record.next(store_of(2)), before.rev}});
        CHECK((!asked || (*asked)[0].outcome == change_outcome::unknown));
        CHECK(std::chrono::steady_clock::now() - begin < 8s);
    }
    etcd.go_on(leader);
    etcd.go_on((leader + 1) % 3);
    // It is made or not, and is never made on top of another.
    const auto after = advance(*c, 0, store_of(3)).record;
    CHECK((after.epoch == before.record.epoch + 1 || after.epoch == before.record.epoch + 2));
}

TEST_CASE("an etcd that is not there is unreachable at once, and nothing was written") {
    if (!etcd_program()) return;
    kv::etcd_options o;
    for (const int port : free_ports(2))
        o.endpoints.push_back("http://127.0.0.1:" + std::to_string(port));
    const auto c = open(o);
    const auto begin = std::chrono::steady_clock::now();
    CHECK(code_of(c->snapshot()) == "unreachable");
    CHECK(code_of(c->change({{0, {2, store_of(1), {store_of(1)}}, 5}})) == "unreachable");
    CHECK(code_of(c->create(three_nodes())) == "unreachable");
    CHECK(code_of(c->join(life_of("nodeA", 1))) == "unreachable");
    CHECK(std::chrono::steady_clock::now() - begin < 5s);
}

TEST_CASE("what was compacted away is read anew, and later changes are told") {
    if (!etcd_world::is_there()) return;
    const etcd_world world;
    const auto a = world.open(), b = world.open();
    value_of(a->create(three_nodes()));
    const auto v = value_of(b->snapshot());
    std::uint64_t newest = 0;
    for (int i = 0; i < 10; ++i) newest = advance(*a, 0, store_of(1)).rev;
    etcd_world::server().ask("kv/compaction", R"({"revision":")" + std::to_string(newest) + "\"}");
    CHECK(b->wait(v.rev, in(10s)));
    auto now = look_until(*b, [&](const auto& n) { return n.rev >= newest; });
    CHECK(now.records[0].rev == newest);
    while (b->wait(now.rev, in(100ms))) now = value_of(b->snapshot());
    newest = advance(*a, 1, store_of(1)).rev;
    CHECK(b->wait(now.rev, in(10s)));
    CHECK(value_of(b->snapshot()).records[1].rev == newest);
}

TEST_CASE("the lease of a life that stopped to keep it runs out, and its name and store are free") {
    if (!etcd_world::is_there()) return;
    const etcd_world world;
    const auto b = world.open();
    value_of(b->create(three_nodes()));
    value_of(world.open()->join(life_of("nodeA", 1)));
    CHECK(value_of(b->snapshot()).find_member("nodeA"));
    CHECK(code_of(b->join(life_of("nodeA", 1))) == "name_taken");
    look_until(*b, [](const auto& n) { return n.members.empty(); });
    value_of(b->join(life_of("nodeA", 1)));
    value_of(b->leave());
}

TEST_CASE("a lease that was lost while its life goes on is replaced") {
    if (!etcd_world::is_there()) return;
    const etcd_world world;
    const auto a = world.open(), b = world.open();
    value_of(a->create(three_nodes()));
    const auto life = life_of("nodeA", 1);
    value_of(a->join(life));
    const auto leases = etcd_world::server().ask("lease/leases", "{}");
    for (const auto& l : leases.at("leases"))
        etcd_world::server().ask("lease/revoke",
                                 R"({"ID":")" + l.at("ID").get<std::string>() + "\"}");
    CHECK(value_of(b->snapshot()).members.empty());
    a->tend();
    const auto v = look_until(*b, [](const auto& n) { return !n.members.empty(); });
    CHECK(v.members[0].incarnation == life.incarnation);
    CHECK(code_of(b->join(life_of("nodeX", 1))) == "store_taken");
    value_of(a->leave());
}

TEST_CASE(
    "an etcd that lost its data is a loss, also when another cluster is there at the same "
    "revisions") {
    if (!etcd_program()) return;
    etcd_servers etcd;
    const auto c = open(etcd.options());
    value_of(c->create(three_nodes()));
    const auto v = value_of(c->snapshot());
    etcd.restart(0, false);
    const kv::record_swap stale{0, v.records[0].record.next(store_of(2)), v.records[0].rev};
    CHECK(code_of(c->snapshot()) == "lost");
    CHECK(code_of(c->read({0})) == "lost");
    CHECK(code_of(c->change({stale})) == "lost");
    kv::first_cluster other = three_nodes();
    other.meta.uuid = "cluster-2";
    CHECK(code_of(c->create(other)) == "wrong_cluster");
    const auto d = open(etcd.options());
    value_of(d->create(other));
    // The change would fit, but for the cluster.
    REQUIRE(value_of(d->read({0}))[0].rev == v.records[0].rev);
    CHECK(code_of(c->change({stale})) == "wrong_cluster");
    CHECK(code_of(c->write_plan(v.plan, v.plan_rev)) == "wrong_cluster");
    CHECK(code_of(c->snapshot()) == "wrong_cluster");
    CHECK(value_of(d->read({0}))[0].record.epoch == 1);
}

TEST_CASE(
    "two who create a cluster at once: one does, all of it; what a dead one has left is no "
    "cluster") {
    if (!etcd_world::is_there()) return;
    for (int round = 0; round < 5; ++round) {
        const etcd_world world;
        std::atomic<int> made{0};
        std::vector<std::thread> creators;
        for (std::uint64_t n = 1; n <= 3; ++n)
            creators.emplace_back([&, n] {
                kv::first_cluster f = three_nodes(300);
                f.meta.uuid = "cluster-" + std::to_string(n);
                for (auto& r : f.records) r.epoch = n;
                const auto c = world.open();
                const auto done = c->create(f);
                if (done) ++made;
                if (!done) CHECK((code_of(done) == "exists" || code_of(done) == "conflict"));
            });
        for (auto& t : creators) t.join();
        const auto c = world.open();
        const auto v = value_of(c->snapshot());
        CHECK(made == 1);
        REQUIRE(v.has_cluster());
        for (const auto& r : v.records)
            CHECK("cluster-" + std::to_string(r.record.epoch) == v.meta.uuid);
    }
    const etcd_world world;
    const std::string left =
        beam::base64_encode("/beamcore/" + world.options().cluster + "/shards/7");
    etcd_world::server().ask("kv/put", R"({"key":")" + left + R"(","value":"Z2FyYmFnZQ=="})");
    const auto c = world.open();
    CHECK_FALSE(value_of(c->snapshot()).has_cluster());
    value_of(c->create(three_nodes(4)));
    CHECK(value_of(c->snapshot()).records.size() == 4);
}

TEST_CASE("https: the authority that is named is believed, and no other") {
    if (!etcd_program()) return;
    etcd_servers etcd(1, etcd_servers::tls::server);
    const auto c = open(etcd.options());
    value_of(c->create(three_nodes()));
    const auto v = value_of(c->snapshot());
    CHECK(v.has_cluster());
    const auto a = open(etcd.options());
    advance(*a, 0, store_of(1));
    CHECK(c->wait(v.rev, in(10s)));
    kv::etcd_options other = etcd.options();
    other.ca_file.clear();
    const auto refused = open(other)->snapshot();
    CHECK(code_of(refused) == "denied");
    CHECK(refused.error().detail.find("127.0.0.1") != std::string::npos);
    other.ca_file = "/nowhere/ca.pem";
    CHECK(code_of(open(other)->snapshot()) == "denied");
}

TEST_CASE("an etcd that wants a certificate gets one") {
    if (!etcd_program()) return;
    etcd_servers etcd(1, etcd_servers::tls::both);
    const auto c = open(etcd.options());
    value_of(c->create(three_nodes()));
    CHECK(value_of(c->snapshot()).has_cluster());
    kv::etcd_options without = etcd.options();
    without.certificate_file.clear();
    without.key_file.clear();
    const auto refused = open(without)->snapshot();
    CHECK((code_of(refused) == "denied" || code_of(refused) == "unreachable"));
    kv::etcd_options missing = etcd.options();
    missing.certificate_file = "/nowhere/client.pem";
    CHECK(code_of(open(missing)->snapshot()) == "denied");
}

TEST_CASE(
    "a password is read from a file that is its owner's alone, and given again when etcd has "
    "forgotten it") {
    if (!etcd_program()) return;
    const folder dir;
    etcd_servers etcd;
    etcd.ask("auth/user/add", R"({"name":"root","password":"secret word"})");
    etcd.ask("auth/role/add", R"({"name":"root"})");
    etcd.ask("auth/user/grant", R"({"user":"root","role":"root"})");
    etcd.ask("auth/user/add", R"({"name":"poor","password":"p"})");
    etcd.ask("auth/enable", "{}");
    const std::string file = dir / "password";
    kv::etcd_options o = etcd.options();
    CHECK(code_of(open(o)->snapshot()) == "denied");
    o.password_file = file;
    CHECK(code_of(kv::open_coordinator(o)) == "enoent");
    write_password_file(file, "root\nsecret word\n", 0644);
    const auto shown = kv::open_coordinator(o);
    CHECK(code_of(shown) == "denied");
    CHECK(shown.error().detail.find("chmod 600") != std::string::npos);
    write_password_file(file, "root");
    CHECK(code_of(kv::open_coordinator(o)) == "bad_options");

    write_password_file(file, "root\nwrong\n");
    CHECK(code_of(open(o)->snapshot()) == "denied");
    write_password_file(file, "poor\np\n");
    CHECK(code_of(open(o)->snapshot()) == "denied");
    write_password_file(file, "root\nsecret word\n");
    const auto c = open(o), a = open(o);
    value_of(c->create(three_nodes()));
    value_of(c->join(life_of("nodeA", 1)));
    auto v = value_of(c->snapshot());
    CHECK(v.members.size() == 1);
    // Its tokens are in memory only.
    etcd.kill(0);
    CHECK(code_of(c->snapshot()) == "unreachable");
    etcd.start(0);
    v = [&] {
        for (const auto end = in(20s);;) {
            auto seen = c->snapshot();
            if (seen) return *seen;
            CHECK(code_of(seen) == "unreachable");
            REQUIRE(std::chrono::steady_clock::now() < end);
        }
    }();
    while (c->wait(v.rev, in(100ms))) v = value_of(c->snapshot());
    const auto made = advance(*a, 0, store_of(1));
    CHECK(look_until(*c, [&](const auto& n) { return n.rev >= made.rev; }).records[0].rev ==
          made.rev);
    value_of(c->leave());
}

TEST_CASE("an etcd that wants no password takes one who has it") {
    if (!etcd_world::is_there()) return;
    const folder dir;
    write_password_file(dir / "password", "root\nsecret\n");
    const etcd_world world;
    kv::etcd_options o = world.options();
    o.password_file = dir / "password";
    const auto c = open(o);
    value_of(c->create(three_nodes()));
    CHECK(value_of(c->snapshot()).has_cluster());
}

TEST_CASE("options that can be none are refused") {
    kv::etcd_options o;
    CHECK(code_of(kv::open_coordinator(o)) == "bad_options");
    o.endpoints = {"127.0.0.1:2379"};
    CHECK(code_of(kv::open_coordinator(o)) == "bad_options");
    o.endpoints = {"http://127.0.0.1:2379"};
    o.cluster = "a/b";
    CHECK(code_of(kv::open_coordinator(o)) == "bad_options");
}

namespace {

/// Passes bytes on to etcd, and can hold back those of the connections that watch, for good.
class proxy {
public:
    explicit proxy(int to) : to_(to), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in a = loopback(0);
        socklen_t size = sizeof a;
        REQUIRE(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&a), size) == 0);
        REQUIRE(::listen(listener_.get(), 16) == 0);
        REQUIRE(::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&a), &size) == 0);
        port_ = ntohs(a.sin_port);
        thread_ = std::thread([this] { main(); });
    }
    ~proxy() {
        is_stopping_ = true;
        thread_.join();
    }
    [[nodiscard]] int port() const { return port_; }
    /// Watches that are open now.
    void freeze_watches() {
        std::lock_guard lock(mutex_);
        for (auto& p : pairs_) p.is_frozen = p.is_watch;
    }
    [[nodiscard]] int watches() {
        std::lock_guard lock(mutex_);
        int n = 0;
        for (const auto& p : pairs_) n += p.is_watch ? 1 : 0;
        return n;
    }

private:
    struct pair {
        beam::unique_fd client, server;
        bool is_watch = false, is_frozen = false, is_over = false;
    };
    static sockaddr_in loopback(int port) {
        sockaddr_in a{};
        a.sin_family = AF_INET;
        a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        a.sin_port = htons(std::uint16_t(port));
        return a;
    }
    static void pass(pair& p, int from, int to, bool is_request) {
        char bytes[65536];
        const auto n = ::recv(from, bytes, sizeof bytes, MSG_DONTWAIT);
        if (n < 0) return;
        const std::string_view text(bytes, std::size_t(n));
        if (is_request && text.starts_with("POST /v3/watch")) p.is_watch = true;
        if (n == 0 || ::send(to, bytes, std::size_t(n), MSG_NOSIGNAL) != n) p.is_over = true;
    }
    void accept_one() {
        pair p;
        p.client.reset(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        p.server.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        const sockaddr_in a = loopback(to_);
        if (::connect(p.server.get(), reinterpret_cast<const sockaddr*>(&a), sizeof a) != 0) return;
        pairs_.push_back(std::move(p));
    }
    void main() {
        while (!is_stopping_) {
            std::vector<pollfd> fds{{listener_.get(), POLLIN, 0}};
            {
                std::lock_guard lock(mutex_);
                std::erase_if(pairs_, [](const pair& p) { return p.is_over; });
                for (const pair& p : pairs_) {
                    const short what = p.is_frozen ? 0 : POLLIN;
                    fds.push_back({p.client.get(), what, 0});
                    fds.push_back({p.server.get(), what, 0});
                }
            }
            ::poll(fds.data(), nfds_t(fds.size()), 20);
            std::lock_guard lock(mutex_);
            for (std::size_t i = 0; i < pairs_.size() && 2 * i + 2 < fds.size(); ++i) {
                pair& p = pairs_[i];
                if (p.is_frozen) continue;
                if (fds[2 * i + 1].revents != 0) pass(p, p.client.get(), p.server.get(), true);
                if (fds[2 * i + 2].revents != 0) pass(p, p.server.get(), p.client.get(), false);
            }
            if (fds[0].revents != 0) accept_one();
        }
    }

    const int to_;
    int port_ = 0;
    beam::unique_fd listener_;
    std::mutex mutex_;
    std::vector<pair> pairs_;
    std::atomic<bool> is_stopping_{false};
    std::thread thread_;
};

/// As its process does: waits, and says now and then that its life goes on.
bool changes_while_tending(kv::coordinator& c, std::uint64_t rev) {
    const auto end = in(30s);
    while (std::chrono::steady_clock::now() < end) {
        if (c.wait(rev, in(c.tend_every()))) return true;
        c.tend();
    }
    return false;
}

}  // namespace

TEST_CASE(
    "a watch whose connection is dead without a sign is found by what the lease's answers tell") {
    if (!etcd_world::is_there()) return;
    const etcd_world world;
    proxy between(etcd_world::server().port());
    kv::etcd_options o = world.options();
    const auto a = open(o);
    value_of(a->create(three_nodes()));
    o.endpoints = {"http://127.0.0.1:" + std::to_string(between.port())};
    const auto c = open(o);
    value_of(c->join(life_of("nodeA", 1)));
    auto v = value_of(c->snapshot());
    while (c->wait(v.rev, in(500ms))) v = value_of(c->snapshot());
    REQUIRE(between.watches() == 1);
    between.freeze_watches();
    const auto made = advance(*a, 0, store_of(2));
    const auto begin = std::chrono::steady_clock::now();
    CHECK(changes_while_tending(*c, v.rev));
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    MESSAGE("the dead watch was found after " << took.count() << " s");
    CHECK(value_of(c->snapshot()).records[0].rev == made.rev);
    // The next one watches.
    v = value_of(c->snapshot());
    while (c->wait(v.rev, in(500ms))) v = value_of(c->snapshot());
    advance(*a, 0, store_of(2));
    const auto again = std::chrono::steady_clock::now();
    CHECK(c->wait(v.rev, in(10s)));
    CHECK(std::chrono::steady_clock::now() - again < 2s);
    value_of(c->leave());
}

namespace {

/// Answers everything with the same, which may be anything.
class babbler {
public:
    babbler() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in a{};
        a.sin_family = AF_INET;
        a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof a;
        REQUIRE(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&a), size) == 0);
        REQUIRE(::listen(listener_.get(), 16) == 0);
        REQUIRE(::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&a), &size) == 0);
        port_ = ntohs(a.sin_port);
        thread_ = std::thread([this] { main(); });
    }
    ~babbler() {
        is_stopping_ = true;
        thread_.join();
    }
    [[nodiscard]] int port() const { return port_; }
    void say(std::string what) {
        std::lock_guard lock(mutex_);
        answer_ = std::move(what);
    }

private:
    void main() {
        while (!is_stopping_) {
            pollfd p{listener_.get(), POLLIN, 0};
            if (::poll(&p, 1, 20) <= 0) continue;
            const beam::unique_fd c(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
            char request[65536];
            if (::recv(c.get(), request, sizeof request, 0) <= 0) continue;
            std::lock_guard lock(mutex_);
            (void)!::send(c.get(), answer_.data(), answer_.size(), MSG_NOSIGNAL);
        }
    }

    int port_ = 0;
    beam::unique_fd listener_;
    std::mutex mutex_;
    std::string answer_;
    std::atomic<bool> is_stopping_{false};
    std::thread thread_;
};

std::string http(const std::string& body) {
    return "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " +
           std::to_string(body.size()) + "\r\n\r\n" + body;
}

}  // namespace

TEST_CASE("what is no etcd's answer is an error, whatever it is") {
    babbler b;
    kv::etcd_options o;
    o.endpoints = {"http://127.0.0.1:" + std::to_string(b.port())};
    o.patience = 300ms;
    const std::string header = R"("header":{"revision":"7"},"succeeded":true)";
    for (const std::string& answer :
         {std::string("nonsense"), std::string("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"),
          http(""), http("<html>"), http("{}"), http("[]"), http("7"), http(R"({"header":7})"),
          http(R"({"result":5})"), http(R"({"result":[{}]})"), http("{" + header + "}"),
          http("{" + header + R"(,"responses":7,"kvs":{}})"),
          http("{" + header + R"(,"responses":[1,2],"kvs":[1,{},{"key":5,"value":[]}],"ID":5})"),
          http("{" + header + R"(,"kvs":[{"key":"L2JlYW1jb3JlL2t2L21ldGE=","value":"e30="}]})"),
          http("{" + header + R"(,"kvs":[{"key":"L2JlYW1jb3JlL2t2L21ldGE=","value":"!"}]})"),
          http(R"({"error":{"grpc_code":"x","message":5}})"), http(std::string(100'000, '[')),
          std::string("HTTP/1.1 503 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")}) {
        CAPTURE(answer.substr(0, 200));
        b.say(answer);
        const auto c = open(o);
        const auto begin = std::chrono::steady_clock::now();
        const auto seen = c->snapshot();
        CHECK_FALSE((seen && seen->has_cluster()));
        CHECK_FALSE(c->read({0}));
        CHECK_FALSE(c->change({{0, {2, store_of(1), {store_of(1)}}, 1}}));
        CHECK_FALSE(c->write_plan({}, 1));
        CHECK_FALSE(c->join(life_of("nodeA", 1)));
        CHECK_FALSE(c->retire("elsewhere"));
        (void)c->wait(1, in(50ms));
        CHECK(std::chrono::steady_clock::now() - begin < 10s);
    }
}
