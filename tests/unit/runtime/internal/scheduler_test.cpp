#include "libbeamcore/runtime/internal/scheduler.hpp"

#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <set>
#include <thread>
#include <vector>

using namespace beam;
using namespace beam::detail;

namespace {

process_block* take(scheduler& s, bool woken_may_run = false) {
    return s.pop(woken_may_run);
}

class fixture {
public:
    process_block* make(priority p) {
        blocks_.push_back(std::make_unique<process_block>());
        blocks_.back()->prio.store(std::uint8_t(p));
        return blocks_.back().get();
    }
    priority pop() {
        process_block* pb = take(s);
        return pb ? priority(pb->prio.load()) : priority(99);
    }

    lock_seat seat;
    scheduler s{0, &seat};

private:
    std::vector<std::unique_ptr<process_block>> blocks_;
};

}  // namespace

TEST_CASE("max is served before high, high before normal and low") {
    fixture f;
    for (auto p :
         {priority::low, priority::normal, priority::high, priority::max, priority::normal})
        f.s.push(f.make(p));
    CHECK(f.s.length() == 5);
    CHECK(f.pop() == priority::max);
    CHECK(f.pop() == priority::high);
    CHECK(f.pop() == priority::normal);
    CHECK(f.pop() == priority::normal);
    CHECK(f.pop() == priority::low);
    CHECK(take(f.s) == nullptr);
    CHECK(f.s.length() == 0);
}

TEST_CASE("low is served once for every eight normal ones") {
    fixture f;
    for (int i = 0; i < 90; ++i) f.s.push(f.make(priority::low));
    for (int i = 0; i < 800; ++i) f.s.push(f.make(priority::normal));
    int normal = 0, low = 0;
    for (int i = 0; i < 810; ++i) {
        if (f.pop() == priority::low)
            ++low;
        else
            ++normal;
        REQUIRE(low >= (normal - 8) / 8);
        REQUIRE(low <= normal / 7 + 1);
    }
    CHECK(low >= 88);
    CHECK(low <= 92);
}

TEST_CASE("within a priority: first come, first served") {
    fixture f;
    std::vector<process_block*> in;
    for (int i = 0; i < 10; ++i) f.s.push(in.emplace_back(f.make(priority::normal)));
    for (auto* pb : in) CHECK(take(f.s) == pb);
}

TEST_CASE("what others leave in the inbox comes out in the order it was left") {
    fixture f;
    std::vector<process_block*> in;
    CHECK_FALSE(f.s.has_inbox());
    for (int i = 0; i < 10; ++i) f.s.leave_in_inbox(in.emplace_back(f.make(priority::normal)));
    CHECK(f.s.has_inbox());
    CHECK(f.s.length() == 0);
    f.s.absorb_inbox();
    CHECK_FALSE(f.s.has_inbox());
    CHECK(f.s.length() == 10);
    for (auto* pb : in) CHECK(take(f.s) == pb);
}

TEST_CASE("a thief gets half of normal and low, and neither max nor high") {
    fixture f;
    std::set<process_block*> all;
    for (int i = 0; i < 7; ++i) {
        all.insert(f.make(priority::normal));
        f.s.push(*all.begin());
    }
    fixture g;
    std::map<priority, int> pushed{
        {priority::max, 2}, {priority::high, 2}, {priority::normal, 7}, {priority::low, 4}};
    for (auto [p, n] : pushed)
        for (int i = 0; i < n; ++i) g.s.push(g.make(p));
    std::uint32_t count = 0;
    process_block* list = g.s.give_half(count);
    CHECK(count == 4 + 2);
    CHECK(g.s.length() == 15 - 6);
    std::uint32_t n = 0;
    for (; list; list = list->run_next, ++n)
        CHECK(list->prio.load() <= std::uint8_t(priority::normal));
    CHECK(n == count);
    int rest = 0;
    while (take(g.s)) ++rest;
    CHECK(rest == 9);
    while (take(f.s)) {
    }
}

