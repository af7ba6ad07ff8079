// What a real erl sends, changed at random, given to a node as it comes from the socket: frames, control messages and
// what they do to processes. It begins with what tests/fuzz/record_dist_channel.py recorded; each run has some hundred
// connections of a fixed seed, BEAMCORE_TEST_SEEDS is for more. Under ASan and UBSan in CI, as all unit tests.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "libbeamcore/dist/distribution.hpp"
#include "libbeamcore/otp/gen_server.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "tests/support/simulated.hpp"
#include "tests/unit/dist/raw_peer.hpp"

using namespace beam;
using namespace std::chrono_literals;
using test::dist_node;
using test::raw_peer;
using test::run_in;

namespace {

struct get {
    using reply = std::int64_t;
    BEAM_FIELDS(get)
};
struct increment_by {
    std::int64_t amount;
    BEAM_FIELDS(increment_by, amount)
};

class counter : public gen_server<counter> {
public:
    using calls = messages<get>;
    using casts = messages<increment_by>;
    std::int64_t handle_call(get) const { return count_; }
    void handle_cast(increment_by m) { count_ += m.amount; }
    void handle_info(const term&) {}

private:
    std::int64_t count_ = 0;
};

process echo(self me) {
    register_name(atom("echo"), me.id());
    for (;;) {
        term t = co_await me.receive<term>();
        const auto e = t.elements();
        if (e.size() == 2 && e[0].is_pid()) send(*e[0].as_pid(), tuple(atom("echo"), e[1]));
        if (e.size() == 2 && e[0].is_ref()) send(*e[0].as_ref(), e[1]);
    }
}

// Keeps the two alive, whatever comes: `echo` and `counter`.
process keep_servers(self me) {
    me.trap_exit(true);
    // A peer may end any process that it can name. So that a pid which is changed a little names none that all of this
    // needs, net_kernel or this one: those have the first lives of their ids, and echo has a later one.
    while (spawn(test::leaves, term(atoms::normal)).serial == 0) co_await me.yield();
    link(spawn(echo));
    (void)start_link<counter>(server_options(server_name(atom("counter"))));
    for (;;) {
        auto ended = co_await me.receive<exit_message>();
        if (!whereis(atom("echo"))) link(spawn(echo));
        if (!whereis(atom("counter")))
            (void)start_link<counter>(server_options(server_name(atom("counter"))));
    }
}

struct recording {
    std::string form;
    std::string bytes;
};

std::vector<recording> recordings() {
    std::vector<recording> all;
    for (const auto& f : std::filesystem::directory_iterator(BEAM_CORPUS)) {
        std::ifstream in(f.path(), std::ios::binary);
        all.push_back(
            {f.path().filename().string(), std::string(std::istreambuf_iterator<char>(in), {})});
    }
    std::sort(all.begin(), all.end(),
              [](const recording& a, const recording& b) { return a.form < b.form; });
    REQUIRE(all.size() == 4);
    return all;
}

std::string four_bytes(std::uint32_t n) {
    return {char(n >> 24), char(n >> 16), char(n >> 8), char(n)};
}

// The recorded pid becomes that of the process here.
void put_pid(std::string& bytes, const pid& here, std::uint32_t creation) {
    const std::string there =
        four_bytes(0x0C0FFEE1) + four_bytes(0x0C0FFEE2) + four_bytes(0x0C0FFEE3);
    const std::string now = four_bytes(here.id) + four_bytes(here.serial) + four_bytes(creation);
    for (auto at = bytes.find(there); at != std::string::npos; at = bytes.find(there, at))
        bytes.replace(at, there.size(), now);
}

std::vector<std::string> frames_of(const std::string& bytes) {
    std::vector<std::string> all;
    for (std::size_t at = 0; at + 4 <= bytes.size();) {
        std::size_t length = 0;
        for (std::size_t i = 0; i < 4; ++i) length = length << 8 | std::uint8_t(bytes[at + i]);
        all.push_back(bytes.substr(at + 4, length));
        at += 4 + length;
    }
    return all;
}

class mutator {
public:
    explicit mutator(std::uint64_t seed) : random_(seed) {}
    std::size_t below(std::size_t n) { return std::size_t(random_() % n); }

