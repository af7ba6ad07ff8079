#include "libbeamcore/otp/application.hpp"

#include <atomic>
#include <chrono>
#include <string>
#include <vector>

#include "children.hpp"
#include "libbeamcore/runtime/process_info.hpp"

using namespace beam;
using namespace std::chrono_literals;
using namespace test;

namespace app = beam::application;

namespace {

// An application whose top process is a supervisor of one child named after it.
awaitable<start_result> start_tree(term arguments) {
    std::string name(arguments.as_text().value_or("x"));
    child_spec c(atom(name), child<plain>(name));
    std::vector<child_spec> specs{c};
    auto starting = supervisor::start_link(supervisor_flags(), specs);
    start_result r = co_await starting;
    if (r) std::get<started>(*r).info = tuple(atom("state"), arguments);
    co_return r;
}

struct tree_app {
    static awaitable<start_result> start(term arguments) {
        return start_tree(std::move(arguments));
    }
    static term prep_stop(term state) {
        seen.push_back("prep_stop " + shown(state));
        return tuple(atom("prepared"), state);
    }
    static void stop(term state) { seen.push_back("stop " + shown(state)); }
    static void start_phase(atom phase, term arguments) {
        seen.push_back("phase " + std::string(phase.name()) + " " + shown(arguments));
    }
    static void config_change(std::vector<env_entry> changed, std::vector<env_entry> added,
                              std::vector<atom> removed) {
        std::string text = "config";
        for (const auto& e : changed) text += " ~" + std::string(e.key.name()) + shown(e.value);
        for (const auto& e : added) text += " +" + std::string(e.key.name()) + shown(e.value);
        for (const auto& k : removed) text += " -" + std::string(k.name());
        seen.push_back(text);
    }
};

struct bad_app {
    static awaitable<start_result> start(term what) {
        if (what == atom("slow")) {
            for (int i = 0; i < 100; ++i) co_await this_process().yield();
            what = atom("error");
        }
        co_return start_now(what);
    }

    static start_result start_now(const term& what) {
        if (what == atom("error")) return fail_term(atom("broken"));
        if (what == atom("throw")) beam::exit(atom("thrown"));
        return ignore{};
    }
};

application_spec tree(const char* name, std::vector<atom> needs = {}) {
    auto spec = application_of<tree_app>(name, "1");
    spec.description = "for a test";
    spec.applications = std::move(needs);
    spec.arguments = name;
    return spec;
}

application_spec bad(const char* name, const char* how, std::vector<atom> needs = {}) {
    auto spec = application_of<bad_app>(name, "1");
    spec.applications = std::move(needs);
    spec.arguments = atom(how);
    return spec;
}

const atom a("a"), b("b"), c("c");

std::string names_of(const std::vector<application_info>& list) {
    std::string all;
    for (const auto& i : list) all += (all.empty() ? "" : " ") + std::string(i.name.name());
    return all;
}

std::string as_text(const outcome<void>& r) {
    return shown(as_term(r));
}

std::string as_text(const outcome<std::vector<atom>>& r) {
    if (!r) return shown(tuple(atoms::error, r.error()));
    return shown(list_of(std::vector<term>(r->begin(), r->end())));
}

// What the node was told to stop for.
std::string node_stopped;

void watch_node() {
    node_stopped.clear();
    app::set_node_stop([](atom name, const term& reason) {
        node_stopped = std::string(name.name()) + " " + shown(reason);
    });
}

}  // namespace

TEST_CASE("APP-01: a loaded application is started once") {
    in_node([](self) -> awaitable<void> {
        CHECK(as_text(app::load(tree("a"))) == "ok");
        auto r = co_await app::start(a);
        CHECK(as_text(r) == "ok");
        CHECK(app::is_running(a));
        auto again = co_await app::start(a);
        CHECK(as_text(again) == "{error,{already_started,a}}");
        CHECK(names_of(app::which_applications()) == "a");
        auto unknown = co_await app::start(b);
        CHECK(as_text(unknown) == "{error,{<<\"no such file or directory\">>,<<\"b.app\">>}}");
    });
    seen.clear();
}

