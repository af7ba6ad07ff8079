// The coordinator that is a file: several OS processes, killed ones, and what happens to files.
#include "tools/kv/coordinator/local.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "tests/unit/tools_kv_coordinator/children.hpp"
#include "tests/unit/tools_kv_coordinator/clusters.hpp"
#include "tools/kv/coordinator/folders.hpp"

using namespace test;
using kv::change_outcome;

namespace {

kv::local_options options_of(const std::string& dir, const std::string& node) {
    kv::local_options o;
    o.folder = dir + "/state";
    o.runtime_folder = dir + "/run";
    o.node = node;
    return o;
}

std::unique_ptr<kv::coordinator> open(const std::string& dir, const std::string& node) {
    return value_of(kv::open_coordinator(options_of(dir, node)));
}

// So that what is seen was not seen by a look now and then.
std::unique_ptr<kv::coordinator> open_without_looks(const std::string& dir,
                                                    const std::string& node) {
    auto o = options_of(dir, node);
    o.look_every = 1h;
    return value_of(kv::open_coordinator(o));
}

child helper(const std::string& name, const folder& dir, const std::string& node,
             std::uint64_t store = 1, const std::string& uuid = {}) {
    return child("helper: " + name, {{"KV_TEST_DIR", dir.path()},
                                     {"KV_TEST_NODE", node},
                                     {"KV_TEST_UUID", uuid},
                                     {"KV_TEST_STORE", std::to_string(store)}});
}

}  // namespace

// Children.

TEST_CASE("helper: join and stay" * doctest::skip()) {
    auto o = options_of(told("KV_TEST_DIR"), told("KV_TEST_NODE"));
    o.uuid = told("KV_TEST_UUID");
    const auto c = value_of(kv::open_coordinator(o));
    say("joining");
    const auto r = c->join(life_of(told("KV_TEST_NODE"), std::stoull(told("KV_TEST_STORE"))));
    say(code_of(r) + " " + (r ? "" : r.error().detail));
    for (;;) ::pause();
}

// Makes shard 0's next record again and again, until it has been killed or has made 200.
TEST_CASE("helper: change records" * doctest::skip()) {
    const auto c = open(told("KV_TEST_DIR"), told("KV_TEST_NODE"));
    const auto me = store_of(std::stoull(told("KV_TEST_STORE")));
    for (int made = 0; made < 200;) {
        const auto now = value_of(c->read({0}))[0];
        const auto done = value_of(c->change({{0, now.record.next(me), now.rev}}))[0];
        if (done.outcome != change_outcome::made) continue;
        ++made;
        say(std::to_string(done.now.record.epoch));
    }
}

// Several processes.

TEST_CASE(
    "processes that change one record at once: each change follows another, and none is lost") {
    const folder dir;
    const auto c = open(dir.path(), "watcher");
    value_of(c->create(three_nodes(1)));
    std::vector<child> writers;
    for (std::uint64_t w = 1; w <= 6; ++w)
        writers.push_back(helper("change records", dir, "node" + std::to_string(w), w));
    std::set<std::uint64_t> epochs;
    for (child& w : writers) {
        while (auto line = w.hear()) CHECK(epochs.insert(std::stoull(*line)).second);
        CHECK(w.end() == 0);
    }
    CHECK(epochs.size() == 1200);
    CHECK(*epochs.begin() == 2);
    CHECK(*epochs.rbegin() == 1201);
    CHECK(value_of(c->read({0}))[0].record.epoch == 1201);
}

TEST_CASE(
    "100 processes killed in the middle of changes: what was told is there, and others go on") {
    const folder dir;
    const auto c = open(dir.path(), "watcher");
    value_of(c->create(three_nodes(1)));
    child other = helper("change records", dir, "other", 2);
    std::uint64_t told_last = 0;
    for (int i = 0; i < 100; ++i) {
        child writer = helper("change records", dir, "writer", 1);
        for (int n = 0; n <= i % 7; ++n)
            if (auto line = writer.hear())
                told_last = std::max<std::uint64_t>(told_last, std::stoull(*line));
        writer.kill();
        CHECK(value_of(c->read({0}))[0].record.epoch >= told_last);
    }
    while (auto line = other.hear())
        told_last = std::max<std::uint64_t>(told_last, std::stoull(*line));
    CHECK(other.end() == 0);
    const auto now = value_of(c->read({0}))[0];
    CHECK(now.record.epoch >= told_last);
    CHECK(value_of(c->change({{0, now.record.next(store_of(3)), now.rev}}))[0].outcome ==
          change_outcome::made);
}

