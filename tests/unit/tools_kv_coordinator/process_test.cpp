// The process that gives a coordinator to others.
#include "tools/kv/coordinator/coordinator_process.hpp"

#include <condition_variable>
#include <mutex>

#include "libbeamcore/runtime/send.hpp"
#include "tests/support/simulated.hpp"
#include "tests/unit/tools_kv_coordinator/etcd_servers.hpp"

using namespace test;
using beam::awaitable;
using beam::pid;
using beam::self;
using kv::cluster_changed;
using kv::coordinator_process;
using kv::coordinator_reachable;
using kv::record_told;

namespace {

kv::coordinator_options place_of(const local_world& w, const std::string& node = "nodeA") {
    return w.options(node);
}

pid start(const kv::coordinator_options& options) {
    auto p = beam::start_link<coordinator_process>(options);
    REQUIRE_MESSAGE(p.has_value(), beam::to_string(p ? beam::term() : p.error()));
    return *p;
}

/// The first view for which `done(view)` holds; revisions grow on the way there.
template <class F>
awaitable<std::shared_ptr<const kv::cluster_view>> seen(self me, F done) {
    std::optional<std::uint64_t> last;
    for (;;) {
        auto m = co_await me.receive_for<cluster_changed>(10s);
        REQUIRE(m.has_value());
        REQUIRE((!last || m->view->rev > *last));
        last = m->view->rev;
        if (done(*m->view)) co_return m->view;
    }
}

kv::plan plan_without_others(const kv::plan& p) {
    return kv::next_plan(p, {"nodeA"}, 2);
}

awaitable<void> serves(self me, kv::coordinator_options options) {
    const pid server = start(options);
    coordinator_process::subscribe(server, me);
    coordinator_process::subscribe(server, me);
    auto empty = co_await seen(me, [](const auto&) { return true; });
    CHECK_FALSE(empty->has_cluster());
    auto created = co_await coordinator_process::create(server, three_nodes());
    CHECK(code_of(created) == "ok");
    auto v = co_await seen(me, [](const auto& n) { return n.has_cluster(); });
    CHECK(v->records.size() == 8);

    coordinator_process::read_record(server, 5, me);
    auto read = co_await me.receive<record_told>();
    CHECK(read.is_read);
    CHECK(read.shard == 5);
    CHECK(read.known.record == v->records[5].record);
    CHECK(read.known.rev == v->records[5].rev);

    const kv::shard_record next = read.known.record.next(store_of(3));
    coordinator_process::change_record(server, 5, next, read.known.rev, me);
    auto told = co_await me.receive<record_told>();
    CHECK_FALSE(told.is_read);
    CHECK(told.known.record == next);
    coordinator_process::change_record(server, 5, next.next(store_of(1)), read.known.rev, me);
    auto refused = co_await me.receive<record_told>();
    CHECK_FALSE(refused.is_read);
    CHECK(refused.known.record == next);
    CHECK(refused.known.rev == told.known.rev);
    v = co_await seen(me, [&](const auto& n) { return n.records[5].rev == told.known.rev; });

    auto joined = co_await coordinator_process::join(server, life_of("nodeA", 1));
    CHECK(code_of(joined) == "ok");
    const kv::plan only_a = plan_without_others(v->plan);
    auto planned = co_await coordinator_process::write_plan(server, only_a, v->plan_rev);
    CHECK(code_of(planned) == "ok");
    auto late = co_await coordinator_process::write_plan(server, v->plan, v->plan_rev);
    CHECK(code_of(late) == "conflict");
    auto drained = co_await coordinator_process::set_store_state(
        server, store_of(2), kv::store_state::draining, v->find_store(store_of(2))->rev);
    CHECK(code_of(drained) == "ok");
    const std::vector<kv::store_id> only_one(1, store_of(2));
    auto recovered =
        co_await coordinator_process::recover(server, 1, store_of(2), only_one, v->records[1].rev);
    REQUIRE(code_of(recovered) == "ok");
    CHECK(recovered->record.epoch == 2);
    auto now = co_await coordinator_process::view(server);
    REQUIRE(code_of(now) == "ok");
    CHECK((*now)->plan_rev == *planned);
    CHECK((*now)->find_member("nodeA")->is_alive);
    CHECK((*now)->find_store(store_of(2))->state == kv::store_state::draining);
    auto left = co_await coordinator_process::leave(server);
    CHECK(code_of(left) == "ok");
    co_await seen(me, [](const auto& n) {
        return n.find_member("nodeA") && !n.find_member("nodeA")->is_alive;
    });
    auto reachable = co_await me.receive<coordinator_reachable>();
    CHECK(reachable.is_reachable);
    CHECK_FALSE((co_await me.receive_for<coordinator_reachable>(0ms)).has_value());
}

}  // namespace