TEST_CASE("APP-02: an application is not started before what it depends on") {
    in_node([](self) -> awaitable<void> {
        (void)app::load(tree("a", {b}));
        auto r = co_await app::start(a);
        CHECK(as_text(r) == "{error,{not_started,b}}");
        CHECK_FALSE(app::is_running(a));
    });
    seen.clear();
}

TEST_CASE("APP-03: ensure_all_started starts what is needed first, and lists what it started") {
    in_node([](self) -> awaitable<void> {
        (void)app::load(tree("a", {b, c}));
        (void)app::load(tree("b", {c}));
        (void)app::load(tree("c"));
        auto r = co_await app::ensure_all_started(a);
        CHECK(as_text(r) == "[c,b,a]");
        CHECK(names_of(app::which_applications()) == "a b c");
        r = co_await app::ensure_all_started(a);
        CHECK(as_text(r) == "[]");
        co_await app::stop(a);
        r = co_await app::ensure_all_started(a);
        CHECK(as_text(r) == "[a]");
        seen.clear();
        co_await app::stop_all();
        CHECK(names_of(app::which_applications()) == "");
        auto text = seen_text();
        CHECK(text.find("-a") < text.find("-b"));
        CHECK(text.find("-b") < text.find("-c"));
    });
    seen.clear();
}

TEST_CASE("APP-04: when the last one fails those started for it are stopped again") {
    in_node([](self) -> awaitable<void> {
        (void)app::load(bad("a", "error", {b, c}));
        (void)app::load(tree("b"));
        (void)app::load(tree("c"));
        auto running = co_await app::start(c);
        CHECK(running.has_value());
        auto r = co_await app::ensure_all_started(a);
        CHECK(as_text(r) == "{error,{a,{broken,{bad_app,start,[normal,error]}}}}");
        CHECK(names_of(app::which_applications()) == "c");

        (void)app::load(tree("e", {atom("f")}));
        (void)app::load(tree("f", {atom("e")}));
        r = co_await app::ensure_all_started(atom("e"));
        CHECK(as_text(r) == "{error,{e,{not_started,e}}}");
        r = co_await app::ensure_all_started(atom("nobody"));
        CHECK(as_text(r) ==
              "{error,{nobody,{<<\"no such file or directory\">>,<<\"nobody.app\">>}}}");
    });
    seen.clear();
}

TEST_CASE("APP-04: who waits for another's start learns that it failed") {
    in_node([](self me) -> awaitable<void> {
        (void)app::load(bad("a", "slow"));
        auto starter = [](self, pid parent) -> process {
            auto r = co_await app::ensure_all_started(a);
            send(parent, term(as_text(r)));
        };
        spawn(starter, me.id());
        spawn(starter, me.id());
        for (int i = 0; i < 2; ++i) {
            const term said = co_await me.receive<term>();
            CHECK(said == term("{error,{a,{broken,{bad_app,start,[normal,slow]}}}}"));
        }
    });
    seen.clear();
}

TEST_CASE("APP-05: a start callback that gives an error, throws, or says ignore") {
    in_node([](self) -> awaitable<void> {
        (void)app::load(bad("a", "error"));
        (void)app::load(bad("b", "throw"));
        (void)app::load(bad("c", "ignore"));
        auto r = co_await app::start(a);
        CHECK(as_text(r) == "{error,{broken,{bad_app,start,[normal,error]}}}");
        r = co_await app::start(b);
        CHECK(as_text(r) ==
              "{error,{bad_return,{{bad_app,start,[normal,throw]},{'EXIT',thrown}}}}");
        r = co_await app::start(c);
        CHECK(as_text(r) == "{error,{bad_return,{{bad_app,start,[normal,ignore]},ignore}}}");
        CHECK(names_of(app::which_applications()) == "");
    });
}

TEST_CASE("APP-06: stop calls prep_stop, stops the top process, and calls stop") {
    in_node([](self) -> awaitable<void> {
        (void)app::load(tree("a"));
        co_await app::start(a);
        seen.clear();
        auto r = co_await app::stop(a);
        CHECK(as_text(r) == "ok");
        CHECK(seen_text() == "prep_stop {state,<<\"a\">>} -a stop {prepared,{state,<<\"a\">>}}");
        r = co_await app::stop(a);
        CHECK(as_text(r) == "{error,{not_started,a}}");
        r = co_await app::stop(b);
        CHECK(as_text(r) == "{error,{not_started,b}}");
    });
    seen.clear();
}

