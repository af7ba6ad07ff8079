#include "libbeamcore/dist/internal/epmd_registrar.hpp"

#include <algorithm>
#include <utility>

#include "libbeamcore/base/log.hpp"
#include "libbeamcore/base/random.hpp"
#include "libbeamcore/dist/internal/epmd_connect.hpp"
#include "libbeamcore/dist/internal/epmd_server.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "libbeamcore/term/syntax.hpp"

namespace beam::dist::detail {

namespace {

// Between attempts; the first follows at once, and nodes that lost the same EPMD do not all come together.
constexpr std::chrono::milliseconds shortest_pause{10}, longest_pause{1000};

awaitable<result<std::uint32_t>> read_creation(io::connection& c, time_left left) {
    std::string answer;
    for (;;) {
        result<std::string> more = co_await c.read(left());
        if (!more) co_return pass(more);
        answer += *more;
        const auto creation = decode_epmd_alive(answer);
        if (!creation) co_return pass(creation);
        if (*creation) co_return **creation;
    }
}

stop_with start_failure(const error& e) {
    return stop_with{tuple(atom(e.code), binary(e.detail))};
}

}  // namespace

awaitable<init_result<epmd_registrar>> epmd_registrar::init(epmd_registration what) {
    // The embedded EPMD is linked; its end is not ours.
    process().trap_exit(true);
    epmd_registrar made(std::move(what));
    const time_left left(made.what_.limit);
    for (;;) {
        auto registering = made.register_now();
        result<void> r = co_await registering;
        if (r) break;
        // Somebody else began to listen in between, or ended: look again.
        const bool may_pass = r.error().is("eaddrinuse") || r.error().is("eof") ||
                              r.error().is("econnreset") || r.error().is("epipe");
        if (!may_pass || left.none()) co_return start_failure(r.error());
        co_await process().sleep_for(shortest_pause);
    }
    co_return init_result<epmd_registrar>(std::move(made));
}

// Connects, or listens where nobody does, and says who we are.
awaitable<result<void>> epmd_registrar::register_now() {
    const time_left left(what_.limit);
    auto connecting = connect_to_epmd(what_.address, what_.epmd_port, left);
    result<io::connection> c = co_await connecting;
    if (!c && c.error().is("econnrefused") && what_.may_serve) {
        if (auto served = serve(); !served) co_return served;
        auto once_more = connect_to_epmd(what_.address, what_.epmd_port, left);
        result<io::connection> second = co_await once_more;
        c = std::move(second);
    }
    if (!c) co_return pass(c);
    epmd_alive_request request;
    request.node = what_.node;
    std::string bytes = encode_epmd_request(std::move(request));
    result<void> sent = co_await c->write(std::move(bytes), left());
    if (!sent) co_return sent;
    auto reading = read_creation(*c, left);
    result<std::uint32_t> creation = co_await reading;
    if (!creation) co_return pass(creation);
    // A node's creation is for its life: pids have it.
    if (status_.creation == 0) status_.creation = *creation;
    status_.registered = true;
    status_.serves = bool(server_);
    status_.trouble.clear();
    pause_ = {};
    epmd_ = *std::move(c);
    epmd_.activate();
    co_return result<void>();
}

result<void> epmd_registrar::serve() {
    epmd_server_options o;
    o.address = what_.serve_address.empty() ? what_.address : what_.serve_address;
    o.port = what_.epmd_port;
    outcome<pid> started = beam::start_link<epmd_server>(o);
    if (!started) {
        const auto why = started.error().elements();
        if (why.size() != 2) return fail("cannot_serve", to_string(started.error()));
        return fail(to_string(why[0]), std::string(why[1].bytes()));
    }
    server_ = *started;
    log(log_level::info, "dist", "no epmd runs here; this node serves as one",
        {{"port", std::to_string(what_.epmd_port)}});
    return {};
}

void epmd_registrar::handle_info(io::data m) {
    // It has nothing to say; what says something is no EPMD.
    lost(m.from);
}
void epmd_registrar::handle_info(io::end_of_input m) {
    lost(m.from);
}
void epmd_registrar::handle_info(io::end_of_output m) {
    lost(m.from);
}

void epmd_registrar::lost(io::token which) {
    if (which != epmd_.id()) return;
    epmd_.close();
    status_.registered = false;
    status_.trouble = "epmd is gone";
    log(log_level::notice, "dist", "epmd is gone; this node registers again",
        {{"name", what_.node.name}});
    try_later();
}

void epmd_registrar::handle_info(const exit_message& m) {
    if (m.from != server_) return;
    server_ = {};
    status_.serves = false;
}

// The embedded EPMD is this node's: it ends with what made it, also where that ends normally.
void epmd_registrar::terminate(const term&) {
    if (server_) exit(server_, atoms::shutdown);
}

void epmd_registrar::try_later() {
    if (std::exchange(tries_, true)) return;
    const auto most = std::uint64_t(pause_.count()) * 1000;
    const std::chrono::microseconds wait(most == 0 ? 0 : most / 2 + secure_random_64() % most);
    pause_ = std::clamp(pause_ * 2, shortest_pause, longest_pause);
    send_after(wait, id(), try_again());
}

awaitable<void> epmd_registrar::handle_info(try_again) {
    tries_ = false;
    if (status_.registered) co_return;
    auto registering = register_now();
    result<void> r = co_await registering;
    if (r) {
        log(log_level::notice, "dist", "registered with epmd again", {{"name", what_.node.name}});
        co_return;
    }
    status_.trouble = r.error().code + ": " + r.error().detail;
    log(log_level::debug, "dist", "cannot register with epmd", {{"why", status_.trouble}});
    try_later();
}

}  // namespace beam::dist::detail
