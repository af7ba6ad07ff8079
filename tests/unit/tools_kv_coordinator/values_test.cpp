// What an older version wrote, and what nobody can have written.
#include "tools/kv/coordinator/values.hpp"
#include "tests/unit/tools_kv_coordinator/clusters.hpp"

using namespace test;

namespace {

std::string meta_with(const std::string& more) {
    return R"({"uuid":"u","shards":8,"copies":2,"min_isr":1,"format":1)" + more + "}";
}

}  // namespace

TEST_CASE("a cluster that was made before there was out_after puts a node out after 10 s") {
    CHECK(value_of(kv::decode_meta(meta_with(""))).out_after == 10s);
    CHECK(value_of(kv::decode_meta(meta_with(R"(,"out_after_ms":60000)"))).out_after == 60s);
}

TEST_CASE("a time after which a node is put out that nobody can have said is corrupt") {
    CHECK(code_of(kv::decode_meta(meta_with(R"(,"out_after_ms":0)"))) == "corrupt");
    CHECK(code_of(kv::decode_meta(meta_with(R"(,"out_after_ms":"soon")"))) == "corrupt");
}

TEST_CASE("a record is read with who led before; one of an earlier version tells nothing of that") {
    kv::shard_record r{7, {0, 1}, {{0, 1}, {0, 2}}};
    r.past_from = 3;
    r = r.next({0, 2}).next({0, 1});
    const auto read = kv::decode_record("shards/5", kv::encode(r));
    REQUIRE(read.has_value());
    CHECK(*read == r);
    CHECK(read->past_from == 3);
    REQUIRE(read->past.size() == 1);
    CHECK(read->past[0].store == kv::store_id{0, 2});
    CHECK(read->past[0].epoch == 8);
    const auto old = kv::decode_record(
        "shards/5",
        R"({"epoch":9,"primary":"00000000000000000000000000000001","isr":["00000000000000000000000000000001"]})");
    REQUIRE(old.has_value());
    CHECK(old->follows({8, {0, 5}, {{0, 5}}}));
    CHECK_FALSE(
        kv::decode_record(
            "shards/5",
            R"({"epoch":9,"primary":"00000000000000000000000000000001","isr":[],"past":[7]})")
            .has_value());
}
