#include "libbeamcore/dist/internal/channel.hpp"

#include <algorithm>
#include <optional>

#include "libbeamcore/base/heap.hpp"
#include "libbeamcore/base/log.hpp"
#include "libbeamcore/dist/control_reader.hpp"
#include "libbeamcore/dist/frame_reader.hpp"
#include "libbeamcore/dist/internal/arrivals.hpp"
#include "libbeamcore/runtime/timer.hpp"

namespace beam::dist::detail {

namespace {

struct tick {};

// A buffer that grew larger is given back once it is sent.
constexpr std::size_t output_kept_max = 4 << 20;
constexpr std::size_t pieces_a_write = 64;
// Of what is decoded, at some GB/s.
constexpr std::size_t bytes_a_reduction = 512;
// In the kernel, each way. With its own tuning a small message waits for 2.6 ms (p99) beside some of 1 MB, with this for
// 1.3 ms, and a flood of either is no slower.
constexpr std::size_t queued_max = 256 << 10;

/// What a connection with much to say left behind goes back to the system with it, not to the allocator's lists.
struct memory_return {
    bool wanted = false;
    ~memory_return() {
        if (wanted) return_free_memory();
    }
};

class channel {
public:
    channel(self me, peers& all, established what)
        : me_(me),
          all_(all),
          what_(std::move(what)),
          atoms_(what_.atoms_max - std::min(what_.atoms_max, what_.to->brought())),
          budget_(atoms_, &all.atoms_left()),
          frames_(what_.agreed.negotiated, budget_),
          controls_(all.self(), budget_) {}
    channel(const channel&) = delete;
    channel& operator=(const channel&) = delete;
    /// Also when its process is killed.
    ~channel() {
        if (output_.text.capacity() > output_kept_max || frames_.memory() > output_kept_max)
            memory_.wanted = true;
        what_.to->add_brought(atoms_ - budget_.left());
        what_.to->lost(what_.connection, reason_);
    }

    // Both: false when the connection has ended.
    bool read_some();
    bool write_some();

    bool handle(message m);
    void begin();
    [[nodiscard]] bool has_more() const { return more_to_read_ || more_to_write_; }

private:
    bool take_frames();
    bool on_tick();
    bool ended(term reason) {
        reason_ = std::move(reason);
        return false;
    }
    bool give_up(std::string_view why);

