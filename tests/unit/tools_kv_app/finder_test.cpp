// What other applications ask: which node leads a shard, which keys there are, and whether there is a cluster at all.
#include "kv_node.hpp"
#include "tools/kv/shard/placement.hpp"

using namespace beam;
using namespace std::chrono_literals;

namespace {

awaitable<std::string> scanned_by(std::string prefix, kv::scan_options o) {
    auto scanning = kv::scan(std::move(prefix), o);
    const outcome<kv::scanned_page> page = co_await scanning;
    if (!page) co_return to_string(page.error());
    std::string all;
    for (const kv::scanned_key& k : page->items) all += k.key + "=" + k.value + " ";
    co_return all + (page->is_end ? "end" : "more");
}

awaitable<std::string> scanned(std::string prefix) {
    const kv::scan_options o;
    auto scanning = scanned_by(std::move(prefix), o);
    co_return co_await scanning;
}

}  // namespace

TEST_CASE("the disk says whether the node has been of a cluster, in its next life too") {
    test::folder folder;
    test::in_kv_node(folder, [](self me) -> awaitable<void> {
        CHECK_FALSE(kv::has_cluster_here());
        auto finding = kv::find_leader("key");
        const outcome<kv::leader> none = co_await finding;
        REQUIRE_FALSE(none.has_value());
        CHECK(none.error() == atom("no_cluster"));
        CHECK(co_await scanned("a") == "no_cluster");
        kv::watch_leaders(me.id());
        co_await test::found_cluster();
        (void)co_await me.receive<kv::leaders_changed>();
        // Known to whoever is told of the cluster.
        CHECK(kv::has_cluster_here());
    });
    test::in_kv_node(folder, [](self) -> awaitable<void> {
        CHECK(kv::has_cluster_here());
        co_return;
    });
}

TEST_CASE("who leads a key's shard is told by its tag") {
    test::folder folder;
    test::in_kv_node(folder, [](self me) -> awaitable<void> {
        kv::watch_leaders(me.id());
        co_await test::found_cluster();
        (void)co_await me.receive<kv::leaders_changed>();
        auto finding = kv::find_leader("a{tag}b");
        const outcome<kv::leader> one = co_await finding;
        REQUIRE(one.has_value());
        CHECK(one->node == node());
        CHECK(one->shard == kv::shard_of("tag", 8));
    });
}

TEST_CASE("a scan gives the keys with a prefix in their order, page by page") {
    test::folder folder;
    test::in_kv_node(folder, [](self) -> awaitable<void> {
        co_await test::found_cluster();
        for (const char* key : {"{t}3", "{t}1", "{t}2", "{u}1", "t"})
            CHECK(co_await test::put(key, "v") == "ok");
        kv::change_options passing;
        passing.ttl_ms = 60'000;
        CHECK(co_await test::put("{t}4", "w", passing) == "ok");
        CHECK(co_await scanned("{t}") == "{t}1=v {t}2=v {t}3=v {t}4=w end");
        kv::scan_options o;
        o.limit = 2;
        CHECK(co_await scanned_by("{t}", o) == "{t}1=v {t}2=v more");
        o.after = "{t}2";
        o.keys_only = true;
        CHECK(co_await scanned_by("{t}", o) == "{t}3= {t}4= more");
        o.after = "{t}4";
        CHECK(co_await scanned_by("{t}", o) == "end");
        CHECK(co_await scanned("{") == "{t}1=v {t}2=v {t}3=v {t}4=w {u}1=v end");
        CHECK(co_await scanned("none") == "end");
        auto scanning = kv::scan("{t}4");
        const outcome<kv::scanned_page> page = co_await scanning;
        REQUIRE(page.has_value());
        REQUIRE(page->items.size() == 1);
        CHECK(page->items[0].expires_ms.has_value());
        CHECK(page->items[0].version > 0);
        o.limit = 0;
        CHECK(co_await scanned_by("{t}", o) == "{bad_argument,<<\"the limit is 1 to 1000\">>}");
        o.limit = 1001;
        CHECK(co_await scanned_by("{t}", o) == "{bad_argument,<<\"the limit is 1 to 1000\">>}");
    });
}

TEST_CASE("a transaction waits no longer than it is told, and its other options are none") {
    test::folder folder;
    test::in_kv_node(folder, [](self) -> awaitable<void> {
        co_await test::found_cluster();
        kv::transaction_part part;
        part.key = "k";
        part.value = "v";
        kv::change_options o;
        o.timeout_ms = 0;
        auto refused = kv::transact({part}, o);
        CHECK_FALSE((co_await refused).has_value());
        o.timeout_ms = 5000;
        auto done = kv::transact({part}, o);
        CHECK((co_await done).has_value());
        CHECK(co_await test::get("k") == "v");
    });
}