TEST_CASE(
    "APP-07: when the top process of a temporary application dies only the application ends") {
    in_node([](self s) -> awaitable<void> {
        watch_node();
        (void)app::load(tree("a"));
        co_await app::start(a);
        seen.clear();
        exit(*app::top_process(a), atoms::kill);
        co_await settle(s);
        CHECK_FALSE(app::is_running(a));
        CHECK(node_stopped.empty());
        auto text = seen_text();
        CHECK(text.find("stop {state,<<\"a\">>}") != std::string::npos);
        CHECK(text.find("prep_stop") == std::string::npos);
        // It can be started again.
        auto r = co_await app::start(a);
        CHECK(as_text(r) == "ok");
    });
    seen.clear();
}

TEST_CASE("APP-08: a transient application stops the node unless it ends normally") {
    in_node([](self s) -> awaitable<void> {
        watch_node();
        (void)app::load(tree("a"));
        co_await app::start(a, restart_type::transient);
        co_await beam::stop(*app::top_process(a));
        co_await settle(s);
        CHECK_FALSE(app::is_running(a));
        CHECK(node_stopped.empty());
        co_await app::start(a, restart_type::transient);
        exit(*app::top_process(a), atoms::kill);
        co_await settle(s);
        CHECK(node_stopped == "a killed");
    });
    seen.clear();
}

TEST_CASE("APP-09: a permanent application stops the node however it ends") {
    in_node([](self s) -> awaitable<void> {
        watch_node();
        (void)app::load(tree("a"));
        co_await app::start(a, restart_type::permanent);
        co_await beam::stop(*app::top_process(a));
        co_await settle(s);
        CHECK(node_stopped == "a normal");
        // To be stopped is no end of its own.
        watch_node();
        co_await app::start(a, restart_type::permanent);
        co_await app::stop(a);
        CHECK(node_stopped.empty());
    });
    seen.clear();
}

TEST_CASE("APP-10: loading twice, and unloading what runs") {
    in_node([](self) -> awaitable<void> {
        (void)app::load(tree("a"));
        CHECK(as_text(app::load(tree("a"))) == "{error,{already_loaded,a}}");
        co_await app::start(a);
        CHECK(as_text(app::unload(a)) == "{error,{running,a}}");
        co_await app::stop(a);
        CHECK(as_text(app::unload(a)) == "ok");
        CHECK(as_text(app::unload(a)) == "{error,{not_loaded,a}}");
        CHECK(app::loaded_applications().empty());
    });
    seen.clear();
}

TEST_CASE("APP-11: parameters are set, unset, have defaults, and go at unload unless persistent") {
    in_node([](self) -> awaitable<void> {
        auto spec = tree("a");
        spec.env = {{atom("size"), 1}, {atom("colour"), atom("red")}};
        (void)app::load(spec);
        CHECK(app::get_env(a, atom("size")) == term(1));
        CHECK_FALSE(app::get_env(a, atom("other")));
        CHECK(app::get_env(a, atom("other"), 7) == term(7));
        app::set_env(a, atom("other"), 8);
        CHECK(app::get_env(a, atom("other"), 7) == term(8));
        app::unset_env(a, atom("other"));
        CHECK_FALSE(app::get_env(a, atom("other")));
        app::set_env(a, atom("size"), 2);
        app::set_env(a, atom("kept"), 3, true);
        CHECK(app::get_all_env(a).size() == 3);
        (void)app::unload(a);
        CHECK_FALSE(app::get_env(a, atom("size")));
        CHECK(app::get_env(a, atom("kept")) == term(3));
        spec.env.push_back({atom("kept"), 99});
        (void)app::load(spec);
        CHECK(app::get_env(a, atom("size")) == term(1));
        CHECK(app::get_env(a, atom("kept")) == term(3));
        co_return;
    });
}

