#include "libbeamcore/node/internal/control_request.hpp"

#include "libbeamcore/node/internal/json_rpc.hpp"
#include "libbeamcore/node/internal/node_methods.hpp"
#include "libbeamcore/node/internal/router.hpp"
#include "libbeamcore/otp/proc_lib.hpp"
#include "libbeamcore/release/code_server.hpp"
#include "libbeamcore/runtime/detail/code_use.hpp"

namespace beam::control {

namespace {

class control_request final : public request {
public:
    explicit control_request(const request_job& job) : job_(job) {}

    [[nodiscard]] std::string_view method() const override { return job_.method; }
    [[nodiscard]] const term& params() const override { return job_.params; }
    [[nodiscard]] std::string_view tool() const override { return job_.tool; }
    [[nodiscard]] std::uint32_t uid() const override { return job_.uid; }

    [[nodiscard]] awaitable<void> item(term value) override {
        if (job_.is_notification) co_return;
        stream_item m;
        m.key = job_.key;
        m.line = rpc::item_line(job_.id_text, value);
        // A client that reads nothing holds the stream up for as long as it likes.
        auto sent = send_request(server_ref(job_.connection), std::move(m), infinity{});
        co_await sent;
    }

    void lossy_item(term value) override {
        if (job_.is_notification) return;
        if (job_.gate->in_flight.load() >= lossy_gate::in_flight_max) {
            job_.gate->dropped.fetch_add(1);
            return;
        }
        job_.gate->in_flight.fetch_add(1);
        lossy_stream_item m;
        m.key = job_.key;
        m.line = rpc::item_line(job_.id_text, value);
        m.gate = job_.gate;
        send(job_.connection, std::move(m));
    }

private:
    const request_job& job_;
};

std::string line_of(const request_job& job, const answer& a) {
    if (a) return rpc::result_line(job.id_text, *a);
    const int code = a.error().kind == "bad_params" ? rpc::invalid_params : rpc::refused;
    return rpc::error_line(job.id_text, {code, a.error()});
}

awaitable<void> run_request(self me, std::shared_ptr<request_job> job) {
    control_request r(*job);
    request_done done;
    done.key = job->key;
    if (method_handler* own = find_node_method(job->method)) {
        auto work = (*own)(r);
        const answer a = co_await work;
        done.line = line_of(*job, a);
    } else {
        auto routing = route(job->method);
        routed to = co_await routing;
        if (to.failure) {
            done.line = rpc::error_line(job->id_text, *to.failure);
        } else {
            // Whoever purges this version of the application finds us by this.
            detail::set_module(me.block(), to.module->record());
            auto work = to.method->run(r);
            const answer a = co_await work;
            done.line = line_of(*job, a);
        }
    }
    send(job->connection, std::move(done));
}

}  // namespace

pid start_request(std::shared_ptr<request_job> job) {
    return proc_lib::spawn_link(run_request, std::move(job));
}

}  // namespace beam::control
