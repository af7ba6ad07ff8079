// What a stranger says before it is trusted: the handshake, to both roles, and EPMD's requests and answers. Of any bytes:
// cut anywhere they lead to the same, and only the cookie's digest leads to a connection.
#include <fuzzer/FuzzedDataProvider.h>

#include <algorithm>
#include <random>
#include <string>

#include "libbeamcore/dist/epmd_protocol.hpp"
#include "libbeamcore/dist/handshake.hpp"
#include "libbeamcore/dist/internal/digest.hpp"
#include "libbeamcore/dist/node_name.hpp"
#include "tests/fuzz/claim.hpp"

using namespace beam::dist;

namespace {

// Those of the dialogue in the corpus, which OTP once had.
constexpr std::uint32_t challenge_of_a = 0xdbac1461, challenge_of_b = 0xd04a6559;

struct how {
    bool accepts = false;
    bool tls = false;
    bool asks_for_name = false;
    peer_standing standing = peer_standing::unconnected;
    bool goes_on = true;
};

handshake begin(const how& h) {
    handshake_options o;
    o.own_name = h.accepts ? "b@127.0.0.1" : "a@127.0.0.1";
    if (h.asks_for_name) o.own_name = "127.0.0.1";
    o.creation = 7;
    o.cookie = "probecookie";
    o.tls = h.tls;
    o.ask_for_name = h.asks_for_name && !h.accepts;
    o.challenge = h.accepts ? challenge_of_b : challenge_of_a;
    return h.accepts ? handshake::acceptor(o) : handshake::initiator(o, "b@127.0.0.1");
}

struct outcome {
    handshake_event event{};
    unsigned steps = 0;
    std::string output, code, peer;
    friend bool operator==(const outcome&, const outcome&) = default;
};

outcome run(const how& h, std::string_view bytes, std::size_t piece_max, unsigned seed) {
    std::minstd_rand random(seed);
    auto shake = begin(h);
    outcome o;
    while (!bytes.empty()) {
        const auto size =
            std::min<std::size_t>(bytes.size(), piece_max == 0 ? 1 : 1 + random() % piece_max);
        shake.feed(std::string(bytes.substr(0, size)));
        bytes.remove_prefix(size);
        if (shake.event() == handshake_event::peer_offers) {
            if (shake.offer().wants_name && h.goes_on)
                shake.give_name("guest@127.0.0.1", 5);
            else
                shake.answer(h.standing);
        }
        if (shake.event() == handshake_event::peer_has_connection) shake.go_on(h.goes_on);
        if (shake.event() == handshake_event::failed) break;
    }
    o.event = shake.event();
    o.steps = shake.steps();
    o.output = shake.take_output();
    o.code = shake.failure().code;
    if (o.event == handshake_event::established) {
        o.peer = shake.result().peer_name;
        claim(split_node_name(o.peer).has_value(), "a peer has a node's name", o.peer);
        claim(missing(shake.result().peer_flags).empty(), "a peer has what we cannot do without");
    }
    claim((o.event == handshake_event::failed) == !o.code.empty(), "a failure has a code");
    return o;
}

void check_handshake(const how& h, std::string_view bytes, unsigned seed) {
    const auto one = run(h, bytes, 0, seed);
    claim(run(h, bytes, 3, seed) == one, "cut otherwise it is the same");
    // More than a peer may send ahead of an answer comes only in large pieces.
    const auto large = run(h, bytes, 1000, seed);
    claim(large == one || large.code == "too_long", "in large pieces it is the same", large.code);
    if (one.event != handshake_event::established) return;
    const auto d = detail::digest_of("probecookie", h.accepts ? challenge_of_b : challenge_of_a);
    claim(bytes.find(std::string_view(d.data(), d.size())) != std::string_view::npos,
          "without the digest there is no connection");
}

void check_epmd(std::string_view bytes) {
    if (const auto r = decode_epmd_request(bytes); r && *r)
        claim(encode_epmd_request((*r)->request) == bytes.substr(0, (*r)->size),
              "a request is written as it was read");
    if (const auto n = decode_epmd_port(bytes))
        claim(encode_epmd_port(&*n) == bytes, "an answer is written as it was read");
    if (const auto names = decode_epmd_names(bytes)) {
        const auto again = decode_epmd_names(encode_epmd_names(4369, *names));
        claim(again && *again == *names, "names written again are the same");
    }
    if (const auto c = decode_epmd_alive(bytes); c && *c) claim(**c != 0, "no creation is 0");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    FuzzedDataProvider provider(data, size);
    const auto choice = provider.ConsumeIntegral<std::uint8_t>();
    const auto seed = provider.ConsumeIntegral<std::uint8_t>();
    const auto bytes = provider.ConsumeRemainingBytesAsString();
    how h;
    h.accepts = (choice & 1) != 0;
    h.tls = (choice & 2) != 0;
    h.asks_for_name = (choice & 4) != 0;
    h.goes_on = (choice & 8) == 0;
    h.standing = peer_standing(choice >> 4U & 3U);
    check_handshake(h, bytes, seed);
    check_epmd(bytes);
    return 0;
}
