// Which commands of a connection run beside each other, and that replies keep the order of the commands.
#include "tools/kv/app/command_window.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

using namespace kv;

namespace {

touched reads(std::vector<std::uint32_t> shards) {
    touched t;
    t.shards = std::move(shards);
    return t;
}
touched writes(std::vector<std::uint32_t> shards) {
    touched t = reads(std::move(shards));
    t.writes = true;
    return t;
}
touched all_shards() {
    touched t;
    t.all_shards = true;
    return t;
}
touched alone() {
    touched t;
    t.is_alone = true;
    return t;
}

struct tried {
    command_window window;
    std::vector<std::uint64_t> begun;

    tried() { window.set_shards(8); }
    void add(touched t) { window.add(std::move(t), nullptr, {}); }
    /// What begins now.
    std::vector<std::uint64_t> begin() {
        std::vector<std::uint64_t> now;
        window.begin_ready([&](command_window::command& c) { now.push_back(c.number); });
        begun.insert(begun.end(), now.begin(), now.end());
        return now;
    }
    std::string replies() {
        std::string all;
        window.take_replies(all, 1000);
        return all;
    }
};

using numbers = std::vector<std::uint64_t>;

}  // namespace

TEST_CASE("reads run beside each other, and what is of other shards beside all") {
    tried t;
    for (auto&& one : {reads({1}), reads({1}), writes({2}), reads({1, 3}), writes({4, 5})})
        t.add(one);
    CHECK(t.begin() == numbers{1, 2, 3, 4, 5});
}

TEST_CASE("a write waits for all before it of its shard, and a read for writes") {
    tried t;
    for (auto&& one : {reads({1}), writes({1}), reads({1}), writes({1}), reads({2})}) t.add(one);
    CHECK(t.begin() == numbers{1, 5});
    t.window.answer(1, "a");
    CHECK(t.begin() == numbers{2});
    CHECK(t.begin().empty());
    t.window.answer(2, "b");
    CHECK(t.begin() == numbers{3});
    t.window.answer(3, "c");
    CHECK(t.begin() == numbers{4});
}

TEST_CASE("who waits is not overtaken by what came later for its shards") {
    tried t;
    for (auto&& one : {writes({1}), writes({1, 2}), writes({2}), writes({3})}) t.add(one);
    CHECK(t.begin() == numbers{1, 4});
    t.window.answer(1, "");
    CHECK(t.begin() == numbers{2});
    t.window.answer(2, "");
    CHECK(t.begin() == numbers{3});
}

TEST_CASE("a command of all shards waits for writes, and writes for it") {
    tried t;
    for (auto&& one : {reads({0}), writes({1}), all_shards(), reads({1}), writes({2})}) t.add(one);
    CHECK(t.begin() == numbers{1, 2});
    t.window.answer(2, "");
    CHECK(t.begin() == numbers{3, 4});
    t.window.answer(3, "");
    CHECK(t.begin() == numbers{5});
}

TEST_CASE("one that is alone waits for all before it, and all after it for that one") {
    tried t;
    for (auto&& one : {reads({1}), alone(), alone(), reads({2})}) t.add(one);
    CHECK(t.begin() == numbers{1});
    t.window.answer(1, "a");
    CHECK(t.begin() == numbers{2});
    t.window.answer(2, "b");
    // One that is answered as it begins holds up nobody.
    numbers now;
    t.window.begin_ready([&](command_window::command& c) {
        now.push_back(c.number);
        if (c.number == 3) t.window.answer(c, "c");
    });
    CHECK(now == numbers{3, 4});
    t.window.answer(4, "d");
    CHECK(t.replies() == "abcd");
    CHECK(t.window.is_empty());
}

TEST_CASE("replies go out in the order of their commands") {
    tried t;
    for (std::uint32_t s = 0; s < 4; ++s) t.add(reads({s}));
    (void)t.begin();
    t.window.answer(3, "three");
    t.window.answer(2, "two");
    CHECK(t.replies().empty());
    CHECK_FALSE(t.window.has_reply());
    t.window.answer(1, "one");
    CHECK(t.window.has_reply());
    CHECK(t.replies() == "onetwothree");
    t.window.answer(2, "again");  // of one that has gone: nobody's
    t.window.answer(4, "four");
    CHECK(t.replies() == "four");
}

TEST_CASE("the window is full by commands, by what they carry, and by what their replies will") {
    tried many;
    for (std::size_t i = 0; i < command_window::commands_max; ++i) {
        CHECK_FALSE(many.window.is_full());
        many.add(reads({1}));
    }
    CHECK(many.window.is_full());

    tried large;
    large.window.add(writes({1}), nullptr, {std::string(command_window::bytes_max, 'x')});
    CHECK(large.window.is_full());
    (void)large.begin();
    large.window.answer(1, "+OK");
    CHECK_FALSE(large.window.is_full());

    tried guessed;
    guessed.add(reads({1}));
    (void)guessed.begin();
    guessed.window.answer(1, std::string(command_window::bytes_max / 4, 'x'));
    (void)guessed.replies();
    std::size_t added = 0;
    for (; !guessed.window.is_full() && added < 100; ++added) guessed.add(reads({1}));
    CHECK(added <= 4);
}

TEST_CASE("of random commands none breaks the rules, and all are answered") {
    for (unsigned seed = 1; seed <= 200; ++seed) {
        CAPTURE(seed);
        std::mt19937 random(seed);
        const auto below = [&](unsigned n) { return random() % n; };
        command_window window;
        window.set_shards(4);
        std::map<std::uint64_t, touched> open;  // added and not answered
        std::set<std::uint64_t> running;
        std::string all, expected;
        std::uint64_t last = 0;
        const auto conflict = [](const touched& a, const touched& b) {
            if (a.is_alone || b.is_alone) return true;
            if (!a.writes && !b.writes) return false;
            if (a.all_shards || b.all_shards) return true;
            return std::any_of(a.shards.begin(), a.shards.end(), [&](std::uint32_t s) {
                return std::count(b.shards.begin(), b.shards.end(), s) > 0;
            });
        };
        while (last < 100 || !open.empty()) {
            if (last < 100 && below(2) == 0 && !window.is_full()) {
                touched t;
                t.is_alone = below(10) == 0;
                t.writes = below(2) == 0;
                t.all_shards = below(10) == 0;
                for (unsigned i = 0; !t.is_alone && !t.all_shards && i <= below(2); ++i)
                    t.shards.push_back(below(4));
                window.add(t, nullptr, {});
                open.emplace(++last, t);
                expected += std::to_string(last) + " ";
            } else if (!running.empty()) {
                auto one = running.begin();
                std::advance(one, below(unsigned(running.size())));
                const std::uint64_t number = *one;
                running.erase(one);
                open.erase(number);
                window.answer(number, std::to_string(number) + " ");
            }
            window.begin_ready([&](command_window::command& c) { running.insert(c.number); });
            // Exactly those run that conflict with none before them.
            for (const auto& [number, t] : open) {
                bool may_run = true;
                for (const auto& [earlier, other] : open)
                    if (earlier < number && conflict(other, t)) may_run = false;
                CHECK(may_run == (running.count(number) == 1));
            }
            window.take_replies(all, 1U << 20U);
        }
        CHECK(all == expected);
    }
}
