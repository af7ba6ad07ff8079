#include "tools/chatctl/app/log.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "libbeamcore/base/random.hpp"
#include "tools/chatctl/app/limits.hpp"
#include "tools/chatctl/app/reader.hpp"

using namespace chat;

namespace {

post said(std::uint64_t epoch, std::uint64_t id, const std::string& key) {
    post p;
    p.id = p.seq = id;
    p.epoch = epoch;
    p.text = p.key = key;
    return p;
}

/// What a room's process does when it is told something.
void say(room_log& log, std::uint64_t epoch, const std::string& key) {
    log.keep(said(epoch, log.last_id() + 1, key));
}

void take(room_log& log, std::vector<post> posts) {
    for (post& p : posts) log.keep(std::move(p));
}

std::string texts(const std::vector<post>& posts) {
    std::string all;
    for (const post& p : posts) all += p.text + " ";
    return all;
}
std::string texts(const room_log& log) {
    return texts(log.after(0, kept_max, SIZE_MAX));
}

room_log copy_of(const room_log& log) {
    return {log.after(0, kept_max, SIZE_MAX), log.seen()};
}

}  // namespace

TEST_CASE("a log numbers what it is told, and knows it by its key") {
    room_log log;
    log.begin_epoch(1);
    say(log, 1, "a");
    say(log, 1, "b");
    CHECK(log.last_id() == 2);
    REQUIRE(log.find_key("b"));
    CHECK(log.find_key("b")->id == 2);
    CHECK(log.find_key("c") == nullptr);
    CHECK(log.seen() == marks{{1, 2}});
    CHECK(texts(log.after(1, 10, SIZE_MAX)) == "b ");
    CHECK(texts(log.after(0, 1, SIZE_MAX)) == "a ");
    CHECK(texts(log.after(0, 10, 1)) == "a ");
}

TEST_CASE("what two logs said apart is in both once they have met, and nothing twice") {
    room_log a;
    a.begin_epoch(1);
    say(a, 1, "before");
    room_log b = copy_of(a);
    b.begin_epoch(2);
    say(a, 1, "a1");
    say(a, 1, "a2");
    say(b, 2, "b1");

    const marks of_b = b.seen();
    std::vector<post> new_here = b.fresh(a.unseen(of_b, SIZE_MAX));
    CHECK(texts(new_here) == "a1 a2 ");
    CHECK(new_here[0].id == 3);
    CHECK(new_here[0].seq == 2);
    take(b, std::move(new_here));
    CHECK(texts(b) == "before b1 a1 a2 ");
    CHECK(b.fresh(a.unseen({}, SIZE_MAX)).empty());
    CHECK(covers(b.seen(), a.seen()));
    CHECK_FALSE(covers(a.seen(), b.seen()));
}

TEST_CASE("a deletion buries copies of the room in which nothing was said since, and no other") {
    const marks deleted{{1, 5}, {2, 7}};
    CHECK(buries(deleted, {{1, 5}}));
    CHECK(buries(deleted, {{1, 4}, {2, 7}, {3, 0}}));
    CHECK_FALSE(buries(deleted, {{1, 6}}));
    CHECK_FALSE(buries(deleted, {{1, 5}, {3, 8}}));
    CHECK_FALSE(buries(deleted, {{4, 0}}));
    CHECK_FALSE(buries(deleted, {}));
}

TEST_CASE("who has read one log goes on in the other with what he has not read") {
    room_log a;
    a.begin_epoch(1);
    say(a, 1, "before");
    room_log b = copy_of(a);
    b.begin_epoch(2);
    say(a, 1, "a1");
    say(b, 2, "b1");
    const marks reads_a = a.seen();  // has been shown before, a1
    const marks joined_b = b.read_up_to(1);
    CHECK(joined_b == marks{{1, 1}, {2, 1}});
    take(b, b.fresh(a.unseen(b.seen(), SIZE_MAX)));
    say(b, 2, "b2");

    const place p = b.resume(reads_a);
    CHECK(p.after == 1);
    CHECK(p.skip == std::vector<std::uint64_t>{3});
    CHECK(p.missed == 0);
    CHECK(b.resume(b.seen()).after == b.last_id());
}

TEST_CASE("a message that was sent again on the other side is one message for who has read it") {
    room_log a;
    a.begin_epoch(1);
    room_log b = copy_of(a);
    b.begin_epoch(2);
    say(a, 1, "same");
    say(b, 2, "same");
    reader reading{marks{{1, 0}}};
    reading.resume(reading.read(), a.resume(reading.read()));
    CHECK(reading.take(a.posts()[0]));
    CHECK(b.fresh(a.unseen(b.seen(), SIZE_MAX)).empty());
    CHECK(covers(b.seen(), a.seen()));
    CHECK(texts(b) == "same ");
    reading.resume(reading.read(), b.resume(reading.read()));
    CHECK_FALSE(reading.take(b.posts()[0]));
}

