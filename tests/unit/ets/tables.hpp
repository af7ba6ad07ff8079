// What tests of tables share: a node to run in, tables, terms as text.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "libbeamcore/ets/rows.hpp"
#include "libbeamcore/ets/select.hpp"
#include "libbeamcore/ets/table.hpp"
#include "libbeamcore/runtime/spawn.hpp"
#include "libbeamcore/term/syntax.hpp"
#include "tests/support/badarg.hpp"
#include "tests/support/simulated.hpp"

namespace test {

/// Runs `code(self)`, a coroutine, in a deterministic node.
template <class F>
void in_node(F code) {
    beam::runtime node(deterministic(1));
    run_in(node, code);
}

/// The same for code that does not wait.
inline void as_process(void (*code)()) {
    beam::runtime node(deterministic(1));
    run_in(
        node,
        [](beam::self, void (*f)()) -> beam::awaitable<void> {
            f();
            co_return;
        },
        code);
}

inline beam::term t(std::string_view text) {
    auto read = beam::parse_term(text);
    REQUIRE_MESSAGE(read.has_value(), std::string(text));
    return *read;
}

inline beam::ets::table make(beam::ets::table_type type,
                             beam::ets::table_access access = beam::ets::table_access::public_,
                             std::size_t keypos = 1) {
    beam::ets::table_options o;
    o.type = type;
    o.access = access;
    o.keypos = keypos;
    return beam::ets::new_table(beam::atom("test_table"), o);
}

inline constexpr beam::ets::table_type all_types[] = {
    beam::ets::table_type::set, beam::ets::table_type::ordered_set, beam::ets::table_type::bag,
    beam::ets::table_type::duplicate_bag};
inline constexpr beam::ets::table_type one_row_types[] = {beam::ets::table_type::set,
                                                          beam::ets::table_type::ordered_set};
inline constexpr beam::ets::table_type bag_types[] = {beam::ets::table_type::bag,
                                                      beam::ets::table_type::duplicate_bag};

inline void put(const beam::ets::table& table, std::initializer_list<const char*> rows) {
    for (const char* row : rows) beam::ets::insert(table, t(row));
}

/// As a list, as it is.
inline beam::term listed(std::vector<beam::term> all) {
    return beam::list_of(std::move(all));
}
/// As a list in the order of terms.
inline beam::term sorted(std::vector<beam::term> all) {
    std::sort(all.begin(), all.end(), [](const beam::term& a, const beam::term& b) {
        return beam::compare_exact(a, b) < 0;
    });
    return beam::list_of(std::move(all));
}
inline beam::term contents(const beam::ets::table& table) {
    return sorted(beam::ets::tab2list(table));
}

}  // namespace test