TEST_CASE("APP-11: the node's configuration goes before what a specification says") {
    in_node([](self) -> awaitable<void> {
        CHECK(app::set_config(*parse_term("[{a, [{size, 5}]}, {b, [{x, 1}]}]")));
        auto spec = tree("a");
        spec.env = {{atom("size"), 1}, {atom("colour"), atom("red")}};
        (void)app::load(spec);
        CHECK(app::get_env(a, atom("size")) == term(5));
        CHECK(app::get_env(a, atom("colour")) == term(atom("red")));
        CHECK_FALSE(app::get_env(b, atom("x")));
        CHECK(as_text(app::set_config(atom("nonsense"))) == "{error,{bad_config,nonsense}}");
        co_return;
    });
}

TEST_CASE("APP-12: start phases come after start, in order") {
    in_node([](self) -> awaitable<void> {
        auto spec = tree("a");
        spec.start_phases = {{atom("first"), 1}, {atom("second"), nil}};
        (void)app::load(spec);
        seen.clear();
        auto r = co_await app::start(a);
        CHECK(as_text(r) == "ok");
        CHECK(seen_text() == "+a phase first 1 phase second []");
    });
    seen.clear();
}

TEST_CASE("APP-13: an included application is loaded and not started") {
    in_node([](self) -> awaitable<void> {
        app::set_loader([](atom name) -> awaitable<outcome<application_spec>> {
            return [](atom n) -> awaitable<outcome<application_spec>> {
                auto spec = tree(std::string(n.name()).c_str());
                if (n == a) spec.included_applications = {b};
                if (n == c) co_return fail_term(atom("no_such_thing"));
                co_return spec;
            }(name);
        });
        auto r = co_await app::start(a);
        CHECK(as_text(r) == "ok");
        CHECK(names_of(app::loaded_applications()) == "a b");
        CHECK(names_of(app::which_applications()) == "a");
        r = co_await app::start(c);
        CHECK(as_text(r) == "{error,no_such_thing}");
    });
    seen.clear();
}

TEST_CASE("APP-14: a process belongs to the application whose master is its group leader") {
    in_node([](self s) -> awaitable<void> {
        (void)app::load(tree("a"));
        co_await app::start(a);
        auto top = co_await app::get_application(*app::top_process(a));
        CHECK(top == a);
        pid child = co_await child_of(*app::top_process(a), "a");
        auto of_child = co_await app::get_application(child);
        CHECK(of_child == a);
        auto none = co_await app::get_application(s.id());
        CHECK_FALSE(none);
        CHECK_FALSE(app::get_application());
    });
    seen.clear();
}

TEST_CASE("APP-15: after a code change an application is told which parameters changed") {
    in_node([](self) -> awaitable<void> {
        auto one = tree("a");
        one.env = {{atom("same"), 1}, {atom("size"), 1}, {atom("old"), 1}};
        auto two = tree("a");
        two.vsn = "2";
        two.env = {{atom("same"), 1}, {atom("size"), 2}, {atom("fresh"), 3}};
        (void)app::load(one);
        co_await app::start(a);
        seen.clear();
        auto before = app::prep_config_change();
        app::config_change(before);
        CHECK(seen_text() == "");
        CHECK(as_text(app::load_version(two)) == "ok");
        CHECK(as_text(app::use_version(a, "2")) == "ok");
        app::config_change(before);
        CHECK(seen_text() == "config ~size2 +fresh3 -old");
    });
    seen.clear();
}

TEST_CASE("two versions of an application can be loaded; one is current") {
    in_node([](self) -> awaitable<void> {
        auto two = tree("a");
        two.vsn = "2";
        CHECK(as_text(app::load_version(two)) == "{error,{not_loaded,a}}");
        (void)app::load(tree("a"));
        CHECK(as_text(app::load_version(tree("a"))) == "{error,{already_loaded,a}}");
        CHECK(as_text(app::load_version(two)) == "ok");
        CHECK(app::versions(a) == std::vector<std::string>{"1", "2"});
        CHECK(app::get_spec(a)->vsn == "1");
        CHECK(as_text(app::use_version(a, "3")) == "{error,{not_loaded,a}}");
        CHECK(as_text(app::use_version(a, "2")) == "ok");
        CHECK(app::get_spec(a)->vsn == "2");
        CHECK(as_text(app::unload_version(a, "2")) == "{error,{running,a}}");
        CHECK(as_text(app::unload_version(a, "1")) == "ok");
        CHECK(app::versions(a) == std::vector<std::string>{"2"});
        co_return;
    });
}

