#include "libbeamcore/dist/epmd.hpp"

#include <utility>

#include "libbeamcore/dist/internal/epmd_connect.hpp"
#include "libbeamcore/dist/internal/epmd_registrar.hpp"

namespace beam::dist {

namespace {

constexpr std::size_t epmd_answer_max = std::size_t(1) << 20;

// All that comes until the end.
awaitable<result<std::string>> ask_epmd(std::string host, std::uint16_t port, std::string request,
                                        std::chrono::milliseconds limit) {
    const detail::time_left left(limit);
    auto connecting = detail::connect_to_epmd(std::move(host), port, left);
    result<io::connection> c = co_await connecting;
    if (!c) co_return pass(c);
    result<void> sent = co_await c->write(std::move(request), left());
    if (!sent) co_return pass(sent);
    std::string answer;
    for (;;) {
        result<std::string> more = co_await c->read(left());
        if (!more && more.error().is("eof")) co_return answer;
        if (!more) co_return pass(more);
        answer += *more;
        if (answer.size() > epmd_answer_max) co_return fail("bad_answer", "it does not end");
    }
}

}  // namespace

awaitable<result<epmd_node>> epmd_look_up(std::string host, std::string name,
                                          std::uint16_t epmd_port,
                                          std::chrono::milliseconds limit) {
    epmd_port_request question;
    question.name = std::move(name);
    auto asking =
        ask_epmd(std::move(host), epmd_port, encode_epmd_request(std::move(question)), limit);
    result<std::string> answer = co_await asking;
    if (!answer) co_return pass(answer);
    co_return decode_epmd_port(*answer);
}

awaitable<result<std::vector<epmd_name>>> epmd_names_of(std::string host, std::uint16_t epmd_port,
                                                        std::chrono::milliseconds limit) {
    auto asking =
        ask_epmd(std::move(host), epmd_port, encode_epmd_request(epmd_names_request()), limit);
    result<std::string> answer = co_await asking;
    if (!answer) co_return pass(answer);
    co_return decode_epmd_names(*answer);
}

namespace epmd_client {

awaitable<outcome<pid>> start_link(epmd_registration what) {
    return beam::start_link<detail::epmd_registrar>(std::move(what));
}
awaitable<outcome<pid>> start(epmd_registration what) {
    return beam::start<detail::epmd_registrar>(std::move(what));
}
child_start child(epmd_registration what) {
    return beam::child<detail::epmd_registrar>(std::move(what));
}
future<epmd_status> status(const server_ref& client) {
    return call<detail::ask_status>(client);
}

}  // namespace epmd_client

}  // namespace beam::dist
