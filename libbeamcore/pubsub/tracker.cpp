#include "libbeamcore/pubsub/tracker.hpp"

#include <string>

#include "libbeamcore/base/hash.hpp"
#include "libbeamcore/otp/supervisor.hpp"
#include "libbeamcore/pubsub/internal/tracker_server.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/runtime/name.hpp"

BEAM_DEFINE_DESCRIPTOR(beam::tracker::news);
BEAM_DEFINE_DESCRIPTOR(beam::tracker::kicked);
BEAM_DEFINE_DESCRIPTOR(beam::result<beam::tracker::dot>);
BEAM_DEFINE_DESCRIPTOR(beam::tracker::state_counters);
BEAM_DEFINE_DESCRIPTOR(std::vector<beam::tracker::presence>);
BEAM_DEFINE_DESCRIPTOR(std::vector<beam::tracker::node_info>);

namespace beam::tracker {

namespace {

atom shard_name(const handle& t, unsigned shard) {
    return atom(std::string(t.name().name()) + "." + std::to_string(shard));
}

std::vector<child_spec> shards_of(const options& o) {
    std::vector<child_spec> all;
    for (unsigned i = 0; i < o.name.shards(); ++i) {
        const atom shard = shard_name(o.name, i);
        auto start = [o, shard]() -> start_result {
            auto started_shard = beam::start_link<tracker_server>(server_options(shard), o, shard);
            if (!started_shard) return fail_term(std::move(started_shard.error()));
            return started{*started_shard};
        };
        all.emplace_back(
            shard, child_start(std::move(start)).described(atom("tracker"), beam::list({shard})));
    }
    return all;
}

outcome<void> check_options(const options& o) {
    if (o.name.shards() == 0) return fail_term(atoms::badarg);
    if (auto r = check(o.periods); !r)
        return fail_term(tuple(atom("bad_config"), atom(r.error().code), term(r.error().detail)));
    return {};
}

// Shards whose supervisor was killed say that they leave before they end. Until then they have their names.
awaitable<void> await_orphans(handle t) {
    for (unsigned i = 0; i < t.shards(); ++i) {
        const auto shard = whereis(shard_name(t, i));
        if (!shard) continue;
        const ref ended = monitor(*shard);
        auto down = co_await this_process().receive_if<down_message>(
            [ended](const down_message& m) { return m.monitor == ended; }, default_shutdown);
        if (!down) (void)demonitor(ended, {.flush = true});
    }
}

}  // namespace

atom shard_of(const handle& t, std::string_view topic) {
    return shard_name(t, t.shards() == 1 ? 0 : unsigned(xxh3_64(topic) % t.shards()));
}

awaitable<start_result> start_link(options o) {
    if (auto r = check_options(o); !r) co_return fail_term(std::move(r.error()));
    if (!whereis(o.name.name())) co_await await_orphans(o.name);
    auto starting = supervisor::start_link({}, shards_of(o), o.name.name());
    start_result r = co_await starting;
    co_return r;
}

child_start child(options o) {
    term shown = beam::list({o.name.name(), o.name.shards()});
    auto start = [o = std::move(o)] { return start_link(o); };
    return child_start(std::move(start)).described(atom("tracker"), std::move(shown));
}

child_spec child_of(term id, options o) {
    return supervisor::child_of(std::move(id), child(std::move(o)));
}

awaitable<void> stop(handle t, timeout limit) {
    return beam::stop(t.name(), atoms::shutdown, limit);
}

future<result<dot>> track(const handle& t, pid process, std::string_view topic,
                          std::string_view key, std::string_view session, term meta) {
    return call<ask_track>(shard_of(t, topic), process, term(topic), term(key), term(session),
                           std::move(meta));
}

future<result<dot>> update(const handle& t, pid process, std::string_view topic,
                           std::string_view key, term meta) {
    return call<ask_update>(shard_of(t, topic), process, term(topic), term(key), std::move(meta));
}

future<result<dot>> update_with(const handle& t, pid process, std::string_view topic,
                                std::string_view key, callback<term(const term&)> change) {
    return call<ask_update>(shard_of(t, topic), process, term(topic), term(key), term(),
                            std::move(change));
}

future<void> untrack(const handle& t, pid process, std::string_view topic, std::string_view key) {
    return call<ask_untrack>(shard_of(t, topic), process, term(topic), term(key));
}

awaitable<void> untrack_all(handle t, pid process) {
    for (unsigned i = 0; i < t.shards(); ++i) {
        auto asked = call<ask_untrack_all>(shard_name(t, i), process);
        co_await asked;
    }
}

future<std::vector<presence>> list(const handle& t, std::string_view topic) {
    return call<ask_list>(shard_of(t, topic), term(topic));
}

future<std::vector<presence>> get(const handle& t, std::string_view topic, std::string_view key) {
    return call<ask_list>(shard_of(t, topic), term(topic), std::optional<term>(term(key)));
}

awaitable<ref> subscribe(handle t, std::string topic) {
    const ref subscription = make_ref();
    auto asked =
        call<ask_subscribe>(shard_of(t, topic), subscription, std::optional<term>(term(topic)));
    co_await asked;
    co_return subscription;
}

awaitable<outcome<ref>> try_subscribe(handle t, std::string topic) {
    const ref subscription = make_ref();
    auto asked =
        call<ask_subscribe>(shard_of(t, topic), subscription, std::optional<term>(term(topic)));
    outcome<void> done = co_await asked.outcome();
    if (!done) co_return pass_term(done);
    co_return subscription;
}

awaitable<ref> subscribe_all(handle t) {
    const ref subscription = make_ref();
    for (unsigned i = 0; i < t.shards(); ++i) {
        auto asked = call<ask_subscribe>(shard_name(t, i), subscription);
        co_await asked;
    }
    co_return subscription;
}

void unsubscribe(const handle& t, const ref& subscription) {
    for (unsigned i = 0; i < t.shards(); ++i) cast<do_unsubscribe>(shard_name(t, i), subscription);
}

future<std::uint64_t> kick(const handle& t, std::string_view topic, std::string_view key) {
    return call<ask_kick>(shard_of(t, topic), term(topic), term(key));
}

future<bool> wait_seen(const handle& t, std::string_view topic, std::chrono::milliseconds limit) {
    return send_request(shard_of(t, topic), ask_seen{limit}, infinity{});
}

future<std::vector<node_info>> nodes(const handle& t, unsigned shard) {
    return call<ask_nodes>(shard_name(t, shard));
}

future<state_counters> counters(const handle& t, unsigned shard) {
    return call<ask_counters>(shard_name(t, shard));
}

}  // namespace beam::tracker
