#include "libbeamcore/dist/control.hpp"

#include <doctest/doctest.h>

#include <set>

#include "libbeamcore/dist/control_reader.hpp"
#include "libbeamcore/dist/control_writer.hpp"
#include "libbeamcore/dist/frame_reader.hpp"
#include "libbeamcore/term/syntax.hpp"
#include "tests/unit/dist/hex.hpp"

using namespace beam;
using namespace beam::dist;
using test::from_hex;

namespace {

const node_identity e3{atom("e3@127.0.0.1"), 0x6b00f716};
const node_identity other{atom("b@127.0.0.1"), 17};

pid local(std::uint32_t id) {
    return {id, 0, 0};
}
pid remote(std::uint32_t id) {
    return {id, 3, node_index(other)};
}
ref some_ref() {
    ref r;
    r.node = node_index(other);
    r.words[0] = 1, r.words[1] = 2, r.words[2] = 3;
    return r;
}
ref local_ref() {
    ref r;
    for (unsigned i = 0; i < 5; ++i) r.words[i] = 0x90049500U + i;
    return r;
}

// Each kind, in all its variety.
std::vector<control::message> all_messages() {
    const term reason = tuple(atom("badmatch"), binary("x"));
    return {
        control::link{local(1), remote(2)},
        control::unlink{5, local(1), remote(2)},
        control::unlink{UINT64_MAX, local(1), remote(2)},
        control::unlink_ack{300, remote(2), local(1)},
        control::link_exit{remote(2), local(1), reason},
        control::exit{remote(2), local(1), atoms::kill},
        control::monitor{local(1), remote(2), local_ref()},
        control::monitor{local(1), atoms::net_kernel, local_ref()},
        control::demonitor{local(1), remote(2), local_ref()},
        control::demonitor{local(1), atoms::net_kernel, some_ref()},
        control::monitor_exit{remote(2), local(1), some_ref(), reason},
        control::monitor_exit{atoms::net_kernel, local(1), some_ref(), atoms::noproc},
        control::group_leader{local(1), remote(2)},
        control::spawn_request{some_ref(), local(1), local(2), atom("erlang"), atom("apply"), 2,
                               list({atoms::monitor, atoms::link}), list({1, atoms::ok})},
        control::spawn_request{some_ref(), local(1), local(2), atom("m"), atom("f"), 0, nil, nil},
        control::spawn_reply{some_ref(), local(1), control::spawned_link, remote(7)},
        control::spawn_reply{some_ref(), local(1), 0, atom("badopt")},
    };
}

struct wire {
    explicit wire(flags f, node_identity writes = e3, node_identity reads = e3)
        : frames(f, budget), writer(writes, f), reader(reads, budget) {}

    // What was appended to `out`, read again.
    result<received_control> take() {
        output fragments;
        while (cut && !cut->at_end()) cut->next(fragments);
        out += fragments.copy();
        cut.reset();
        frames.feed(out);
        out.clear();
        auto f = frames.next();
        REQUIRE_MESSAGE(f, f.error().detail);
        REQUIRE(*f);
        last = **f;
        return reader.read(last);
    }
    result<received_control> pass_on(const control::message& m) {
        auto r = writer.write(out, m);
        REQUIRE_MESSAGE(r, r.error().detail);
        cut = *std::move(r);
        return take();
    }

