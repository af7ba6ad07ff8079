// peer: one other node, by its name, for the life of this runtime; connected or not.
//
// Who sends to it writes the frame, in its own thread, behind what others wrote; the channel's process only passes the
// bytes on. What was sent while the connection is set up waits as it is, since the form of a frame is known only then.
// The links and monitors between the two nodes are kept here too, so that all concerned can be told when it is lost.
//
// A message that is too large for a frame goes in fragments, one for each turn of the channel, between the frames of
// others. What its sender sends meanwhile waits behind it: order holds between two processes.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "libbeamcore/dist/control.hpp"
#include "libbeamcore/dist/control_writer.hpp"
#include "libbeamcore/dist/handshake.hpp"
#include "libbeamcore/dist/internal/telling.hpp"
#include "libbeamcore/dist/internal/ties.hpp"
#include "libbeamcore/dist/output.hpp"
#include "libbeamcore/runtime/process.hpp"
#include "libbeamcore/runtime/runtime.hpp"
#include "libbeamcore/term/node_table.hpp"

namespace beam::dist::detail {

/// To the channel: there is something to send.
struct flush_output {};
/// To the channel: end, and say why.
struct close_channel {
    term reason;
};

class peers;

class peer {
public:
    peer(peers& all, atom name) : all_(all), name_(name) {}
    peer(const peer&) = delete;
    peer& operator=(const peer&) = delete;

    [[nodiscard]] atom name() const { return name_; }

    // What processes here send. By any thread.

    /// A message of a process. With `connects` a connection is made for it; else it is dropped where there is none.
    template <class Control>
    void send(const Control& c, const term& value, bool connects);
    /// All others; `connects` as above.
    void tell(const pid& sender, control::message m, bool connects);

    void link(const pid& from, const pid& to);
    void unlink(const pid& from, const pid& to, std::uint64_t id);
    void link_exit(const pid& from, const pid& to, const term& reason);
    void monitor(const pid& from, const control::target& to, const ref& monitor);
    void demonitor(const pid& from, const control::target& to, const ref& monitor);
    void down(const control::target& from, const pid& to, const ref& monitor, const term& reason);

    /// Asks for a process there, whose end (or that it cannot be) is told under the request's reference.
    void spawn(const control::spawn_request& r);

    // What came from there, noted before it is passed on.

    void linked(const pid& from, const pid& to);
    /// What a process there sent of a link's end.
    void unlinked(const pid& from, const pid& to);
    void unlink_acknowledged(const pid& from, const pid& to, std::uint64_t id);
    void link_ended(const pid& from, const pid& to);
    void monitored(const pid& to, const ref& monitor);
    /// Whom it watched; the false pid: nobody.
    [[nodiscard]] pid demonitored(const ref& monitor);
    void monitor_ended(const ref& monitor);

    // Connecting. An attempt and a connection have a number each, and know by it whether they still count.

    enum class state : std::uint8_t { idle, connecting, up };
    [[nodiscard]] state current_state() const;
    /// The number of a new attempt; none: there is a connection, or an attempt already.
    [[nodiscard]] std::optional<std::uint64_t> begin_attempt();
    /// It came to nothing: what waited is answered.
    void attempt_failed(std::uint64_t attempt);
    /// The attempt is given up, since the peer has connected; what waits stays.
    /// False: it does not count any more.
    [[nodiscard]] bool set_attempt_process(std::uint64_t attempt, const pid& p);
    /// The peer's own attempt goes before: ours waits for that.
    void give_way();
    /// Whoever it gave way to is through, or has failed. False: the attempt does not count any more.
    [[nodiscard]] bool take_up(std::uint64_t attempt);
    /// False: there is a connection since, or the peer's attempt goes before.
    [[nodiscard]] bool attempt_counts(std::uint64_t attempt) const;

    /// To be waited for before up(), so that who is told that he lost a process there does not hear of it again first: a
    /// connection that there is ends, and all concerned have been told.
    [[nodiscard]] awaitable<void> make_room(self me);
    /// There is a connection, and `channel` looks after it. One that there was before is lost. Gives its number.
    [[nodiscard]] std::uint64_t up(const handshake_result& r, const pid& channel);
    void lost(std::uint64_t connection, const term& reason);
    /// False: there was no connection.
    bool disconnect(const term& reason);
    /// Ends the connection, or the attempt to make one.
    void give_up(const term& reason);

    // For the channel.

    /// The next bytes to send, appended; false: there are none. Senders that wait go on when little is left.
    bool take_output(std::uint64_t connection, output& to);
    [[nodiscard]] const handshake_result& handshake() const { return handshake_; }

    /// New atoms and nodes that its connections have brought in.
    [[nodiscard]] std::size_t brought() const { return brought_.load(std::memory_order_relaxed); }
    void add_brought(std::size_t n) { brought_.fetch_add(n, std::memory_order_relaxed); }

    struct facts {
        state now = state::idle;
        bool hidden = false;
        std::uint64_t bytes_waiting = 0;
        std::size_t links = 0, monitors = 0;
    };
    [[nodiscard]] facts look() const;

    /// Tells about so many ties. False: all that there was is told.
    bool tell_some(std::size_t count);

private:
    struct outgoing {
        pid sender;
        control::message control;
        std::optional<term> value;  // of a message
    };
    /// A message in fragments, and what its sender sent after it.
    struct lane {
        pid sender;
        cut_message cut;
        std::vector<outgoing> behind;
    };

    /// Writes it, or keeps it for later. True: somebody has to connect.
    [[nodiscard]] bool put(outgoing&& o, bool connects);
    void write(outgoing&& o);
    template <class Control>
    void write_message(const pid& sender, const Control& c, const term& value);
    void keep(const pid& sender, control_writer::written&& written, std::string_view what);
    [[nodiscard]] lane* lane_of(const pid& sender);
    void wait_unwritten(std::vector<outgoing>& behind, outgoing&& o);
    void write_in_turn(outgoing&& o);
    /// False: there is too much to send, and nobody that could be suspended.
    bool hold_back(const pid& sender);
    void after_writing(const pid& sender, std::size_t before);
    void advance_lanes();
    [[nodiscard]] std::size_t waiting() const;
    [[nodiscard]] lost_ties become_idle();
    void forget_output();
    /// Under mutex_; start_telling() when it is free again.
    void put_telling(node_news what, lost_ties&& lost, const term& reason = {});
    void start_telling();

    peers& all_;
    const atom name_;
    std::atomic<std::size_t> brought_{0};

    mutable std::mutex mutex_;
    state state_ = state::idle;
    std::uint64_t number_ = 0;  // of the attempt or connection
    pid attempt_process_;
    bool gives_way_ = false;  // the attempt
    pid channel_;
    bool told_channel_ = false;
    handshake_result handshake_;
    std::optional<control_writer> writer_;
    output out_;
    std::vector<lane> lanes_;
    std::size_t lanes_bytes_ = 0;
    std::vector<outgoing> queued_;  // while connecting
    std::size_t unwritten_ = 0;     // messages in queued_ and behind lanes
    std::size_t unheld_ = 0;  // bytes since the last look of the channel by who was not suspended
    bool overrun_ = false;    // too many of them: the connection is being closed
    std::vector<pid> suspended_;
    ties ties_;
    // What is to be told, in the order in which it came to be. One at a time tells it.
    std::deque<telling> tellings_;
    bool is_telling_ = false;
};

}  // namespace beam::dist::detail
