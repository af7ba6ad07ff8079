#include "libbeamcore/dist/internal/arrivals.hpp"

#include "libbeamcore/dist/internal/spawning.hpp"
#include "libbeamcore/runtime/detail/carrier.hpp"

namespace beam::dist::detail {

namespace arrival = beam::detail::arrival;

namespace {

struct arrivals {
    peers& all;
    peer& from;
    control_reader& controls;
    const frame& f;
    std::string_view payload;
    runtime& node = all.node();

    [[nodiscard]] result<term> message() const {
        return etf::decode(payload, controls.payload_options(f));
    }
    // A pid of an earlier life of this node is nobody's here.
    [[nodiscard]] static bool lives_here(const pid& p) { return p.is_local() && p; }

    result<void> operator()(const control::send& c) const {
        auto value = message();
        if (!value) return pass(value);
        if (lives_here(c.to)) (void)arrival::message(node, c.to, std::move(*value));
        return {};
    }
    result<void> operator()(const control::reg_send& c) const {
        auto value = message();
        if (!value) return pass(value);
        (void)arrival::message(node, c.name, std::move(*value));
        return {};
    }
    result<void> operator()(const control::alias_send& c) const {
        auto value = message();
        if (!value) return pass(value);
        (void)arrival::alias_message(node, c.alias, std::move(*value));
        return {};
    }

    result<void> operator()(const control::link& c) const {
        from.linked(c.from, c.to);
        if (lives_here(c.to) && arrival::link(node, c.from, c.to)) return {};
        from.link_ended(c.from, c.to);
        from.tell(c.to, control::link_exit{c.to, c.from, atoms::noproc}, false);
        return {};
    }
    result<void> operator()(const control::unlink& c) const {
        from.unlinked(c.from, c.to);
        if (lives_here(c.to) && arrival::unlink(node, c.from, c.to, c.id)) return {};
        if (c.id != 0) from.tell(c.to, control::unlink_ack{c.id, c.to, c.from}, false);
        return {};
    }
    result<void> operator()(const control::unlink_ack& c) const {
        from.unlink_acknowledged(c.from, c.to, c.id);
        if (lives_here(c.to)) (void)arrival::unlink_ack(node, c.from, c.to, c.id);
        return {};
    }
    result<void> operator()(const control::link_exit& c) const {
        from.link_ended(c.from, c.to);
        if (lives_here(c.to)) (void)arrival::link_exit(node, c.from, c.to, c.reason);
        return {};
    }
    result<void> operator()(const control::exit& c) const {
        if (lives_here(c.to)) (void)arrival::exit(node, c.from, c.to, c.reason);
        return {};
    }

    result<void> operator()(const control::monitor& c) const {
        const atom* name = std::get_if<atom>(&c.to);
        const pid to = name ? beam::detail::local_name(node, *name) : std::get<pid>(c.to);
        if (lives_here(to)) {
            from.monitored(to, c.ref);
            if (arrival::monitor(node, c.from, to, name ? *name : atom(), c.ref)) return {};
            (void)from.demonitored(c.ref);
        }
        from.tell(to, control::monitor_exit{c.to, c.from, c.ref, atoms::noproc}, false);
        return {};
    }
    result<void> operator()(const control::demonitor& c) const {
        if (const pid to = from.demonitored(c.ref)) (void)arrival::demonitor(node, to, c.ref);
        return {};
    }
    result<void> operator()(const control::monitor_exit& c) const {
        from.monitor_ended(c.ref);
        if (lives_here(c.to)) (void)arrival::down(node, c.to, c.ref, c.reason, from.name());
        return {};
    }

    result<void> operator()(const control::group_leader&) const { return {}; }
    result<void> operator()(const control::spawn_request& c) const {
        spawn_for(all, from, c);
        return {};
    }
    result<void> operator()(const control::spawn_reply& c) const {
        spawn_answered(all, from, c);
        return {};
    }
};

}  // namespace

result<void> take_frame(peers& all, peer& from, control_reader& controls, const frame& f) {
    auto read = controls.read(f);
    if (!read) return pass(read);
    return std::visit(arrivals{all, from, controls, f, read->payload}, read->control);
}

}  // namespace beam::dist::detail