    memory_return memory_;  // when all others are gone
    self me_;
    peers& all_;
    established what_;
    const std::size_t atoms_;  // that it may bring
    etf::atom_budget budget_;
    frame_reader frames_;
    control_reader controls_;
    output output_;
    term reason_ = atom("connection_closed");
    bool more_to_read_ = true;    // there may be input
    bool more_to_write_ = false;  // there are fragments to come
    bool blocked_ = false;        // the socket takes no more for now
    // What was read and written since the last look.
    bool heard_ = true, spoke_ = true;
    bool spoke_since_tick_ = false;  // of the peer
    bool only_tick_ = false;         // is in output_: not what is meant by having spoken
    std::uint64_t ticks_seen_ = 0;
    int silent_quarters_ = 0, stuck_quarters_ = 0;
};

void channel::begin() {
    what_.socket.limit_queue(queued_max);
    frames_.feed(what_.rest);
    what_.rest = {};
    (void)send_after(what_.ticktime / 4, me_.id(), tick{});
}

bool channel::take_frames() {
    for (;;) {
        auto f = frames_.next();
        if (f && !*f) break;
        const std::size_t size = f ? (*f)->terms.size() : 0;
        result<void> taken = f ? take_frame(all_, *what_.to, controls_, **f) : pass(f);
        if (!taken) {
            log(log_level::error, "dist", "a peer's frame cannot be read, its connection is closed",
                {{"node", what_.to->name().name()},
                 {"why", taken.error().code},
                 {"detail", taken.error().detail}});
            what_.socket.abort();
            return ended(atom("bad_frame"));
        }
        (void)me_.bump_reductions(1 + int(size / bytes_a_reduction));
    }
    return true;
}

// Nothing that is still under way is worth waiting for.
bool channel::give_up(std::string_view why) {
    log(log_level::warning, "dist", "the connection to a node is given up",
        {{"node", what_.to->name().name()}, {"why", why}});
    what_.socket.abort();
    return ended(atom(why));
}

bool channel::read_some() {
    if (!std::exchange(more_to_read_, false)) return true;
    if (!take_frames()) return false;
    for (int turns = 0; turns < 16; ++turns) {
        auto n = what_.socket.try_read(frames_.room());
        if (!n) return ended(atom("connection_closed"));
        if (*n == 0) {
            // A tick is answered, unless something was said since the last one: a peer may count in shorter times than we
            // do. An answer is no reason for another one, as who ticks has said something.
            if (frames_.ticks() != std::exchange(ticks_seen_, frames_.ticks()) &&
                !std::exchange(spoke_since_tick_, false))
                frame_writer::tick(output_.text);
            return true;
        }
        heard_ = true;
        frames_.filled(*n);
        if (!take_frames()) return false;
        if (me_.bump_reductions(0)) break;
    }
    more_to_read_ = true;
    return true;
}

bool channel::write_some() {
    more_to_write_ = false;
    for (int turns = 0; turns < 8; ++turns) {
        if (blocked_) return true;
        if (output_.empty()) only_tick_ = false;
        if (output_.empty() && !what_.to->take_output(what_.connection, output_)) return true;
        std::string_view pieces[pieces_a_write];
        const std::span some(pieces, output_.pieces(pieces));
        std::size_t size = 0;
        for (const auto& p : some) size += p.size();
        auto written = what_.socket.try_write_some(some);
        if (!written) return ended(atom("connection_closed"));
        if (*written > 0) {
            spoke_since_tick_ = true;
            spoke_ = spoke_ || !only_tick_;
        }
        output_.sent(*written);
        if (*written < size) {
            blocked_ = true;  // a `writable` will come
            return true;
        }
        if (output_.empty()) {
            if (output_.text.capacity() > output_kept_max) memory_.wanted = true;
            output_.clear(output_kept_max);
        }
    }
    more_to_write_ = true;
    return true;
}

// Four times in ticktime, as OTP does: something is said at least that often, and a peer that said nothing for all of
// it is gone. So is one that read nothing of what waits for it: who sends to it is suspended, and would be for ever.
bool channel::on_tick() {
    stuck_quarters_ = blocked_ && !spoke_ ? stuck_quarters_ + 1 : 0;
    if (stuck_quarters_ >= 4) return give_up("peer_does_not_read");
    if (!std::exchange(spoke_, false)) {
        only_tick_ = output_.empty();
        frame_writer::tick(output_.text);
    }
    silent_quarters_ = std::exchange(heard_, false) ? 0 : silent_quarters_ + 1;
    if (silent_quarters_ >= 4) return give_up("net_tick_timeout");
    frames_.idle();
    (void)send_after(what_.ticktime / 4, me_.id(), tick{});
    return true;
}

bool channel::handle(message m) {
    if (m.is<io::readable>()) {
        more_to_read_ = true;
    } else if (m.is<io::writable>()) {
        blocked_ = false;
        more_to_write_ = true;
    } else if (m.is<flush_output>()) {
        more_to_write_ = true;
    } else if (m.is<tick>()) {
        if (!on_tick()) return false;
        more_to_write_ = !output_.empty();
    } else if (auto* c = m.get_if<close_channel>()) {
        if (c->reason == atom("peer_does_not_read")) return give_up("peer_does_not_read");
        return ended(c->reason);
    } else if (m.is<io::end_of_output>()) {
        return ended(atom("connection_closed"));
    }
    return true;
}

}  // namespace

awaitable<void> run_channel(self me, peers* all, established what) {
    channel c(me, *all, std::move(what));
    c.begin();
    if (!c.read_some() || !c.write_some()) co_return;
    for (;;) {
        // Everything that is here, then one look at the socket.
        message m = me.try_receive();
        if (!m && !c.has_more()) {
            auto next = me.receive();
            m = co_await next;
        }
        for (; m; m = me.try_receive())
            if (!c.handle(std::move(m))) co_return;
        if (!c.read_some() || !c.write_some()) co_return;
        if (c.has_more()) co_await me.yield();  // others' turn
    }
}

}  // namespace beam::dist::detail
