#include "libbeamcore/dist/control_writer.hpp"

#include "libbeamcore/dist/internal/wire_writer.hpp"

namespace beam::dist {

using control::op;
using detail::wire_writer;

namespace {

template <class... Fields>
void put_tuple(wire_writer& w, op code, const Fields&... fields) {
    w.head(code);
    (w.put(fields), ...);
}

// Each writes its tuple, and gives what is to follow as payload; null: nothing. Throws an error.
struct tuple_writer {
    wire_writer& w;
    flags negotiated;

    void need(flag f) const {
        if (!negotiated.has(f))
            throw error{"not_negotiated", "the peer lacks " + to_string(flags{f})};
    }

    const term* operator()(const control::send& m) const {
        if (m.from && negotiated.has(flag::send_sender)) {
            put_tuple(w, op::send_sender, m.from, m.to);
        } else {
            w.head(op::send);
            w.put_empty_atom();
            w.put(m.to);
        }
        return nullptr;
    }
    const term* operator()(const control::reg_send& m) const {
        w.head(op::reg_send);
        w.put(m.from);
        w.put_empty_atom();
        w.put(m.name);
        return nullptr;
    }
    const term* operator()(const control::alias_send& m) const {
        need(flag::alias);
        put_tuple(w, op::alias_send, m.from, m.alias);
        return nullptr;
    }
    const term* operator()(const control::link& m) const {
        put_tuple(w, op::link, m.from, m.to);
        return nullptr;
    }
    const term* operator()(const control::unlink& m) const {
        if (negotiated.has(flag::unlink_id))
            put_tuple(w, op::unlink_id, m.id, m.from, m.to);
        else
            put_tuple(w, op::unlink, m.from, m.to);
        return nullptr;
    }
    const term* operator()(const control::unlink_ack& m) const {
        need(flag::unlink_id);
        put_tuple(w, op::unlink_id_ack, m.id, m.from, m.to);
        return nullptr;
    }
    const term* operator()(const control::link_exit& m) const {
        return with_reason(op::payload_exit, op::exit, m.reason, m.from, m.to);
    }
    const term* operator()(const control::exit& m) const {
        return with_reason(op::payload_exit2, op::exit2, m.reason, m.from, m.to);
    }
    const term* operator()(const control::monitor_exit& m) const {
        return with_reason(op::payload_monitor_p_exit, op::monitor_p_exit, m.reason, m.from, m.to,
                           m.ref);
    }
    const term* operator()(const control::monitor& m) const {
        need_monitors(m.to);
        put_tuple(w, op::monitor_p, m.from, m.to, m.ref);
        return nullptr;
    }
    const term* operator()(const control::demonitor& m) const {
        need_monitors(m.to);
        put_tuple(w, op::demonitor_p, m.from, m.to, m.ref);
        return nullptr;
    }
    const term* operator()(const control::group_leader& m) const {
        put_tuple(w, op::group_leader, m.leader, m.to);
        return nullptr;
    }
    const term* operator()(const control::spawn_request& m) const {
        need(flag::spawn);
        put_tuple(w, op::spawn_request, m.id, m.from, m.leader,
                  tuple(m.module, m.function, m.arity), m.options);
        return &m.arguments;
    }
    const term* operator()(const control::spawn_reply& m) const {
        need(flag::spawn);
        put_tuple(w, op::spawn_reply, m.id, m.to, std::uint64_t(m.flags), m.result);
        return nullptr;
    }

private:
    template <class... Fields>
    const term* with_reason(op beside, op inside, const term& reason,
                            const Fields&... fields) const {
        if (negotiated.has(flag::exit_payload)) {
            put_tuple(w, beside, fields...);
            return &reason;
        }
        put_tuple(w, inside, fields..., reason);
        return nullptr;
    }
    void need_monitors(const control::target& to) const {
        need(flag::dist_monitor);
        if (std::holds_alternative<atom>(to)) need(flag::dist_monitor_name);
    }
};

// Gives what is to follow; on an error the frame is taken back.
template <class Message>
result<const term*> begin_frame(std::string& out, frame_writer& frames, flags negotiated,
                                const etf::encode_options& options, const Message& m) {
    frames.begin(out);
    try {
        wire_writer w(out, options);
        if (options.with_version) w.put_version();
        const tuple_writer writer{w, negotiated};
        const term* payload = nullptr;
        if constexpr (std::is_same_v<Message, control::message>)
            payload = std::visit(writer, m);
        else
            payload = writer(m);
        w.finish();
        frames.message_begins(out);
        return payload;
    } catch (const error& e) {
        frames.abandon(out);
        return tl::unexpected<error>(e);
    }
}

}  // namespace

control_writer::control_writer(node_identity self, flags negotiated)
    : self_(self), negotiated_(negotiated), frames_(negotiated) {}

etf::encode_options control_writer::payload_options() {
    etf::encode_options o;
    o.self = self_;
    o.references = frames_.references();
    o.with_version = frames_.with_version();
    o.splices = frames_.splices();
    return o;
}

control_writer::written control_writer::write(std::string& out, const control::message& m) {
    const auto options = payload_options();
    const auto payload = begin_frame(out, frames_, negotiated_, options, m);
    if (!payload) return pass(payload);
    if (*payload) {
        if (auto r = etf::encode(**payload, out, options); !r) {
            frames_.abandon(out);
            return pass(r);
        }
    }
    return frames_.end(out);
}

template <class Message>
control_writer::written control_writer::write_with(std::string& out, const Message& m,
                                                   const term& payload) {
    const auto options = payload_options();
    if (auto r = begin_frame(out, frames_, negotiated_, options, m); !r) return pass(r);
    if (auto r = etf::encode(payload, out, options); !r) {
        frames_.abandon(out);
        return pass(r);
    }
    return frames_.end(out);
}

control_writer::written control_writer::write(std::string& out, const control::send& m,
                                              const term& payload) {
    return write_with(out, m, payload);
}
control_writer::written control_writer::write(std::string& out, const control::reg_send& m,
                                              const term& payload) {
    return write_with(out, m, payload);
}
control_writer::written control_writer::write(std::string& out, const control::alias_send& m,
                                              const term& payload) {
    return write_with(out, m, payload);
}

namespace {
template <class Message>
result<void> begun(std::string& out, frame_writer& frames, flags negotiated,
                   const etf::encode_options& options, const Message& m) {
    if (auto r = begin_frame(out, frames, negotiated, options, m); !r) return pass(r);
    return {};
}
}  // namespace

result<void> control_writer::begin(std::string& out, const control::send& m) {
    return begun(out, frames_, negotiated_, payload_options(), m);
}
result<void> control_writer::begin(std::string& out, const control::reg_send& m) {
    return begun(out, frames_, negotiated_, payload_options(), m);
}
result<void> control_writer::begin(std::string& out, const control::alias_send& m) {
    return begun(out, frames_, negotiated_, payload_options(), m);
}

}  // namespace beam::dist