TEST_CASE("two that start an application at once start it once") {
    in_node([](self s) -> awaitable<void> {
        (void)app::load(tree("a"));
        auto starter = [](self me, pid parent) -> process {
            auto r = co_await app::start(a);
            send(parent, as_term(r));
            (void)me;
        };
        spawn(starter, s.id());
        spawn(starter, s.id());
        auto first = co_await s.receive<term>();
        auto second = co_await s.receive<term>();
        CHECK(((first == atoms::ok) != (second == atoms::ok)));
    });
    seen.clear();
}

TEST_CASE("all who wait for one start have its failure") {
    in_node([](self s) -> awaitable<void> {
        static std::atomic<int> starts{0};
        struct failing {
            static awaitable<start_result> start(term) {
                ++starts;
                (void)co_await this_process().receive<term>();
                co_return fail_term(atom("no_disk"));
            }
        };
        starts = 0;
        (void)app::load(application_of<failing>("a", "1"));
        const auto starter = [](self, pid parent) -> process {
            auto r = co_await app::ensure_all_started(a);
            send(parent, r ? term(atoms::ok) : r.error());
        };
        constexpr std::uint32_t many = 20;
        for (std::uint32_t i = 0; i < many; ++i) spawn(starter, s.id());
        const auto waiting = [] {
            const auto master = app::master(a);
            const auto info = master ? process_info(*master) : std::nullopt;
            return info ? info->message_queue_len : 0;
        };
        while (waiting() < many) co_await s.yield();
        send(*app::master(a), term(atom("go_on")));
        for (std::uint32_t i = 0; i < many; ++i) {
            const term answer = co_await s.receive<term>();
            CHECK(shown(answer).find("no_disk") != std::string::npos);
        }
        CHECK(starts == 1);
    });
}

TEST_CASE("an application without code is a library: it runs without processes") {
    in_node([](self) -> awaitable<void> {
        (void)app::load(application_spec(a, "1"));
        auto r = co_await app::start(a);
        CHECK(as_text(r) == "ok");
        CHECK(names_of(app::which_applications()) == "a");
        CHECK_FALSE(app::top_process(a));
        r = co_await app::stop(a);
        CHECK(as_text(r) == "ok");
    });
}

TEST_CASE("an optional dependency may be absent, and is started first where it is there") {
    in_node([](self) -> awaitable<void> {
        auto spec = tree("a", {b});
        spec.optional_applications = {b};
        (void)app::load(spec);
        auto r = co_await app::ensure_all_started(a);
        CHECK(as_text(r) == "[a]");
        co_await app::stop(a);
        (void)app::load(tree("b"));
        r = co_await app::ensure_all_started(a);
        CHECK(as_text(r) == "[b,a]");
    });
    seen.clear();
}

TEST_CASE("an application resource file is read and written") {
    const char* text =
        "{application, chat, [{description, \"Rooms\"}, {vsn, \"1.2\"}, {registered, [router]}, "
        "{applications, [kernel]}, {env, [{rooms, 8}]}, {mod, {chat_app, [x]}}, {other, 1}]}";
    auto spec = application_spec_from_term(*parse_term(text));
    REQUIRE(spec);
    CHECK(spec->name == atom("chat"));
    CHECK(spec->vsn == "1.2");
    CHECK(spec->description == "Rooms");
    CHECK(spec->registered == std::vector<atom>{atom("router")});
    CHECK(spec->env[0].value == term(8));
    CHECK(spec->module == atom("chat_app"));
    auto again = application_spec_from_term(to_term(*spec));
    REQUIRE(again);
    CHECK(to_term(*again) == to_term(*spec));
    CHECK(shown(application_spec_from_term(*parse_term("{application, a, [{vsn, 1}]}")).error()) ==
          "{bad_application,{vsn,1}}");
}
