// interop: processes for others to try a node with, from Erlang or from another node of ours.
//
// The supervisor interop_sup has the children echo, counter and crasher. `echo` answers `{From, Term}` with `{echo,
// Term}`. `counter` and `crasher` are the same server, whose state is one integer: calls `get`, `{increment_by, K}`,
// `who` and `slow` (never answered), the cast `{increment_by, K}`, and `{crash, Reason}`, with which it exits.
#include "libbeamcore/otp/application.hpp"
#include "libbeamcore/otp/gen_server.hpp"
#include "libbeamcore/otp/supervisor.hpp"
#include "libbeamcore/release/application_module.hpp"
#include "libbeamcore/runtime/name.hpp"

namespace interop {

using namespace beam;

class echo : public gen_server<echo> {
public:
    using arguments = std::tuple<atom>;

    explicit echo(atom name = {}) {
        if (name != atom()) register_name(name, id());
    }

    void handle_info(const term& t) {
        const auto e = t.elements();
        const auto from = e.size() == 2 ? e[0].as_pid() : std::nullopt;
        if (from) send(*from, tuple(atom("echo"), e[1]));
    }

    BEAM_FIELDS(echo)
};

struct get {
    using reply = std::int64_t;
    BEAM_FIELDS(get)
};
struct who {
    using reply = pid;
    BEAM_FIELDS(who)
};
struct slow {
    using reply = void;
    BEAM_FIELDS(slow)
};
namespace asked {
struct increment_by {
    using reply = std::int64_t;
    std::int64_t amount;
    BEAM_FIELDS(increment_by, amount)
};
}  // namespace asked
struct increment_by {
    std::int64_t amount;
    BEAM_FIELDS(increment_by, amount)
};
struct crash {
    term reason;
    BEAM_FIELDS(crash, reason)
};

class counter : public gen_server<counter> {
public:
    using arguments = std::tuple<atom>;
    using calls = messages<get, who, slow, asked::increment_by>;
    using casts = messages<increment_by>;
    using infos = messages<crash>;

    explicit counter(atom name = {}) {
        if (name != atom()) register_name(name, id());
    }

    std::int64_t handle_call(get) const { return count_; }
    pid handle_call(who) const { return id(); }
    call_result<void> handle_call(slow) { return noreply{}; }
    std::int64_t handle_call(asked::increment_by m) { return count_ += m.amount; }
    void handle_cast(increment_by m) { count_ += m.amount; }
    void handle_info(crash m) { beam::exit(std::move(m.reason)); }
    void handle_info(const term&) {}

    BEAM_FIELDS(counter, count_)

private:
    std::int64_t count_ = 0;
};

template <class T>
child_spec child_named(const char* name) {
    return child_spec(term(atom(name)), child<T>(atom(name)));
}

struct interop_sup {
    static supervisor_init init() {
        supervisor_flags flags;
        flags.intensity = 10'000;
        flags.period = std::chrono::seconds(1);
        return {flags,
                {child_named<echo>("echo"), child_named<counter>("counter"),
                 child_named<counter>("crasher")}};
    }
};

struct interop_app {
    static awaitable<start_result> start(const term&) {
        return supervisor::start_link_named<interop_sup>(server_name(atom("interop_sup")));
    }
};

}  // namespace interop

BEAM_APPLICATION(interop, "1", interop::echo, interop::counter) {
    app.spec.description = "Processes to try a node with";
    app.callbacks<interop::interop_app>();
}
