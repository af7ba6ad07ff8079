#include "libbeamcore/pubsub/tracker_config.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace beam::tracker;
using namespace std::chrono_literals;

namespace {

std::string code_of(const config& c) {
    auto r = check(c);
    return r ? "ok" : r.error().code;
}

}  // namespace

TEST_CASE("TRK-10: periods that cannot work together are refused") {
    CHECK(code_of({}) == "ok");
    config c;
    c.down_after = 1999ms;
    CHECK(code_of(c) == "down_after_too_short");
    c.down_after = 2000ms;
    CHECK(code_of(c) == "ok");
    c.permdown_after = 2000ms;
    CHECK(code_of(c) == "permdown_after_too_short");
    c.permdown_after = 2001ms;
    CHECK(code_of(c) == "ok");
}

TEST_CASE("periods and limits are positive") {
    for (auto period :
         {&config::heartbeat, &config::gather, &config::down_after, &config::permdown_after}) {
        config c;
        c.*period = 0ms;
        CHECK(code_of(c) == "not_positive");
    }
    for (auto limit : {&config::changes_kept, &config::message_bytes, &config::chunks_in_flight,
                       &config::text_bytes_max, &config::sessions_max, &config::entries_max}) {
        config c;
        c.*limit = 0;
        CHECK(code_of(c) == "not_positive");
    }
    config c;
    c.flap_grace = 0ms;
    CHECK(code_of(c) == "ok");
}
