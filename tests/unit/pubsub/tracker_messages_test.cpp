#include "libbeamcore/pubsub/tracker_messages.hpp"

#include <doctest/doctest.h>

#include <string>

#include "libbeamcore/term/syntax.hpp"

using namespace beam;
using namespace beam::tracker;

namespace {

const atom a("a@here");

std::string error_of(const char* text) {
    auto m = message_from_term(*parse_term(text));
    return m ? "none" : m.error().code;
}

}  // namespace

TEST_CASE("each message is read as it was written") {
    entry e;
    e.counter = 2;
    e.topic = e.key = e.session = "x";
    const std::vector<message> all = {delta{a, 1, 1, 3, {{2, 0, e}, {3, 2, {}}}},
                                      full{a, 1, 3, 0, 1, {e}},
                                      heartbeat{a, 1, 3, 77},
                                      tracker::sync{a, 1, 3, true},
                                      bye{a, 1},
                                      removal{a, 1, {2, 3}},
                                      seen{a, 1, 3},
                                      got{a, 1, 3, 0}};
    for (const auto& m : all) {
        const term t = to_term(m);
        auto read = message_from_term(t);
        REQUIRE(read.has_value());
        CHECK(read->index() == m.index());
        CHECK(to_term(*read) == t);
        CHECK(sender_of(*read) == a);
    }
}

TEST_CASE("fields that are not known are ignored, and those that lack have their default") {
    auto m = message_from_term(*parse_term(
        "{beam_tracker,1,{heartbeat,#{node => 'a@here',incarnation => 4,colour => red}}}"));
    REQUIRE(m.has_value());
    const auto& h = std::get<heartbeat>(*m);
    CHECK(h.node == a);
    CHECK(h.incarnation == 4);
    CHECK(h.version == 0);
}

TEST_CASE("what is not understood is an error") {
    CHECK(error_of("hello") == "unknown_message");
    CHECK(error_of("{beam_tracker,2,{heartbeat,#{}}}") == "later_version");
    CHECK(error_of("{beam_tracker,1,{song,#{}}}") == "unknown_message");
    CHECK(error_of("{beam_tracker,1,heartbeat}") == "unknown_message");
    CHECK(error_of("{beam_tracker,1,{heartbeat,#{version => x}}}") == "bad_field");
    CHECK(error_of("{beam_tracker,1,{delta,#{changes => [#{added => 1}]}}}") == "bad_field");
}
