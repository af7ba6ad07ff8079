#include "libbeamcore/dist/control_reader.hpp"

#include <optional>
#include <type_traits>
#include <utility>

#include "libbeamcore/dist/internal/wire_reader.hpp"
#include "libbeamcore/dist/internal/wire_tags.hpp"

namespace beam::dist {

using control::op;
using detail::wire_reader;

struct control_reader::state {
    state(node_identity self, etf::atom_budget& b) : nodes(self), budget(b) {}

    [[nodiscard]] bool read_directly(const frame& f, received_control& to);
    [[nodiscard]] result<received_control> read_slowly(const frame& f);
    [[nodiscard]] result<void> read_payload(const frame& f, received_control& to);
    [[nodiscard]] etf::decode_options options(const frame& f) const;

    detail::node_cache nodes;
    etf::atom_budget& budget;
};

namespace {

// The fields of a message in the order of the tuple; false: not in the usual forms.
bool read_usual(op code, wire_reader& r, control::message& to) {
    switch (code) {
        case op::send_sender: {
            auto& m = to.emplace<control::send>();
            return r.take(m.from) && r.take(m.to);
        }
        case op::reg_send: {
            auto& m = to.emplace<control::reg_send>();
            return r.take(m.from) && r.skip_atom() && r.take(m.name);
        }
        case op::alias_send: {
            auto& m = to.emplace<control::alias_send>();
            return r.take(m.from) && r.take(m.alias);
        }
        case op::payload_exit: {
            auto& m = to.emplace<control::link_exit>();
            return r.take(m.from) && r.take(m.to);
        }
        case op::payload_exit2: {
            auto& m = to.emplace<control::exit>();
            return r.take(m.from) && r.take(m.to);
        }
        case op::payload_monitor_p_exit: {
            auto& m = to.emplace<control::monitor_exit>();
            return r.take(m.from) && r.take(m.to) && r.take(m.ref);
        }
        case op::link: {
            auto& m = to.emplace<control::link>();
            return r.take(m.from) && r.take(m.to);
        }
        case op::unlink_id: {
            auto& m = to.emplace<control::unlink>();
            return r.take(m.id) && m.id != 0 && r.take(m.from) && r.take(m.to);
        }
        case op::unlink_id_ack: {
            auto& m = to.emplace<control::unlink_ack>();
            return r.take(m.id) && m.id != 0 && r.take(m.from) && r.take(m.to);
        }
        case op::monitor_p: {
            auto& m = to.emplace<control::monitor>();
            return r.take(m.from) && r.take(m.to) && r.take(m.ref);
        }
        case op::demonitor_p: {
            auto& m = to.emplace<control::demonitor>();
            return r.take(m.from) && r.take(m.to) && r.take(m.ref);
        }
        default:
            return false;
    }
}

result<void> check_payload(const control::op_entry& e, std::string_view payload) {
    if (payload.empty() != e.has_payload) return {};
    return fail("bad_control", std::string(e.name) + (e.has_payload ? " without what belongs to it"
                                                                    : " with bytes behind it"));
}

}  // namespace

control_reader::control_reader(node_identity self, etf::atom_budget& budget)
    : state_(std::make_unique<state>(self, budget)) {}
control_reader::control_reader(control_reader&&) noexcept = default;
control_reader& control_reader::operator=(control_reader&&) noexcept = default;
control_reader::~control_reader() = default;

etf::decode_options control_reader::payload_options(const frame& f) const {
    return state_->options(f);
}

etf::decode_options control_reader::state::options(const frame& f) const {
    etf::decode_options o;
    o.self = nodes.self();
    o.references = f.references;
    o.budget = &budget;
    o.with_version = f.with_version;
    o.within = f.within;
    return o;
}

result<received_control> control_reader::read(const frame& f) {
    received_control r;
    if (!state_->read_directly(f, r)) {
        auto slow = state_->read_slowly(f);
        if (!slow) return slow;
        r = *std::move(slow);
    }
    if (auto ok = state_->read_payload(f, r); !ok) return pass(ok);
    return r;
}

bool control_reader::state::read_directly(const frame& f, received_control& to) {
    wire_reader r(f.terms, f, nodes);
    std::uint8_t arity = 0, code = 0;
    if (f.with_version && !r.tag(detail::version_byte)) return false;
    if (!r.head(arity, code)) return false;
    const auto* e = control::find_op(code);
    if (!e || e->arity != arity || !read_usual(e->code, r, to.control)) return false;
    to.payload = r.rest();
    return to.payload.empty() != e->has_payload;
}

result<received_control> control_reader::state::read_slowly(const frame& f) {
    auto tuple = etf::decode_prefix(f.terms, options(f));
    if (!tuple) return pass(tuple);
    auto message = control::from_term(tuple->value);
    if (!message) return pass(message);
    received_control r{*std::move(message), f.terms.substr(tuple->size)};
    const auto* e = control::find_op(*tuple->value.elements()[0].as_uint64());
    if (auto ok = check_payload(*e, r.payload); !ok) return pass(ok);
    return r;
}

// Reasons and arguments are part of the message; those that processes send each other are left to who delivers them.
result<void> control_reader::state::read_payload(const frame& f, received_control& to) {
    if (to.payload.empty()) return {};
    term* into = nullptr;
    if (auto* m = std::get_if<control::link_exit>(&to.control)) into = &m->reason;
    if (auto* m = std::get_if<control::exit>(&to.control)) into = &m->reason;
    if (auto* m = std::get_if<control::monitor_exit>(&to.control)) into = &m->reason;
    auto* spawn = std::get_if<control::spawn_request>(&to.control);
    if (spawn) into = &spawn->arguments;
    if (!into) return {};
    auto value = etf::decode(std::exchange(to.payload, {}), options(f));
    if (!value) return pass(value);
    *into = *std::move(value);
    if (spawn && spawn->arguments.list_length() != std::size_t(spawn->arity))
        return fail("bad_control", "SPAWN_REQUEST with other arguments than it says");
    return {};
}

}  // namespace beam::dist
