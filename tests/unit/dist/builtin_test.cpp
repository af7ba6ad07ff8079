// What every node lets others call, and the servers that they expect, as Erlang's own tools use them.
#include "libbeamcore/dist/functions.hpp"

#include <algorithm>
#include <mutex>
#include <string>
#include <vector>

#include "libbeamcore/base/log.hpp"
#include "libbeamcore/ets/rows.hpp"
#include "libbeamcore/ets/table.hpp"
#include "libbeamcore/otp/application.hpp"
#include "libbeamcore/otp/gen_server.hpp"
#include "libbeamcore/otp/supervisor.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/nodes.hpp"
#include "libbeamcore/runtime/process_info.hpp"
#include "tests/unit/dist/dist_node.hpp"
#include "tests/unit/dist/world.hpp"

using namespace beam;
using namespace std::chrono_literals;
using test::dist_node;
using test::run_in;

namespace {

awaitable<term> ask(const char* module, const char* function, std::vector<term> args = {}) {
    auto work = dist::apply(this_process(), atom(module), atom(function), std::move(args));
    term value = co_await work;
    co_return value;
}

/// Whether it raises `badarg`.
awaitable<bool> is_refused(const char* module, const char* function, std::vector<term> args) {
    bool refused = false;
    try {
        auto work = ask(module, function, std::move(args));
        (void)co_await work;
    } catch (const error_exception& e) {
        refused = e.reason == atoms::badarg;
    }
    co_return refused;
}

/// The value of `{Key, Value}` in a list; an atom that nothing has if there is none.
term value_in(const term& properties, const char* key) {
    for (const term& t : properties.list_elements())
        if (t.is_tagged(atom(key), 2)) return t.elements()[1];
    return atom("no such property");
}

class quiet : public gen_server<quiet> {
public:
    BEAM_FIELDS(quiet, n_)

private:
    int n_ = 7;
};

process start_quiet(self me) {
    (void)start_link<quiet>(server_options(server_name(atom("quiet"))));
    co_await me.sleep_for(infinity{});
}

process wait_for_name(self me, pid asker, atom name) {
    while (!whereis(name)) co_await me.yield();
    send(asker, name);
}

/// Runs code on a node of its own.
template <class F>
void on_node(F code) {
    dist_node n("tools", test::free_port());
    n->spawn(start_quiet);
    run_in(*n, [](self me) -> awaitable<void> {
        spawn(wait_for_name, me.id(), atom("quiet"));
        (void)co_await me.receive<atom>();
    });
    run_in(*n, code);
}

/// What is logged while it lives.
class kept_log {
public:
    kept_log() {
        set_log_sink([this](const log_event& e) {
            const std::lock_guard lock(mutex_);
            for (const auto& f : e.fields)
                if (f.key == "text") texts_.push_back(f.value);
        });
    }
    ~kept_log() { set_log_sink({}); }
    bool has(const std::string& text) {
        const std::lock_guard lock(mutex_);
        return std::find(texts_.begin(), texts_.end(), text) != texts_.end();
    }

private:
    std::mutex mutex_;
    std::vector<std::string> texts_;
};

}  // namespace

TEST_CASE("erlang's functions tell about the node and its names") {
    on_node([](self me) -> awaitable<void> {
        term value = co_await ask("erlang", "node");
        CHECK(value == atom("tools@127.0.0.1"));
        value = co_await ask("erlang", "nodes");
        CHECK(value.is_nil());
        std::vector<term> args{atom("this")};
        auto nodes = ask("erlang", "nodes", args);
        value = co_await nodes;
        CHECK(value == list({atom("tools@127.0.0.1")}));
        args = {atom("quiet")};
        auto whereis_quiet = ask("erlang", "whereis", args);
        value = co_await whereis_quiet;
        CHECK(value == *whereis(atom("quiet")));
        args = {atom("nobody")};
        auto whereis_nobody = ask("erlang", "whereis", args);
        value = co_await whereis_nobody;
        CHECK(value == atoms::undefined);
        value = co_await ask("erlang", "registered");
        const auto names = value.as_list().value();
        for (const char* name : {"rex", "user", "logger_proxy", "net_kernel", "quiet"})
            CHECK(std::count(names.begin(), names.end(), term(atom(name))) == 1);
        value = co_await ask("erlang", "self");
        CHECK(value == me.id());
        const term first = co_await ask("erlang", "make_ref");
        const term second = co_await ask("erlang", "make_ref");
        CHECK(first.is_ref());
        CHECK(first != second);
        args = {5};
        auto bad = is_refused("erlang", "whereis", args);
        CHECK(co_await bad);
    });
}