TEST_CASE("pop_any takes any of the highest priority, and keeps the queue whole") {
    fixture f;
    random_generator random(3);
    std::set<process_block*> first;
    for (int round = 0; round < 200; ++round) {
        std::vector<process_block*> in;
        for (int i = 0; i < 5; ++i) f.s.push(in.emplace_back(f.make(priority::high)));
        f.s.push(f.make(priority::normal));
        process_block* pb = f.s.pop_any(random);
        for (std::size_t i = 0; i < in.size(); ++i)
            if (in[i] == pb) first.insert(reinterpret_cast<process_block*>(i + 1));
        std::set<process_block*> seen{pb};
        for (int i = 0; i < 4; ++i) {
            process_block* next = f.s.pop_any(random);
            REQUIRE(priority(next->prio.load()) == priority::high);
            REQUIRE(seen.insert(next).second);
        }
        REQUIRE(priority(f.s.pop_any(random)->prio.load()) == priority::normal);
        REQUIRE(f.s.length() == 0);
    }
    CHECK(first.size() == 5);
}

TEST_CASE("many threads leave, one absorbs: none is lost") {
    fixture f;
    constexpr int threads = 3, each = 5000;
    std::vector<std::vector<std::unique_ptr<process_block>>> blocks(threads);
    for (auto& v : blocks)
        for (int i = 0; i < each; ++i) v.push_back(std::make_unique<process_block>());
    std::vector<std::thread> leavers;
    for (int t = 0; t < threads; ++t)
        leavers.emplace_back([&, t] {
            for (auto& pb : blocks[std::size_t(t)]) f.s.leave_in_inbox(pb.get());
        });
    std::set<process_block*> seen;
    while (seen.size() < threads * each) {
        if (f.s.has_inbox()) f.s.absorb_inbox();
        while (process_block* pb = take(f.s)) REQUIRE(seen.insert(pb).second);
    }
    for (auto& t : leavers) t.join();
    CHECK(f.s.length() == 0);
}

TEST_CASE("what was woken last runs next, if it may, and no urgent one waits") {
    fixture f;
    process_block* first = f.make(priority::normal);
    process_block* second = f.make(priority::normal);
    process_block* urgent = f.make(priority::high);
    process_block* queued = f.make(priority::normal);
    f.s.push(queued);
    f.s.push_next(first);
    f.s.push_next(second);  // takes the place of the first, which waits in the queue now
    f.s.push_next(urgent);
    CHECK(f.s.length() == 4);
    bool next = true;
    CHECK(f.s.pop(next) == urgent);
    CHECK_FALSE(next);
    CHECK(f.s.length() == 3);
    // The urgent one sent the woken one to the end of the queue.
    next = true;
    CHECK(f.s.pop(next) == queued);
    CHECK(take(f.s) == first);
    CHECK(take(f.s) == second);

    f.s.push(queued);
    f.s.push_next(first);
    next = true;
    CHECK(f.s.pop(next) == first);
    CHECK(next);
    CHECK(take(f.s) == queued);

    f.s.push(queued);
    f.s.push_next(first);
    CHECK(take(f.s, false) == queued);  // its turn is over
    CHECK(take(f.s, true) == first);
    CHECK(f.s.length() == 0);
}

TEST_CASE("the one that would run next is given away when it is alone") {
    fixture f;
    f.s.push_next(f.make(priority::normal));
    std::uint32_t count = 0;
    CHECK(f.s.give_half(count) != nullptr);
    CHECK(count == 1);
    CHECK(f.s.length() == 0);
}

TEST_CASE("a thief gets a bounded number") {
    fixture f;
    for (int i = 0; i < 1000; ++i) f.s.push(f.make(priority::normal));
    std::uint32_t count = 0;
    CHECK(f.s.give_half(count) != nullptr);
    CHECK(count == 64);
    CHECK(f.s.length() == 936);
}
