// Pids, references, ports and closures in the External Term Format: whose they are, and that they come back.
#include <doctest/doctest.h>

#include <string>

#include "tests/support/show.hpp"
#include "tests/unit/term/etf_bytes.hpp"

using namespace beam;

namespace {

const std::string e3 = "770c6533403132372e302e302e31";  // e3@127.0.0.1, as an atom
node_identity e3_node() {
    return {atom("e3@127.0.0.1"), 0x6b00f716};
}

// Of a node that is not ours: written back as they came.
term keeps(const std::string& hex) {
    INFO(hex);
    auto t = read(hex);
    CHECK(hex_of(written(t)) == hex_of(bytes_of(hex)));
    return t;
}

}  // namespace

TEST_CASE("pids, references and ports of other nodes keep their node and creation") {
    auto index = node_index(e3_node());
    CHECK(keeps("83 58" + e3 + "00000009 00000000 6b00f716").as_pid() == pid{9, 0, index});
    CHECK(keeps("83 58" + e3 + "ffffffff fffffffe 6b00f716").as_pid() ==
          pid{0xffffffff, 0xfffffffe, index});
    CHECK(keeps("83 5a 0003" + e3 + "6b00f716 00001fbf 36c50001 9004950e").as_ref() ==
          ref{index, {0x1fbf, 0x36c50001, 0x9004950e}});
    CHECK(keeps("83 5a 0005" + e3 + "6b00f716 00000001 00000002 00000003 00000004 00000005")
              .as_ref() == ref{index, {1, 2, 3, 4, 5}});
    CHECK(keeps("83 5a 0005" + e3 + "6b00f716 00000001 00000002 00000003 00000004 00000000")
              .as_ref() == ref{index, {1, 2, 3, 4}});
    CHECK(keeps("83 59" + e3 + "0fffffff 6b00f716").as_port() == port{0x0fffffff, index});
    CHECK(keeps("83 78" + e3 + "0000000010000000 6b00f716").as_port() == port{0x10000000, index});
    CHECK(keeps("83 78" + e3 + "ffffffffffffffff 6b00f716").as_port() ==
          port{0xffffffffffffffff, index});
    CHECK(node_at(index) == e3_node());
    // The number of words stays, though it is equal with another.
    auto one_word = keeps("83 5a 0001" + e3 + "6b00f716 00000001");
    CHECK(one_word == keeps("83 5a 0004" + e3 + "6b00f716 00000001 00000000 00000000 00000000"));
    CHECK(one_word.as_ref() == ref{index, {1}});
}

TEST_CASE("the old forms of identifiers have a creation of one byte") {
    auto index = node_index({e3_node().name, 2});
    CHECK(read("83 67" + e3 + "00000009 00000001 02").as_pid() == pid{9, 1, index});
    CHECK(read("83 66" + e3 + "00000007 02").as_port() == port{7, index});
    CHECK(read("83 65" + e3 + "00000005 02").as_ref() == ref{index, {5}});
    CHECK(read("83 72 0003" + e3 + "02 00000005 00000006 00000007").as_ref() ==
          ref{index, {5, 6, 7}});
    CHECK(read("83 72 0001" + e3 + "02 00000005").as_ref() == ref{index, {5}});
    // They are written in the new ones.
    CHECK(hex_of(written(pid{9, 1, index})) ==
          hex_of(bytes_of("83 58" + e3 + "00000009 00000001 00000002")));
    CHECK(hex_of(written(read("83 65" + e3 + "00000005 02"))) ==
          hex_of(bytes_of("83 5a 0001" + e3 + "00000002 00000005")));
    CHECK(hex_of(written(ref{index, {5}})) ==
          hex_of(bytes_of("83 5a 0003" + e3 + "00000002 00000005 00000000 00000000")));
}