TEST_CASE("only the last messages are kept, and who comes late is told how many he has missed") {
    room_log log;
    log.begin_epoch(1);
    const marks read = log.seen();
    for (std::size_t i = 0; i < kept_max + 5; ++i) say(log, 1, std::to_string(i));
    CHECK(log.posts().size() == kept_max);
    CHECK(log.find_key("4") == nullptr);
    CHECK(log.find_key("5") != nullptr);
    const place p = log.resume(read);
    CHECK(p.after == 5);
    CHECK(p.missed == 5);
    // A restarted process has the marks of what is not kept.
    const room_log again(log.after(0, kept_max, SIZE_MAX), log.seen());
    CHECK(again.last_id() == log.last_id());
    CHECK(again.seen() == log.seen());
}

// A room as several nodes have it, in any weather: homes die, copies take over, halves meet again.
TEST_CASE(
    "in any order of deaths, partitions and meetings each reader is shown each message once, in "
    "order") {
    for (std::uint64_t seed = 1; seed <= 300; ++seed) {
        CAPTURE(seed);
        beam::random_generator random(seed);
        struct home {
            room_log log;
            std::uint64_t epoch;
        };
        struct listener {
            std::size_t at;  // whose home it reads
            reader reading;
            std::vector<std::string> shown;
        };
        std::vector<home> homes;
        std::vector<listener> readers;
        std::uint64_t epochs = 0;
        int messages = 0;
        const auto catch_up = [&](listener& r) {
            const room_log& log = homes[r.at].log;
            const place p = log.resume(r.reading.read());
            CHECK(p.missed == 0);
            r.reading.resume(r.reading.read(), p);
            for (const post& q : log.after(p.after, kept_max, SIZE_MAX))
                if (r.reading.take(q)) r.shown.push_back(q.text);
        };
        homes.push_back({room_log(), ++epochs});
        homes[0].log.begin_epoch(1);
        for (int i = 0; i < 3; ++i) readers.push_back({0, reader(homes[0].log.seen()), {}});
        for (int step = 0; step < 100; ++step) {
            const std::size_t at = random.below(homes.size());
            home& h = homes[at];
            if (random.chance(0.6)) {
                // Now and then a message that was sent to another home before, and not answered there.
                const bool again = messages > 0 && random.chance(0.1);
                const std::string key =
                    "m" + std::to_string(again ? int(random.below(messages)) : messages++);
                if (!h.log.find_key(key)) say(h.log, h.epoch, key);
            } else if (homes.size() < 3 && random.chance(0.5)) {
                // Cut off, a copy goes on under another epoch; some readers are on that side.
                home next{copy_of(h.log), ++epochs};
                next.log.begin_epoch(next.epoch);
                homes.push_back(std::move(next));
                for (listener& r : readers)
                    if (r.at == at && random.chance(0.5)) r.at = homes.size() - 1;
            } else if (homes.size() > 1) {
                // Two meet: one hands over and ends, its readers go to the other.
                std::size_t winner = random.below(homes.size());
                if (winner == at) winner = (at + 1) % homes.size();
                for (listener& r : readers)
                    if (r.at == at) catch_up(r);
                room_log& to = homes[winner].log;
                for (;;) {
                    const auto part = h.log.unseen(to.seen(), 1 + random.below(20));
                    if (part.empty()) break;
                    take(to, to.fresh(part));
                }
                for (listener& r : readers)
                    if (r.at == at) r.at = winner;
                homes.erase(homes.begin() + std::ptrdiff_t(at));
                for (listener& r : readers)
                    if (r.at > at) --r.at;
            }
            if (random.chance(0.7)) catch_up(readers[random.below(readers.size())]);
        }
        while (homes.size() > 1) {
            for (listener& r : readers)
                if (r.at == homes.size() - 1) catch_up(r);
            take(homes[0].log,
                 homes[0].log.fresh(homes.back().log.unseen(homes[0].log.seen(), SIZE_MAX)));
            for (listener& r : readers)
                if (r.at == homes.size() - 1) r.at = 0;
            homes.pop_back();
        }
        for (listener& r : readers) catch_up(r);

        std::vector<std::string> all;
        for (const post& p : homes[0].log.posts()) all.push_back(p.text);
        std::map<std::string, int> in_log, shown;
        for (const std::string& t : all) CHECK(++in_log[t] == 1);
        CHECK(int(in_log.size()) == messages);
        for (const listener& r : readers) {
            shown.clear();
            for (const std::string& t : r.shown) CHECK_MESSAGE(++shown[t] == 1, t);
            CHECK(shown.size() == in_log.size());
        }
        // Each epoch's messages are in their order.
        marks last;
        for (const post& p : homes[0].log.posts()) {
            CHECK(p.seq > last[p.epoch]);
            last[p.epoch] = p.seq;
        }
    }
}