TEST_CASE("a process serves a local coordinator") {
    const local_world world;
    in_node(serves, place_of(world));
}

TEST_CASE("a process serves etcd") {
    if (!etcd_world::is_there()) return;
    const etcd_world world;
    in_node(serves, kv::coordinator_options(world.options()));
}

TEST_CASE("so it does in a deterministic node") {
    for (std::uint64_t seed = 1; seed <= seed_count(); ++seed) {
        CAPTURE(seed);
        const local_world world;
        beam::runtime node(deterministic(seed));
        run_in(node, serves, place_of(world));
    }
}

TEST_CASE("what one node changes, the subscribers of another see") {
    const local_world world;
    in_node(
        [](self me, kv::coordinator_options a, kv::coordinator_options b) -> awaitable<void> {
            const pid one = start(a), other = start(b);
            coordinator_process::subscribe(other, me);
            auto created = co_await coordinator_process::create(one, three_nodes(64));
            REQUIRE(code_of(created) == "ok");
            auto v = co_await seen(me, [](const auto& n) { return n.has_cluster(); });
            // All at once, as at a node's start.
            for (std::uint32_t s = 0; s < 64; ++s)
                coordinator_process::change_record(one, s, v->records[s].record.next(store_of(2)),
                                                   v->records[s].rev, me);
            std::set<std::uint64_t> revs;
            for (std::uint32_t s = 0; s < 64; ++s) {
                auto told = co_await me.receive<record_told>();
                CHECK(told.known.record.epoch == 2);
                revs.insert(told.known.rev);
            }
            // The first may go alone; the others wait while it is made.
            CHECK(revs.size() <= 4);
            co_await seen(me, [](const auto& n) {
                return std::all_of(n.records.begin(), n.records.end(),
                                   [](const auto& r) { return r.record.epoch == 2; });
            });
        },
        place_of(world), place_of(world, "nodeB"));
}

TEST_CASE("a place that can be none is the error of the start") {
    in_node([](self) -> awaitable<void> {
        kv::local_options o;
        o.folder = "/nowhere/at/all";
        o.runtime_folder = "/nowhere/either";
        o.node = "nodeA";
        auto p = beam::start<coordinator_process>(kv::coordinator_options(o));
        REQUIRE_FALSE(p.has_value());
        CHECK(beam::to_string(p.error()).find("enoent") != std::string::npos);
        co_return;
    });
}

namespace {

/// A coordinator that answers when it is let.
struct gate {
    std::mutex mutex;
    std::condition_variable changed;
    bool is_open = true;
    bool is_interrupted = false;
    int waiting = 0;