TEST_CASE("erlang's functions look at processes and end them") {
    on_node([](self me) -> awaitable<void> {
        const spawned other = spawn_monitor(test::idle);
        std::vector<term> args{other.pid};
        auto alive = ask("erlang", "is_process_alive", args);
        term value = co_await alive;
        CHECK(value == atoms::true_);
        auto collected = ask("erlang", "garbage_collect", args);
        value = co_await collected;
        CHECK(value == atoms::true_);
        value = co_await ask("erlang", "processes");
        const auto all = value.as_list().value();
        CHECK(std::count(all.begin(), all.end(), term(other.pid)) == 1);
        args = {other.pid, atom("enough")};
        auto ended = ask("erlang", "exit", args);
        (void)co_await ended;
        const auto down = co_await me.receive<down_message>();
        CHECK(down.reason == atom("enough"));
        args = {other.pid};
        auto dead = ask("erlang", "is_process_alive", args);
        value = co_await dead;
        CHECK(value == atoms::false_);
        auto none = ask("erlang", "process_info", args);
        value = co_await none;
        CHECK(value == atoms::undefined);
    });
}

TEST_CASE("process_info keeps the order asked, and leaves out the name of who has none") {
    on_node([](self me) -> awaitable<void> {
        const pid quiet = *whereis(atom("quiet"));
        static constexpr const char* items[] = {"binary",
                                                "catchlevel",
                                                "current_function",
                                                "error_handler",
                                                "garbage_collection",
                                                "group_leader",
                                                "heap_size",
                                                "initial_call",
                                                "last_calls",
                                                "links",
                                                "memory",
                                                "message_queue_len",
                                                "monitored_by",
                                                "monitors",
                                                "priority",
                                                "reductions",
                                                "registered_name",
                                                "sequential_trace_token",
                                                "stack_size",
                                                "status",
                                                "suspending",
                                                "total_heap_size",
                                                "trace",
                                                "trap_exit"};
        std::vector<term> asked;
        for (const char* item : items) asked.push_back(atom(item));
        std::vector<term> args{quiet, list_of(asked)};
        auto asking = ask("erlang", "process_info", args);
        const term all = co_await asking;
        const auto answered = all.as_list().value();
        REQUIRE(answered.size() == asked.size());
        for (std::size_t i = 0; i < asked.size(); ++i) CHECK(answered[i].elements()[0] == asked[i]);
        CHECK(value_in(all, "registered_name") == atom("quiet"));
        CHECK(value_in(all, "initial_call") == tuple(atom("quiet"), atoms::init, 1));
        CHECK(value_in(all, "status") == atoms::waiting);
        CHECK(value_in(all, "priority") == atoms::normal);
        CHECK(value_in(all, "trap_exit") == atoms::false_);
        CHECK(value_in(all, "links").list_length() == 1);
        CHECK(*value_in(all, "memory").as_int64() > 0);
        CHECK(value_in(value_in(all, "garbage_collection"), "min_heap_size").is_integer());
        CHECK(value_in(value_in(all, "garbage_collection"), "fullsweep_after").is_integer());

        args = {quiet, atoms::registered_name};
        auto named = ask("erlang", "process_info", args);
        term value = co_await named;
        CHECK(value == tuple(atoms::registered_name, atom("quiet")));
        args = {me.id(), atoms::registered_name};
        auto unnamed = ask("erlang", "process_info", args);
        value = co_await unnamed;
        CHECK(value.is_nil());
        args = {me.id(), list({atoms::registered_name, atoms::status})};
        auto both = ask("erlang", "process_info", args);
        value = co_await both;
        CHECK(value.list_elements().begin()->elements()[1].is_nil());
        args = {quiet, atom("colour")};
        auto bad = is_refused("erlang", "process_info", args);
        CHECK(co_await bad);
    });
}