    etf::atom_budget budget{10'000};
    frame_reader frames;
    control_writer writer;
    control_reader reader;
    std::string out;
    std::optional<cut_message> cut;
    frame last;
};

result<received_control> read_frame(const std::string& terms, node_identity self = e3) {
    etf::atom_budget budget(10'000);
    control_reader reader(self, budget);
    frame f;
    f.terms = terms;
    return reader.read(f);
}
// A control message, and what follows, as terms.
result<received_control> read_terms(std::string_view control, std::string_view message = {}) {
    std::string bytes;
    REQUIRE(etf::encode(*parse_term(control), bytes));
    if (!message.empty()) REQUIRE(etf::encode(*parse_term(message), bytes));
    return read_frame(bytes);
}

const std::string ping_monitor = from_hex(
    "83 6804 6113 58 770c6533403132372e302e302e31 00000009 00000000 6b00f716 "
    "770a6e65745f6b65726e656c 5a0003 770c6533403132372e302e302e31 6b00f716 00001fbf 36c50001 "
    "9004950e");
const std::string ping_call = from_hex(
    "83 6804 6106 58 770c6533403132372e302e302e31 00000009 00000000 6b00f716 7700 "
    "770a6e65745f6b65726e656c");
const std::string ping_request = from_hex(
    "83 6803 77092467656e5f63616c6c 6802 58 770c6533403132372e302e302e31 00000009 00000000 "
    "6b00f716 6c00000001 7705616c696173 5a0003 770c6533403132372e302e302e31 6b00f716 00001fbf "
    "36c50001 9004950e 6802 770769735f61757468 770c6533403132372e302e302e31");
const std::string rpc_request = from_hex(
    "83 6806 611d 5a0003 770c6533403132372e302e302e31 6b00f716 00001fd5 36c40001 9004950e 58 "
    "770c6533403132372e302e302e31 00000009 00000000 6b00f716 58 770c6533403132372e302e302e31 "
    "00000047 00000000 6b00f716 6803 770465727063 770c657865637574655f63616c6c 6104 6c00000001 "
    "77076d6f6e69746f72 6a 83 6c00000004 5a0003 770c6533403132372e302e302e31 6b00f716 00001fd4 "
    "36c40001 9004950e 77066572 6c616e67 77046e6f6465 6a 6a");

}  // namespace

TEST_CASE("the table of control messages is in order, and its names are unique") {
    std::set<std::string_view> names;
    unsigned last = 0;
    for (const auto& e : control::op_table()) {
        CHECK(unsigned(e.code) > last);
        last = unsigned(e.code);
        CHECK(names.insert(e.name).second);
        CHECK(control::find_op(last) == &e);
        CHECK((e.token_at == 0) == (e.name.find("_TT") == std::string_view::npos));
    }
    CHECK_FALSE(control::find_op(0));
    CHECK_FALSE(control::find_op(5));
    CHECK_FALSE(control::find_op(37));
    CHECK_FALSE(control::find_op(256 + 22));
}

TEST_CASE("a ping as OTP sends it is read") {
    const auto monitor = read_frame(ping_monitor, other);
    REQUIRE(monitor);
    const auto& m = std::get<control::monitor>(monitor->control);
    CHECK(m.from == pid{9, 0, node_index(e3)});
    CHECK(std::get<atom>(m.to) == atoms::net_kernel);
    CHECK(m.ref.words[0] == 0x1fbf);
    CHECK(m.ref.words[2] == 0x9004950e);
    CHECK(monitor->payload.empty());

    const std::string whole = ping_call + ping_request;
    const auto call = read_frame(whole, other);
    REQUIRE(call);
    CHECK(std::get<control::reg_send>(call->control).name == atoms::net_kernel);
    CHECK(call->payload == ping_request);
}

TEST_CASE("a ping is written as OTP writes it") {
    wire w(own_flags());
    control::monitor m;
    m.from = local(9);
    m.to = atoms::net_kernel;
    m.ref.words[0] = 0x1fbf, m.ref.words[1] = 0x36c50001, m.ref.words[2] = 0x9004950e;
    CHECK(w.writer.write(w.out, m));
    CHECK(w.out.substr(4) == "p" + ping_monitor);
    w.out.clear();
    etf::decode_options o;
    o.self = e3;
    const auto request = etf::decode(ping_request, o);
    REQUIRE(request);
    CHECK(w.writer.write(w.out, control::reg_send{local(9), atoms::net_kernel}, *request));
    CHECK(w.out.substr(4) == "p" + ping_call + ping_request);
}

TEST_CASE("an rpc as OTP sends it is read and written") {
    const auto r = read_frame(rpc_request);
    REQUIRE_MESSAGE(r, r.error().detail);
    const auto& s = std::get<control::spawn_request>(r->control);
    CHECK(s.module == atom("erpc"));
    CHECK(s.function == atom("execute_call"));
    CHECK(s.arity == 4);
    CHECK(s.leader == local(0x47));
    CHECK(s.options == list({atoms::monitor}));
    CHECK(s.arguments.list_length() == 4);
    wire w(own_flags());
    CHECK(w.writer.write(w.out, s));
    CHECK(w.out.substr(4) == "p" + rpc_request);
}

TEST_CASE("what is written is read, in all forms that can be negotiated") {
    for (const bool cache : {false, true}) {
        for (const bool fragments : {false, true}) {
            wire w(own_flags({.atom_cache = cache, .fragments = fragments}));
            for (int twice = 0; twice < 2; ++twice) {
                for (const auto& m : all_messages()) {
                    const auto r = w.pass_on(m);
                    REQUIRE_MESSAGE(r, r.error().detail);
                    CHECK(r->control == m);
                    CHECK(r->payload.empty());
                }
            }
        }
    }
}

TEST_CASE("with an old peer the older forms are used, and mean the same") {
    const flags old =
        own_flags().without(flag::exit_payload).without(flag::unlink_id).without(flag::send_sender);
    wire w(old);
    for (const auto& m : all_messages()) {
        if (std::holds_alternative<control::unlink_ack>(m)) continue;
        const auto r = w.pass_on(m);
        REQUIRE_MESSAGE(r, r.error().detail);
        if (const auto* u = std::get_if<control::unlink>(&m))
            CHECK(r->control == control::message(control::unlink{0, u->from, u->to}));
        else
            CHECK(r->control == m);
    }
    CHECK(w.writer.write(w.out, control::send{local(1), remote(2)}, atoms::ok));
    const auto r = w.take();
    REQUIRE(r);
    CHECK(r->control == control::message(control::send{pid(), remote(2)}));
}

TEST_CASE("what the peer does not know is not sent") {
    const std::pair<flag, control::message> all[] = {
        {flag::unlink_id, control::unlink_ack{1, local(1), remote(2)}},
        {flag::dist_monitor, control::monitor{local(1), remote(2), local_ref()}},
        {flag::dist_monitor, control::demonitor{local(1), remote(2), local_ref()}},
        {flag::dist_monitor_name, control::monitor{local(1), atoms::ok, local_ref()}},
        {flag::spawn, control::spawn_request{some_ref(), local(1), local(1), {}, {}, 0, nil, nil}},
        {flag::spawn, control::spawn_reply{some_ref(), local(1), 0, atoms::ok}},
    };
    for (const auto& [wanted, m] : all) {
        wire w(own_flags().without(wanted));
        w.out = "before";
        const auto r = w.writer.write(w.out, m);
        REQUIRE_FALSE(r);
        CHECK(r.error().is("not_negotiated"));
        CHECK(w.out == "before");
    }
    wire w(own_flags().without(flag::alias));
    CHECK_FALSE(w.writer.write(w.out, control::alias_send{local(1), some_ref()}, atoms::ok));
    CHECK_FALSE(w.writer.begin(w.out, control::alias_send{local(1), some_ref()}));
    CHECK(w.out.empty());
}

TEST_CASE("messages keep what they bring, small and large") {
    for (const bool cache : {false, true}) {
        for (const bool fragments : {false, true}) {
            wire w(own_flags({.atom_cache = cache, .fragments = fragments}));
            for (std::size_t size : {10, 200'000, 10}) {
                const term payload = tuple(atoms::ok, remote(4), binary(std::string(size, 'x')));
                auto check = [&](const control::message& m) {
                    const auto r = w.take();
                    REQUIRE_MESSAGE(r, r.error().detail);
                    CHECK(r->control == m);
                    const auto read = etf::decode(r->payload, w.reader.payload_options(w.last));
                    REQUIRE_MESSAGE(read, read.error().detail);
                    CHECK(*read == payload);
                };
                const control::send s{local(1), remote(2)};
                w.cut = *w.writer.write(w.out, s, payload);
                check(s);
                const control::reg_send n{local(1), atoms::rex};
                w.cut = *w.writer.write(w.out, n, payload);
                check(n);
                const control::alias_send a{local(1), some_ref()};
                w.cut = *w.writer.write(w.out, a, payload);
                check(a);
                REQUIRE(w.writer.begin(w.out, s));
                REQUIRE(etf::encode(payload, w.out, w.writer.payload_options()));
                w.cut = *w.writer.end(w.out);
                check(s);
            }
        }
    }
}

TEST_CASE("what cannot be encoded leaves no trace") {
    wire w(own_flags({.atom_cache = true}));
    fun f;
    f.module = atoms::ok;
    f.name = atom("no_closure_of_erlang");
    const control::send s{local(1), remote(2)};
    CHECK_FALSE(w.writer.write(w.out, s, term(f)));
    CHECK_FALSE(w.writer.write(w.out, control::exit{local(1), remote(2), term(f)}));
    CHECK(w.out.empty());
    wire old(own_flags().without(flag::exit_payload));
    CHECK_FALSE(old.writer.write(old.out, control::exit{local(1), remote(2), term(f)}));
    CHECK(old.out.empty());
    CHECK(w.pass_on(control::link{local(1), remote(2)}));
}

TEST_CASE("trace tokens are dropped") {
    const std::pair<const char*, const char*> all[] = {
        {"{12, '', <0.1.0>, [token]}", "{2, '', <0.1.0>}"},
        {"{13, <0.1.0>, <0.2.0>, [token], reason}", "{3, <0.1.0>, <0.2.0>, reason}"},
        {"{16, <0.1.0>, '', rex, [token]}", "{6, <0.1.0>, '', rex}"},
        {"{18, <0.1.0>, <0.2.0>, [token], reason}", "{8, <0.1.0>, <0.2.0>, reason}"},
        {"{23, <0.1.0>, <0.2.0>, [token]}", "{22, <0.1.0>, <0.2.0>}"},
        {"{25, <0.1.0>, <0.2.0>, [token]}", "{24, <0.1.0>, <0.2.0>}"},
        {"{27, <0.1.0>, <0.2.0>, [token]}", "{26, <0.1.0>, <0.2.0>}"},
        {"{30, #Ref<0.1.2.3>, <0.1.0>, <0.2.0>, {m, f, 1}, [], [token]}",
         "{29, #Ref<0.1.2.3>, <0.1.0>, <0.2.0>, {m, f, 1}, []}"},
        {"{32, #Ref<0.1.2.3>, <0.1.0>, 3, <0.2.0>, [token]}",
         "{31, #Ref<0.1.2.3>, <0.1.0>, 3, <0.2.0>}"},
        {"{34, <0.1.0>, #Ref<0.1.2.3>, [token]}", "{33, <0.1.0>, #Ref<0.1.2.3>}"},
    };
    for (const auto& [with, without] : all) {
        const auto a = control::from_term(*parse_term(with));
        const auto b = control::from_term(*parse_term(without));
        REQUIRE_MESSAGE(a, with);
        REQUIRE_MESSAGE(b, without);
        CHECK_MESSAGE(*a == *b, with);
    }
}

TEST_CASE("what is no control message") {
    struct bad {
        const char* control;
        const char* message;
        const char* code;
    };
    const bad all[] = {
        {"hello", "", "bad_control"},
        {"{}", "", "bad_control"},
        {"{a, b}", "", "bad_control"},
        {"{5, <0.1.0>, <0.2.0>}", "", "unknown_control"},
        {"{37, <0.1.0>, <0.2.0>}", "x", "unknown_control"},
        {"{-1, <0.1.0>}", "", "bad_control"},
        {"{18446744073709551638, <0.1.0>, <0.2.0>}", "x", "bad_control"},
        {"{1, <0.1.0>}", "", "bad_control"},
        {"{1, <0.1.0>, <0.2.0>, <0.3.0>}", "", "bad_control"},
        {"{1, a, <0.2.0>}", "", "bad_control"},
        {"{1, <0.1.0>, <0.2.0>}", "x", "bad_control"},
        {"{22, <0.1.0>, <0.2.0>}", "", "bad_control"},
        {"{22, <0.1.0>, rex}", "x", "bad_control"},
        {"{6, <0.1.0>, '', <<\"rex\">>}", "x", "bad_control"},
        {"{19, <0.1.0>, 7, #Ref<0.1.2.3>}", "", "bad_control"},
        {"{28, <0.1.0>, <0.1.0>, x}", "normal", "bad_control"},
        {"{29, #Ref<0.1.2.3>, <0.1.0>, <0.1.0>, {m, f}, []}", "[]", "bad_control"},
        {"{29, #Ref<0.1.2.3>, <0.1.0>, <0.1.0>, {m, f, 256}, []}", "[]", "bad_control"},
        {"{29, #Ref<0.1.2.3>, <0.1.0>, <0.1.0>, {m, f, 0}, x}", "[]", "bad_control"},
        {"{29, #Ref<0.1.2.3>, <0.1.0>, <0.1.0>, {m, f, 1}, []}", "[]", "bad_control"},
        {"{29, #Ref<0.1.2.3>, <0.1.0>, <0.1.0>, {m, f, 1}, []}", "[1 | 2]", "bad_control"},
        {"{31, #Ref<0.1.2.3>, <0.1.0>, x, <0.2.0>}", "", "bad_control"},
        {"{33, <0.1.0>, <0.2.0>}", "x", "bad_control"},
        {"{35, 0, <0.1.0>, <0.2.0>}", "", "bad_control"},
        {"{35, -5, <0.1.0>, <0.2.0>}", "", "bad_control"},
        {"{36, 18446744073709551616, <0.1.0>, <0.2.0>}", "", "bad_control"},
    };
    for (const auto& b : all) {
        const auto r = read_terms(b.control, b.message);
        REQUIRE_FALSE_MESSAGE(r, b.control);
        CHECK_MESSAGE(r.error().is(b.code), b.control);
        CHECK_FALSE(r.error().detail.empty());
    }
    CHECK_FALSE(read_frame(""));
    CHECK_FALSE(read_frame("\x83"));
    for (const auto& whole : {ping_monitor,
                              ping_call + "\x83"
                                          "a\1",
                              rpc_request})
        for (std::size_t n = 0; n + 1 < whole.size(); ++n)
            if (n != ping_call.size() + 1) CHECK_FALSE(read_frame(whole.substr(0, n)));
}

TEST_CASE("pids of an earlier life of this node are not its own") {
    const auto now = read_frame(ping_monitor, e3);
    REQUIRE(now);
    CHECK(std::get<control::monitor>(now->control).from.is_local());
    const auto later = read_frame(ping_monitor, {e3.name, e3.creation + 1});
    REQUIRE(later);
    CHECK(std::get<control::monitor>(later->control).from.node == node_index(e3));
}

TEST_CASE("unusual forms are read as the usual ones") {
    // SEND_SENDER with an op of four bytes, an atom of the long form and a large tuple.
    const std::string whole = from_hex(
        "83 69 00000003 62 00000016 58 76000c\"e3@127.0.0.1\" 00000009 00000000 6b00f716 "
        "58 770c\"e3@127.0.0.1\" 00000008 00000000 6b00f716 83 61 07");
    const auto r = read_frame(whole);
    REQUIRE_MESSAGE(r, r.error().detail);
    CHECK(r->control == control::message(control::send{local(9), local(8)}));
    CHECK(r->payload == from_hex("83 61 07"));
}

TEST_CASE("a stranger's atoms and nodes are paid for") {
    etf::atom_budget budget(1);
    control_reader reader(e3, budget);
    auto frame_of = [](const char* name) {
        return from_hex(
                   "83 6804 6106 58 770c\"e3@127.0.0.1\" 00000009 00000000 6b00f716 7700 770d") +
               name + from_hex("83 61 01");
    };
    const auto one = frame_of("control_new_1"), two = frame_of("control_new_2");
    frame f;
    f.terms = one;
    CHECK(reader.read(f));
    CHECK(reader.read(f));
    f.terms = two;
    const auto r = reader.read(f);
    REQUIRE_FALSE(r);
    CHECK(r.error().is("too_many_atoms"));
}
