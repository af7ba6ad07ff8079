#include "libbeamcore/pubsub/tracker_entry.hpp"

#include <doctest/doctest.h>

#include "libbeamcore/pubsub/hybrid_clock.hpp"
#include "libbeamcore/term/etf.hpp"
#include "libbeamcore/term/node_table.hpp"
#include "libbeamcore/term/syntax.hpp"

using namespace beam;
using namespace beam::tracker;

namespace {

entry sample() {
    entry e;
    e.counter = 7;
    e.previous = 3;
    e.hlc = 99;
    e.topic = "lobby";
    e.key = "ann";
    e.session = "web-1";
    e.meta = map({{atom("status"), "here"}});
    e.process = pid{5, 6, 0};
    return e;
}

presence session_at(std::uint64_t hlc, std::uint64_t counter) {
    presence p;
    p.hlc = hlc;
    p.ref = {atom("a@here"), 1, counter};
    return p;
}

}  // namespace

TEST_CASE("an entry is a tuple, and a longer one of a later version can be read") {
    const entry e = sample();
    term t = to_term(e);
    auto read = from_term<entry>(t);
    REQUIRE(read.has_value());
    CHECK(to_term(*read) == t);
    CHECK(entry_hash(*read) == entry_hash(e));
    std::vector<term> longer(t.elements().begin(), t.elements().end());
    longer.push_back("something new");
    CHECK(from_term<entry>(tuple_of(std::move(longer))).has_value());
}

TEST_CASE("what is no entry is refused with a text") {
    for (const char* text : {"{1,2,3}", "{a,0,0,<<\"t\">>,<<\"k\">>,<<\"s\">>,#{},self}",
                             "{1,0,0,t,<<\"k\">>,<<\"s\">>,#{},self}", "[]"}) {
        auto read = from_term<entry>(*parse_term(text));
        REQUIRE(!read);
        CHECK(read.error().code == "bad_field");
    }
}

TEST_CASE("every part of an entry is in its hash, but pids that nodes hold differently are not") {
    const auto h = entry_hash(sample());
    entry e = sample();
    e.meta = map({{atom("status"), "away"}});
    CHECK(entry_hash(e) != h);
    e = sample();
    e.session = "web-2";
    CHECK(entry_hash(e) != h);
    e = sample();
    e.hlc = 100;
    CHECK(entry_hash(e) != h);
    entry here = sample(), there = sample();
    here.meta = map({{"from", pid{1, 1, 0}}, {"n", 1}});
    there.meta = map({{"from", pid{1, 1, node_index({atom("x@y"), 3})}}, {"n", 1}});
    CHECK(entry_hash(here) == entry_hash(there));
}

TEST_CASE("the size that is reckoned is about the size that is sent") {
    for (const char* text :
         {"#{a => 1}", "[1,2,3000,[]]", "{<<\"abcdef\">>,1.5,true,#{<<\"k\">> => [x,y|z]}}",
          "123456789012345678901234567890", "#{}", "[]"}) {
        const term t = *parse_term(text);
        std::string bytes;
        REQUIRE(etf::encode(t, bytes).has_value());
        CHECK(encoded_bytes(t) + 1 >= bytes.size());
        CHECK(encoded_bytes(t) <= 2 * bytes.size() + 10);
    }
}

TEST_CASE("the headline is the session that spoke last, as far as its clock is believed") {
    const std::vector<presence> sessions = {session_at(5, 1), session_at(9, 2), session_at(9, 3),
                                            session_at(2, 9)};
    CHECK(headline({}, 100) == nullptr);
    CHECK(headline(sessions, 100)->ref.counter == 3);
    CHECK(headline(sessions, 1)->ref.counter == 9);  // all count as 1 there
}

TEST_CASE("a dot has a short text") {
    CHECK(to_string(dot{atom("a@here"), 255, 12}) == "a@here/ff/12");
}