TEST_CASE("what names us and this life of ours is local") {
    etf::decode_options to_us{.self = e3_node()};
    const std::string pid_hex = "83 58" + e3 + "00000009 00000000 6b00f716";
    const std::string ref_hex = "83 5a 0003" + e3 + "6b00f716 00001fbf 36c50001 9004950e";
    const std::string port_hex = "83 59" + e3 + "00000007 6b00f716";
    CHECK(read(pid_hex, to_us).as_pid() == pid{9, 0, 0});
    CHECK(read(ref_hex, to_us).as_ref() == ref{0, {0x1fbf, 0x36c50001, 0x9004950e}});
    CHECK(read(port_hex, to_us).as_port() == port{7, 0});

    etf::encode_options from_us{.self = e3_node()};
    CHECK(hex_of(written(pid{9, 0, 0}, from_us)) == hex_of(bytes_of(pid_hex)));
    CHECK(hex_of(written(ref{0, {0x1fbf, 0x36c50001, 0x9004950e}}, from_us)) ==
          hex_of(bytes_of(ref_hex)));
    CHECK(hex_of(written(port{7, 0}, from_us)) == hex_of(bytes_of(port_hex)));
    CHECK(read(hex_of(written(pid{0x0fffffff, 0xffffffff, 0}, from_us)), to_us).as_pid() ==
          pid{0x0fffffff, 0xffffffff, 0});
}

TEST_CASE("what names an earlier life of ours is not local") {
    etf::decode_options to_us{.self = {e3_node().name, 0x6b00f717}};
    auto t = read("83 58" + e3 + "00000009 00000000 6b00f716", to_us);
    REQUIRE(t.as_pid());
    CHECK_FALSE(t.as_pid()->is_local());
    CHECK(node_at(t.as_pid()->node) == e3_node());
    CHECK(hex_of(written(t, {.self = {e3_node().name, 0x6b00f717}})) ==
          hex_of(bytes_of("83 58" + e3 + "00000009 00000000 6b00f716")));
}

TEST_CASE("terms of a node that is not distributed are its own") {
    CHECK(written(pid{5, 1, 0}).find("nonode@nohost") != std::string::npos);
    CHECK(etf::decode(written(pid{5, 1, 0})) == term(pid{5, 1, 0}));
}

TEST_CASE("closures keep all their parts, and their free variables are terms") {
    // fun(X) -> {X, P} end of OTP 25, where P is a closure itself; atoms in UTF-8.
    const std::string inner =
        "70 00000047 01 caac3d543fac18c12c7c8d666fb1db28 00000000 00000000 77056574665f71 6100 "
        "62065561ea"
        "58 770d6e6f6e6f6465406e6f686f7374 00000009 00000000 00000000";
    const std::string outer =
        "83 70 0000008f 01 caac3d543fac18c12c7c8d666fb1db28 00000001 00000001 77056574665f71 6101 "
        "62065561ea"
        "58 770d6e6f6e6f6465406e6f686f7374 00000009 00000000 00000000";
    auto t = keeps(outer + inner);
    const auto* f = t.as_fun();
    REQUIRE(f);
    CHECK_FALSE(f->external);
    CHECK(f->module == atom("etf_q"));
    CHECK(f->arity == 1);
    auto data = f->data.elements();
    REQUIRE(data.size() == 7);
    CHECK(data[5].as_pid() == pid{9, 0, 0});
    REQUIRE(data[6].is_fun());
    CHECK(data[6] == read("83" + inner));
    CHECK(data[6] != t);
}

TEST_CASE("a closure is written right across the writer's blocks") {
    const std::string head =
        "70 00000000 01 caac3d543fac18c12c7c8d666fb1db28 00000000 00000001 770161 6100 6101"
        "58 770161 00000009 00000000 00000000";
    std::string bytes =
        bytes_of("83" + head) + 'm' + bytes_of("00002000") + std::string(0x2000, 'x');
    bytes.replace(2, 4, bytes_of("00002039"));
    auto t = etf::decode(bytes);
    REQUIRE_MESSAGE(t, t.error().detail);
    CHECK(written(*t) == bytes);
    std::vector<term> many(300, *t);
    auto all = written(tuple_of(many));
    CHECK(etf::decode(all) == tuple_of(many));
}

TEST_CASE("a closure that no Erlang node made cannot be written") {
    std::string out = "kept";
    fun f;
    f.module = atoms::ok;
    CHECK(etf::encode(tuple(1, f), out).error().code == "not_encodable");
    CHECK(out == "kept");
}

