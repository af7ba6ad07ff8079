#include "libbeamcore/dist/builtin/servers.hpp"

#include "libbeamcore/dist/builtin/builtin.hpp"
#include "libbeamcore/otp/supervisor.hpp"

namespace beam::dist::detail {

namespace {

template <class T>
child_spec child_named(const char* name) {
    return child_spec(term(atom(name)), child<T>(server_options(server_name(atom(name)))));
}

}  // namespace

awaitable<start_result> start_builtin_servers() {
    supervisor_flags flags;
    flags.intensity = 100;  // strangers send to them
    flags.period = std::chrono::seconds(10);
    std::vector<child_spec> children{child_named<rex>("rex"), child_named<user>("user"),
                                     child_named<logger_proxy>("logger_proxy")};
    return supervisor::start_link(flags, std::move(children), server_name(atom("dist_servers")));
}

}  // namespace beam::dist::detail
