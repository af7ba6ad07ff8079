// What the External Term Format's reader refuses, and what it does not believe.
#include <doctest/doctest.h>

#include <string>

#include "libbeamcore/term/syntax.hpp"
#include "tests/support/show.hpp"
#include "tests/unit/term/etf_bytes.hpp"

using namespace beam;

namespace {

void refuses(std::string_view hex, const char* code, const char* detail_begin = "",
             const etf::decode_options& options = {}) {
    INFO(hex);
    auto t = etf::decode(bytes_of(hex), options);
    REQUIRE_FALSE(t);
    CHECK(t.error().code == code);
    INFO(t.error().detail);
    CHECK(t.error().detail.starts_with(detail_begin));
}

std::string repeated(std::string_view hex, std::size_t count, std::string_view last) {
    auto unit = bytes_of(hex);
    std::string bytes = "\x83";
    for (std::size_t i = 0; i < count; ++i) bytes += unit;
    return bytes + bytes_of(last);
}

}  // namespace

TEST_CASE("what is no term is refused, with the place") {
    refuses("", "truncated", "byte 0:");
    refuses("61 01", "bad_version", "byte 0:");
    refuses("83", "truncated", "byte 1:");
    refuses("83 00", "bad_tag", "byte 1:");
    refuses("83 83 61 01", "bad_tag", "byte 1:");
    refuses("83 79", "bad_tag", "byte 1:");  // LOCAL_EXT is never on the wire
    refuses("83 68 02 61 01 ff", "bad_tag", "byte 5:");
    refuses("83 61 01 02", "trailing_bytes", "byte 3:");
    refuses("83 68 01 50 00000002 789c4b6404000 0c50063", "bad_tag", "byte 3:");
}

TEST_CASE("every term that is cut anywhere is refused") {
    std::vector<term> parts;
    for (auto text : {"1", "-300", "123456789012345678901234567890", "1.5", "abc",
                      "'a name of more than sixteen bytes'", "<<\"text\">>", "<<5:3>>", "[a|b]",
                      "\"text\"", "[1,300,5000000000,70000,2,3,4,5,6,7,8,9]", "{}", "{{a,b},c}",
                      "#{a => 1, b => [x]}", "fun lists:map/2"}) {
        auto t = parse_term(text);
        REQUIRE(t);
        parts.push_back(*t);
    }
    auto other = node_index({atom("other@host"), 7});
    parts.emplace_back(pid{1, 2, other});
    parts.emplace_back(ref{other, {1, 2, 3, 4, 5}});
    parts.emplace_back(port{5, other});
    parts.emplace_back(port{std::uint64_t(1) << 40, other});
    parts.push_back(
        read("83 70 00000036 01 000102030405060708090a0b0c0d0e0f 00000001 00000001 770161 6101 "
             "6102 58 770161 00000001 00000000 00000001 6103"));
    for (const auto& part : parts) {
        auto whole = written(part);
        for (std::size_t size = 0; size < whole.size(); ++size) {
            INFO(part, " at ", size);
            // A copy without a byte to spare, so that the sanitizers see every byte too many.
            std::vector<char> cut(whole.begin(), whole.begin() + std::ptrdiff_t(size));
            auto t = etf::decode({cut.data(), size});
            REQUIRE_FALSE(t);
            CHECK(t.error().code == "truncated");
        }
        CHECK(etf::decode(whole) == part);
    }
}

TEST_CASE("lengths are not believed") {
    refuses("83 69 ffffffff 61 01 61 02 61", "truncated");
    refuses("83 6c ffffffff 61 01 61 02 61", "truncated");
    refuses("83 74 ffffffff 61 01 61 02 61", "truncated");
    refuses("83 74 80000000 61 01 61 02 61", "truncated");
    refuses("83 6d ffffffff 61 01", "truncated");
    refuses("83 4d ffffffff 08 01", "truncated");
    refuses("83 6f ffffffff 00 01", "truncated");
    refuses("83 6b ffff 01", "truncated");
    refuses("83 76 ffff 61", "truncated");
    refuses("83 77 05 61", "truncated");
    refuses("83 70 ffffffff 01 000102030405060708090a0b0c0d0e0f 00000001 ffffffff 770161 6101",
            "truncated");
}

TEST_CASE("containers in containers cannot claim the same bytes again") {
    // Each of them would fit into what is left, all of them together do not: they would take 8 GB.
    std::string bytes = "\x83";
    for (std::uint32_t left = 200'000; left > 10; left -= 5) {
        bytes += 'l';
        for (int shift = 24; shift >= 0; shift -= 8) bytes += char((left - 10) >> shift);
    }
    CHECK(etf::decode(bytes).error().code == "truncated");
}

TEST_CASE("values that cannot be are refused") {
    refuses("83 46 7ff0000000000000", "bad_value", "byte 2:");  // infinity
    refuses("83 46 7ff8000000000000", "bad_value", "byte 2:");  // NaN
    refuses("83 68 02 46 fff0000000000000 6b 0010 00000000000000000000000000000000", "bad_value",
            "byte 4:");
    refuses("83 4d 00000000 08", "bad_value");
    refuses("83 4d 00000001 00 01", "bad_value");
    refuses("83 4d 00000001 09 ff", "bad_value");
    refuses("83 5a 0000 770161 00000001", "bad_value");
    refuses("83 5a 0006 770161 00000001 000000010000000200000003000000040000000500000006",
            "bad_value");
    refuses("83 58 6101 000000010000000200000003", "bad_tag", "byte 2:");
    refuses("83 71 770161 770162 62ffffffff", "bad_value");
    refuses("83 71 770161 770162 770163", "bad_value");
    refuses("83 71 770161 6101 6102", "bad_tag");
}

