#include "libbeamcore/node/internal/failed_starts.hpp"

#include <doctest/doctest.h>

namespace {

using beam::control::failed_starts;
using namespace std::chrono_literals;

beam::rpc::failure failure(std::string why) {
    return beam::rpc::make_failure(beam::rpc::refused, "application_failed", std::move(why), "",
                                   70);
}

const failed_starts::clock::time_point start{};

}  // namespace

TEST_CASE("after five failed starts the last is the answer, until the first is five seconds old") {
    failed_starts f;
    for (int i = 1; i <= 5; ++i) {
        const auto now = start + i * 100ms;
        CHECK_FALSE(f.answer("kv", now));
        f.add("kv", failure("try " + std::to_string(i)), now - 1ms, now);
    }
    const auto known = f.answer("kv", start + 600ms);
    REQUIRE(known);
    CHECK(known->error.why == "try 5; it failed 5 times in a row, and is tried again in 5s");
    CHECK_FALSE(f.answer("chat", start + 600ms));
    CHECK(f.answer("kv", start + 5100ms));
    CHECK_FALSE(f.answer("kv", start + 5101ms));

    // One more, and the next is to be awaited again.
    f.add("kv", failure("try 6"), start + 5101ms, start + 5102ms);
    CHECK(f.answer("kv", start + 5200ms)->error.why ==
          "try 6; it failed 5 times in a row, and is tried again in 0s");
    CHECK_FALSE(f.answer("kv", start + 5201ms));
}

TEST_CASE("requests that waited for one start count it once") {
    failed_starts f;
    for (int i = 0; i < 50; ++i) f.add("kv", failure("no"), start, start + 10ms + i * 1ms);
    CHECK_FALSE(f.answer("kv", start + 100ms));
}

TEST_CASE("an application that runs has failed no more") {
    failed_starts f;
    for (int i = 1; i <= 5; ++i) f.add("kv", failure("no"), start + i * 200ms, start + i * 200ms);
    CHECK(f.answer("kv", start + 1s));
    f.forget("kv");
    CHECK_FALSE(f.answer("kv", start + 1s));
}
