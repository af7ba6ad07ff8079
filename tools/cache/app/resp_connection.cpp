#include "tools/cache/app/resp_connection.hpp"

#include <sys/socket.h>
#include <sys/un.h>

#include <atomic>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "libbeamcore/base/unique_fd.hpp"
#include "libbeamcore/runtime/process_info.hpp"
#include "tools/cache/app/resp_client.hpp"
#include "tools/cache/app/worker.hpp"

namespace cache {

namespace io = beam::io;

namespace {

// Replies are sent when they are so many, though more commands are here: a client's memory is bounded.
constexpr std::size_t replies_max = 256 << 10;
// A buffer that has been larger is given back.
constexpr std::size_t buffer_kept = 64 << 10;

std::uint64_t next_client_id() {
    static std::atomic<std::uint64_t> last{0};
    return ++last;
}

void unknown_command(resp_client& c, arguments all) {
    std::string text = "ERR unknown command '" + std::string(all[0].substr(0, 128)) +
                       "', with args beginning with: ";
    for (std::string_view a : all.subspan(1)) {
        if (text.size() > 300) break;
        text += "'" + std::string(a.substr(0, 128)) + "' ";
    }
    c.out.error(text);
}

std::string small(std::string_view name) {
    std::string text(name);
    for (char& ch : text)
        if (ch >= 'A' && ch <= 'Z') ch = char(ch - 'A' + 'a');
    return text;
}

bool fits(const resp_command& command, std::size_t count) {
    return command.arity >= 0 ? count == std::size_t(command.arity)
                              : count >= std::size_t(-command.arity);
}

/// Runs a command that need not wait; gives one that must.
const resp_command* run(resp_client& c, arguments all) {
    const resp_command* command = find_command(all[0]);
    if (!command) {
        unknown_command(c, all);
        return nullptr;
    }
    if (!fits(*command, all.size())) {
        c.out.error("ERR wrong number of arguments for '" + small(command->name) + "' command");
        return nullptr;
    }
    if (command->waits) return command;
    command->run(c, all);
    return nullptr;
}

/// Why turn() came back: what is waited for, or `nothing`: all that came is answered, and there may be more.
enum class pause : std::uint8_t { input, nothing, room, worker, command, turn, end };

/// One connection and what is under way on it. All but waiting is done in turn(), which is no coroutine: what it
/// reads lies on the scheduler's stack, and a client that waits for input holds no buffer.
class connection {
public:
    explicit connection(io::connection peer) : peer_(std::move(peer)) { c_.id = next_client_id(); }

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
            if (const resp_command* command = run(c_, *request)) {
                waiting_ = command;
                arguments_.assign(request->begin(), request->end());
                c_.data.settle(true);
                return pause::command;
            }
            if (c_.closes) break;
            if (c_.bytes.size() >= replies_max) return answer(pause::turn);
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
        const auto sent = peer_.try_write_soon(c_.bytes);
        if (!sent) return pause::end;
        if (!*sent) return pause::room;
        c_.bytes.clear();
        if (c_.bytes.capacity() > buffer_kept) c_.bytes = std::string();
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
        resp::request_decoder scout;
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
    resp::request_decoder requests_;
    const resp_command* waiting_ = nullptr;
    std::vector<std::string> arguments_;
};

}  // namespace

bool socket_answers(const std::string& path) {
    sockaddr_un a{};
    a.sun_family = AF_UNIX;
    if (path.size() >= sizeof a.sun_path) return false;
    std::memcpy(a.sun_path, path.c_str(), path.size());
    beam::unique_fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    return ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&a), sizeof a) == 0 ||
           errno == EAGAIN;
}

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
