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

class fixture {
public:
    process_block* make(priority p) {
        blocks_.push_back(std::make_unique<process_block>());
        blocks_.back()->prio.store(std::uint8_t(p));
        return blocks_.back().get();
    }
    priority pop() {
        process_block* pb = s.pop();
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
    CHECK(f.s.pop() == nullptr);
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
    for (auto* pb : in) CHECK(f.s.pop() == pb);
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
    for (auto* pb : in) CHECK(f.s.pop() == pb);
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
    while (g.s.pop()) ++rest;
    CHECK(rest == 9);
    while (f.s.pop()) {
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
        while (process_block* pb = f.s.pop()) REQUIRE(seen.insert(pb).second);
    }
    for (auto& t : leavers) t.join();
    CHECK(f.s.length() == 0);
}
