#include "libbeamcore/pubsub/pubsub.hpp"

#include <string>

#include "libbeamcore/base/log.hpp"
#include "libbeamcore/otp/registry.hpp"
#include "libbeamcore/otp/supervisor.hpp"
#include "libbeamcore/pubsub/internal/relay.hpp"
#include "libbeamcore/runtime/send.hpp"
#include "libbeamcore/term/syntax.hpp"

namespace beam::pubsub {

namespace {

constexpr int wire_version = 1;

atom wire_name() {
    static const atom name("beam_pubsub");
    return name;
}

atom relay_name(atom pubsub) {
    return atom(std::string(pubsub.name()) + ".relay");
}

void hand_out(atom pubsub, const term& topic, const term& what, pid not_to = {}) {
    for (const auto& s : registry::lookup(pubsub, topic))
        if (!(s.pid == not_to)) send(s.pid, what);
}

void to_others(atom pubsub, term topic, term what, std::optional<atom> node = {}) {
    cast<pass_on>(relay_name(pubsub), std::move(topic), std::move(what), node);
}

}  // namespace

// -- the relay ------------------------------------------------------------------------------------

relay::relay(atom pubsub, atom own_name, std::shared_ptr<peers> others)
    : pubsub_(pubsub), name_(own_name), others_(std::move(others)) {
    registry::put_meta(pubsub_, atoms::self, others_->self());
    for (const atom node : others_->watch()) nodes_.insert(node);
}

void relay::handle_cast(pass_on m) {
    const term sent = tuple(wire_name(), wire_version, tuple(m.topic, m.what));
    if (m.node) return others_->send(*m.node, name_, sent);
    for (const atom node : nodes_) others_->send(node, name_, sent);
}

void relay::handle_info(const term& from_another_node) {
    const auto parts = from_another_node.elements();
    const bool known = from_another_node.is_tagged(wire_name(), 3) &&
                       parts[1] == term(wire_version) && parts[2].elements().size() == 2;
    if (known) return hand_out(pubsub_, parts[2].elements()[0], parts[2].elements()[1]);
    log(log_level::warning, "pubsub", "message not understood",
        {{"pubsub", pubsub_.name()},
         {"message", to_string(from_another_node, {.max_bytes = 200})}});
}

// -- starting -------------------------------------------------------------------------------------

awaitable<start_result> start_link(options o) {
    registry_options subscribers(o.name, registry_keys::duplicate, o.partitions);
    auto others = o.others ? o.others : connected_nodes();
    const atom name = relay_name(o.name);
    auto start_relay = [pubsub = o.name, name, others]() -> start_result {
        auto r = beam::start_link<relay>(server_options(name), pubsub, name, others);
        if (!r) return fail_term(std::move(r.error()));
        return started{*r};
    };
    // The relay hands out by the registry, so it begins after it and anew with it.
    supervisor_flags flags;
    flags.strategy = restart_strategy::rest_for_one;
    std::vector<child_spec> children;
    children.push_back(supervisor::child_of(atom("subscribers"), registry::child(subscribers)));
    children.emplace_back(
        atom("relay"), child_start(std::move(start_relay)).described(atom("relay"), list({name})));
    auto starting = supervisor::start_link(flags, std::move(children));
    start_result r = co_await starting;
    co_return r;
}

child_start child(options o) {
    term shown = list({o.name});
    auto start = [o = std::move(o)] { return start_link(o); };
    return child_start(std::move(start)).described(atom("pubsub"), std::move(shown));
}

child_spec child_of(term id, options o) {
    return supervisor::child_of(std::move(id), child(std::move(o)));
}

// -- functions ------------------------------------------------------------------------------------

void subscribe(atom pubsub, std::string_view topic) {
    (void)registry::register_key(pubsub, topic);  // of duplicate keys: cannot fail
}

void unsubscribe(atom pubsub, std::string_view topic) {
    registry::unregister(pubsub, topic);
}

std::vector<pid> subscribers(atom pubsub, std::string_view topic) {
    std::vector<pid> all;
    for (const auto& s : registry::lookup(pubsub, topic)) all.push_back(s.pid);
    return all;
}

void local_broadcast(atom pubsub, std::string_view topic, term what) {
    hand_out(pubsub, topic, what);
}

void local_broadcast_from(atom pubsub, pid from, std::string_view topic, term what) {
    hand_out(pubsub, topic, what, from);
}

void broadcast(atom pubsub, std::string_view topic, term what) {
    broadcast_from(pubsub, pid(), topic, std::move(what));
}

void broadcast_from(atom pubsub, pid from, std::string_view topic, term what) {
    const term name(topic);
    hand_out(pubsub, name, what, from);
    to_others(pubsub, name, std::move(what));
}

void direct_broadcast(atom node, atom pubsub, std::string_view topic, term what) {
    if (registry::meta(pubsub, atoms::self) == term(node)) return hand_out(pubsub, topic, what);
    to_others(pubsub, topic, std::move(what), node);
}

}  // namespace beam::pubsub
