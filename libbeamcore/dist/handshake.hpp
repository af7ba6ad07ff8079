// The handshake of Erlang's distribution, version 6 (OTP 23 and later), for both ends, without a socket.
//
// It takes the bytes that came and gives those to send, and says when somebody has to decide. What it gives to send
// is to be sent also after it failed: the peer may be told why. Sources: erlang/otp:lib/kernel/src/dist_util.erl,
// erts/doc/src/erl_dist_protocol.xml.
//
//     auto h = handshake::initiator(options, "b@host");
//     write(h.take_output());
//     while (h.event() == handshake_event::needs_input) { h.feed(read_for(handshake_step_limit)); write(h.take_output()); }
//     if (h.event() == handshake_event::established) begin(h.result(), h.take_rest());
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/base/result.hpp"
#include "libbeamcore/dist/flags.hpp"

namespace beam::dist {

/// How long one may wait for the peer, counted anew whenever handshake::steps() has grown (OTP's net_setuptime).
inline constexpr std::chrono::seconds handshake_step_limit{7};

struct handshake_options {
    std::string own_name;  ///< `name@host`; with ask_for_name the host alone
    std::uint32_t creation = 0;
    flags own_flags = dist::own_flags();
    std::string cookie;
    bool tls = false;           ///< over TLS all lengths have four bytes
    bool ask_for_name = false;  ///< an initiator without a name, which the acceptor gives
    /// For tests of known dialogues; else it is random.
    std::optional<std::uint32_t> challenge{};
};

/// Who wants to connect, as that one says; nothing of it is proved yet.
struct peer_offer {
    std::string name;  ///< `name@host`; where wants_name, the host alone
    flags peer_flags;
    std::uint32_t creation = 0;
    bool wants_name = false;
};

/// How an acceptor stands with who wants to connect.
enum class peer_standing : std::uint8_t {
    unconnected,
    attempting,  ///< an attempt of our own to connect to that node is under way
    connected,
    refused,  ///< that node may not connect (net_kernel:allow/1)
};

struct handshake_result {
    std::string own_name;  ///< with ask_for_name the one we were given, and its creation
    std::uint32_t own_creation = 0;
    std::string peer_name;
    std::uint32_t peer_creation = 0;
    flags peer_flags;
    flags negotiated;  ///< what applies from now on
    /// The acceptor had a connection to that node: it is dead, and to be dropped before take_output() is sent.
    bool replaces_connection = false;
    /// The acceptor's own attempt to connect to that node is to be given up.
    bool ends_own_attempt = false;

    [[nodiscard]] bool peer_is_hidden() const { return !peer_flags.has(flag::published); }
};

enum class handshake_event : std::uint8_t {
    needs_input,
    peer_offers,          ///< acceptor: answer() or give_name()
    peer_has_connection,  ///< initiator: the peer believes that we are connected already: go_on()
    established,          ///< result(), take_rest()
    failed,               ///< failure()
};

class BEAM_EXPORT handshake {
public:
    /// Connects to the node of that name.
    [[nodiscard]] static handshake initiator(handshake_options options, std::string peer_name);
    [[nodiscard]] static handshake acceptor(handshake_options options);

    [[nodiscard]] handshake_event event() const { return event_; }

    /// Goes on with what the peer sent. Gives event().
    handshake_event feed(std::string_view bytes);

    /// What the peer offers, from peer_offers on.
    [[nodiscard]] const peer_offer& offer() const { return offer_; }
    /// Answers an offer. Two that connect to each other at once agree on one connection: that of the greater name.
    handshake_event answer(peer_standing standing);
    /// Answers an offer of one who wants a name. A bad name is a bug of the caller: std::invalid_argument.
    handshake_event give_name(const std::string& name, std::uint32_t creation);

    /// Whether the peer shall drop the connection that it believes to have. False ends the handshake (`declined`).
    handshake_event go_on(bool yes);

    /// What is to be sent now; then it is gone.
    [[nodiscard]] std::string take_output();

    /// Valid once established.
    [[nodiscard]] const handshake_result& result() const { return result_; }
    /// What came after the handshake: the beginning of the first frames.
    [[nodiscard]] std::string take_rest();

    /// How many messages of the peer were taken.
    [[nodiscard]] unsigned steps() const { return steps_; }

    /// Why it failed. Codes: `bad_message`, `too_long`, `old_version` (OTP 22 or older), `bad_name`, `own_name` (a peer
    /// with our own name), `missing_flags`, `simultaneous` (the other connection of two that were made at once goes on),
    /// `not_allowed` (says the peer), `refused` (answered so), `declined`, `wrong_node` (another one answered),
    /// `bad_cookie`, `wants_tls` (this connection is plain, and the peer speaks TLS); `closed` and `timeout` by input_ended() and timed_out().
    [[nodiscard]] const error& failure() const { return failure_; }
    /// The peer closed the connection. What was waited for says why it may have: a wrong cookie gets no answer.
    handshake_event input_ended();
    /// The connection broke, for that reason, which is failure() then.
    handshake_event connection_failed(error why);
    /// handshake_step_limit has passed.
    handshake_event timed_out();

private:
    enum class state : std::uint8_t {
        // of an acceptor
        wait_name,
        wait_decision,
        wait_whether_alive,
        wait_reply,
        // of an initiator
        wait_status,
        wait_whether_to_go_on,
        wait_challenge,
        wait_ack,
        done,
    };

    handshake(handshake_options options, state first);

    [[nodiscard]] bool takes_messages() const;
    [[nodiscard]] std::optional<std::string_view> next_message();
    void send(std::string_view body);
    handshake_event become(state next, handshake_event event);
    handshake_event fail_with(std::string code, std::string detail);
    handshake_event end_with(std::string_view code, std::string_view how);

    void on_message(std::string_view body);
    void on_name(std::string_view body);
    void on_whether_alive(std::string_view body);
    void on_reply(std::string_view body);
    void on_status(std::string_view body);
    void on_named(std::string_view text);
    void on_challenge(std::string_view body);
    void on_ack(std::string_view body);

    void send_name();
    void send_status(std::string_view text);
    void send_challenge();
    [[nodiscard]] bool refuse_missing(flags peer);
    handshake_event establish();

    handshake_options options_;
    state state_;
    handshake_event event_ = handshake_event::needs_input;
    std::uint32_t challenge_;
    std::uint32_t peer_challenge_ = 0;
    unsigned steps_ = 0;
    std::string in_;
    std::size_t taken_ = 0;  // of in_
    std::string out_;
    peer_offer offer_;
    handshake_result result_;
    error failure_;
};

}  // namespace beam::dist
