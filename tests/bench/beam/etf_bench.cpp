// The External Term Format: a map of 1 KB as a user's record would be, and a list of 10,000 integers of 1 to 32 bits.
// What is made is new each time and dropped, as Erlang's binaries and terms are.
#include "libbeamcore/term/etf.hpp"

#include <string>
#include <vector>

#include "libbeamcore/term/syntax.hpp"
#include "tests/bench/beam/bench.hpp"

namespace {

// bench_etf.erl has the same.
constexpr const char* record = R"(
    #{id => 4711000123, user => <<"ann.example">>, name => <<"Ann Margaret Example">>,
      email => <<"ann.example@example.org">>, phone => <<"+49 30 123456789">>, city => <<"Springfield">>,
      street => <<"12 Long Road, Building 3">>, zip => <<"10115">>, country => de, state => <<"Berlin">>,
      role => admin, theme => dark, language => en_gb, created => 1717763400, updated => 1717769999,
      last_seen => 1717763400000, visits => 4242, balance => 1234.5, score => 98, active => true,
      verified => true, level => gold, tags => [early, newsletter, two_factor], limits => {100, 1000, 10000},
      source => <<"newsletter-2024-06-autumn-campaign">>, agent => <<"Mozilla/5.0 X11 Linux x86_64 rv:127.0">>,
      referrer => <<"https://www.example.org/landing/page?campaign=autumn&source=mail">>,
      token => <<"7f3c0a9e5b1d48c2a6e4f08d9b7c5a3120f1e2d3c4b5a69788796a5b4c3d2e1f">>,
      address => <<"192.0.2.17">>, time_zone => <<"Europe/Berlin">>,
      note => <<"Wants to be called in the afternoon only, and prefers letters to mail.">>,
      last_order => <<"Came back because the house has no number: write the floor too.">>})";

beam::term integers() {
    std::vector<beam::term> made;
    std::uint32_t x = 1;
    for (int i = 0; i < 10'000; ++i) {
        x = x * 1664525 + 1013904223;
        auto size = std::int64_t(x) >> (x >> 9 & 31);
        made.emplace_back((x >> 8 & 1) != 0 ? -size : size);
    }
    return beam::list_of(std::move(made));
}

double encode(const beam::term& t, int count) {
    std::size_t bytes = 0;
    auto start = bench::now_ns();
    for (int i = 0; i < count; ++i) {
        std::string made;
        (void)beam::etf::encode(t, made);
        bytes += made.size();
    }
    auto each = double(bench::now_ns() - start) / count;
    bench::expect(bytes > 0, "nothing was written");
    return each;
}

double decode(const beam::term& t, int count) {
    std::string bytes;
    (void)beam::etf::encode(t, bytes);
    bool same = beam::etf::decode(bytes) == t;
    auto start = bench::now_ns();
    for (int i = 0; i < count; ++i) same = beam::etf::decode(bytes).has_value() && same;
    auto each = double(bench::now_ns() - start) / count;
    bench::expect(same, "what was read is not what was written");
    return each;
}

void measure(const bench::run& run, const std::string& what, const beam::term& t, int count) {
    (void)encode(t, count / 10 + 1);
    run.figure("etf_encode_" + what, encode(t, count), "ns");
    (void)decode(t, count / 10 + 1);
    run.figure("etf_decode_" + what, decode(t, count), "ns");
}

}  // namespace

BENCH(etf_map) {
    auto map = beam::parse_term(record);
    bench::expect(map.has_value(), "the record cannot be read");
    measure(run, "map", *map, run.pick(1'000'000, 300'000, 100));
}

BENCH(etf_list) {
    measure(run, "list", integers(), run.pick(10'000, 3'000, 3));
}
