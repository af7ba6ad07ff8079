#include "tools/cache/app/resp_connection.hpp"

#include <memory>
#include <utility>
#include <vector>

#include "libbeamcore/io/resp.hpp"
#include "libbeamcore/runtime/process_info.hpp"
#include "tools/cache/app/resp_client.hpp"
#include "tools/cache/app/worker.hpp"

namespace cache {

namespace io = beam::io;

namespace {

/// Why turn() came back: what is waited for, or `nothing`: all that came is answered, and there may be more.
enum class pause : std::uint8_t { input, nothing, room, worker, command, turn, end };

/// One connection and what is under way on it. All but waiting is done in turn(), which is no coroutine: what it
/// reads lies on the scheduler's stack, and a client that waits for input holds no buffer.
class connection {
public:
    explicit connection(io::connection peer) : peer_(std::move(peer)) {
        c_.id = resp::next_client_id();
    }

    /// Reads, runs and answers until it must wait.
    [[nodiscard]] pause turn() {
        char buffer[read_at_once];
        const auto n = peer_.try_read(buffer);
        if (!n) return pause::end;
        if (*n == 0) return pause::input;
        c_.data.look_at_clock();
        look_ahead({buffer, *n});
        requests_.feed({buffer, *n});
        const pause next = go_on();
        // What is left of the buffer must stay.
        if (next != pause::nothing) requests_.feed({});
        return next;
    }
    /// The same with what was read before.
    [[nodiscard]] pause go_on() {
        while (auto request = requests_.next()) {
            const resp_command* command = commands_.accept(c_, *request);
            if (command && !command->waits) {
                command->run(c_, *request);
            } else if (command) {
                waiting_ = command;
                arguments_.assign(request->begin(), request->end());
                c_.data.settle(true);
                return pause::command;
            }
            if (c_.closes) break;
            if (c_.bytes.size() >= resp::replies_max) return answer(pause::turn);
        }
        if (!requests_.failure().empty()) {
            c_.out.error(requests_.failure());
            c_.closes = true;
        }
        return answer(c_.closes ? pause::end : pause::nothing);
    }
    /// Sends the replies; `then` if nothing has to be waited for.
    [[nodiscard]] pause answer(pause then) {
        c_.data.settle();
        if (c_.data.is_ahead()) return pause::worker;
        if (c_.bytes.empty()) return then;
        const auto sent = resp::send_replies(peer_, c_.bytes);
        if (sent == resp::sent::lost) return pause::end;
        if (sent == resp::sent::no_room) return pause::room;
        return then;
    }

    [[nodiscard]] beam::awaitable<void> run_waiting() {
        return waiting_->waits(c_, std::move(arguments_));
    }
    [[nodiscard]] beam::awaitable<beam::result<void>> write(std::chrono::milliseconds patience) {
        return peer_.write(std::exchange(c_.bytes, {}), patience);
    }
    [[nodiscard]] resp_client& client() { return c_; }
    void close(bool reads) {
        c_.data.settle(true);
        reads ? peer_.close() : peer_.abort();
    }

private:
    static constexpr std::size_t read_at_once = 64 << 10;
    // More bytes have a long value in them.
    static constexpr std::size_t pipeline_max = 16 << 10;

    // Of many commands at once the rows are fetched from memory side by side: reading them twice costs less than waiting
    // for each row. Where bytes begin in the middle of a command this finds nothing, or something else; it is a hint.
    void look_ahead(std::string_view bytes) const {
        if (bytes.size() > pipeline_max || bytes.find("\r\n*") == bytes.npos) return;
        constexpr std::size_t most = 32;
        beam::term hashes[most];
        std::size_t n = 0;
        io::resp::request_decoder scout;
        scout.feed(bytes);
        while (n < most) {
            const auto request = scout.next();
            if (!request) break;
            if (request->size() > 1) hashes[n++] = hash_of((*request)[1]);
        }
        if (n > 1) c_.data.fetch_ahead({hashes, n});
    }

    io::connection peer_;
    resp_client c_;
    const resp::command_index<resp_client>& commands_ = all_commands();
    io::resp::request_decoder requests_;
    const resp_command* waiting_ = nullptr;
    std::vector<std::string> arguments_;
};

}  // namespace

beam::process serve_client(beam::self me, io::connection peer, client_options options) {
    beam::set_label(beam::binary("cache client"));
    connection client(std::move(peer));
    bool reads = true;
    pause next = client.turn();
    while (next != pause::end) {
        switch (next) {
            case pause::input:
                (void)co_await me.receive<io::readable>();
                next = client.turn();
                continue;
            case pause::nothing:
                if (me.bump_reductions(0)) co_await me.yield();
                next = client.turn();
                continue;
            case pause::room: {
                auto writing = client.write(options.patience);
                beam::result<void> written = co_await writing;
                reads = written.has_value();
                break;
            }
            case pause::worker: {
                auto behind = worker::catch_up();
                (void)co_await behind.outcome();
                client.client().data.caught_up();
                break;
            }
            case pause::command: {
                auto waiting = client.run_waiting();
                co_await waiting;
                break;
            }
            default:
                co_await me.yield();
        }
        if (!reads) break;
        client.client().data.look_at_clock();
        next = client.go_on();
    }
    client.close(reads);
}

}  // namespace cache