TEST_CASE("100 processes killed while they join: the name is free each time") {
    const folder dir;
    const auto c = open(dir.path(), "watcher");
    value_of(c->create(three_nodes()));
    int joined = 0;
    for (int i = 0; i < 100; ++i) {
        child node = helper("join and stay", dir, "nodeA", 1);
        REQUIRE(node.hear() == "joining");
        // Some are killed at once, some after they have joined.
        if (i % 4 == 0) {
            REQUIRE(node.hear() == "ok ");
            ++joined;
        }
        node.kill();
    }
    CHECK(joined == 25);
    const kv::join_request last = life_of("nodeA", 1);
    value_of(c->join(last));
    const auto v = value_of(c->snapshot());
    CHECK(v.members.size() == 1);
    CHECK(v.find_member("nodeA")->incarnation == last.incarnation);
    CHECK(v.find_member("nodeA")->is_alive);
}

TEST_CASE("the name of a node in another process is taken, until that is killed") {
    const folder dir;
    const auto c = open_without_looks(dir.path(), "nodeB");
    value_of(c->create(three_nodes()));
    child node = helper("join and stay", dir, "nodeA", 1);
    REQUIRE(node.hear() == "joining");
    REQUIRE(node.hear() == "ok ");
    const auto refused = c->join(life_of("nodeA", 1));
    CHECK(code_of(refused) == "name_taken");
    CHECK(refused.error().detail.find("process " + std::to_string(node.pid())) !=
          std::string::npos);
    child second = helper("join and stay", dir, "nodeA", 1);
    REQUIRE(second.hear() == "joining");
    CHECK(second.hear()->substr(0, 10) == "name_taken");

    auto v = look_until(*c, [](const auto& n) { return n.find_member("nodeA") != nullptr; });
    CHECK(v.find_member("nodeA")->is_alive);
    while (c->wait(v.rev, in(0ms))) v = value_of(c->snapshot());
    const auto killed = std::chrono::steady_clock::now();
    node.kill();
    v = look_until(*c, [](const auto& n) { return !n.find_member("nodeA")->is_alive; });
    const std::chrono::duration<double, std::milli> took =
        std::chrono::steady_clock::now() - killed;
    MESSAGE("the death of a process was seen after " << took.count() << " ms");
    CHECK(took < 2s);
    value_of(c->join(life_of("nodeA", 1)));
}

TEST_CASE("a death that nobody was there to see is seen by who comes") {
    const folder dir;
    value_of(open(dir.path(), "x")->create(three_nodes()));
    child node = helper("join and stay", dir, "nodeA", 1);
    REQUIRE(node.hear() == "joining");
    REQUIRE(node.hear() == "ok ");
    node.kill();
    const auto v = value_of(open(dir.path(), "nodeB")->snapshot());
    REQUIRE(v.find_member("nodeA"));
    CHECK_FALSE(v.find_member("nodeA")->is_alive);
}

TEST_CASE("a change by another process wakes who waits, without a look") {
    const folder dir;
    const auto c = open_without_looks(dir.path(), "nodeB");
    value_of(c->create(three_nodes(1)));
    auto v = value_of(c->snapshot());
    while (c->wait(v.rev, in(0ms))) {
    }
    child writer = helper("change records", dir, "writer", 1);
    CHECK(c->wait(v.rev, in(10s)));
    CHECK(value_of(c->snapshot()).rev > v.rev);
    while (writer.hear()) {
    }
}

