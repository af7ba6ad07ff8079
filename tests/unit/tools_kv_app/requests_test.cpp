// What clients may ask for, and how the shards that keys are in are told.
#include <doctest/doctest.h>

#include <limits>

#include "tools/kv/app/change_requests.hpp"
#include "tools/kv/app/limits.hpp"
#include "tools/kv/app/scanning.hpp"
#include "tools/kv/shard/placement.hpp"

using namespace kv;

namespace {

change_params put_of(std::string key, std::string value) {
    change_params p;
    p.key = std::move(key);
    p.value = std::move(value);
    return p;
}

std::string said(const std::optional<std::string>& why) {
    return why.value_or("");
}

}  // namespace

TEST_CASE("keys have 1 to 1024 bytes, values at most 1 MiB") {
    CHECK(said(bad_key("")) == "a key is not empty");
    CHECK_FALSE(bad_key("k"));
    CHECK_FALSE(bad_key(std::string("\0\xff", 2)));
    CHECK_FALSE(bad_key(std::string(1024, 'k')));
    CHECK(said(bad_key(std::string(1025, 'k'))) ==
          "the key has 1025 bytes; at most 1024 are allowed");
    CHECK_FALSE(bad_value(""));
    CHECK_FALSE(bad_value(std::string(value_max, 'v')));
    CHECK(bad_value(std::string(value_max + 1, 'v')));
}

TEST_CASE("a ttl is above nothing and at most a thousand years; none is well") {
    CHECK_FALSE(bad_ttl(std::nullopt));
    CHECK_FALSE(bad_ttl(1));
    CHECK_FALSE(bad_ttl(ttl_max_ms));
    for (const std::int64_t bad :
         {std::int64_t{0}, std::int64_t{-1}, ttl_max_ms + 1,
          std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()})
        CHECK(bad_ttl(bad));
}

TEST_CASE("a timeout is above nothing and at most ten minutes") {
    CHECK(bad_patience(0));
    CHECK(bad_patience(-5));
    CHECK(bad_patience(patience_max_ms + 1));
    CHECK_FALSE(bad_patience(1));
    CHECK_FALSE(bad_patience(patience_max_ms));
}

TEST_CASE("a change that makes no sense is refused with the reason") {
    CHECK_FALSE(bad_change(put_of("k", "v")));
    change_params p;
    p.key = "k";
    CHECK(said(bad_change(p)) == "a value is missing");
    p.op = "erase";
    CHECK(said(bad_change(p)) == "op is one of put, delete, incr and expire");
    for (const char* op : {"delete", "incr", "expire"}) {
        p.op = op;
        CHECK_FALSE(bad_change(p));
    }
    p.expect = "x";
    p.expect_version = 3;
    CHECK(bad_change(p));
    p.expect.reset();
    CHECK_FALSE(bad_change(p));
    p.if_absent = true;
    CHECK(bad_change(p));
    p = put_of("", "v");
    CHECK(bad_change(p));
    p = put_of("k", std::string(value_max + 1, 'v'));
    CHECK(bad_change(p));
    p = put_of("k", "v");
    p.ttl_ms = 0;
    CHECK(bad_change(p));
}

TEST_CASE("a change becomes the operation that it asks for") {
    change_params p = put_of("k", "v");
    const std::int64_t before = wall_ms();
    p.ttl_ms = 5000;
    operation o = operation_of(p);
    CHECK(o.what == operation::kind::put);
    CHECK(o.key == "k");
    CHECK(o.bytes == "v");
    CHECK(o.expires_ms >= before + 5000);
    CHECK(o.expires_ms <= wall_ms() + 5000);
    CHECK_FALSE(o.expect_version);
    CHECK_FALSE(o.expect_bytes);

    p = put_of("k", "v");
    p.if_absent = true;
    o = operation_of(p);
    CHECK(o.expires_ms == 0);
    CHECK(o.expect_version == 0);

    p = put_of("k", "v");
    p.expect = "old";
    CHECK(operation_of(p).expect_bytes == "old");
    p = put_of("k", "v");
    p.expect_version = 9;
    CHECK(operation_of(p).expect_version == 9);

    p = {};
    p.key = "n";
    p.op = "incr";
    p.by = -4;
    o = operation_of(p);
    CHECK(o.what == operation::kind::add);
    CHECK(o.amount == -4);
    p.op = "delete";
    CHECK(operation_of(p).what == operation::kind::remove);
    p.op = "expire";
    o = operation_of(p);
    CHECK(o.what == operation::kind::expire);
    CHECK(o.expires_ms == 0);
}

TEST_CASE("a prefix with a whole tag is of one shard, any other of all") {
    for (const std::string prefix : {"", "user:", "{", "{cart", "{}", "{}x", "a}b{"})
        CHECK(shards_of_prefix(prefix, 64).size() == 64);
    for (const std::string prefix : {"{cart}", "x{cart}", "{cart}:it", "a{b}{c"}) {
        const auto shards = shards_of_prefix(prefix, 64);
        REQUIRE(shards.size() == 1);
        // Whatever follows, the key is there.
        for (const std::string rest : {"", "x", "{other}", "}"})
            CHECK(shard_of(prefix + rest, 64) == shards.front());
    }
}