    void set(bool open) {
        std::lock_guard lock(mutex);
        is_open = open;
        changed.notify_all();
    }
    bool pass() {
        std::unique_lock lock(mutex);
        ++waiting;
        changed.notify_all();
        changed.wait(lock, [&] { return is_open || is_interrupted; });
        --waiting;
        return !is_interrupted;
    }
};

class gated final : public kv::coordinator {
public:
    gated(std::unique_ptr<kv::coordinator> inner, std::shared_ptr<gate> g)
        : inner_(std::move(inner)), gate_(std::move(g)) {}
    beam::result<kv::cluster_view> snapshot() override {
        if (!gate_->pass()) return beam::fail("unreachable");
        return inner_->snapshot();
    }
    beam::result<std::vector<kv::known_record>> read(const std::vector<std::uint32_t>& s) override {
        if (!gate_->pass()) return beam::fail("unreachable");
        return inner_->read(s);
    }
    beam::result<std::vector<kv::changed_record>> change(
        const std::vector<kv::record_swap>& c) override {
        if (!gate_->pass()) return beam::fail("unreachable");
        return inner_->change(c);
    }
    beam::result<void> create(const kv::first_cluster& f) override { return inner_->create(f); }
    beam::result<std::uint64_t> write_plan(const kv::plan& p, std::uint64_t r) override {
        if (!gate_->pass()) return beam::fail("unreachable");
        return inner_->write_plan(p, r);
    }
    beam::result<void> join(const kv::join_request& r) override { return inner_->join(r); }
    beam::result<void> leave() override { return inner_->leave(); }
    beam::result<std::uint64_t> set_store_state(const kv::store_id& s, kv::store_state t,
                                                std::uint64_t r) override {
        return inner_->set_store_state(s, t, r);
    }
    beam::result<kv::known_record> overwrite_record(std::uint32_t s, const kv::store_id& p,
                                                    const std::vector<kv::store_id>& i,
                                                    std::uint64_t r) override {
        return inner_->overwrite_record(s, p, i, r);
    }
    beam::result<void> retire(const std::string& w) override { return inner_->retire(w); }
    beam::result<void> mark_outdated(const kv::cluster_meta& m, const std::string& w) override {
        return inner_->mark_outdated(m, w);
    }
    bool wait(std::uint64_t rev, kv::steady_time deadline) override {
        return inner_->wait(rev, deadline);
    }
    void interrupt() override {
        {
            std::lock_guard lock(gate_->mutex);
            gate_->is_interrupted = true;
            gate_->changed.notify_all();
        }
        inner_->interrupt();
    }

private:
    std::unique_ptr<kv::coordinator> inner_;
    std::shared_ptr<gate> gate_;
};

awaitable<void> outlives(self me, std::shared_ptr<const local_world> world) {
    auto door = std::make_shared<gate>();
    auto started = beam::start_link<coordinator_process>(
        std::unique_ptr<kv::coordinator>(std::make_unique<gated>(world->open(), door)));
    REQUIRE(started.has_value());
    const pid server = *started;
    coordinator_process::subscribe(server, me);
    auto first = co_await me.receive<coordinator_reachable>();
    CHECK(first.is_reachable);
    auto v = co_await seen(me, [](const auto& n) { return n.has_cluster(); });

    door->set(false);
    auto unknown = co_await coordinator_process::write_plan(server, v->plan, v->plan_rev);
    CHECK(code_of(unknown) == "unknown");
    // The thread is still in there; what waits behind it was not begun.
    auto behind = co_await coordinator_process::view(server);
    CHECK(code_of(behind) == "unreachable");
    coordinator_process::read_record(server, 0, me);
    // Who subscribes now gets what is known.
    coordinator_process::subscribe(server, me);
    CHECK_FALSE((co_await me.receive_for<record_told>(3s)).has_value());

    door->set(true);
    auto after = co_await coordinator_process::view(server);
    REQUIRE(code_of(after) == "ok");
    CHECK((*after)->plan_rev > v->plan_rev);
    coordinator_process::read_record(server, 0, me);
    auto told = co_await me.receive<record_told>();
    CHECK(told.is_read);

    // Ended while it is stuck, it is gone soon.
    door->set(false);
    coordinator_process::read_record(server, 0, me);
    const beam::ref watch = beam::monitor(server);
    me.trap_exit(true);
    beam::exit(server, beam::atom("kill"));
    auto down = co_await me.receive_for<beam::down_message>(5s);
    REQUIRE(down.has_value());
    CHECK(down->monitor == watch);
}

}  // namespace

TEST_CASE("a coordinator that does not answer blocks and ends nothing") {
    auto world = std::make_shared<const local_world>();
    value_of(world->open()->create(three_nodes()));
    in_node(outlives, world);
}

TEST_CASE("when it is silent, and when it is back, is told to subscribers") {
    auto world = std::make_shared<const local_world>();
    value_of(world->open()->create(three_nodes()));
    in_node(
        [](self me, std::shared_ptr<const local_world> w) -> awaitable<void> {
            const pid server = start(place_of(*w));
            coordinator_process::subscribe(server, me);
            auto first = co_await me.receive<coordinator_reachable>();
            CHECK(first.is_reachable);
            std::filesystem::rename(w->dir() / "state/cluster.mdb", w->dir() / "aside");
            auto gone = co_await me.receive_for<coordinator_reachable>(10s);
            REQUIRE(gone.has_value());
            CHECK_FALSE(gone->is_reachable);
            CHECK(gone->why.is("lost"));
            CHECK(gone->since >= first.since);
            std::filesystem::rename(w->dir() / "aside", w->dir() / "state/cluster.mdb");
            auto back = co_await me.receive_for<coordinator_reachable>(10s);
            REQUIRE(back.has_value());
            CHECK(back->is_reachable);
        },
        world);
}

