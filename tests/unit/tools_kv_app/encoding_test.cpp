#include "tools/kv/app/encoding.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <typeinfo>

#include "libbeamcore/term/etf.hpp"
#include "tests/unit/tools_kv_app/random_values.hpp"

using namespace kv;

namespace {

constexpr std::uint64_t seeds = 300;

/// Reads it as T, or gives nothing for what is malformed; anything else that is thrown fails the test.
template <class T>
std::optional<T> read_as(std::string_view bytes) {
    try {
        return from_bytes<T>(bytes);
    } catch (const malformed_bytes&) {
        return std::nullopt;
    }
}

template <class T>
void check_round_trips() {
    CAPTURE(typeid(T).name());
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
        CAPTURE(seed);
        test::random_values random(seed);
        T written{};
        random.make(written);
        const auto read = read_as<T>(bytes_of(written));
        REQUIRE(read.has_value());
        CHECK(*read == written);
    }
}

/// Whatever is read of spoilt bytes is a value as any: it can be written, and is read the same.
template <class T>
void check_spoilt(const std::string& bytes) {
    if (const auto read = read_as<T>(bytes)) {
        const auto again = read_as<T>(bytes_of(*read));
        REQUIRE(again.has_value());
        CHECK(*again == *read);
    }
}

template <class T>
void check_damage() {
    CAPTURE(typeid(T).name());
    for (std::uint64_t seed = 1; seed <= seeds / 10; ++seed) {
        CAPTURE(seed);
        test::random_values random(seed);
        T written{};
        random.make(written);
        const std::string bytes = bytes_of(written);
        for (std::size_t size = 0; size < bytes.size(); ++size)
            CHECK_FALSE(read_as<T>(std::string_view(bytes).substr(0, size)).has_value());
        CHECK_FALSE(read_as<T>(bytes + '\0').has_value());
        for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
            std::string spoilt = bytes;
            spoilt[bit / 8] = char(spoilt[bit / 8] ^ (1 << (bit % 8)));
            check_spoilt<T>(spoilt);
        }
    }
}

template <class... Types>
struct types {
    template <class F>
    static void each(F f) {
        (f.template operator()<Types>(), ...);
    }
};
using all_types =
    types<store_id, log_point, value, entry, shard_record, dedup_table, checkpoint, message,
          write_request, read_request, answer, changes_request, changes_page>;

}  // namespace

TEST_CASE("numbers are read as they were written, and fixed ones are ordered as they are") {
    byte_writer w;
    const std::vector<std::uint64_t> some{
        0, 1, 127, 128, 255, 256, 300, 0xffffffff, 0x7fffffffff, UINT64_MAX - 1, UINT64_MAX};
    for (const std::uint64_t n : some) {
        w.number(n);
        w.signed_number(std::int64_t(n));
        w.signed_number(-std::int64_t(n));
        w.fixed64(n);
        w.fixed32(std::uint32_t(n));
        w.fixed16(std::uint16_t(n));
    }
    byte_reader r(w.bytes());
    for (const std::uint64_t n : some) {
        CHECK(r.number() == n);
        CHECK(r.signed_number() == std::int64_t(n));
        CHECK(r.signed_number() == std::int64_t(0 - n));
        CHECK(r.fixed64() == n);
        CHECK(r.fixed32() == std::uint32_t(n));
        CHECK(r.fixed16() == std::uint16_t(n));
    }
    CHECK(r.is_at_end());
    CHECK_NOTHROW(r.expect_end());
    CHECK_THROWS_AS(r.u8(), malformed_bytes);
    for (std::size_t i = 1; i < some.size(); ++i) {
        byte_writer before, after;
        before.fixed64(some[i - 1]);
        after.fixed64(some[i]);
        CHECK(before.bytes() < after.bytes());
    }
}

TEST_CASE("a number without an end is malformed") {
    const std::string bytes(11, '\xff');
    byte_reader r(bytes);
    CHECK_THROWS_AS(r.number(), malformed_bytes);
}

