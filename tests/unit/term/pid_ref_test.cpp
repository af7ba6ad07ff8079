#include "libbeamcore/term/node_table.hpp"
#include "libbeamcore/term/pid.hpp"
#include "libbeamcore/term/ref.hpp"
#include "libbeamcore/term/term.hpp"
#include "tests/support/show.hpp"

using namespace beam;

TEST_CASE("a pid prints as Erlang prints it, and the default one is none") {
    CHECK(to_string(pid{215, 0}) == "<0.215.0>");
    CHECK(to_string(pid{1, 2, 3}) == "<3.1.2>");
    CHECK_FALSE(pid{});
    CHECK(pid{1, 0});
    CHECK(pid{0, 1});
}

TEST_CASE("a stale pid is another pid, and an older one is less") {
    CHECK(pid{5, 0} != pid{5, 1});
    CHECK(pid{5, 0} < pid{6, 0});
    CHECK(pid{9, 0} < pid{1, 1});
}

TEST_CASE("pids of any size go through terms") {
    for (auto p : {pid{}, pid{1, 2}, pid{(1u << 28) - 1, ~0u}, pid{1u << 28, 0}, pid{~0u, ~0u},
                   pid{1, 1, 1}}) {
        CHECK(term(p).as_pid() == p);
        CHECK(term(p).is_pid());
        CHECK(term(p) == term(p));
    }
    CHECK(term(pid{1, 0}) != term(pid{1, 0, 1}));
}

TEST_CASE("a reference prints its most significant word first") {
    CHECK(to_string(ref{0, {1, 2, 3}}) == "#Ref<0.3.2.1>");
    CHECK(to_string(ref{0, {1}}) == "#Ref<0.0.0.1>");
    CHECK(to_string(ref{2, {1, 2, 3, 4}}) == "#Ref<2.4.3.2.1>");
    CHECK(to_string(ref{0, {1, 2, 3, 0, 5}}) == "#Ref<0.5.0.3.2.1>");
    CHECK_FALSE(ref{});
    CHECK(ref{0, {0, 0, 0, 0, 1}});
}

TEST_CASE("references are ordered by their most significant word") {
    CHECK(ref{0, {9, 0, 0}} < ref{0, {0, 1, 0}});
    CHECK(ref{0, {0, 0, 0, 0, 1}} > ref{0, {9, 9, 9, 9, 0}});
    CHECK(compare(ref{0, {9, 0, 0}}, ref{0, {0, 1, 0}}) < 0);
}

TEST_CASE("a node keeps its index, and another incarnation has another") {
    auto a = node_index({atom("a@here"), 1});
    CHECK(a != 0);
    CHECK(node_index({atom("a@here"), 1}) == a);
    CHECK(node_index({atom("a@here"), 2}) != a);
    CHECK(node_at(a) == node_identity{atom("a@here"), 1});
    CHECK(existing_node_index({atom("a@here"), 1}) == a);
    CHECK_FALSE(existing_node_index({atom("b@nowhere"), 1}));
    CHECK(node_at(0).name == atoms::nonode_at_nohost);
    CHECK(node_at(1'000'000'000).name == atoms::nonode_at_nohost);
}

TEST_CASE("terms order references of two nodes by the nodes' names, not by their indices") {
    auto z = node_index({atom("z@order"), 1}), a = node_index({atom("a@order"), 1});
    CHECK(z < a);
    CHECK(compare(ref{a, {9}}, ref{z, {1}}) < 0);
    CHECK(compare(pid{1, 0, a}, pid{1, 0, z}) < 0);
    CHECK(compare(pid{2, 0, a}, pid{1, 0, z}) > 0);
}
