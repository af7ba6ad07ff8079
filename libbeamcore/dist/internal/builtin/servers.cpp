#include "libbeamcore/dist/internal/builtin/servers.hpp"

#include "libbeamcore/dist/internal/builtin/builtin.hpp"
#include "libbeamcore/dist/internal/global/name_server.hpp"
#include "libbeamcore/otp/pg.hpp"
#include "libbeamcore/otp/supervisor.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/runtime/name.hpp"

namespace beam::dist::detail {

namespace {

template <class T>
child_spec child_named(const char* name) {
    return child_spec(term(atom(name)), beam::child<T>(server_options(server_name(atom(name)))));
}

constexpr auto patience = std::chrono::seconds(10);

awaitable<start_result> start_once(bool keeps_whole, bool shares_groups) {
    supervisor_flags flags;
    flags.intensity = 1000;  // strangers send to them
    flags.period = std::chrono::seconds(10);
    std::vector<child_spec> children{child_named<rex>("rex"), child_named<user>("user"),
                                     child_named<logger_proxy>("logger_proxy")};
    children.emplace_back(
        term(name_server_name()),
        beam::child<name_server>(server_options(server_name(name_server_name())), keeps_whole));
    // Somebody may share it already.
    if (shares_groups && !whereis(pg::default_scope()))
        children.emplace_back(term(pg::default_scope()), pg::child());
    return supervisor::start_link(flags, std::move(children), server_name(atom("dist_servers")));
}

awaitable<bool> has_ended(pid p) {
    const ref watching = monitor(p);
    auto down = co_await this_process().receive_if<down_message>(
        [watching](const down_message& d) { return d.monitor == watching; }, patience);
    if (!down) demonitor(watching, {.flush = true});
    co_return down.has_value();
}

// Those of a net_kernel that has just ended are about to.
awaitable<start_result> start_when_free(bool keeps_whole, bool shares_groups) {
    for (;;) {
        auto starting = start_once(keeps_whole, shares_groups);
        start_result r = co_await starting;
        if (r || !r.error().is_tagged(atoms::already_started, 2)) co_return r;
        const auto old = r.error().elements()[1].as_pid();
        auto ending = has_ended(old.value_or(pid()));
        const bool ended = co_await ending;
        if (!ended) co_return r;
    }
}

}  // namespace

awaitable<start_result> start_builtin_servers(const options& o) {
    return start_when_free(o.prevent_overlapping_partitions, o.share_groups);
}

}  // namespace beam::dist::detail
