#include "tools/kv/app/resp_connection.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "libbeamcore/io/resp.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/runtime/process_info.hpp"
#include "tools/kv/app/command_window.hpp"
#include "tools/kv/app/keeper.hpp"
#include "tools/kv/app/resp_client.hpp"
#include "tools/kv/shard/placement.hpp"

namespace kv {

namespace io = beam::io;

namespace {

// A value that is too large is told so up to here; what is larger ends the connection.
constexpr io::resp::request_limits limits{std::size_t{8} << 20, 4096, std::size_t{64} << 10,
                                          std::size_t{16} << 20};

struct command_answered {
    std::uint64_t number = 0;
    std::string reply;
};

/// What a command needs to know of its connection.
struct settings {
    resp::protocol version = resp::protocol::resp2;
    bool takes_replicas = false;
};

/// Linked to the connection: if it crashes, nobody knows what was done, and the client is told nothing else.
beam::process run_command(beam::self, beam::pid connection, std::uint64_t number,
                          const resp_command* code, words arguments, settings s) {
    resp_client c;
    c.out.set_version(s.version);
    c.takes_replicas = s.takes_replicas;
    auto running = code->waits(c, std::move(arguments));
    co_await running;
    beam::cast<command_answered>(connection, number, std::move(c.bytes));
}

/// Why turn() came back: what is waited for.
enum class pause : std::uint8_t { message, room, turn, end };

/// One connection and what is under way on it; all but waiting.
class connection {
public:
    connection(beam::pid me, io::connection peer) : me_(me), peer_(std::move(peer)) {
        c_.id = resp::next_client_id();
    }

    /// Before its commands can be told apart by shards.
    [[nodiscard]] bool wants_shards() const { return !has_shards_ && window_.is_empty(); }
    void set_shards(std::uint32_t shards) {
        window_.set_shards(shards);
        has_shards_ = true;
    }

    /// Reads, begins and answers until it must wait.
    [[nodiscard]] pause turn() {
        read();
        begin_ready();
        window_.take_replies(c_.bytes, resp::replies_max);
        if (is_over() && !is_failure_told_ && !requests_.failure().empty()) {
            c_.out.error(requests_.failure());
            is_failure_told_ = true;
        }
        if (!c_.bytes.empty()) {
            const auto sent = resp::send_replies(peer_, c_.bytes);
            if (sent == resp::sent::lost) return pause::end;
            if (sent == resp::sent::no_room) return pause::room;
        }
        if (is_over()) return pause::end;
        const bool may_read = !has_ended() && !waits_for_input_ && !window_.is_full();
        return may_read || window_.has_reply() ? pause::turn : pause::message;
    }

    void take(beam::message m) {
        if (auto* done = m.get_if<command_answered>())
            window_.answer(done->number, std::move(done->reply));
        else if (m.is<io::readable>())
            waits_for_input_ = false;
    }

    [[nodiscard]] beam::awaitable<beam::result<void>> write(std::chrono::milliseconds patience) {
        return peer_.write(std::exchange(c_.bytes, {}), patience);
    }
    void close(bool reads) { reads ? peer_.close() : peer_.abort(); }

private:
    static constexpr std::size_t read_at_once = 64 << 10;

    [[nodiscard]] bool has_ended() const {
        return input_ended_ || c_.closes || !requests_.failure().empty();
    }
    /// Nothing comes any more, and all that came is answered.
    [[nodiscard]] bool is_over() const { return has_ended() && window_.is_empty(); }

    /// Fills the window.
    void read() {
        char buffer[read_at_once];
        for (;;) {
            while (!has_ended() && !window_.is_full()) {
                const auto request = requests_.next();
                if (!request) break;
                add(*request);
            }
            if (window_.is_full() || has_ended() || waits_for_input_) break;
            const auto n = peer_.try_read(buffer);
            if (!n)
                input_ended_ = true;
            else if (*n == 0)
                waits_for_input_ = true;
            else
                requests_.feed({buffer, *n});
        }
        // What is left of the buffer must stay.
        requests_.feed({});
    }

    void add(io::resp::request request) {
        std::string before = std::exchange(c_.bytes, {});
        const resp_command* code = all_resp_commands().accept(c_, request);
        const std::string refusal = std::exchange(c_.bytes, std::move(before));
        touched what;
        what.is_alone = !code || code->run;
        if (!code) return window_.add(std::move(what), nullptr, words{refusal});
        words arguments(request.begin(), request.end());
        what.writes = code->flags.substr(0, 5) == "write";
        what.all_shards = code->first_key == 0;
        if (!what.is_alone && !what.all_shards) add_shards(what, *code, arguments);
        window_.add(std::move(what), code, std::move(arguments));
    }

    void add_shards(touched& what, const resp_command& code, const words& arguments) const {
        const std::size_t last =
            code.last_key < 0 ? arguments.size() - 1 : std::size_t(code.last_key);
        for (auto i = std::size_t(code.first_key); i <= last; i += std::size_t(code.key_step()))
            what.shards.push_back(shard_of(arguments[i], window_.shards()));
    }

    void begin_ready() {
        window_.begin_ready([this](command_window::command& c) {
            if (c_.closes) return window_.answer(c, {});
            if (!c.code) return window_.answer(c, std::move(c.arguments.front()));
            if (c.code->run) return run_here(c);
            beam::spawn_link(run_command, me_, c.number, c.code, std::move(c.arguments),
                             settings{c_.out.version(), c_.takes_replicas});
        });
    }

    void run_here(command_window::command& c) {
        std::string before = std::exchange(c_.bytes, {});
        const std::vector<std::string_view> views(c.arguments.begin(), c.arguments.end());
        c.code->run(c_, views);
        window_.answer(c, std::exchange(c_.bytes, std::move(before)));
    }

    beam::pid me_;
    io::connection peer_;
    resp_client c_;
    io::resp::request_decoder requests_{limits};
    command_window window_;
    bool has_shards_ = false;
    bool waits_for_input_ = false;
    bool input_ended_ = false;
    bool is_failure_told_ = false;
};

/// How many shards there are; nothing: this node knows no cluster yet.
beam::awaitable<std::optional<std::uint32_t>> shards_now() {
    auto asking = keeper::known();
    beam::outcome<node_standing> k = co_await asking.outcome();
    if (!k || !k->facts.view || !k->facts.view->has_cluster()) co_return std::nullopt;
    co_return k->facts.view->meta.shards;
}

}  // namespace

beam::process serve_client(beam::self me, io::connection peer, client_options options) {
    beam::set_label(beam::binary("kv client"));
    connection client(me, std::move(peer));
    bool reads = true;
    for (;;) {
        if (client.wants_shards()) {
            auto asking = shards_now();
            const std::optional<std::uint32_t> shards = co_await asking;
            if (shards) client.set_shards(*shards);
        }
        const pause next = client.turn();
        if (next == pause::end) break;
        if (next == pause::turn) {
            if (me.bump_reductions(0)) co_await me.yield();
        } else if (next == pause::room) {
            auto writing = client.write(options.patience);
            beam::result<void> written = co_await writing;
            reads = written.has_value();
            if (!reads) break;
        } else {
            beam::message first = co_await me.receive();
            client.take(std::move(first));
        }
        // What is answered at once goes out at once.
        while (beam::message more = me.try_receive()) client.take(std::move(more));
    }
    client.close(reads);
}

}  // namespace kv
