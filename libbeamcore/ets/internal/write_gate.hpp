// write_gate: lets writers in, counts what they change, and keeps them out for the instant of a snapshot.
//
// The rules (Dekker's):
//   writer:       active += 1; if closed: active -= 1, wait until open, again
//   who closes:   closed := true; wait until active = 0 in every stripe
// All four are sequentially consistent: were a writer's load of `closed` done before its increment is seen, both
// would go on, and the snapshot would see half of a writer's work. `closed := false` is a release that
// the writers' load acquires: what was changed behind the closed gate is seen by all who enter after.
//
// Writers count in stripes, a cache line each, so that two of them do not meet here.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace beam::detail::ets::ordered {

class write_gate {
    struct stripe;

public:
    /// A writer inside, until it is destroyed.
    class pass {
    public:
        explicit pass(write_gate& gate) noexcept : stripe_(gate.enter()) {}
        ~pass() { stripe_.active.fetch_sub(1, std::memory_order_release); }
        pass(const pass&) = delete;
        pass& operator=(const pass&) = delete;

        void count(std::int64_t rows, std::int64_t bytes) noexcept { stripe_.count(rows, bytes); }

    private:
        stripe& stripe_;
    };

    /// By who is not inside: of a writer, it would wait for itself. One at a time.
    void close() noexcept;
    void open() noexcept { closed_.store(false, std::memory_order_release); }

    /// Exact while no writer is inside.
    [[nodiscard]] std::size_t rows() const noexcept;
    [[nodiscard]] std::size_t bytes() const noexcept;
    /// By who closed the gate, or has the table for itself.
    void count(std::int64_t rows, std::int64_t bytes) noexcept { own_stripe().count(rows, bytes); }

private:
    struct alignas(64) stripe {
        std::atomic<std::int64_t> active{0};
        std::atomic<std::int64_t> rows{0};
        std::atomic<std::int64_t> bytes{0};

        void count(std::int64_t more_rows, std::int64_t more_bytes) noexcept {
            if (more_rows != 0) rows.fetch_add(more_rows, std::memory_order_relaxed);
            if (more_bytes != 0) bytes.fetch_add(more_bytes, std::memory_order_relaxed);
        }
    };

    stripe& enter() noexcept {
        auto& mine = own_stripe();
        mine.active.fetch_add(1, std::memory_order_seq_cst);
        if (closed_.load(std::memory_order_seq_cst)) [[unlikely]]
            wait_until_open(mine);
        return mine;
    }
    stripe& own_stripe() noexcept;
    void wait_until_open(stripe& mine) noexcept;

    std::array<stripe, 8> stripes_;
    std::atomic<bool> closed_{false};
};

}  // namespace beam::detail::ets::ordered
