#include "libbeamcore/dist/control.hpp"

#include <algorithm>
#include <array>
#include <iterator>

#include "libbeamcore/term/syntax.hpp"

namespace beam::dist::control {

namespace {

constexpr op_entry all_ops[] = {
    {op::link, "LINK", 3, false, 0},
    {op::send, "SEND", 3, true, 0},
    {op::exit, "EXIT", 4, false, 0},
    {op::unlink, "UNLINK", 3, false, 0},
    {op::reg_send, "REG_SEND", 4, true, 0},
    {op::group_leader, "GROUP_LEADER", 3, false, 0},
    {op::exit2, "EXIT2", 4, false, 0},
    {op::send_tt, "SEND_TT", 4, true, 3},
    {op::exit_tt, "EXIT_TT", 5, false, 3},
    {op::reg_send_tt, "REG_SEND_TT", 5, true, 4},
    {op::exit2_tt, "EXIT2_TT", 5, false, 3},
    {op::monitor_p, "MONITOR_P", 4, false, 0},
    {op::demonitor_p, "DEMONITOR_P", 4, false, 0},
    {op::monitor_p_exit, "MONITOR_P_EXIT", 5, false, 0},
    {op::send_sender, "SEND_SENDER", 3, true, 0},
    {op::send_sender_tt, "SEND_SENDER_TT", 4, true, 3},
    {op::payload_exit, "PAYLOAD_EXIT", 3, true, 0},
    {op::payload_exit_tt, "PAYLOAD_EXIT_TT", 4, true, 3},
    {op::payload_exit2, "PAYLOAD_EXIT2", 3, true, 0},
    {op::payload_exit2_tt, "PAYLOAD_EXIT2_TT", 4, true, 3},
    {op::payload_monitor_p_exit, "PAYLOAD_MONITOR_P_EXIT", 4, true, 0},
    {op::spawn_request, "SPAWN_REQUEST", 6, true, 0},
    {op::spawn_request_tt, "SPAWN_REQUEST_TT", 7, true, 6},
    {op::spawn_reply, "SPAWN_REPLY", 5, false, 0},
    {op::spawn_reply_tt, "SPAWN_REPLY_TT", 6, false, 5},
    {op::alias_send, "ALIAS_SEND", 3, true, 0},
    {op::alias_send_tt, "ALIAS_SEND_TT", 4, true, 3},
    {op::unlink_id, "UNLINK_ID", 4, false, 0},
    {op::unlink_id_ack, "UNLINK_ID_ACK", 4, false, 0},
};

constexpr auto by_code = [] {
    std::array<const op_entry*, std::size_t(op::unlink_id_ack) + 1> entries{};
    for (const auto& e : all_ops) entries[std::size_t(e.code)] = &e;
    return entries;
}();

// The elements of a tuple behind its code, one after the other. One of another kind is seen in the end.
class field_reader {
public:
    explicit field_reader(std::span<const term> fields) : fields_(fields) {}

    operator pid() { return take(next().as_pid()); }
    operator atom() { return take(next().as_atom()); }
    operator beam::ref() { return take(next().as_ref()); }
    operator target() {
        const term& t = next();
        if (auto p = t.as_pid()) return *p;
        return take(t.as_atom());
    }
    operator term() { return next(); }
    template <std::integral Int>
    Int number() {
        return take(next().as_int<Int>());
    }
    std::uint64_t unlink_id() {
        const auto id = number<std::uint64_t>();
        if (id == 0) ok_ = false;
        return id;
    }
    void skip() { (void)next(); }
    void refuse() { ok_ = false; }

    [[nodiscard]] bool ok() const { return ok_ && at_ == fields_.size(); }

private:
    const term& next() { return fields_[at_++]; }
    template <class T>
    T take(std::optional<T> value) {
        if (value) return *value;
        ok_ = false;
        return T();
    }

    std::span<const term> fields_;
    std::size_t at_ = 0;
    bool ok_ = true;
};

// In braces what stands first is read first.
message read_fields(op code, field_reader& r) {
    switch (code) {
        case op::link:
            return link{r, r};
        case op::send:
        case op::send_tt:
            r.skip();
            return send{{}, r};
        case op::exit:
        case op::exit_tt:
            return link_exit{r, r, r};
        case op::unlink:
            return unlink{0, r, r};
        case op::reg_send:
        case op::reg_send_tt: {
            const pid from = r;
            r.skip();
            return reg_send{from, r};
        }
        case op::group_leader:
            return group_leader{r, r};
        case op::exit2:
        case op::exit2_tt:
            return control::exit{r, r, r};
        case op::monitor_p:
            return monitor{r, r, r};
        case op::demonitor_p:
            return demonitor{r, r, r};
        case op::monitor_p_exit:
            return monitor_exit{r, r, r, r};
        case op::send_sender:
        case op::send_sender_tt:
            return send{r, r};
        case op::payload_exit:
        case op::payload_exit_tt:
            return link_exit{r, r, {}};
        case op::payload_exit2:
        case op::payload_exit2_tt:
            return control::exit{r, r, {}};
        case op::payload_monitor_p_exit:
            return monitor_exit{r, r, r, {}};
        case op::spawn_reply:
        case op::spawn_reply_tt:
            return spawn_reply{r, r, r.number<std::uint32_t>(), r};
        case op::alias_send:
        case op::alias_send_tt:
            return alias_send{r, r};
        case op::unlink_id:
            return unlink{r.unlink_id(), r, r};
        case op::unlink_id_ack:
            return unlink_ack{r.unlink_id(), r, r};
        case op::spawn_request:
        case op::spawn_request_tt:
            break;
    }
    spawn_request s{r, r, r, {}, {}, 0, {}, {}};
    const term function = r;
    s.options = r;
    const auto parts = function.elements();
    field_reader of_function(parts);
    if (parts.size() == 3) {
        s.module = of_function;
        s.function = of_function;
        s.arity = of_function.number<std::uint8_t>();
    }
    if (!of_function.ok() || parts.size() != 3 || !s.options.list_length()) r.refuse();
    return s;
}

std::string wrong(const op_entry& e, const term& tuple) {
    return std::string(e.name) + " of another shape: " + to_string(tuple, {.max_bytes = 200});
}

}  // namespace

std::span<const op_entry> op_table() noexcept {
    return all_ops;
}

const op_entry* find_op(std::uint64_t code) noexcept {
    return code < std::size(by_code) ? by_code[code] : nullptr;
}

result<message> from_term(const term& tuple) {
    const auto elements = tuple.elements();
    const auto code = elements.empty() ? std::nullopt : elements[0].as_uint64();
    if (!code)
        return fail("bad_control", "no control message: " + to_string(tuple, {.max_bytes = 200}));
    const op_entry* e = find_op(*code);
    if (!e) return fail("unknown_control", "control message " + std::to_string(*code));
    std::array<term, 6> fields;
    if (elements.size() != e->arity) return fail("bad_control", wrong(*e, tuple));
    std::size_t count = 0;
    for (std::size_t i = 1; i < elements.size(); ++i)
        if (i != e->token_at) fields[count++] = elements[i];
    field_reader r(std::span<const term>(fields.data(), count));
    message m = read_fields(e->code, r);
    if (!r.ok()) return fail("bad_control", wrong(*e, tuple));
    return m;
}

}  // namespace beam::dist::control
