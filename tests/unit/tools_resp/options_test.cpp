// What the options of commands come to, and what is said of those that make no sense.
#include "tools/resp/options.hpp"

#include <doctest/doctest.h>

#include <initializer_list>
#include <string>
#include <vector>

#include "tools/resp/commands.hpp"

using namespace resp;

namespace {

using words = std::vector<std::string_view>;

constexpr expiry_clock shown{1'000'000, -500'000, 1'000'000'000};

struct said {
    std::string bytes;
    writer out{bytes};
};

}  // namespace

TEST_CASE("times are from now or from 1970 on, and never 0") {
    CHECK(expiry_of(time_unit::ms, 5, shown) == 1'000'005);
    CHECK(expiry_of(time_unit::s, 5, shown) == 1'005'000);
    CHECK(expiry_of(time_unit::unix_ms, 5, shown) == -499'995);
    CHECK(expiry_of(time_unit::unix_s, 5, shown) == -495'000);
    CHECK(expiry_of(time_unit::ms, -1'000'000, shown) == 1);
    CHECK_FALSE(expiry_of(time_unit::ms, 1'000'000'001, shown));
    CHECK_FALSE(expiry_of(time_unit::s, INT64_MAX / 100, shown));
    CHECK_FALSE(expiry_of(time_unit::ms, INT64_MAX, shown));
    CHECK(expiry_of(time_unit::ms, INT64_MIN, shown).value_or(0) < 0);
}

TEST_CASE("SET's options: each once, none against another") {
    set_options all;
    CHECK(read_set(words{"SET", "k", "v", "nx", "GET", "px", "10"}, all));
    CHECK(all.only_new);
    CHECK(all.gets);
    CHECK(all.when.unit == time_unit::ms);
    CHECK(all.when.amount == "10");
    for (const words& bad :
         {words{"SET", "k", "v", "NX", "XX"}, words{"SET", "k", "v", "EX"},
          words{"SET", "k", "v", "EX", "1", "PX", "1"},
          words{"SET", "k", "v", "KEEPTTL", "EX", "1"},
          words{"SET", "k", "v", "EX", "1", "KEEPTTL"}, words{"SET", "k", "v", "NONSENSE"}}) {
        set_options none;
        CHECK_FALSE(read_set(bad, none));
    }
}

TEST_CASE("EXPIRE's options look at what the key has") {
    const auto read = [](std::initializer_list<std::string_view> more) {
        words all{"EXPIRE", "k", "1"};
        all.insert(all.end(), more);
        said s;
        expire_options o;
        REQUIRE(read_expire(s.out, all, o));
        return o;
    };
    CHECK(read({}).allow(0, 5));
    CHECK(read({"NX"}).allow(0, 5));
    CHECK_FALSE(read({"NX"}).allow(4, 5));
    CHECK(read({"XX"}).allow(4, 5));
    CHECK_FALSE(read({"XX"}).allow(0, 5));
    CHECK(read({"GT"}).allow(4, 5));
    CHECK_FALSE(read({"GT"}).allow(5, 5));
    CHECK_FALSE(read({"gt"}).allow(0, 5));
    CHECK(read({"LT"}).allow(0, 5));
    CHECK(read({"LT"}).allow(6, 5));
    CHECK_FALSE(read({"LT"}).allow(5, 5));
    said s;
    expire_options o;
    CHECK_FALSE(read_expire(s.out, words{"EXPIRE", "k", "1", "GT", "LT"}, o));
    CHECK(s.bytes == "-ERR GT and LT options at the same time are not compatible\r\n");
}

TEST_CASE("SCAN's cursor and options") {
    said s;
    scan_options o;
    CHECK(read_scan(s.out, words{"SCAN", "7", "MATCH", "a*", "count", "3", "TYPE", "string"}, o));
    CHECK(o.cursor == 7);
    CHECK(o.match == "a*");
    CHECK(o.count == 3);
    CHECK(o.strings);
    for (const words& bad : {words{"SCAN", "-1"}, words{"SCAN", "x"}, words{"SCAN", "0", "COUNT"},
                             words{"SCAN", "0", "COUNT", "0"}, words{"SCAN", "0", "OTHER", "1"}}) {
        said why;
        scan_options none;
        CHECK_FALSE(read_scan(why.out, bad, none));
        CHECK(why.bytes.substr(0, 5) == "-ERR ");
    }
}

namespace {

struct tester : client {
    int calls = 0;
};

void count_call(tester& c, arguments) {
    ++c.calls;
}

constexpr command<tester> table[] = {{"COUNTED", -2, count_call}};

const command_index<tester>& known() {
    static const command_index<tester> all{table, connection_commands<tester>};
    return all;
}

}  // namespace

TEST_CASE("a command is found in any case, and told how many arguments it takes") {
    tester c;
    const words good{"cOunted", "x"};
    const auto* found = known().accept(c, good);
    REQUIRE(found);
    found->run(c, good);
    CHECK(c.calls == 1);
    CHECK_FALSE(known().accept(c, words{"counted"}));
    CHECK_FALSE(known().accept(c, words{"a name that is longer than any command has", "x"}));
    CHECK(c.bytes ==
          "-ERR wrong number of arguments for 'counted' command\r\n"
          "-ERR unknown command 'a name that is longer than any command has', with args beginning "
          "with: 'x' \r\n");
}