TEST_CASE("what observer asks before it shows a process's state") {
    on_node([](self) -> awaitable<void> {
        std::vector<term> args{*whereis(atom("quiet"))};
        auto translating = ask("proc_lib", "translate_initial_call", args);
        term value = co_await translating;
        CHECK(value == tuple(atom("quiet"), atoms::init, 1));
        args = {atom("attributes")};
        auto attributes = ask("quiet", "module_info", args);
        value = co_await attributes;
        CHECK(value == list({tuple(atom("behaviour"), list({atoms::gen_server}))}));
        // No system request is sent to a process that does not know them.
        const pid plain = spawn(test::idle);
        args = {plain};
        auto plain_call = ask("proc_lib", "translate_initial_call", args);
        value = co_await plain_call;
        CHECK(value == tuple(atom("proc_lib"), atom("init_p"), 5));
    });
}

TEST_CASE("modules, applications and calls by name") {
    on_node([](self) -> awaitable<void> {
        std::vector<term> args{atom("observer_backend")};
        auto loaded = ask("code", "ensure_loaded", args);
        term value = co_await loaded;
        CHECK(value == tuple(atoms::module_, atom("observer_backend")));
        args = {atom("megaco")};
        auto missing = ask("code", "ensure_loaded", args);
        value = co_await missing;
        CHECK(value == tuple(atoms::error, atom("nofile")));
        args = {atom("observer_backend"), atom("procs_info"), 1};
        auto exported = ask("erlang", "function_exported", args);
        value = co_await exported;
        CHECK(value == atoms::true_);
        args = {atom("observer_backend"), atom("get_nothing"), 0};
        auto not_exported = ask("erlang", "function_exported", args);
        value = co_await not_exported;
        CHECK(value == atoms::false_);
        value = co_await ask("net_adm", "localhost");
        CHECK(value == charlist("127.0.0.1"));
        value = co_await ask("application", "which_applications");
        CHECK(value.is_nil());
        args = {atom("erlang"), atom("node"), nil};
        auto applied = ask("erlang", "apply", args);
        value = co_await applied;
        CHECK(value == atom("tools@127.0.0.1"));
    });
}

TEST_CASE("a node's own functions do not take the place of an application's") {
    run_in(*std::make_unique<runtime>(), [](self) -> awaitable<void> {
        dist::export_plain_function(atom("erlang"), atom("node"), 0,
                                    [](std::span<const term>) -> term { return atom("mine"); });
        dist::options o;
        o.name = "own@127.0.0.1";
        o.cookie = "secret";
        o.epmd_port = test::free_port();
        auto starting = dist::start_link(o);
        const outcome<pid> started = co_await starting;
        REQUIRE(started);
        const term value = co_await ask("erlang", "node");
        CHECK(value == atom("mine"));
    });
}

TEST_CASE("a net_kernel that is started again has its servers again") {
    run_in(*std::make_unique<runtime>(), [](self me) -> awaitable<void> {
        me.trap_exit(true);
        dist::options o;
        o.name = "again@127.0.0.1";
        o.cookie = "secret";
        o.epmd_port = test::free_port();
        for (int i = 0; i < 3; ++i) {
            outcome<pid> started = fail_term(atoms::undefined);
            do {
                auto starting = dist::start_link(o);
                started = co_await starting;
                if (started) break;
                (void)co_await me.receive<exit_message>();
                // The name is free when EPMD has seen the end of the one before.
            } while (started.error().is_tagged(atom("name_taken"), 2));
            REQUIRE_MESSAGE(started, to_string(started ? term() : started.error()));
            CHECK(whereis(atom("rex")));
            exit(*started, atoms::kill);
            (void)co_await me.receive<exit_message>();
        }
    });
}

