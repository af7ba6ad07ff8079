#include "libbeamcore/otp/pool.hpp"

#include "libbeamcore/otp/detail/start_protocol.hpp"
#include "libbeamcore/otp/internal/pool_server.hpp"

BEAM_DEFINE_DESCRIPTOR(beam::pool_status);

namespace beam {

namespace detail {

namespace {

awaitable<outcome<pid>> wait_for_worker(server_ref pool, ref tag, future<outcome<pid>> asked) {
    outcome<outcome<pid>> answer = co_await asked.outcome();
    if (answer) co_return *std::move(answer);
    if (!(why_of(answer.error()) == atoms::timeout)) exit(std::move(answer.error()));
    // A worker that is given away meanwhile goes back unused.
    cast<pool_give_up>(pool, tag);
    co_return fail_term(atoms::timeout);
}

void give_back(const server_ref& pool, pid worker, worker_state state) {
    cast<pool_check_in>(pool, worker, this_process().id(), state);
}

server_options start_options(const pool_options& options) {
    return server_options(options.name);
}

}  // namespace

void worker_unfinished(const server_ref& pool, pid worker) {
    give_back(pool, worker, worker_state::unfinished);
}

}  // namespace detail

namespace pool {

awaitable<outcome<pid>> start_link(pool_options options) {
    auto how = detail::start_options(options);
    return beam::start_link<detail::pool_server>(how, std::move(options));
}

child_start child(pool_options options) {
    auto start = [options = std::move(options)] {
        return detail::behaviour<detail::pool_server>::start_link(detail::start_options(options),
                                                                  options);
    };
    return child_start(std::move(start)).described(atom("pool"), atoms::undefined);
}

child_spec child_of(term id, pool_options options) {
    return child_spec(std::move(id), child(std::move(options)), restart_type::permanent,
                      infinity{});
}

awaitable<outcome<pid>> check_out(server_ref pool, timeout limit) {
    detail::pool_check_out request{make_ref()};
    if (!limit.is_infinite() && limit.duration().count() == 0) {
        // The answer comes at once: to wait for it is no waiting for a worker.
        request.waits = false;
        limit = infinity{};
    }
    ref tag = request.tag;
    return detail::wait_for_worker(pool, tag, send_request(pool, std::move(request), limit));
}

void check_in(const server_ref& pool, pid worker) {
    detail::give_back(pool, worker, detail::worker_state::done);
}

void discard(const server_ref& pool, pid worker) {
    detail::give_back(pool, worker, detail::worker_state::spent);
}

future<pool_status> status(const server_ref& pool) {
    return send_request(pool, detail::pool_ask_status{});
}

awaitable<void> stop(server_ref pool, term reason, timeout limit) {
    return beam::stop(pool, std::move(reason), limit);
}

}  // namespace pool

}  // namespace beam
