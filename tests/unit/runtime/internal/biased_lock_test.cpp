#include "libbeamcore/runtime/internal/biased_lock.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

using beam::detail::biased_lock;
using beam::detail::lock_seat;

namespace {

/// What the lock protects: a torn or lost update shows.
struct guarded {
    long a = 0, b = 0;
    bool inside = false;
    bool broken = false;

    void touch() {
        if (inside) broken = true;
        inside = true;
        ++a;
        std::atomic_signal_fence(std::memory_order_seq_cst);
        ++b;
        if (a != b) broken = true;
        inside = false;
    }
};

}  // namespace

TEST_CASE("the owner and others never are inside together") {
    lock_seat seat;
    biased_lock lock(&seat);
    guarded state;
    constexpr long owner_rounds = 300'000, other_rounds = 300;
    std::atomic<bool> lost{false};
    std::thread owner([&] {
        for (long i = 0; i < owner_rounds; ++i) {
            if (!lock.lock_owner(seat)) {
                lost = true;
                return;
            }
            state.touch();
            lock.unlock_owner(seat);
        }
    });
    std::vector<std::thread> others;
    for (int i = 0; i < 3; ++i)
        others.emplace_back([&] {
            for (long n = 0; n < other_rounds; ++n) {
                lock.lock_other();
                state.touch();
                lock.unlock_other();
            }
        });
    owner.join();
    for (auto& t : others) t.join();
    CHECK_FALSE(lost);
    CHECK_FALSE(state.broken);
    CHECK(state.a == owner_rounds + 3 * other_rounds);
}

TEST_CASE("after a hand-over the old owner is shut out for ever and the new one is in") {
    lock_seat first, second;
    biased_lock lock(&first);
    CHECK(lock.lock_owner(first));
    lock.unlock_owner(first);
    lock.lock_other();
    lock.hand_over(&second);
    lock.unlock_other();
    CHECK_FALSE(lock.lock_owner(first));
    CHECK(lock.lock_owner(second));
    lock.unlock_owner(second);
    CHECK_FALSE(lock.lock_owner(first));
    lock.lock_other();
    lock.unlock_other();
    CHECK(lock.lock_owner(second));
    lock.unlock_owner(second);
}

TEST_CASE("hand-overs under contention: each owner works until it is shut out, nothing is lost") {
    constexpr int hand_overs = 40;
    std::vector<std::unique_ptr<lock_seat>> seats;
    for (int i = 0; i <= hand_overs; ++i) seats.push_back(std::make_unique<lock_seat>());
    biased_lock lock(seats[0].get());
    guarded state;
    std::atomic<long> touched{0};
    std::atomic<bool> stop{false};
    auto own = [&](lock_seat* seat) {
        while (!stop) {
            if (!lock.lock_owner(*seat)) return;
            state.touch();
            touched.fetch_add(1, std::memory_order_relaxed);
            lock.unlock_owner(*seat);
        }
    };
    std::atomic<bool> stop_thief{false};
    std::thread thief([&] {
        while (!stop_thief) {
            lock.lock_other();
            state.touch();
            touched.fetch_add(1, std::memory_order_relaxed);
            lock.unlock_other();
            std::this_thread::yield();
        }
    });
    std::vector<std::thread> owners;
    owners.emplace_back(own, seats[0].get());
    for (int i = 1; i <= hand_overs; ++i) {
        const long before = touched;
        while (touched < before + 200) std::this_thread::yield();
        lock.lock_other();
        lock.hand_over(seats[std::size_t(i)].get());
        lock.unlock_other();
        owners.back().join();  // shut out: it ends by itself
        owners.emplace_back(own, seats[std::size_t(i)].get());
    }
    stop_thief = true;
    thief.join();
    stop = true;
    owners.back().join();
    CHECK_FALSE(state.broken);
    CHECK(state.a == touched);
}