TEST_CASE("observer's system page") {
    on_node([](self) -> awaitable<void> {
        const term info = co_await ask("observer_backend", "sys_info");
        for (const char* key : {"uptime",
                                "run_queue",
                                "io_input",
                                "io_output",
                                "logical_processors",
                                "schedulers",
                                "schedulers_online",
                                "thread_pool_size",
                                "wordsize_internal",
                                "process_count",
                                "atom_limit",
                                "atom_count",
                                "process_limit",
                                "port_limit",
                                "port_count",
                                "ets_count",
                                "dist_buf_busy_limit",
                                "processes",
                                "processes_used",
                                "system",
                                "atom",
                                "binary",
                                "code",
                                "ets"})
            CHECK_MESSAGE(value_in(info, key).is_integer(), key);
        CHECK(value_in(info, "otp_release") == charlist("25"));
        CHECK(*value_in(info, "process_count").as_int64() >= 5);
        CHECK(*value_in(info, "total").as_int64() > *value_in(info, "processes").as_int64());
        CHECK(*value_in(info, "dist_buf_busy_limit").as_int64() == 1 << 20);
        // An empty list would take observer down.
        const term allocators = value_in(info, "alloc_info");
        REQUIRE(allocators.list_length() == 1);
        const term instance = *allocators.head()->elements()[1].head();
        const term carriers =
            value_in(instance.elements()[2].as_list()->front().elements()[1], "blocks");
        CHECK(carriers.list_length() == 1);
    });
}

TEST_CASE("etop collects once, observer's lists and charts until they are told to end") {
    on_node([](self me) -> awaitable<void> {
        std::vector<term> args{me.id()};
        auto collecting = ask("observer_backend", "etop_collect", args);
        (void)co_await collecting;
        term got = co_await me.receive<term>();
        const term info = got.elements()[1];
        REQUIRE(info.is_tagged(atom("etop_info"), 9));
        CHECK(info.elements()[8].list_length() == std::size_t(*info.elements()[2].as_int64()));
        CHECK(info.elements()[8].head()->is_tagged(atom("etop_proc_info"), 8));

        auto listing = ask("observer_backend", "procs_info", args);
        (void)co_await listing;
        got = co_await me.receive<term>();
        REQUIRE(got.is_tagged(atom("procs_info"), 3));
        CHECK(got.elements()[2].list_length() >= 5);

        const pid charts = spawn(
            [](self, pid viewer) -> process {
                std::vector<term> given{viewer, 10};
                auto work = ask("observer_backend", "fetch_stats", given);
                (void)co_await work;
            },
            me.id());
        const ref watching = monitor(charts);
        for (int i = 0; i < 2; ++i) {
            got = co_await me.receive<term>();
            REQUIRE(got.is_tagged(atom("stats"), 5));
            CHECK(got.elements()[2].head()->elements().size() == 3);
        }
        send(charts, atoms::exit);
        const auto down = co_await me.receive<down_message>();
        CHECK(down.monitor == watching);
        CHECK(down.reason == atoms::normal);
    });
}

