#include "libbeamcore/ets/internal/write_gate.hpp"

#include "libbeamcore/ets/internal/backoff.hpp"

namespace beam::detail::ets::ordered {
namespace {

std::atomic<unsigned> threads_seen{0};
// Initial-exec: libbeamcore is loaded at program start, and this is read at every write.
thread_local unsigned thread_number __attribute__((tls_model("initial-exec"))) = 0;

}  // namespace

write_gate::stripe& write_gate::own_stripe() noexcept {
    if (thread_number == 0) [[unlikely]]
        thread_number = threads_seen.fetch_add(1, std::memory_order_relaxed) + 1;
    return stripes_[thread_number % stripes_.size()];
}

void write_gate::wait_until_open(stripe& mine) noexcept {
    do {
        mine.active.fetch_sub(1, std::memory_order_release);
        for (backoff wait; closed_.load(std::memory_order_acquire);) wait.pause();
        mine.active.fetch_add(1, std::memory_order_seq_cst);
    } while (closed_.load(std::memory_order_seq_cst));
}

void write_gate::close() noexcept {
    closed_.store(true, std::memory_order_seq_cst);
    for (auto& s : stripes_)
        for (backoff wait; s.active.load(std::memory_order_seq_cst) != 0;) wait.pause();
}

std::size_t write_gate::rows() const noexcept {
    std::int64_t sum = 0;
    for (const auto& s : stripes_) sum += s.rows.load(std::memory_order_relaxed);
    // Of a row that came in one stripe and went in another, the going may be seen alone.
    return sum < 0 ? 0 : std::size_t(sum);
}

std::size_t write_gate::bytes() const noexcept {
    std::int64_t sum = 0;
    for (const auto& s : stripes_) sum += s.bytes.load(std::memory_order_relaxed);
    return sum < 0 ? 0 : std::size_t(sum);
}

}  // namespace beam::detail::ets::ordered
