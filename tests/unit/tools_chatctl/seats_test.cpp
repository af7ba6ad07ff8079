#include "tools/chatctl/app/seats.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>

using namespace chat;
using beam::atom;

TEST_CASE(
    "the nodes that should hold a room are the same whoever asks, and differ from room to room") {
    const std::vector<atom> nodes{atom("a@h"), atom("b@h"), atom("c@h"), atom("d@h")};
    std::vector<atom> turned(nodes.rbegin(), nodes.rend());
    std::map<std::string, int> first;
    for (int i = 0; i < 200; ++i) {
        const std::string room = "room" + std::to_string(i);
        const auto chosen = backups_for(room, nodes);
        REQUIRE(chosen.size() == backups_max);
        CHECK(chosen == backups_for(room, turned));
        ++first[std::string(chosen[0].name())];
        // Another node's death moves only what was there.
        auto fewer = nodes;
        std::erase(fewer, chosen[1]);
        CHECK(backups_for(room, fewer)[0] == chosen[0]);
    }
    CHECK(first.size() == 4);
    CHECK(backups_for("r", {atom("a@h")}) == std::vector<atom>{atom("a@h")});
    CHECK(backups_for("r", {}).empty());
}

TEST_CASE("the first seat that is up has its turn, then the next") {
    const std::vector<atom> seats{atom("a@h"), atom("b@h"), atom("c@h")};
    CHECK(turn_of(atom("b@h"), seats, {atom("b@h"), atom("c@h")}) == 0u);
    CHECK(turn_of(atom("c@h"), seats, {atom("b@h"), atom("c@h")}) == 1u);
    CHECK(turn_of(atom("c@h"), seats, {atom("a@h"), atom("b@h"), atom("c@h")}) == 2u);
    CHECK_FALSE(turn_of(atom("d@h"), seats, {atom("d@h")}));
}

TEST_CASE("of two homes the one of the later epoch stays, and always one of them") {
    CHECK(outranks(2, 5, 1, 9));
    CHECK_FALSE(outranks(1, 9, 2, 5));
    CHECK(outranks(1, 9, 1, 5));
    CHECK_FALSE(outranks(1, 5, 1, 5));
    CHECK(new_epoch_id() != new_epoch_id());
    CHECK(new_epoch_id() < (std::uint64_t(1) << 53));
}
