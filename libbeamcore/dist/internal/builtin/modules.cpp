// Functions of code, application, net_adm, proc_lib and ets, and what a module says of itself.
#include <string_view>

#include "libbeamcore/dist/internal/builtin/arguments.hpp"
#include "libbeamcore/dist/internal/builtin/builtin.hpp"
#include "libbeamcore/dist/internal/builtin/process_items.hpp"
#include "libbeamcore/ets/table.hpp"
#include "libbeamcore/otp/application.hpp"
#include "libbeamcore/otp/sys.hpp"
#include "libbeamcore/runtime/nodes.hpp"

namespace beam::dist::detail {

namespace {

using namespace std::chrono_literals;

// Longer than observer itself waits for the status that it asks for then.
constexpr auto answer_limit = 500ms;

term ensure_loaded(std::span<const term> args) {
    const atom module = atom_argument(args[0]);
    if (!exported_functions(module).empty()) return tuple(atoms::module_, module);
    return tuple(atoms::error, atom("nofile"));
}

term which_applications(std::span<const term>) {
    std::vector<term> running;
    for (const auto& a : application::which_applications())
        running.push_back(tuple(a.name, charlist(a.description), charlist(a.vsn)));
    return list_of(std::move(running));
}

term own_host(std::span<const term>) {
    const std::string_view name = node().name();
    return charlist(name.substr(name.find('@') + 1));
}

term table_keypos(std::span<const term> args) {
    if (atom_argument(args[1]) != atoms::keypos) raise(atoms::badarg);
    const auto info = ets::info_of(ets::table(args[0]));
    return info ? term(std::uint64_t(info->keypos)) : term(atoms::undefined);
}

// What observer asks of a process's module, to see what kind of process it is.
void export_module_info(atom module, atom behaviour) {
    const term attributes = list({tuple(atom("behaviour"), list({behaviour}))});
    function_table::of(this_process().node())
        .put_if_absent({module, atom("module_info"), 1},
                       [attributes](self, std::vector<term> args) -> awaitable<term> {
                           return [](term all, std::vector<term> asked) -> awaitable<term> {
                               if (asked[0] != atom("attributes")) raise(atoms::badarg);
                               co_return all;
                           }(attributes, std::move(args));
                       });
}

// The module of `{status, Pid, {module, Behaviour}, _}`; `undefined` of a process that does not answer.
awaitable<atom> behaviour_of(pid target) {
    term status;
    try {
        auto asking = sys::get_status(target, answer_limit);
        status = co_await asking;
    } catch (const exit_exception&) {
        co_return atom();
    }
    const auto named = status.elements()[2].elements();
    co_return named[1].as_atom().value_or(atom());
}

// `{Class, init, 1}` for a behaviour's process. Others, and those that do not answer, are said to be plain ones, so that
// nobody sends them system requests.
awaitable<term> translate_initial_call(self me, std::vector<term> args) {
    const term plain = tuple(atom("proc_lib"), atom("init_p"), 5);
    const pid target = local_pid_argument(args[0]);
    if (target == me.id()) co_return plain;
    auto asking = process_info_details(target);
    const auto details = co_await asking;
    if (!details || !details->is_behaviour) co_return plain;
    auto looking = behaviour_of(target);
    const atom behaviour = co_await looking;
    if (behaviour == atom()) co_return plain;
    const term call = initial_call_of(details->summary);
    export_module_info(*call.elements()[0].as_atom(), behaviour);
    co_return call;
}

}  // namespace

void add_module_functions(builtin_functions& to) {
    to.add("code", "ensure_loaded", 1, ensure_loaded);
    to.add("application", "which_applications", 0, which_applications);
    to.add("net_adm", "localhost", 0, own_host);
    to.add("ets", "info", 2, table_keypos);
    to.add("proc_lib", "translate_initial_call", 1, translate_initial_call);
    for (const char* behaviour : {"gen_server", "gen_statem", "gen_event", "supervisor"})
        export_module_info(atom(behaviour), atom(behaviour));
}

}  // namespace beam::dist::detail