namespace {

/// What the coordinator says until it is reached, or says this.
awaitable<coordinator_reachable> becomes(self me, std::string code) {
    for (;;) {
        auto state = co_await me.receive_for<coordinator_reachable>(10s);
        REQUIRE(state.has_value());
        if (state->is_reachable ? code == "ok" : state->why.is(code)) co_return *std::move(state);
    }
}

/// A node that has seen what another one has not.
awaitable<void> notices(self me, kv::coordinator_options mine, kv::coordinator_options others,
                        kv::first_cluster first) {
    auto later = std::make_shared<kv::cluster_view>();
    later->meta = first.meta;
    later->stores = first.stores;
    later->plan = first.plan;
    for (const auto& r : first.records) later->records.push_back({r.next(r.primary), 9});
    const pid trusting = start(others);
    coordinator_process::subscribe(trusting, me);
    auto believed = co_await becomes(me, "ok");
    CHECK(believed.is_reachable);
    auto v = co_await seen(me, [](const auto& n) { return n.has_cluster(); });
    auto started =
        beam::start_link<coordinator_process>(mine, kv::cluster_memory{"nodeA", later, {}});
    REQUIRE(started.has_value());
    coordinator_process::subscribe(*started, me);
    const std::string why = "shard 0 is at epoch 1, and nodeA has seen 2";
    // Both are told, each by its own.
    int believers = 0;
    for (int i = 0; i < 2; ++i) {
        auto told = co_await becomes(me, "outdated");
        CHECK(told.why.detail == why);
        believers += told.was_believed ? 1 : 0;
    }
    CHECK(believers == 1);
    for (const pid server : {*started, trusting}) {
        coordinator_process::read_record(server, 0, me);
        coordinator_process::change_record(server, 1, v->records[1].record.next(store_of(2)),
                                           v->records[1].rev, me);
        auto joined = co_await coordinator_process::join(server, life_of("nodeA", 1));
        CHECK(code_of(joined) == "outdated");
        auto looked = co_await coordinator_process::view(server);
        CHECK(code_of(looked) == "outdated");
    }
    CHECK_FALSE((co_await me.receive_for<record_told>(0ms)).has_value());
    CHECK_FALSE((co_await me.receive_for<cluster_changed>(0ms)).has_value());

    ++first.meta.recoveries;
    for (auto& r : first.records) r.epoch += 1000;
    auto made = co_await coordinator_process::create(*started, first);
    CHECK(code_of(made) == "ok");
    // Whoever has read it before begins anew; who does is told all.
    for (int i = 0; i < 2; ++i) {
        auto told = co_await becomes(me, "recovered");
        CHECK_FALSE(told.is_reachable);
    }
    auto again = beam::start_link<coordinator_process>(
        mine, kv::cluster_memory{"nodeA", std::move(later), {}});
    REQUIRE(again.has_value());
    coordinator_process::subscribe(*again, me);
    v = co_await seen(me, [](const auto& n) { return n.has_cluster(); });
    CHECK(v->records[0].record.epoch == 1001);
}

}  // namespace

TEST_CASE("a coordinator that has gone back behind what a node has seen is believed by no node") {
    const local_world world;
    value_of(world.open()->create(three_nodes()));
    in_node(notices, place_of(world), place_of(world, "nodeB"), three_nodes());
    if (!etcd_world::is_there()) return;
    const etcd_world there;
    value_of(there.open()->create(three_nodes()));
    in_node(notices, kv::coordinator_options(there.options()),
            kv::coordinator_options(there.options()), three_nodes());
}