TEST_CASE("closures whose parts are of the wrong kind or size are refused") {
    const std::string digest = "01 000102030405060708090a0b0c0d0e0f 00000001 00000000";
    const std::string pid = "58 770161 00000001 00000000 00000001";
    refuses("83 70 00000033" + digest + "6101 6101 6102" + pid, "bad_value");
    refuses("83 70 00000034" + digest + "770161 770161 6102" + pid, "bad_value");
    refuses("83 70 00000034" + digest + "770161 6101 6102 6103", "bad_value");
    refuses("83 70 00000001" + digest + "770161 6101 6102" + pid, "bad_value");
    CHECK(etf::decode(bytes_of("83 70 00000034" + digest + "770161 6101 6102" + pid)).has_value());
}

TEST_CASE("atoms that cannot be are refused") {
    refuses("83 77 01 ff", "bad_atom");
    refuses("83 77 02 c3 28", "bad_atom");
    std::string name(256, 'x');
    auto bytes = bytes_of("83 76 0100") + name;
    CHECK(etf::decode(bytes).error().code == "bad_atom");
    bytes = bytes_of("83 64 0100") + name;
    CHECK(etf::decode(bytes).error().code == "bad_atom");
}

TEST_CASE("a map with a key twice is refused") {
    refuses("83 74 00000002 770161 6101 770161 6102", "duplicate_key");
    refuses("83 74 00000003 6101 6101 6102 6101 62 00000001 6a", "duplicate_key");
    refuses("83 74 00000002 6d00000001 41 6a 6d00000001 41 6a", "duplicate_key");
    refuses("83 74 00000002 46 0000000000000000 6a 46 8000000000000000 6a", "duplicate_key");
}

TEST_CASE("a place that the header does not have is refused") {
    refuses("83 52 00", "unknown_reference");
    const atom atoms[] = {atoms::ok, atoms::error};
    etf::decode_options options{.references = atoms};
    CHECK(read("83 68 02 52 01 52 00", options) == tuple(atoms::error, atoms::ok));
    refuses("83 52 02", "unknown_reference", "", options);
}

TEST_CASE("terms of 100,000 levels pass, those of more than allowed do not") {
    auto nested = [](std::size_t levels) { return repeated("68 01", levels, "61 01"); };
    auto deep = etf::decode(nested(100'000));
    REQUIRE(deep);
    CHECK(written(*deep) == nested(100'000));
    CHECK(etf::decode(nested(1'000'000)).has_value());
    CHECK(etf::decode(nested(2'000'000)).error().code == "too_deep");

    etf::decode_options shallow{.depth_max = 3};
    CHECK(etf::decode(nested(3), shallow).has_value());
    CHECK(etf::decode(nested(4), shallow).error().code == "too_deep");
    std::string out = "kept";
    auto four = etf::decode(nested(4));
    REQUIRE(four);
    CHECK(etf::encode(*four, out, {.depth_max = 3}).error().code == "too_deep");
    CHECK(out == "kept");
    CHECK(etf::encode(*four, out, {.depth_max = 4}).has_value());
}

TEST_CASE("lists and maps may be as deep") {
    auto lists = repeated("6c 00000001", 100'000, "6a") + std::string(100'000, 'j');
    auto deep = etf::decode(lists);
    REQUIRE(deep);
    CHECK(written(*deep) == lists);
    auto maps = repeated("74 00000001 770161", 100'000, "6a");
    deep = etf::decode(maps);
    REQUIRE(deep);
    CHECK(written(*deep) == maps);
}

TEST_CASE("a list that goes on in its tail is not deep") {
    auto tails = repeated("6c 00000001 6201000000", 1000, "6a");
    auto list = etf::decode(tails, {.depth_max = 1});
    REQUIRE(list);
    CHECK(list->list_length() == 1000);
    CHECK(etf::encode(*list, tails, {.depth_max = 1}).has_value());
}

TEST_CASE("a stranger may make as many atoms as the budget has, and use all that there are") {
    etf::atom_budget budget(2);
    etf::decode_options options{.budget = &budget};
    auto before = atom_count();
    CHECK(read("83 68 03 77026f6b 7701 61 7705 6572726f72", options).is_tuple());
    CHECK(budget.left() == 2);
    auto named = [&](const std::string& name) {
        return etf::decode(bytes_of("83 77") + char(name.size()) + name, options);
    };
    CHECK(named("etf new atom 1").has_value());
    CHECK(named("etf new atom 1").has_value());
    CHECK(budget.left() == 1);
    CHECK(named("etf new atom of more than 16 bytes").has_value());
    CHECK(budget.left() == 0);
    CHECK(named("etf new atom 2").error().code == "too_many_atoms");
    CHECK_FALSE(existing_atom("etf new atom 2"));
    CHECK(named("etf new atom 1").has_value());
    CHECK(atom_count() == before + 2);
}

TEST_CASE("a node that was not known costs as much as an atom") {
    (void)atom("budget@host");
    etf::atom_budget budget(1);
    etf::decode_options options{.budget = &budget};
    auto pid_of = [&](const char* creation) {
        return etf::decode(bytes_of("83 58 77 0b") + "budget@host" + bytes_of("00000001 00000000") +
                               bytes_of(creation),
                           options);
    };
    CHECK(pid_of("00000001").has_value());
    CHECK(pid_of("00000001").has_value());
    CHECK(pid_of("00000002").error().code == "too_many_atoms");
    CHECK_FALSE(existing_node_index({atom("budget@host"), 2}));
}