TEST_CASE("all that kv writes is read as it was written") {
    all_types::each([]<class T>() { check_round_trips<T>(); });
}

TEST_CASE("each kind of message between stores is read as it was written, every field of it") {
    for (std::size_t which = 0; which < std::variant_size_v<message>; ++which) {
        CAPTURE(which);
        for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
            test::random_values random(seed);
            message written;
            random.make(written, which);
            REQUIRE(written.index() == which);
            const auto read = read_as<message>(bytes_of(written));
            REQUIRE(read.has_value());
            CHECK(*read == written);
        }
    }
}

TEST_CASE(
    "bytes that were cut, added to or flipped are malformed or another value, and nothing else") {
    all_types::each([]<class T>() { check_damage<T>(); });
}

TEST_CASE("a count that is larger than the input takes no memory") {
    for (const std::uint64_t count : {std::uint64_t{1} << 20, std::uint64_t{1} << 40, UINT64_MAX}) {
        byte_writer prepares;
        prepares.u8(0);
        for (int i = 0; i < 4; ++i) prepares.number(1);
        prepares.number(count);
        CHECK_THROWS_AS((void)from_bytes<message>(prepares.bytes()), malformed_bytes);
        byte_writer table;
        table.number(0);
        table.number(count);
        CHECK_THROWS_AS((void)from_bytes<dedup_table>(table.bytes()), malformed_bytes);
        byte_writer page;
        page.u8(0);
        page.number(1);
        page.number(count);
        CHECK_THROWS_AS((void)from_bytes<changes_page>(page.bytes()), malformed_bytes);
        byte_writer text;
        text.number(count);
        text.raw("text");
        byte_reader r(text.bytes());
        CHECK_THROWS_AS((void)r.text(), malformed_bytes);
    }
}

TEST_CASE("no byte makes a kind that there is not") {
    CHECK_THROWS_AS((void)from_bytes<message>(std::string(1, char(std::variant_size_v<message>))),
                    malformed_bytes);
    answer a;
    a.what = answer::kind::unknown;
    std::string bytes = bytes_of(a);
    CHECK(from_bytes<answer>(bytes) == a);
    ++bytes[0];
    CHECK_THROWS_AS((void)from_bytes<answer>(bytes), malformed_bytes);
    write_request w;
    w.operations.emplace_back().what = operation::kind::expire;
    bytes = bytes_of(w);
    const std::size_t kind_at = 8 + 1 + 1;  // behind the client, its number and the count
    REQUIRE(bytes[kind_at] == char(operation::kind::expire));
    ++bytes[kind_at];
    CHECK_THROWS_AS((void)from_bytes<write_request>(bytes), malformed_bytes);
}

TEST_CASE("sealed bytes with any bit flipped do not open") {
    for (const std::string& content :
         {std::string(), std::string("content"), std::string(300, 'x')}) {
        const std::string whole = sealed(content);
        CHECK(unsealed(whole) == content);
        for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
            std::string spoilt = whole;
            spoilt[bit / 8] = char(spoilt[bit / 8] ^ (1 << (bit % 8)));
            CHECK_THROWS_AS((void)unsealed(spoilt), malformed_bytes);
        }
        for (std::size_t size = 0; size < whole.size(); ++size)
            CHECK_THROWS_AS((void)unsealed(std::string_view(whole).substr(0, size)),
                            malformed_bytes);
    }
}

TEST_CASE(
    "as a field of a message between nodes a value is a binary, and what is none is refused") {
    test::random_values random(7);
    message m;
    random.make(m);
    using codec = beam::field_codec<message>;
    const beam::term t = codec::to(m);
    REQUIRE(t.is_binary());
    message read;
    REQUIRE(codec::from(t, read).has_value());
    CHECK(read == m);
    CHECK_FALSE(codec::from(beam::term(7), read).has_value());
    CHECK_FALSE(codec::from(beam::binary("nonsense"), read).has_value());
}
