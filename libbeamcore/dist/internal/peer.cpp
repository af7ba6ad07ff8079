#include "libbeamcore/dist/internal/peer.hpp"

#include <algorithm>
#include <chrono>
#include <stdexcept>

#include "libbeamcore/base/heap.hpp"
#include "libbeamcore/base/log.hpp"
#include "libbeamcore/dist/internal/peers.hpp"
#include "libbeamcore/runtime/detail/carrier.hpp"
#include "libbeamcore/runtime/send.hpp"

namespace beam::dist::detail {

namespace arrival = beam::detail::arrival;

namespace {

// Fragments given to the channel at once, so that small messages between them do not wait long.
constexpr std::size_t fragments_a_turn = 2;

// What a message that is not written yet counts as, since how long it will be is not known.
constexpr std::size_t unwritten_size = 4096;

// Who cannot be suspended (the dead, a channel that answers, net_kernel) writes on; a peer that lets so many times the
// limit wait of that is closed.
constexpr std::size_t unheld_limits_max = 64;

// Also when it is killed: nobody else goes on.
class told_in_the_end {
public:
    explicit told_in_the_end(peer& of) : of_(of) {}
    told_in_the_end(const told_in_the_end&) = delete;
    told_in_the_end& operator=(const told_in_the_end&) = delete;
    ~told_in_the_end() {
        while (!is_done_ && of_.tell_some(at_once)) {
        }
        return_free_memory();  // the tables of so many ties go back to the system
    }
    bool tell_some() {
        is_done_ = !of_.tell_some(at_once);
        return !is_done_;
    }

private:
    // Some 100 us of work.
    static constexpr std::size_t at_once = 250;
    peer& of_;
    bool is_done_ = false;
};

process tell_the_rest(self me, peer* of) {
    told_in_the_end rest(*of);
    while (rest.tell_some()) co_await me.yield();
}

}  // namespace

// -- writing --------------------------------------------------------------------------------------

peer::lane* peer::lane_of(const pid& sender) {
    for (lane& l : lanes_)
        if (l.sender == sender) return &l;
    return nullptr;
}

std::size_t peer::waiting() const {
    return out_.size() + lanes_bytes_ + unwritten_ * unwritten_size;
}

void peer::keep(const pid& sender, control_writer::written&& written, std::string_view what) {
    if (!written) {
        log(log_level::warning, "dist", "a message could not be sent",
            {{"node", name_.name()},
             {"message", what},
             {"why", written.error().code},
             {"detail", written.error().detail}});
        return;
    }
    if (!*written) return;
    // The first fragment goes now, with the atoms that later frames may refer to.
    lane l{sender, std::move(**written), {}};
    l.cut.next(out_);
    if (l.cut.at_end()) return;
    lanes_bytes_ += l.cut.fragments_left() * fragment_size;
    lanes_.push_back(std::move(l));
}

template <class Control>
void peer::write_message(const pid& sender, const Control& c, const term& value) {
    keep(sender, writer_->write(out_.text, c, value), "send");
}

void peer::write(outgoing&& o) {
    if (o.value) {
        if (auto* s = std::get_if<control::send>(&o.control))
            write_message(o.sender, *s, *o.value);
        else if (auto* r = std::get_if<control::reg_send>(&o.control))
            write_message(o.sender, *r, *o.value);
        else if (auto* a = std::get_if<control::alias_send>(&o.control))
            write_message(o.sender, *a, *o.value);
        return;
    }
    keep(o.sender, writer_->write(out_.text, o.control), "control");
}

// A sender that is far ahead of the channel stops. net_kernel does not: it is there for all peers.
bool peer::hold_back(const pid& sender) {
    if (waiting() <= all_.settings().busy_limit) return true;
    if (!all_.is_connector(sender) && beam::detail::suspend_caller(sender)) {
        suspended_.push_back(sender);
        return true;
    }
    return false;
}

// The channel is told once until it has looked.
void peer::after_writing(const pid& sender, std::size_t before) {
    if (!hold_back(sender)) {
        unheld_ += out_.size() - before;
        if (unheld_ > unheld_limits_max * all_.settings().busy_limit &&
            !std::exchange(overrun_, true))
            all_.node().send(channel_, close_channel{atom("peer_does_not_read")});
    }
    if (told_channel_) return;
    told_channel_ = true;
    if (beam::detail::current_or_null())
        beam::send(channel_, flush_output{});
    else
        all_.node().send(channel_, flush_output{});
}

bool peer::put(outgoing&& o, bool connects) {
    switch (state_) {
        case state::up:
            if (overrun_) return false;  // all is lost in a moment
            if (lane* l = lanes_.empty() ? nullptr : lane_of(o.sender)) {
                wait_unwritten(l->behind, std::move(o));
                return false;
            }
            {
                const pid sender = o.sender;
                const std::size_t before = out_.size();
                write(std::move(o));
                after_writing(sender, before);
            }
            return false;
        case state::connecting:
            wait_unwritten(queued_, std::move(o));
            return false;
        case state::idle:
            break;
    }
    if (!connects) return false;
    wait_unwritten(queued_, std::move(o));
    return true;
}

void peer::wait_unwritten(std::vector<outgoing>& behind, outgoing&& o) {
    const pid sender = o.sender;
    behind.push_back(std::move(o));
    ++unwritten_;
    (void)hold_back(sender);
}

template <class Control>
void peer::send(const Control& c, const term& value, bool connects) {
    {
        std::lock_guard lock(mutex_);
        if (state_ == state::up && lanes_.empty()) [[likely]] {
            if (overrun_) return;
            const std::size_t before = out_.size();
            write_message(c.from, c, value);
            return after_writing(c.from, before);
        }
        if (!put({c.from, c, value}, connects)) return;
    }
    all_.order_connection(*this);
}
template void peer::send(const control::send&, const term&, bool);
template void peer::send(const control::reg_send&, const term&, bool);
template void peer::send(const control::alias_send&, const term&, bool);

void peer::tell(const pid& sender, control::message m, bool connects) {
    {
        std::lock_guard lock(mutex_);
        if (!put({sender, std::move(m), {}}, connects)) return;
    }
    all_.order_connection(*this);
}

void peer::advance_lanes() {
    for (std::size_t i = 0; i < lanes_.size();) {
        lane& l = lanes_[i];
        l.cut.next(out_);
        lanes_bytes_ -= fragment_size;
        if (!l.cut.at_end()) {
            ++i;
            continue;
        }
        // Its sender's later messages; the first large one is a lane again, with the rest behind it.
        std::vector<outgoing> behind = std::move(l.behind);
        lanes_.erase(lanes_.begin() + std::ptrdiff_t(i));
        for (outgoing& o : behind) write_in_turn(std::move(o));
    }
}

// What waited unwritten; behind its sender's large message, if there is one now.
void peer::write_in_turn(outgoing&& o) {
    if (lane* l = lane_of(o.sender)) {
        l->behind.push_back(std::move(o));
        return;
    }
    --unwritten_;
    write(std::move(o));
}

bool peer::take_output(std::uint64_t connection, output& to) {
    std::vector<pid> go_on;
    {
        std::lock_guard lock(mutex_);
        if (state_ != state::up || number_ != connection) return false;
        for (std::size_t n = 0; n < fragments_a_turn && !lanes_.empty(); ++n) advance_lanes();
        told_channel_ = !lanes_.empty();  // it comes again by itself
        if (to.empty())
            std::swap(to, out_);
        else
            to.append(std::move(out_));
        unheld_ = 0;
        if (!suspended_.empty() && waiting() <= all_.settings().busy_limit / 2)
            go_on = std::exchange(suspended_, {});
    }
    for (const pid& p : go_on) beam::detail::resume_caller(all_.node(), p);
    return !to.empty();
}

// -- links and monitors ---------------------------------------------------------------------------

void peer::link(const pid& from, const pid& to) {
    {
        std::lock_guard lock(mutex_);
        *ties_.links.insert({from, to}).first = 0;
        if (!put({from, control::link{from, to}, {}}, true)) return;
    }
    all_.order_connection(*this);
}

void peer::unlink(const pid& from, const pid& to, std::uint64_t id) {
    std::unique_lock lock(mutex_);
    if (state_ == state::idle) {
        // It was never there, or is lost already: nobody will acknowledge.
        ties_.links.take({from, to});
        lock.unlock();
        arrival::unlink_ack(all_.node(), to, from, id);
        return;
    }
    *ties_.links.insert({from, to}).first = id;
    (void)put({from, control::unlink{id, from, to}, {}}, false);
}

void peer::link_exit(const pid& from, const pid& to, const term& reason) {
    std::lock_guard lock(mutex_);
    ties_.links.take({from, to});
    (void)put({from, control::link_exit{from, to, reason}, {}}, false);
}

void peer::monitor(const pid& from, const control::target& to, const ref& monitor) {
    {
        std::lock_guard lock(mutex_);
        *ties_.monitors.insert(monitor).first = from;
        if (!put({from, control::monitor{from, to, monitor}, {}}, true)) return;
    }
    all_.order_connection(*this);
}

void peer::demonitor(const pid& from, const control::target& to, const ref& monitor) {
    std::lock_guard lock(mutex_);
    if (!ties_.monitors.take(monitor)) return;
    (void)put({from, control::demonitor{from, to, monitor}, {}}, false);
}

void peer::down(const control::target& from, const pid& to, const ref& monitor,
                const term& reason) {
    std::lock_guard lock(mutex_);
    ties_.watchers.take(monitor);
    const pid* sender = std::get_if<pid>(&from);
    (void)put({sender ? *sender : pid(), control::monitor_exit{from, to, monitor, reason}, {}},
              false);
}

void peer::spawn(const control::spawn_request& r) {
    {
        std::lock_guard lock(mutex_);
        if (state_ == state::up && !handshake_.negotiated.has(flag::spawn)) {
            arrival::down(all_.node(), r.from, r.id, atoms::notsup, name_);
            return;
        }
        *ties_.monitors.insert(r.id).first = r.from;
        if (!put({r.from, r, {}}, true)) return;
    }
    all_.order_connection(*this);
}

void peer::linked(const pid& from, const pid& to) {
    std::lock_guard lock(mutex_);
    (void)ties_.links.insert({to, from});  // 0, unless an unlink is under way
}

void peer::unlinked(const pid& from, const pid& to) {
    std::lock_guard lock(mutex_);
    // While an unlink from here is under way its acknowledgement ends the link.
    const auto* id = ties_.links.find({to, from});
    if (id && *id == 0) ties_.links.take({to, from});
}

void peer::unlink_acknowledged(const pid& from, const pid& to, std::uint64_t id) {
    std::lock_guard lock(mutex_);
    const auto* under_way = ties_.links.find({to, from});
    if (under_way && *under_way == id) ties_.links.take({to, from});
}

void peer::link_ended(const pid& from, const pid& to) {
    std::lock_guard lock(mutex_);
    ties_.links.take({to, from});
}

void peer::monitored(const pid& to, const ref& monitor) {
    std::lock_guard lock(mutex_);
    if (auto [whom, is_new] = ties_.watchers.insert(monitor); is_new) *whom = to;
}

pid peer::demonitored(const ref& monitor) {
    std::lock_guard lock(mutex_);
    pid to;
    ties_.watchers.take(monitor, &to);
    return to;
}

void peer::monitor_ended(const ref& monitor) {
    std::lock_guard lock(mutex_);
    ties_.monitors.take(monitor);
}

// -- connecting -----------------------------------------------------------------------------------

peer::state peer::current_state() const {
    std::lock_guard lock(mutex_);
    return state_;
}

std::optional<std::uint64_t> peer::begin_attempt() {
    std::lock_guard lock(mutex_);
    if (state_ != state::idle) return {};
    state_ = state::connecting;
    attempt_process_ = {};
    gives_way_ = false;
    return ++number_;
}

bool peer::set_attempt_process(std::uint64_t attempt, const pid& p) {
    std::lock_guard lock(mutex_);
    if (state_ != state::connecting || number_ != attempt) return false;
    attempt_process_ = p;
    return true;
}

void peer::give_way() {
    std::lock_guard lock(mutex_);
    gives_way_ = state_ == state::connecting;
}

bool peer::take_up(std::uint64_t attempt) {
    std::lock_guard lock(mutex_);
    if (state_ != state::connecting || number_ != attempt) return false;
    gives_way_ = false;
    return true;
}

bool peer::attempt_counts(std::uint64_t attempt) const {
    std::lock_guard lock(mutex_);
    return state_ == state::connecting && number_ == attempt && !gives_way_;
}

void peer::attempt_failed(std::uint64_t attempt) {
    {
        std::lock_guard lock(mutex_);
        if (state_ != state::connecting || number_ != attempt) return;
        put_telling(node_news::unreachable, become_idle());
    }
    start_telling();
}

// Messages that wait are lost; links and monitors are in the tables.
lost_ties peer::become_idle() {
    state_ = state::idle;
    channel_ = {};
    writer_.reset();
    queued_ = {};
    forget_output();
    return {std::exchange(ties_, {}), std::exchange(suspended_, {})};
}

void peer::forget_output() {
    out_ = {};
    lanes_.clear();
    lanes_bytes_ = 0;
    unwritten_ = queued_.size();
    unheld_ = 0;
    overrun_ = false;
    told_channel_ = false;
}

std::uint64_t peer::up(const handshake_result& r, const pid& channel) {
    const term replaced = atom("connection_closed");
    // It has proved who it is: that is no part of what it may bring in.
    try {
        (void)node_index({name_, r.peer_creation});
    } catch (const std::length_error&) {
        // Its pids cannot be read, which ends the connection.
    }
    const bool is_hidden = r.peer_is_hidden() || !r.negotiated.has(flag::published);
    std::unique_lock lock(mutex_);
    const pid old_channel = channel_;
    if (state_ == state::up) put_telling(node_news::down, become_idle(), replaced);
    const pid attempt = std::exchange(attempt_process_, {});
    state_ = state::up;
    channel_ = channel;
    handshake_ = r;
    writer_.emplace(all_.self(), r.negotiated);
    forget_output();
    const std::uint64_t mine = ++number_;
    for (outgoing& o : std::exchange(queued_, {})) write_in_turn(std::move(o));
    put_telling(is_hidden ? node_news::hidden_up : node_news::up, {});
    // The channel looks for output before it waits for anything.
    lock.unlock();
    if (old_channel) all_.node().send(old_channel, close_channel{replaced});
    start_telling();
    if (attempt && attempt != channel) all_.node().exit(attempt, atoms::kill);
    return mine;
}

void peer::lost(std::uint64_t connection, const term& reason) {
    {
        std::lock_guard lock(mutex_);
        if (state_ != state::up || number_ != connection) return;
        put_telling(node_news::down, become_idle(), reason);
    }
    start_telling();
}

bool peer::disconnect(const term& reason) {
    std::uint64_t connection = 0;
    pid channel;
    {
        std::lock_guard lock(mutex_);
        if (state_ != state::up) return false;
        connection = number_;
        channel = channel_;
    }
    lost(connection, reason);
    all_.node().send(channel, close_channel{reason});
    return true;
}

void peer::give_up(const term& reason) {
    std::uint64_t attempt = 0;
    pid attempting;
    {
        std::lock_guard lock(mutex_);
        attempt = number_;
        attempting = attempt_process_;
    }
    attempt_failed(attempt);  // nothing, if there is none
    if (attempting) all_.node().exit(attempting, atoms::kill);
    (void)disconnect(reason);
}

// -- telling --------------------------------------------------------------------------------------

void peer::put_telling(node_news what, lost_ties&& lost, const term& reason) {
    tellings_.emplace_back(what, std::move(lost), reason);
}

// Few at once; of more a process tells, in turns with those whom it wakes.
void peer::start_telling() {
    constexpr std::size_t few = 1000;
    bool many = false;
    {
        std::lock_guard lock(mutex_);
        if (tellings_.empty() || std::exchange(is_telling_, true)) return;
        many = tellings_.front().size() > few;
    }
    if (!many && !tell_some(few)) return;
    if (all_.node().spawn(tell_the_rest, this)) return;
    while (tell_some(few)) {  // there is no room for one more process
    }
}

bool peer::tell_some(std::size_t count) {
    for (;;) {
        telling* first = nullptr;
        {
            std::lock_guard lock(mutex_);
            is_telling_ = !tellings_.empty();
            if (!is_telling_) return false;
            first = &tellings_.front();
        }
        if (first->tell(all_.node(), name_, count)) return true;
        std::lock_guard lock(mutex_);
        tellings_.pop_front();
    }
}

awaitable<void> peer::make_room(self me) {
    (void)disconnect(atom("connection_closed"));
    for (;;) {
        {
            std::lock_guard lock(mutex_);
            if (!is_telling_) co_return;
        }
        co_await me.sleep_for(std::chrono::milliseconds(1));
    }
}

peer::facts peer::look() const {
    std::lock_guard lock(mutex_);
    facts f;
    f.now = state_;
    f.hidden = state_ == state::up && handshake_.peer_is_hidden();
    f.bytes_waiting = waiting();
    f.links = ties_.links.size();
    f.monitors = ties_.monitors.size() + ties_.watchers.size();
    return f;
}

}  // namespace beam::dist::detail
