// probe: an application whose methods do what a test of the control server wants to see.
#include <signal.h>
#include <atomic>

#include <stdexcept>
#include <string>

#include "libbeamcore/otp/gen_server.hpp"
#include "libbeamcore/otp/supervisor.hpp"
#include "libbeamcore/release/application_module.hpp"
#include "libbeamcore/release/node_facts.hpp"
#include "libbeamcore/runtime/groups.hpp"
#include "libbeamcore/runtime/name.hpp"

namespace probe {

using namespace std::chrono_literals;

class worker : public beam::gen_server<worker> {
    struct count_up {
        using reply = std::int64_t;
    };

public:
    using arguments = std::tuple<>;
    using calls = beam::messages<count_up>;
    static beam::future<std::int64_t> next(const beam::server_ref& w) {
        return beam::call<count_up>(w);
    }

    worker() { beam::register_name(beam::atom("probe_worker"), id()); }
    std::int64_t handle_call(count_up) { return ++count_; }

    BEAM_FIELDS(worker, count_)

private:
    std::int64_t count_ = 0;
};

struct top {
    static beam::supervisor_init init() {
        return {{.strategy = beam::restart_strategy::one_for_one, .intensity = 100},
                {{beam::term("worker"), beam::child<worker>()}}};
    }
};

struct application {
    static beam::awaitable<beam::start_result> start(beam::term) {
        return beam::supervisor::start_link<top>();
    }
};

const beam::atom& scope() {
    static const beam::atom a("probe");
    return a;
}

beam::awaitable<beam::answer> echo(beam::request& r) {
    co_return beam::term(r.params());
}

struct greeting {
    std::string name;
    int times = 1;
    BEAM_FIELDS(greeting, name, times)
};
beam::awaitable<beam::answer> greet(beam::request&, greeting g) {
    if (g.name.empty())
        co_return beam::refuse("no_name", "nobody is there to greet", "probe greet NAME");
    std::string all;
    for (int i = 0; i < g.times; ++i) all += "hello " + g.name + ";";
    co_return beam::term(all);
}

beam::awaitable<beam::answer> count(beam::request&) {
    const std::int64_t n = co_await worker::next(beam::atom("probe_worker"));
    co_return beam::term(n);
}

beam::awaitable<beam::answer> crash(beam::request&) {
    throw std::runtime_error("on purpose");
    co_return beam::term();
}

// All of the OS process, at once.
beam::awaitable<beam::answer> kill_node(beam::request&) {
    ::raise(SIGKILL);
    co_return beam::term();
}

beam::awaitable<beam::answer> crash_worker(beam::request&) {
    beam::exit(*beam::whereis(beam::atom("probe_worker")), beam::atoms::kill);
    co_return beam::term(beam::atoms::ok);
}

// Never answers.
beam::awaitable<beam::answer> wait(beam::request&) {
    beam::pg::join(scope(), beam::term("waiting"), beam::this_process().id());
    (void)co_await beam::this_process().receive();
    co_return beam::term("woken");
}
beam::awaitable<beam::answer> waiting(beam::request&) {
    co_return beam::term(
        std::int64_t(beam::pg::get_members(scope(), beam::term("waiting")).size()));
}

struct stream_params {
    std::int64_t items = 10;
    std::int64_t size = 1;
    BEAM_FIELDS(stream_params, items, size)
};
beam::awaitable<beam::answer> stream(beam::request& r, stream_params p) {
    beam::pg::join(scope(), beam::term("waiting"), beam::this_process().id());
    const std::string filling(std::size_t(p.size), 'x');
    for (std::int64_t i = 1; p.items < 0 || i <= p.items; ++i) {
        beam::term item = beam::map({{beam::term("n"), i}, {beam::term("text"), filling}});
        co_await r.item(std::move(item));
    }
    co_return beam::term(p.items);
}
std::atomic<std::int64_t> lossy_streams_ended{0};

beam::awaitable<beam::answer> lossy(beam::request& r, stream_params p) {
    const std::string filling(std::size_t(p.size), 'x');
    for (std::int64_t i = 1; i <= p.items; ++i) {
        r.lossy_item(beam::map({{beam::term("n"), i}, {beam::term("text"), filling}}));
        if (i % 16 == 0) co_await beam::this_process().yield();
    }
    ++lossy_streams_ended;
    co_return beam::term(p.items);
}
beam::awaitable<beam::answer> lossy_ended(beam::request&) {
    co_return beam::term(lossy_streams_ended.load());
}

struct big_params {
    std::int64_t bytes = 0;
    BEAM_FIELDS(big_params, bytes)
};
beam::awaitable<beam::answer> big(beam::request&, big_params p) {
    co_return beam::term(std::string(std::size_t(p.bytes), 'b'));
}

struct objection_params {
    std::optional<std::string> why;
    BEAM_FIELDS(objection_params, why)
};
beam::awaitable<beam::answer> object(beam::request&, objection_params p) {
    beam::application::set_env(scope(), beam::atom("objection"),
                               p.why ? beam::term(*p.why) : beam::term());
    co_return beam::term(beam::atoms::ok);
}
beam::awaitable<std::optional<std::string>> objection() {
    const beam::term why =
        beam::application::get_env(scope(), beam::atom("objection"), beam::term());
    if (auto text = why.as_text()) co_return std::string(*text);
    co_return std::nullopt;
}

beam::awaitable<beam::answer> facts(beam::request& r) {
    const beam::node_facts f = beam::this_node_facts();
    co_return beam::map({{beam::term("node"), f.name},
                         {beam::term("store"), f.store_folder.string()},
                         {beam::term("tool"), std::string(r.tool())},
                         {beam::term("uid"), std::int64_t(r.uid())},
                         {beam::term("method"), std::string(r.method())}});
}

}  // namespace probe

BEAM_APPLICATION(probe, "1", probe::worker) {
    app.spec.description = "What tests ask";
    app.callbacks<probe::application>();
    app.method("echo", probe::echo, {.restartable = true});
    app.method("greet", probe::greet);
    app.method("count", probe::count);
    app.method("crash", probe::crash);
    app.method("kill_node", probe::kill_node);
    app.method("crash_worker", probe::crash_worker);
    app.method("wait", probe::wait);
    app.method("waiting", probe::waiting);
    app.method("stream", probe::stream);
    app.method("lossy", probe::lossy);
    app.method("lossy_ended", probe::lossy_ended);
    app.method("big", probe::big);
    app.method("object", probe::object);
    app.method("facts", probe::facts);
    app.objection = &probe::objection;
}
