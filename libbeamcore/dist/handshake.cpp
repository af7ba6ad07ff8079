#include "libbeamcore/dist/handshake.hpp"

#include <stdexcept>
#include <utility>

#include "libbeamcore/base/random.hpp"
#include "libbeamcore/dist/internal/bytes.hpp"
#include "libbeamcore/dist/internal/digest.hpp"
#include "libbeamcore/dist/node_name.hpp"

namespace beam::dist {

using detail::byte_reader;
using detail::digest_of;
using detail::digest_size;

namespace {

// The longest message is a name with what stands before it; later versions may add something behind.
constexpr std::size_t message_max = 1024;
// A peer that does not wait for our answers.
constexpr std::size_t unread_max = 4 * message_max;

constexpr char tag_name = 'N', tag_old_name = 'n', tag_status = 's', tag_reply = 'r', tag_ack = 'a';
constexpr std::string_view named = "named:";

std::uint32_t random_challenge() {
    std::uint32_t c = 0;
    secure_random(&c, sizeof c);
    return c;
}

std::string shown(std::string_view bytes) {
    std::string text;
    for (char c : bytes.substr(0, 60)) text += c >= ' ' && c <= '~' ? c : '?';
    return text;
}

// A record of TLS, with its handshake or an alert: no message of ours is so long.
bool looks_like_tls(std::string_view bytes) {
    constexpr char handshake_record = 0x16, alert_record = 0x15, version_3 = 3;
    return (bytes[0] == handshake_record || bytes[0] == alert_record) && bytes[1] == version_3;
}

void put_digest(std::string& to, std::string_view cookie, std::uint32_t challenge) {
    const auto d = digest_of(cookie, challenge);
    to.append(d.data(), d.size());
}

bool proves(std::string_view given, std::string_view cookie, std::uint32_t challenge) {
    const auto expected = digest_of(cookie, challenge);
    return detail::equal_in_constant_time(given, {expected.data(), expected.size()});
}

}  // namespace

handshake::handshake(handshake_options options, state first)
    : options_(std::move(options)), state_(first) {
    challenge_ = options_.challenge ? *options_.challenge : random_challenge();
    result_.own_name = options_.own_name;
    result_.own_creation = options_.creation;
}

handshake handshake::acceptor(handshake_options options) {
    return handshake(std::move(options), state::wait_name);
}

handshake handshake::initiator(handshake_options options, std::string peer_name) {
    handshake h(std::move(options), state::wait_status);
    h.result_.peer_name = std::move(peer_name);
    if (h.options_.ask_for_name) h.options_.own_flags = h.options_.own_flags.with(flag::name_me);
    h.send_name();
    return h;
}

// Messages.

bool handshake::takes_messages() const {
    return event_ == handshake_event::needs_input;
}

std::optional<std::string_view> handshake::next_message() {
    const std::string_view unread = std::string_view(in_).substr(taken_);
    const std::size_t prefix = options_.tls ? 4 : 2;
    if (unread.size() < prefix) return {};
    const std::size_t length =
        options_.tls ? detail::number_at<4>(unread.data()) : detail::number_at<2>(unread.data());
    if (!options_.tls && looks_like_tls(unread)) {
        fail_with("wants_tls", "the peer speaks TLS, and this node does not; try: --dist-tls");
        return {};
    }
    if (length > message_max) {
        fail_with("too_long", "a message of " + std::to_string(length) + " bytes");
        return {};
    }
    if (unread.size() - prefix < length) return {};
    taken_ += prefix + length;
    return unread.substr(prefix, length);
}

handshake_event handshake::feed(std::string_view bytes) {
    if (event_ == handshake_event::failed) return event_;
    in_.append(bytes);
    while (takes_messages()) {
        const auto body = next_message();
        if (!body) break;
        ++steps_;
        on_message(*body);
    }
    if (taken_ > 0) in_.erase(0, std::exchange(taken_, 0));
    if (event_ != handshake_event::established && in_.size() > unread_max)
        fail_with("too_long", "the peer sends on without waiting for an answer");
    return event_;
}

void handshake::on_message(std::string_view body) {
    if (body.empty()) {
        fail_with("bad_message", "an empty message");
        return;
    }
    switch (state_) {
        case state::wait_name:
            return on_name(body);
        case state::wait_whether_alive:
            return on_whether_alive(body);
        case state::wait_reply:
            return on_reply(body);
        case state::wait_status:
            return on_status(body);
        case state::wait_challenge:
            return on_challenge(body);
        case state::wait_ack:
            return on_ack(body);
        case state::wait_decision:
        case state::wait_whether_to_go_on:
        case state::done:
            return;
    }
}

void handshake::send(std::string_view body) {
    if (options_.tls)
        detail::put_u32(out_, body.size());
    else
        detail::put_u16(out_, body.size());
    out_.append(body);
}

void handshake::send_name() {
    std::string body(1, tag_name);
    detail::put_u64(body, options_.own_flags.bits());
    detail::put_u32(body, options_.creation);
    detail::put_u16(body, options_.own_name.size());
    body += options_.own_name;
    send(body);
}

void handshake::send_status(std::string_view text) {
    std::string body(1, tag_status);
    body += text;
    send(body);
}

void handshake::send_challenge() {
    std::string body(1, tag_name);
    detail::put_u64(body, options_.own_flags.bits());
    detail::put_u32(body, challenge_);
    detail::put_u32(body, options_.creation);
    detail::put_u16(body, options_.own_name.size());
    body += options_.own_name;
    send(body);
    become(state::wait_reply, handshake_event::needs_input);
}

std::string handshake::take_output() {
    return std::exchange(out_, {});
}

std::string handshake::take_rest() {
    return std::exchange(in_, {});
}

handshake_event handshake::become(state next, handshake_event event) {
    state_ = next;
    return event_ = event;
}

handshake_event handshake::fail_with(std::string code, std::string detail) {
    failure_ = {std::move(code), std::move(detail)};
    return event_ = handshake_event::failed;
}

bool handshake::refuse_missing(flags peer) {
    const flags lacks = missing(peer);
    if (lacks.empty()) return false;
    fail_with("missing_flags", explain_missing(lacks));
    return true;
}

handshake_event handshake::establish() {
    result_.negotiated = negotiated(options_.own_flags, result_.peer_flags).without(flag::name_me);
    return become(state::done, handshake_event::established);
}

// The acceptor.

void handshake::on_name(std::string_view body) {
    byte_reader r(body);
    const char tag = char(r.u8());
    if (tag == tag_old_name) {
        fail_with("old_version", "the peer speaks the handshake of OTP 22 and older");
        return;
    }
    offer_.peer_flags = flags(r.u64());
    offer_.creation = r.u32();
    offer_.name = r.bytes(r.u16());
    if (tag != tag_name || !r.ok()) {
        fail_with("bad_message", "this is no node's name");
        return;
    }
    offer_.wants_name = offer_.peer_flags.has(flag::name_me);
    if (offer_.wants_name ? !is_node_name_part(offer_.name) : !split_node_name(offer_.name)) {
        fail_with("bad_name", "\"" + shown(offer_.name) + "\" is no node's name");
        return;
    }
    if (refuse_missing(offer_.peer_flags)) {
        send_status("not_allowed");
        return;
    }
    if (offer_.name == options_.own_name) {
        send_status("nok");
        fail_with("own_name", "the peer is called " + offer_.name + ", as this node is");
        return;
    }
    become(state::wait_decision, handshake_event::peer_offers);
}

handshake_event handshake::answer(peer_standing standing) {
    if (event_ != handshake_event::peer_offers) return event_;
    if (standing == peer_standing::refused || offer_.wants_name) {
        send_status("not_allowed");
        return fail_with("refused", offer_.wants_name
                                        ? "a peer at " + offer_.name + " wants to be given a name"
                                        : offer_.name + " may not connect");
    }
    result_.peer_name = offer_.name;
    result_.peer_creation = offer_.creation;
    result_.peer_flags = expanded(offer_.peer_flags);
    switch (standing) {
        case peer_standing::attempting:
            if (offer_.name < options_.own_name) {
                send_status("nok");
                return fail_with("simultaneous",
                                 "our own connection to " + offer_.name + " goes on");
            }
            result_.ends_own_attempt = true;
            send_status("ok_simultaneous");
            break;
        case peer_standing::connected:
            send_status("alive");
            become(state::wait_whether_alive, handshake_event::needs_input);
            return feed({});
        default:
            send_status("ok");
    }
    send_challenge();
    return feed({});
}

handshake_event handshake::give_name(const std::string& name, std::uint32_t creation) {
    if (event_ != handshake_event::peer_offers) return event_;
    if (!offer_.wants_name || !split_node_name(name))
        throw std::invalid_argument("no name can be given to this peer: " + name);
    result_.peer_name = name;
    result_.peer_creation = creation;
    result_.peer_flags = expanded(offer_.peer_flags);
    std::string text(named);
    detail::put_u16(text, name.size());
    text += name;
    detail::put_u32(text, creation);
    send_status(text);
    send_challenge();
    return feed({});
}

void handshake::on_whether_alive(std::string_view body) {
    if (body == "strue") {
        result_.replaces_connection = true;
        send_challenge();
    } else if (body == "sfalse") {
        fail_with("declined", "the peer keeps the connection that there is");
    } else {
        fail_with("bad_message", "neither true nor false: " + shown(body));
    }
}

void handshake::on_reply(std::string_view body) {
    byte_reader r(body);
    const char tag = char(r.u8());
    peer_challenge_ = r.u32();
    const auto given = r.bytes(digest_size);
    if (tag != tag_reply || !r.at_end()) {
        fail_with("bad_message", "this is no answer to a challenge");
        return;
    }
    if (!proves(given, options_.cookie, challenge_)) {
        fail_with("bad_cookie", result_.peer_name + " has another cookie");
        return;
    }
    std::string ack(1, tag_ack);
    put_digest(ack, options_.cookie, peer_challenge_);
    send(ack);
    establish();
}

// The initiator.

void handshake::on_status(std::string_view body) {
    if (body[0] != tag_status) {
        fail_with("bad_message", "this is no status: " + shown(body));
        return;
    }
    const auto text = body.substr(1);
    if (text.substr(0, named.size()) == named) {
        on_named(text.substr(named.size()));
    } else if (text == "nok") {
        if (result_.peer_name == options_.own_name)
            fail_with("own_name", "that is this node's own name");
        else
            fail_with("simultaneous", result_.peer_name + " is connecting to this node");
    } else if (text == "not_allowed") {
        fail_with("not_allowed", result_.peer_name + " does not let this node connect");
    } else if (options_.ask_for_name) {
        fail_with("bad_message", "no name was given: " + shown(text));
    } else if (text == "ok" || text == "ok_simultaneous") {
        become(state::wait_challenge, handshake_event::needs_input);
    } else if (text == "alive") {
        become(state::wait_whether_to_go_on, handshake_event::peer_has_connection);
    } else {
        fail_with("bad_message", "an unknown status: " + shown(text));
    }
}

void handshake::on_named(std::string_view text) {
    byte_reader r(text);
    const auto name = r.bytes(r.u16());
    const std::uint32_t creation = r.u32();
    if (!options_.ask_for_name || !r.ok()) {
        fail_with("bad_message", "a name that was not asked for, or half of one");
        return;
    }
    if (!split_node_name(name)) {
        fail_with("bad_name", "the peer names this node \"" + shown(name) + "\"");
        return;
    }
    result_.own_name = name;
    result_.own_creation = creation;
    become(state::wait_challenge, handshake_event::needs_input);
}

handshake_event handshake::go_on(bool yes) {
    if (event_ != handshake_event::peer_has_connection) return event_;
    send_status(yes ? "true" : "false");
    if (!yes) return fail_with("declined", "the connection that there is stays");
    become(state::wait_challenge, handshake_event::needs_input);
    return feed({});
}

void handshake::on_challenge(std::string_view body) {
    byte_reader r(body);
    const char tag = char(r.u8());
    if (tag == tag_old_name) {
        fail_with("old_version", "the peer speaks the handshake of OTP 22 and older");
        return;
    }
    result_.peer_flags = expanded(flags(r.u64()));
    peer_challenge_ = r.u32();
    result_.peer_creation = r.u32();
    const auto name = r.bytes(r.u16());
    if (tag != tag_name || !r.ok()) {
        fail_with("bad_message", "this is no challenge");
        return;
    }
    if (name != result_.peer_name) {
        fail_with("wrong_node",
                  "\"" + shown(name) + "\" answers where " + result_.peer_name + " was expected");
        return;
    }
    if (refuse_missing(result_.peer_flags)) return;
    std::string reply(1, tag_reply);
    detail::put_u32(reply, challenge_);
    put_digest(reply, options_.cookie, peer_challenge_);
    send(reply);
    become(state::wait_ack, handshake_event::needs_input);
}

void handshake::on_ack(std::string_view body) {
    if (body.size() != 1 + digest_size || body[0] != tag_ack) {
        fail_with("bad_message", "this is no acknowledgement");
    } else if (!proves(body.substr(1), options_.cookie, challenge_)) {
        fail_with("bad_cookie", result_.peer_name + " does not prove that it knows the cookie");
    } else {
        establish();
    }
}

// The end.

handshake_event handshake::input_ended() {
    return end_with("closed", "closed the connection");
}
handshake_event handshake::connection_failed(error why) {
    return fail_with(std::move(why.code), std::move(why.detail));
}
handshake_event handshake::timed_out() {
    return end_with("timeout", "was silent");
}

handshake_event handshake::end_with(std::string_view code, std::string_view how) {
    if (event_ == handshake_event::failed || event_ == handshake_event::established) return event_;
    std::string text = "the peer ";
    text += how;
    switch (state_) {
        case state::wait_name:
            text += " before it said its name";
            break;
        case state::wait_status:
            text +=
                " instead of answering: it is no node, or one that wants TLS, or the other way "
                "round";
            break;
        case state::wait_ack:
            text += " when it was to check the cookie: it has another one";
            break;
        case state::wait_reply:
            text +=
                " when it was to prove its cookie: it has lost interest, or misses flags of ours";
            break;
        default:
            text += " in the middle of the handshake";
    }
    return fail_with(std::string(code), std::move(text));
}

}  // namespace beam::dist