TEST_CASE("procs_info comes in parts of no more than 10 000") {
    on_node([](self me) -> awaitable<void> {
        std::vector<pid> many;
        for (int i = 0; i < 12'000; ++i) many.push_back(spawn(test::idle));
        std::vector<term> args{me.id()};
        auto listing = ask("observer_backend", "procs_info", args);
        (void)co_await listing;
        std::size_t seen = 0;
        int parts = 0;
        for (; seen < many.size(); ++parts) {
            const term part = co_await me.receive<term>();
            const auto size = part.elements()[2].list_length().value();
            CHECK(size <= 10'000);
            seen += size;
        }
        CHECK(parts == 2);
    });
}

TEST_CASE("observer's tables: what there is, and the rows of one in parts") {
    on_node([](self me) -> awaitable<void> {
        const auto table = ets::new_table(atom("shown"), {.keypos = 2, .named = true});
        (void)ets::new_table(atom("secret"), {.access = ets::table_access::private_});
        for (int i = 0; i < 2500; ++i) ets::insert(table, tuple(atom("row"), i));
        std::vector<term> args{atom("ets"), list({tuple(atom("unread_hidden"), true)})};
        auto listing = ask("observer_backend", "get_table_list", args);
        const term tables = co_await listing;
        REQUIRE(tables.list_length() == 1);
        const term row = *tables.head();
        CHECK(value_in(row, "name") == atom("shown"));
        CHECK(value_in(row, "id") == atom("ignore"));
        CHECK(value_in(row, "size") == 2500);
        CHECK(value_in(row, "keypos") == 2);
        CHECK(value_in(row, "protection") == atoms::protected_);
        args[1] = nil;
        auto all = ask("observer_backend", "get_table_list", args);
        const term with_private = co_await all;
        CHECK(with_private.list_length() == 2);
        args = {atom("shown"), atoms::keypos};
        auto position = ask("ets", "info", args);
        const term keypos = co_await position;
        CHECK(keypos == 2);

        args = {me.id(), atom("shown"), atom("ets")};
        auto opening = ask("observer_backend", "get_table", args);
        const term sender = co_await opening;
        std::size_t rows = 0;
        for (;;) {
            const term part = co_await me.receive<term>();
            CHECK(part.elements()[0] == sender);
            const term what = part.elements()[1];
            if (what == atoms::end_of_table) break;
            CHECK(what.head()->head()->is_tagged(atom("row"), 2));
            rows += what.list_length().value();
        }
        CHECK(rows == 2500);
    });
}

namespace {

struct shown_sup {
    static supervisor_init init() {
        return {{},
                {child_spec(term(atom("one")),
                            child<quiet>(server_options(server_name(atom("one")))))}};
    }
};
struct shown_app {
    static awaitable<start_result> start(const term&) {
        return supervisor::start_link_named<shown_sup>(server_name(atom("shown_sup")));
    }
};

}  // namespace

TEST_CASE("observer's applications: which there are, and who started whom") {
    on_node([](self me) -> awaitable<void> {
        auto spec = application_of<shown_app>("shown", "1.2");
        spec.description = "To be seen";
        REQUIRE(application::load(spec));
        auto starting = application::start(atom("shown"));
        const auto started = co_await starting;
        REQUIRE(started);
        std::vector<term> args{me.id(), me.id(), nil};
        auto opening = ask("appmon_info", "start_link2", args);
        const term opened = co_await opening;
        const pid server = *opened.elements()[1].as_pid();
        const atom here = node();
        send(server, tuple(atoms::gen_cast, tuple(me.id(), atom("app_ctrl"), here, true, nil)));
        term got = co_await me.receive<term>();
        const pid master = *application::master(atom("shown"));
        CHECK(got ==
              tuple(atom("delivery"), server, atom("app_ctrl"), here,
                    list({tuple(master, atom("shown"),
                                tuple(atom("shown"), charlist("To be seen"), charlist("1.2")))})));
        send(server, tuple(atoms::gen_cast, tuple(me.id(), atom("app"), atom("shown"), true, nil)));
        got = co_await me.receive<term>();
        REQUIRE(got.is_tagged(atom("delivery"), 5));
        const auto tree = got.elements()[4].elements();
        REQUIRE(tree.size() == 4);
        CHECK(tree[0] == charlist(to_string(master)));
        CHECK(tree[1].list_length() == 3);
        CHECK(tree[2] == list({tuple(charlist(to_string(master)), charlist("shown_sup")),
                               tuple(charlist("shown_sup"), charlist("one"))}));
        // A child that is another is news; between the two there is none.
        const term before = tree[1];
        exit(*whereis(atom("one")), atoms::kill);
        do got = co_await me.receive<term>();
        while (got.elements()[4].elements()[1].list_length() != 3);
        CHECK(got.elements()[4].elements()[1] != before);
        unlink(server);
        exit(server, atoms::kill);
        auto stopping = application::stop(atom("shown"));
        (void)co_await stopping;
    });
}

TEST_CASE("rex answers what rpc and C nodes ask it") {
    const auto epmd = test::free_port();
    dist_node here("here", epmd), there("there", epmd);
    run_in(
        *here,
        [](self me, atom other) -> awaitable<void> {
            const server_ref rex(atom("rex"), other);
            send(rex, tuple(me.id(), atom("features_request")));
            term got = co_await me.receive<term>();
            CHECK(got == tuple(atom("features_reply"), other, list({atom("erpc")})));
            const term work = tuple(atoms::call, atom("erlang"), atoms::node, nil, me.id());
            send(rex, tuple(me.id(), work));
            got = co_await me.receive<term>();
            CHECK(got == tuple(atoms::rex, other));
            // gen calls, as Erlang writes them.
            for (const char* kind : {"call", "block_call"}) {
                const ref tag = make_ref();
                const term request = tuple(atom(kind), atom("erlang"), atoms::node, nil, me.id());
                send(rex, tuple(atoms::gen_call, tuple(me.id(), tag), request));
                got = co_await me.receive<term>();
                CHECK(got == tuple(tag, other));
                const term nothing = tuple(atom(kind), atom("m"), atom("f"), list({1}), me.id());
                send(rex, tuple(atoms::gen_call, tuple(me.id(), tag), nothing));
                got = co_await me.receive<term>();
                CHECK(got.elements()[1].is_tagged(atoms::badrpc, 2));
            }
            send(rex, tuple(me.id(), tuple(atom("sbcast"), atom("nobody"), 1)));
            got = co_await me.receive<term>();
            CHECK(got == tuple(atoms::rex, other, tuple(atom("nonexisting_name"), atom("nobody"))));
            // Nonsense does it no harm.
            send(rex, tuple(me.id(), 5));
            send(rex, tuple(me.id(), atom("features_request")));
            got = co_await me.receive<term>();
            CHECK(got.is_tagged(atom("features_reply"), 3));
        },
        there.name());
}

TEST_CASE("user writes to the log, and has nothing to read") {
    kept_log texts;
    on_node([](self me) -> awaitable<void> {
        const std::vector<std::pair<term, term>> cases{
            {tuple(atom("put_chars"), atom("unicode"), charlist("one\n")), atoms::ok},
            {tuple(atom("put_chars"), atom("unicode"), atom("io_lib"), atom("format"),
                   list({charlist("~s ~p ~5.2w~n"), list({charlist("two"), charlist("x"), 3})})),
             atoms::ok},
            {tuple(atom("get_line"), atom("unicode"), charlist("> ")), atoms::eof},
            {atom("getopts"), tuple(atoms::error, atom("enotsup"))},
            {tuple(atom("get_geometry"), atom("columns")), tuple(atoms::error, atom("enotsup"))},
            {atom("dance"), tuple(atoms::error, atom("request"))},
            {tuple(atom("requests"), list({atom("dance"), atom("getopts")})),
             tuple(atoms::error, atom("request"))},
        };
        for (const auto& [request, answer] : cases) {
            send(server_ref(atom("user")), tuple(atom("io_request"), me.id(), 5, request));
            const term got = co_await me.receive<term>();
            CHECK(got == tuple(atom("io_reply"), 5, answer));
        }
        // logger_proxy answers nothing: what user answers comes after it has logged.
        send(server_ref(atom("logger_proxy")),
             tuple(atoms::log, atoms::error, charlist("~ts failed"), list({charlist("three")}),
                   map()));
        while (*process_info(*whereis(atom("logger_proxy")))->registered_name == atom() ||
               process_info(*whereis(atom("logger_proxy")))->message_queue_len > 0)
            co_await me.yield();
    });
    CHECK(texts.has("one"));
    CHECK(texts.has("two \"x\" 3"));
    CHECK(texts.has("three failed"));
}