TEST_CASE("closing a descriptor of the lock's file does not let the name go") {
    const folder dir;
    const auto c = open(dir.path(), "nodeA");
    value_of(c->create(three_nodes()));
    value_of(c->join(life_of("nodeA", 1)));
    {
        const beam::unique_fd other(
            ::open((dir / "state/members/nodeA.lock").c_str(), O_RDWR | O_CLOEXEC));
        CHECK(bool(other));
    }
    child second = helper("join and stay", dir, "nodeA", 1);
    REQUIRE(second.hear() == "joining");
    CHECK(second.hear()->substr(0, 10) == "name_taken");
    CHECK(value_of(c->snapshot()).find_member("nodeA")->is_alive);
    value_of(c->leave());
}

TEST_CASE("a lock that an earlier version of this code has left in the process is taken over") {
    const folder dir;
    const auto c = open(dir.path(), "nodeA");
    value_of(c->create(three_nodes()));
    std::filesystem::create_directory(dir / "state/members");
    const beam::unique_fd left(
        ::open((dir / "state/members/nodeA.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    struct flock name {};
    name.l_type = F_WRLCK;
    name.l_whence = SEEK_SET;
    name.l_len = 1;
    REQUIRE(::fcntl(left.get(), F_OFD_SETLK, &name) == 0);
    {
        child other = helper("join and stay", dir, "nodeA", 1);
        REQUIRE(other.hear() == "joining");
        CHECK(other.hear()->substr(0, 10) == "name_taken");
    }
    value_of(c->join(life_of("nodeA", 1)));
    CHECK(value_of(c->snapshot()).find_member("nodeA")->is_alive);
    CHECK(code_of(open(dir.path(), "nodeA")->join(life_of("nodeA", 1))) == "name_taken");
    value_of(c->leave());
    // It is free now, though that descriptor is open.
    child other = helper("join and stay", dir, "nodeA", 1);
    REQUIRE(other.hear() == "joining");
    CHECK(other.hear() == "ok ");
}

TEST_CASE("a file that others in this process have open is not opened beside them") {
    const folder dir;
    value_of(open(dir.path(), "nodeA")->create(three_nodes()));
    beam::unique_fd other(::open((dir / "state/cluster.mdb-lock").c_str(), O_RDWR | O_CLOEXEC));
    REQUIRE(bool(other));
    CHECK(code_of(kv::open_coordinator(options_of(dir.path(), "nodeA"))) == "already_open");
    other.reset();
    CHECK(value_of(open(dir.path(), "nodeA")->snapshot()).has_cluster());
}

// Files.

TEST_CASE("files and folders are their owner's alone, and a folder's path may be long") {
    const folder dir;
    std::string deep = dir.path();
    while (deep.size() < 200) {
        deep += "/a_folder_with_a_long_name";
        std::filesystem::create_directory(deep);
    }
    const auto a = open_without_looks(deep, "nodeA"),
               b = open_without_looks(deep, std::string(250, 'n'));
    value_of(a->create(three_nodes()));
    value_of(b->join(life_of(std::string(250, 'n'), 1)));
    const auto v = look_until(*a, [](const auto& n) { return !n.members.empty(); });
    CHECK(v.members[0].node.size() == 250);
    for (const char* path : {"/state", "/run", "/state/members"}) {
        struct stat s {};
        REQUIRE(::stat((deep + path).c_str(), &s) == 0);
        CHECK((s.st_mode & 0777) == 0700);
    }
    struct stat s {};
    REQUIRE(::stat((deep + "/state/cluster.mdb").c_str(), &s) == 0);
    CHECK((s.st_mode & 0777) == 0600);
}

TEST_CASE("sockets of processes that are gone are removed") {
    const folder dir;
    const auto c = open(dir.path(), "nodeB");
    value_of(c->create(three_nodes()));
    {
        child node = helper("join and stay", dir, "nodeA", 1);
        REQUIRE(node.hear() == "joining");
    }
    const auto now = value_of(c->read({0}))[0];
    value_of(c->change({{0, now.record.next(store_of(2)), now.rev}}));
    int sockets = 0;
    for ([[maybe_unused]] const auto& e : std::filesystem::directory_iterator(dir / "run"))
        ++sockets;
    CHECK(sockets == 1);
}

TEST_CASE("file systems of other machines are told from a host's own") {
    for (const long kind : {long(NFS_SUPER_MAGIC), long(CIFS_SUPER_MAGIC), long(CEPH_SUPER_MAGIC),
                            long(V9FS_MAGIC), long(FUSE_SUPER_MAGIC)})
        CHECK(kv::is_of_network(kind));
    for (const long kind : {long(EXT4_SUPER_MAGIC), long(BTRFS_SUPER_MAGIC), long(TMPFS_MAGIC),
                            long(XFS_SUPER_MAGIC), long(OVERLAYFS_SUPER_MAGIC)})
        CHECK_FALSE(kv::is_of_network(kind));
    CHECK(kv::is_of_network(long(int(CIFS_SUPER_MAGIC))));
}

TEST_CASE(
    "a file that is deleted or replaced under running nodes is a loss to them, not another "
    "cluster") {
    const folder dir;
    const auto a = open_without_looks(dir.path(), "nodeA");
    value_of(a->create(three_nodes()));
    const auto v = value_of(a->snapshot());
    std::filesystem::rename(dir / "state/cluster.mdb", dir / "old");
    CHECK(a->wait(v.rev, in(10s)));
    CHECK(code_of(a->snapshot()) == "lost");
    CHECK(code_of(a->change({{0, v.records[0].record.next(store_of(1)), v.records[0].rev}})) ==
          "lost");
    CHECK(code_of(a->create(three_nodes())) == "lost");
    // A node that knows the cluster does not begin a new one here; one that knows none finds none.
    child known = helper("join and stay", dir, "nodeB", 2, "cluster-1");
    REQUIRE(known.hear() == "joining");
    CHECK(known.hear()->substr(0, 5) == "lost ");
    child fresh = helper("join and stay", dir, "nodeC", 3);
    REQUIRE(fresh.hear() == "joining");
    CHECK(fresh.hear()->substr(0, 11) == "no_cluster ");
    CHECK(code_of(a->snapshot()) == "lost");
}

TEST_CASE("what is no LMDB file, lacks its end or is damaged is refused by name") {
    const folder dir;
    std::filesystem::create_directory(dir / "state");
    std::ofstream(dir / "state/cluster.mdb") << std::string(50'000, 'g');
    auto r = kv::open_coordinator(options_of(dir.path(), "nodeA"));
    CHECK(code_of(r) == "corrupt");
    CHECK(r.error().detail.find("state/cluster.mdb") != std::string::npos);
    std::filesystem::remove(dir / "state/cluster.mdb");

    value_of(open(dir.path(), "nodeA")->create(three_nodes(500)));
    const auto file = dir / "state/cluster.mdb";
    std::filesystem::copy(file, dir / "copy");
    std::filesystem::resize_file(file, std::filesystem::file_size(file) / 2);
    CHECK(code_of(kv::open_coordinator(options_of(dir.path(), "nodeA"))) == "corrupt");
    std::filesystem::copy(dir / "copy", file, std::filesystem::copy_options::overwrite_existing);
    {
        // Where a record's text lies, all of them.
        std::fstream f(file, std::ios::in | std::ios::out | std::ios::binary);
        std::string all((std::istreambuf_iterator<char>(f)), {});
        int n = 0;
        for (std::size_t at = 0; (at = all.find("\"epoch\":1", at)) != std::string::npos;
             ++at, ++n) {
            f.clear();
            f.seekp(std::streamoff(at + 8));
            f.put('7');
        }
        REQUIRE(n >= 500);
    }
    const auto c = open(dir.path(), "nodeA");
    const auto seen = c->snapshot();
    CHECK(code_of(seen) == "corrupt");
    CHECK(seen.error().detail.find("shards/") != std::string::npos);
    CHECK(code_of(c->read({0})) == "corrupt");
    CHECK(code_of(c->change({{0, {2, store_of(1), {store_of(1)}}, 1}})) == "corrupt");
}

TEST_CASE("a place that can be none is refused by name") {
    const folder dir;
    auto o = options_of(dir.path(), "nodeA");
    o.folder = dir / "missing/state";
    CHECK(code_of(kv::open_coordinator(o)) == "enoent");
    o.folder = "";
    CHECK(code_of(kv::open_coordinator(o)) == "bad_options");
    std::ofstream(dir / "file") << "x";
    o.folder = dir / "file";
    CHECK(code_of(kv::open_coordinator(o)) == "enotdir");
}
