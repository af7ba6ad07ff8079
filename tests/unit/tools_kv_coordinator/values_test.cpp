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