    /// A frame with its length: mostly right.
    std::string changed(std::string f, const std::vector<std::string>& all) {
        for (auto n = below(4); n > 0 && !f.empty(); --n) change(f, all);
        std::uint32_t length = std::uint32_t(f.size());
        if (below(50) == 0) length = std::uint32_t(below(2) ? below(1 << 20) : random_());
        return four_bytes(length) + f;
    }

private:
    void change(std::string& f, const std::vector<std::string>& all) {
        // The head of a frame decides most; the text of a large one nothing.
        const std::size_t at = below(std::min<std::size_t>(f.size(), below(2) ? 60 : 4000));
        static constexpr unsigned char telling[] = {
            0,   1,  2,  97, 98, 104, 105, 106, 107, 108, 109, 110, 112, 116, 119,
            131, 68, 69, 70, 80, 82,  88,  90,  127, 128, 255, 22,  35,  29};
        switch (below(7)) {
            case 0:
                f[at] = char(random_());
                break;
            case 1:
                f[at] = char(f[at] ^ (1 << below(8)));
                break;
            case 2:
                f[at] = char(telling[below(std::size(telling))]);
                break;
            case 3:
                f.erase(at, 1 + below(8));
                break;
            case 4:
                f.insert(at, std::string(1 + below(8), char(random_())));
                break;
            case 5:
                f.resize(at);
                break;
            default: {
                const std::string& other = all[below(all.size())];
                f = f.substr(0, at) + other.substr(std::min(at, other.size()));
            }
        }
    }

    std::mt19937_64 random_;
};

dist::flags flags_of(const std::string& form) {
    return dist::own_flags({.atom_cache = form == "cache" || form == "both",
                            .fragments = form == "fragments" || form == "both"});
}

void check_that_it_lives(dist_node& asks, const dist_node& asked) {
    run_in(
        *asks,
        [](self me, atom other) -> awaitable<void> {
            bool there = co_await dist::ping(other);
            CHECK(there);
            // Who it was linked to may have had it die a moment ago.
            for (int tries = 0; tries < 100; ++tries) {
                send(server_ref(atom("echo"), other), tuple(me.id(), tries));
                const message m = co_await me.receive_for(200ms);
                if (m) co_return;
            }
            FAIL("echo does not answer");
        },
        asked.name());
}

}  // namespace

TEST_CASE("what erl sends, changed at random, ends a connection at most") {
    const auto all = recordings();
    const auto epmd = test::free_port(), port = test::free_port();
    dist::options o;
    o.listen_port = port;
    dist_node a("a", epmd, o), honest("honest", epmd);
    a->spawn(keep_servers);
    test::await_name(*a, "echo");
    const int connections = 40 * int(test::seed_count());
    for (const recording& r : all) {
        for (int n = 0; n < connections; ++n) {
            CAPTURE(r.form);
            CAPTURE(n);
            mutator change(std::uint64_t(n) * 4 + 1);
            raw_peer raw("x@127.0.0.1", a, port, flags_of(r.form));
            pid echo;
            run_in(
                *a,
                [](self me, pid* echo) -> awaitable<void> {
                    const auto until = std::chrono::steady_clock::now() + test::patience;
                    while (!whereis(atom("echo"))) {
                        if (std::chrono::steady_clock::now() > until) FAIL("echo is gone for good");
                        co_await me.yield();
                    }
                    *echo = *whereis(atom("echo"));
                },
                &echo);
            std::string bytes = r.bytes;
            put_pid(bytes, echo, raw.peer_creation());
            const auto frames = frames_of(bytes);
            // As it is once; else some of them, in turn or not, each changed a little or not.
            std::string out = n == 0 ? bytes : std::string();
            for (std::size_t i = 0; n > 0 && i < 30; ++i)
                out += change.changed(
                    frames[change.below(4) ? i % frames.size() : change.below(frames.size())],
                    frames);
            if (raw.send_bytes(out)) raw.finish();
        }
        check_that_it_lives(honest, a);
    }
}
