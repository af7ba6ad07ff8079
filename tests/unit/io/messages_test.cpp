#include "libbeamcore/io/messages.hpp"

#include <doctest/doctest.h>

#include "libbeamcore/io/os_port.hpp"
#include "libbeamcore/runtime/message.hpp"
#include "libbeamcore/term/syntax.hpp"

using namespace beam;

TEST_CASE("messages of io can be looked at as terms") {
    const auto shown = [](auto m) { return to_string(message::make(std::move(m)).to_term()); };
    CHECK(shown(io::line{{7}, 0, "hello", true}) ==
          "{line,#{complete => true,from => #{value => 7},stream => 0,text => <<\"hello\">>}}");
    CHECK(shown(io::end_of_input{{7}, 1, atom("eof")}) ==
          "{end_of_input,#{from => #{value => 7},reason => eof,stream => 1}}");
    CHECK(shown(io::exited{{7}, {0, 0}}) ==
          "{exited,#{from => #{value => 7},status => #{code => 0,signal => 0}}}");
}

TEST_CASE("tokens are compared by their number, and the default is none") {
    CHECK(io::token{1} < io::token{2});
    CHECK(io::token{3} == io::token{3});
    CHECK_FALSE(io::token{});
    CHECK(std::hash<io::token>()(io::token{1}) != std::hash<io::token>()(io::token{2}));
}
