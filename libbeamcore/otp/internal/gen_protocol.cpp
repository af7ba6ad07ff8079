#include "libbeamcore/otp/internal/gen_protocol.hpp"

#include <optional>
#include <utility>

#include "libbeamcore/runtime/call.hpp"

namespace beam::detail {

namespace {

sys_request system_request(sys_op op, term a = {}, term b = {}, term c = {}) {
    sys_request r;
    r.op = op;
    r.a = std::move(a);
    r.b = std::move(b);
    r.c = std::move(c);
    return r;
}

sys_request unknown(const term& what) {
    return system_request(sys_op::unknown, what);
}

// `{debug, What}`.
sys_request debug_request(const term& what, const term& whole) {
    const auto e = what.elements();
    if (e.size() != 2) return unknown(whole);
    const bool get = e[1] == atom("get");
    if (e[0] == atoms::statistics)
        return get ? system_request(sys_op::get_statistics)
                   : system_request(sys_op::statistics, e[1]);
    if (e[0] == atoms::trace) return system_request(sys_op::trace, e[1]);
    if (e[0] == atoms::log) {
        if (get) return system_request(sys_op::get_log);
        const auto sized = e[1].elements();  // {true, N}
        if (sized.size() == 2) return system_request(sys_op::log, sized[0], sized[1]);
        return system_request(sys_op::log, e[1], 10);
    }
    if (e[0] == atom("remove")) return system_request(sys_op::remove, e[1]);
    return unknown(whole);
}

sys_request read_system_request(const term& r) {
    if (r == atoms::get_state) return system_request(sys_op::get_state);
    if (r == atoms::get_status) return system_request(sys_op::get_status);
    if (r == atoms::suspend) return system_request(sys_op::suspend);
    if (r == atoms::resume) return system_request(sys_op::resume);
    const auto e = r.elements();
    if (r.is_tagged(atom("debug"), 2)) return debug_request(e[1], r);
    if (r.is_tagged(atom("terminate"), 2)) return system_request(sys_op::terminate, e[1]);
    if (r.is_tagged(atoms::change_code, 4))
        return system_request(sys_op::change_code, e[1], e[2], e[3]);
    if (r.is_tagged(atom("replace_state"), 2)) return system_request(sys_op::replace_state, e[1]);
    return unknown(r);
}

}  // namespace

void adopt_gen_protocol(message& m) {
    const term* t = m.get_if<term>();
    if (!t) return;
    const auto e = t->elements();
    if (e.size() == 2 && e[0] == atoms::gen_cast) {
        term inner = e[1];
        m = message::make(std::move(inner));
        return;
    }
    if (e.size() != 3) return;
    const bool call = e[0] == atoms::gen_call;
    if (!call && e[0] != atoms::system) return;
    const auto caller = e[1].elements();
    const auto who = caller.size() == 2 ? caller[0].as_pid() : std::nullopt;
    if (!who) return;
    m = call ? request_of_term(*who, caller[1], message::make(e[2]))
             : request_of_term(*who, caller[1], message::make(read_system_request(e[2])));
}

term system_answer_term(sys_op op, sys_answer answer) {
    if (answer.failed) return tuple(atoms::error, std::move(answer.value));
    if (op != sys_op::get_log && op != sys_op::get_statistics) return std::move(answer.value);
    return tuple(atoms::ok, std::move(answer.value));
}

}  // namespace beam::detail
