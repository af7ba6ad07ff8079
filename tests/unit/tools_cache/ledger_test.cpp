#include "tools/cache/app/ledger.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <vector>

#include "libbeamcore/base/random.hpp"

using cache::birth;
using cache::ledger;
using cache::policy;

namespace {

birth entry(std::uint64_t id, std::int64_t remove_at = 0, beam::term tags = beam::nil) {
    birth b;
    b.key = cache::key_hash(id);
    b.id = id;
    b.put_at_ms = std::int64_t(id);
    b.remove_at_ms = remove_at;
    b.tags = std::move(tags);
    return b;
}

beam::term tags(std::initializer_list<beam::term> all) {
    return beam::list(all);
}

}  // namespace

TEST_CASE("what has been born is known until it has gone") {
    ledger books(0, policy::lru);
    books.born(entry(1));
    books.born(entry(2));
    CHECK(books.size() == 2);
    CHECK(books.oldest()->id == 1);
    books.gone(1);
    CHECK_FALSE(books.knows(1));
    CHECK(books.oldest()->id == 2);
    CHECK(books.oldest_put_ms() == 2);
    books.gone(2);
    CHECK(books.size() == 0);
    CHECK_FALSE(books.oldest());
    CHECK_FALSE(books.victim());
}

TEST_CASE("an end that is told before the birth is an end") {
    ledger books(0, policy::lru);
    books.gone(5);
    books.born(entry(5));
    CHECK(books.size() == 0);
    books.born(entry(6));
    CHECK(books.size() == 1);
}

TEST_CASE("an end without a birth is forgotten in time, and not too early") {
    ledger books(0, policy::lru);
    books.gone(5);
    books.forget_burials();
    books.born(entry(5));
    CHECK(books.size() == 0);
    books.gone(7);
    books.forget_burials();
    books.forget_burials();
    books.born(entry(7));
    CHECK(books.size() == 1);
}

TEST_CASE("a birth that is told twice is one") {
    ledger books(0, policy::lru);
    books.born(entry(1));
    books.born(entry(1));
    CHECK(books.size() == 1);
}

TEST_CASE("an entry is due when its time has come, and may be given another") {
    ledger books(0, policy::lru);
    books.born(entry(1, 100));
    books.born(entry(2, 100));
    books.changed(2, 0, beam::nil);
    books.born(entry(3));
    books.changed(3, 50, beam::nil);
    CHECK(books.advance(99, 1000));
    CHECK(books.due()->id == 3);
    CHECK_FALSE(books.due());
    CHECK(books.advance(100, 1000));
    CHECK(books.due()->id == 1);
    CHECK_FALSE(books.due());
    CHECK_FALSE(books.next_due_ms());
}

TEST_CASE("entries are found by their tags") {
    ledger books(0, policy::lru);
    books.born(entry(1, 0, tags({"build42", "x"})));
    books.born(entry(2, 0, tags({"build42"})));
    books.born(entry(3));
    std::set<std::uint64_t> found;
    while (auto k = books.tagged("build42")) {
        found.insert(k->id);
        books.gone(k->id);
    }
    CHECK(found == std::set<std::uint64_t>{1, 2});
    CHECK_FALSE(books.tagged("x"));
    books.changed(3, 0, tags({"late"}));
    CHECK(books.tagged("late")->id == 3);
    books.changed(3, 0, beam::nil);
    CHECK_FALSE(books.tagged("late"));
}

TEST_CASE("a scan gives what is there all the time exactly once") {
    ledger books(0, policy::lru);
    for (std::uint64_t id = 1; id <= 1000; ++id) books.born(entry(id));
    std::multiset<cache::key_hash> seen;
    beam::random_generator random(5);
    std::uint64_t cursor = 0, fresh = 2000;
    do {
        std::vector<cache::key_hash> keys;
        cursor = books.scan(cursor, 10, keys);
        seen.insert(keys.begin(), keys.end());
        books.gone(501 + random.below(500));
        books.born(entry(fresh++));
    } while (cursor != 0);
    for (std::uint64_t id = 1; id <= 500; ++id) CHECK(seen.count(cache::key_hash(id)) == 1);
}

TEST_CASE("another policy begins with the order of the first puts") {
    ledger books(0, policy::lru);
    for (std::uint64_t id = 1; id <= 3; ++id) books.born(entry(id));
    books.used(1);
    CHECK(books.victim()->id == 2);
    books.set_policy(policy::fifo);
    CHECK(books.by() == policy::fifo);
    CHECK(books.victim()->id == 1);
}

TEST_CASE("the index of ids does what a map does") {
    beam::random_generator random(9);
    cache::id_index index;
    std::set<std::uint64_t> there;
    for (int i = 0; i < 200'000; ++i) {
        const std::uint64_t id = (1 + random.below(64)) << 24 | random.below(500);
        if (random.below(2) == 0) {
            if (there.insert(id).second) index.insert(id, cache::slot(id & 0xffff));
        } else {
            index.erase(id);
            there.erase(id);
        }
        REQUIRE(index.size() == there.size());
    }
    for (std::uint64_t page = 1; page <= 64; ++page)
        for (std::uint64_t n = 0; n < 500; ++n) {
            const std::uint64_t id = page << 24 | n;
            const auto found = index.find(id);
            REQUIRE((found != cache::no_slot) == there.contains(id));
            if (found != cache::no_slot) REQUIRE(found == cache::slot(id & 0xffff));
        }
}

TEST_CASE("when all have gone the memory can be given back, and the books go on") {
    for (const policy p : {policy::lru, policy::lfu, policy::fifo}) {
        ledger books(0, p);
        for (std::uint64_t id = 1; id <= 5000; ++id)
            books.born(entry(id, std::int64_t(1000 + id), tags({"t"})));
        books.give_back_memory(10);
        CHECK(books.size() == 5000);  // not yet
        for (std::uint64_t id = 1; id <= 5000; ++id) books.gone(id);
        books.gone(5001);  // whose birth was not told yet
        books.give_back_memory(10);
        CHECK_FALSE(books.victim());
        CHECK_FALSE(books.oldest());
        CHECK_FALSE(books.next_due_ms());
        books.born(entry(5001));
        CHECK_FALSE(books.knows(5001));
        books.born(entry(5002, 20, tags({"t"})));
        CHECK(books.births() == 5001);
        CHECK(books.oldest()->id == 5002);
        CHECK(books.victim()->id == 5002);
        CHECK(books.tagged("t")->id == 5002);
        CHECK(books.advance(20, 100));
        CHECK(books.due()->id == 5002);
    }
}
