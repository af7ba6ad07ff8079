#include "tools/kv/app/settings.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cstdlib>
#include <string>
#include <variant>

#include "libbeamcore/release/node_facts.hpp"
#include "libbeamcore/runtime/process.hpp"
#include "libbeamcore/runtime/runtime.hpp"
#include "tools/kv/app/bytes.hpp"

namespace {

kv::etcd_options some_etcd() {
    kv::etcd_options o;
    o.endpoints = {"https://h1:2379", "https://h2:2379"};
    o.cluster = "shop";
    o.ca_file = "/ca.pem";
    o.certificate_file = "/node.pem";
    o.key_file = "/node.key";
    o.password_file = "/password";
    return o;
}

/// What a node gets whose environment has that BEAM_KV_COORDINATOR.
kv::coordinator_options setting(const char* variable, const std::string& before) {
    ::setenv("BEAM_KV_COORDINATOR", variable, 1);
    kv::coordinator_options found;
    beam::runtime node;
    const auto done = node.execute([&](beam::self) -> beam::awaitable<void> {
        found = kv::coordinator_setting("n1", "cafe", before);
        co_return;
    });
    ::unsetenv("BEAM_KV_COORDINATOR");
    REQUIRE(done.has_value());
    return found;
}

const kv::etcd_options& etcd_of(const kv::coordinator_options& o) {
    REQUIRE(std::holds_alternative<kv::etcd_options>(o));
    return std::get<kv::etcd_options>(o);
}

}  // namespace

TEST_CASE("a node without a word about its coordinator has the one that its store remembers") {
    const std::string kept = kv::to_keep(some_etcd());
    CHECK(kv::place_of(kept) == "https://h1:2379,https://h2:2379 as shop");
    const kv::etcd_options o = etcd_of(setting("", kept));
    CHECK(o.endpoints == some_etcd().endpoints);
    CHECK(o.cluster == "shop");
    CHECK(o.ca_file == "/ca.pem");
    CHECK(o.certificate_file == "/node.pem");
    CHECK(o.key_file == "/node.key");
    CHECK(o.password_file == "/password");
    CHECK(o.uuid == "cafe");
    CHECK(kv::to_keep(o) == kept);

    CHECK(kv::name_of(setting("", kv::to_keep(kv::local_options{}))) == "local");
}

TEST_CASE("the environment comes before what the store remembers") {
    const std::string kept = kv::to_keep(some_etcd());
    CHECK(etcd_of(setting("http://other:2379", kept)).endpoints ==
          std::vector<std::string>{"http://other:2379"});
    CHECK(etcd_of(setting("http://other:2379", kept)).ca_file.empty());
    CHECK(kv::name_of(setting("local", kept)) == "local");
    // The same etcd, and what is new about it.
    ::setenv("BEAM_KV_COORDINATOR_CA", "/new.pem", 1);
    for (const char* said : {"", "https://h1:2379,https://h2:2379,"}) {
        const kv::etcd_options o = etcd_of(setting(said, kept));
        CHECK(o.ca_file == "/new.pem");
        CHECK(o.cluster == "shop");
        CHECK(o.password_file == "/password");
    }
    ::unsetenv("BEAM_KV_COORDINATOR_CA");
    CHECK(kv::name_of(setting("local", "")) == "local");
}

TEST_CASE("what the store remembers of the coordinator is refused when it is damaged") {
    std::string kept = kv::to_keep(some_etcd());
    for (std::size_t i = 0; i < kept.size(); ++i) {
        std::string wrong = kept;
        wrong[i] = char(wrong[i] ^ 4);
        CHECK_THROWS_AS((void)kv::place_of(wrong), kv::malformed_bytes);
    }
    kept.pop_back();
    CHECK_THROWS_AS((void)kv::place_of(kept), kv::malformed_bytes);
}

TEST_CASE("a node syncs every write unless it is told an interval, which is no shorter than 1 ms") {
    using namespace std::chrono_literals;
    const auto read = [](const char* said) {
        ::setenv("BEAM_KV_SYNC", said, 1);
        auto found = kv::sync_setting();
        ::unsetenv("BEAM_KV_SYNC");
        return found;
    };
    for (const char* said : {"", "always"}) {
        const auto found = read(said);
        REQUIRE(found.has_value());
        CHECK_FALSE(found->has_value());
    }
    CHECK(read("interval=20ms").value() == 20ms);
    CHECK(read("interval=10s").value() == 10s);
    for (const char* said :
         {"never", "interval", "interval=", "interval=0s", "interval=11s", "20ms"})
        CHECK(read(said).error().is("bad_sync"));
}
