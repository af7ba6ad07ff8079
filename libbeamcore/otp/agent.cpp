#include "libbeamcore/otp/agent.hpp"

#include "libbeamcore/base/log.hpp"
#include "libbeamcore/otp/report.hpp"
#include "libbeamcore/term/syntax.hpp"

BEAM_DEFINE_DESCRIPTOR(beam::detail::agent_request);
BEAM_DEFINE_DESCRIPTOR(beam::detail::agent_refusal);

namespace beam {

namespace detail {

atom agent_name() {
    static const atom name("agent");
    return name;
}

bool serve_agent(gen_core& core, self s, const type_descriptor* type, void* state, message& m) {
    if (m.type() != descriptor_of<agent_request>()) return false;
    auto& r = *m.get_if<agent_request>();
    auto f = request_from(m);
    if (r.state != type) {
        if (f)
            reply(*f, agent_refusal{r.state->name, type->name});
        else
            log(log_level::warning, "otp", "cast for another type of state dropped",
                {{"agent", to_string(shown_name(s))},
                 {"asked", r.state->name},
                 {"holds", type->name}});
        return true;
    }
    if (!f) {
        r.run(r.function, state, from{});
        return true;
    }
    begin_request(s.block(), m);
    request_scope open(s.block());
    r.run(r.function, state, *f);
    if (core.is_debugging()) [[unlikely]]
        core.replied(s, *f, tuple(atom("opaque"), atom("answer")));
    return true;
}

}  // namespace detail

namespace agent {

awaitable<void> stop(server_ref agent, term reason, timeout limit) {
    return beam::stop(agent, std::move(reason), limit);
}

}  // namespace agent

}  // namespace beam