namespace {

awaitable<pid> begins(self me, kv::etcd_options options) {
    auto server = beam::start<coordinator_process>(kv::coordinator_options(options));
    REQUIRE(server.has_value());
    coordinator_process::subscribe(*server, me);
    auto first = co_await me.receive<coordinator_reachable>();
    CHECK(first.is_reachable);
    auto joined = co_await coordinator_process::join(*server, life_of("nodeA", 1));
    CHECK(code_of(joined) == "ok");
    co_return *server;
}

awaitable<void> sees_it_gone(self me, pid server) {
    coordinator_process::subscribe(server, me);
    auto state = co_await me.receive<coordinator_reachable>();
    while (state.is_reachable) state = co_await me.receive<coordinator_reachable>();
    CHECK(state.why.is("unreachable"));
    auto v = co_await seen(me, [](const auto& n) { return n.has_cluster(); });
    coordinator_process::change_record(server, 0, v->records[0].record.next(store_of(1)),
                                       v->records[0].rev, me);
    auto refused = co_await coordinator_process::write_plan(server, v->plan, v->plan_rev);
    CHECK(code_of(refused) == "unreachable");
    CHECK_FALSE((co_await me.receive_for<record_told>(0ms)).has_value());
}

/// Asks as a shard does: again, as long as nothing is told.
awaitable<void> goes_on(self me, pid server) {
    coordinator_process::subscribe(server, me);
    auto state = co_await me.receive<coordinator_reachable>();
    while (!state.is_reachable) state = co_await me.receive<coordinator_reachable>();
    std::optional<record_told> told;
    for (int i = 0; i < 10 && !(told && !told->is_read); ++i) {
        coordinator_process::read_record(server, 0, me);
        auto now = co_await me.receive_for<record_told>(2s);
        if (!now) continue;
        coordinator_process::change_record(server, 0, now->known.record.next(store_of(1)),
                                           now->known.rev, me);
        told = co_await me.receive_for<record_told>(2s);
    }
    REQUIRE(told.has_value());
    CHECK(told->known.record.epoch >= 2);
    co_await seen(me, [&](const auto& n) { return n.records[0].rev == told->known.rev; });
    auto left = co_await coordinator_process::leave(server);
    CHECK(code_of(left) == "ok");
}

}  // namespace

TEST_CASE("an etcd that goes away and comes back: the view stays, changes go on") {
    if (!etcd_program()) return;
    etcd_servers etcd;
    value_of(value_of(kv::open_coordinator(etcd.options()))->create(three_nodes()));
    beam::runtime node;
    const auto server = node.execute(begins, etcd.options());
    REQUIRE(server.has_value());
    etcd.kill(0);
    run_in(node, sees_it_gone, *server);
    etcd.start(0);
    etcd.await(0);
    run_in(node, goes_on, *server);
}

namespace {

/// Changes the record of shard 0 until it is of that epoch.
awaitable<void> changes_until(self me, pid server, std::uint64_t epoch) {
    coordinator_process::subscribe(server, me);
    auto v = co_await seen(me, [](const auto& n) { return n.has_cluster(); });
    kv::known_record known = v->records[0];
    while (known.record.epoch < epoch) {
        coordinator_process::change_record(server, 0, known.record.next(store_of(1)), known.rev,
                                           me);
        auto told = co_await me.receive_for<record_told>(5s);
        REQUIRE(told.has_value());
        known = told->known;
    }
    co_await seen(me, [&](const auto& n) { return n.records[0].rev == known.rev; });
}

awaitable<void> is_told(self me, pid server, std::string code, std::string why) {
    coordinator_process::subscribe(server, me);
    auto told = co_await becomes(me, code);
    CHECK(told.why.detail.find(why) != std::string::npos);
}

}  // namespace

TEST_CASE("an etcd that is restored from a backup under a running node") {
    if (!etcd_program()) return;
    etcd_servers etcd;
    value_of(value_of(kv::open_coordinator(etcd.options()))->create(three_nodes()));
    beam::runtime node;
    auto server = node.execute(begins, etcd.options());
    REQUIRE(server.has_value());
    run_in(node, changes_until, *server, std::uint64_t{3});
    etcd.kill(0);
    etcd.copy_data(0, "backup");
    etcd.start(0);
    etcd.await(0);
    run_in(node, changes_until, *server, std::uint64_t{5});

    etcd.kill(0);
    etcd.put_data_back(0, "backup");
    etcd.start(0);
    etcd.await(0);
    run_in(node, is_told, *server, std::string("outdated"),
           std::string("shard 0 is at epoch 3, and"));
    // Who comes later knows nothing of it, but for the mark.
    const auto late = value_of(kv::open_coordinator(etcd.options()));
    CHECK(value_of(late->snapshot()).meta.outdated.starts_with("shard 0 is at epoch 3, and"));
    CHECK(code_of(late->read({0})) == "outdated");
}