TEST_CASE("frames of the distribution are read and written") {
    // net_adm:ping's call, as OTP sent it: control and message, one after the other.
    const std::string control =
        "83 6804 6106 58 " + e3 + "00000009 00000000 6b00f716 7700 770a6e65745f6b65726e656c";
    const std::string message = "83 6803 77092467656e5f63616c6c 6802 58" + e3 +
                                "00000009 00000000 6b00f716 6c00000001 7705616c696173 5a0003" + e3 +
                                "6b00f716 00001fbf 36c50001 9004950e 6802 770769735f61757468" + e3;
    auto bytes = bytes_of(control + message);
    auto first = etf::decode_prefix(bytes);
    REQUIRE(first);
    CHECK(first->size == bytes_of(control).size());
    auto index = node_index(e3_node());
    CHECK(first->value == tuple(6, pid{9, 0, index}, atom(""), atoms::net_kernel));
    auto second = etf::decode_prefix(std::string_view(bytes).substr(first->size));
    REQUIRE(second);
    CHECK(first->size + second->size == bytes.size());
    auto tag = cons(atoms::alias, ref{index, {0x1fbf, 0x36c50001, 0x9004950e}});
    CHECK(second->value == tuple(atoms::gen_call, tuple(pid{9, 0, index}, tag),
                                 tuple(atom("is_auth"), e3_node().name)));
    std::string again;
    CHECK(etf::encode(first->value, again).has_value());
    CHECK(etf::encode(second->value, again).has_value());
    CHECK(hex_of(again) == hex_of(bytes));
    CHECK(etf::decode(bytes).error().code == "trailing_bytes");
}

TEST_CASE("more frames of the distribution come back as they were") {
    for (const auto& hex :
         {// net_adm:ping's monitor
          "83 6804 6113 58" + e3 + "00000009 00000000 6b00f716 770a6e65745f6b65726e656c 5a0003" +
              e3 + "6b00f716 00001fbf 36c50001 9004950e",
          // rpc:call(N, erlang, node, [])
          "83 6806 611d 5a0003" + e3 + "6b00f716 00001fd5 36c40001 9004950e 58" + e3 +
              "00000009 00000000 6b00f716 58" + e3 +
              "00000047 00000000 6b00f716 6803 770465727063 770c657865637574655f63616c6c 6104 "
              "6c00000001 "
              "77076d6f6e69746f72 6a",
          "83 6c00000004 5a0003" + e3 +
              "6b00f716 00001fd4 36c40001 9004950e 77066572 6c616e67 77046e6f6465 6a 6a"})
        keeps(hex);
}

TEST_CASE("after a distribution header there is no 131, and atoms are places in it") {
    // One {6, Pid, '', rex} send; the header's atoms are a@127.0.0.1, '', rex, features_request.
    const atom header[] = {atom("a@127.0.0.1"), atom(""), atoms::rex, atom("features_request")};
    etf::decode_options options{.references = header, .with_version = false};
    auto control = bytes_of("68 04 61 06 58 52 00 00000009 00000000 6b00f716 52 01 52 02");
    auto message = bytes_of("68 02 58 52 00 00000009 00000000 6b00f716 52 03");
    auto bytes = control + message;
    auto first = etf::decode_prefix(bytes, options);
    REQUIRE(first);
    CHECK(first->size == control.size());
    pid from{9, 0, node_index({header[0], 0x6b00f716})};
    CHECK(first->value == tuple(6, from, header[1], header[2]));
    auto second = etf::decode(std::string_view(bytes).substr(first->size), options);
    CHECK(second == tuple(from, header[3]));

    struct header_atoms : etf::atom_references {
        std::vector<atom> atoms;
        std::optional<std::uint8_t> place_of(atom a) override {
            for (std::size_t i = 0; i < atoms.size(); ++i)
                if (atoms[i] == a) return std::uint8_t(i);
            return {};
        }
    } places;
    places.atoms.assign(std::begin(header), std::end(header));
    etf::encode_options writing{.references = &places, .with_version = false};
    CHECK(hex_of(written(first->value, writing)) == hex_of(control));
    CHECK(hex_of(written(tuple(from, atoms::ok), writing)) ==
          hex_of(bytes_of("68 02 58 52 00 00000009 00000000 6b00f716 77026f6b")));
}
