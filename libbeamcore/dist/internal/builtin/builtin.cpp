#include "libbeamcore/dist/internal/builtin/builtin.hpp"

#include <utility>

namespace beam::dist::detail {

void builtin_functions::add(std::string_view module, std::string_view function, unsigned arity,
                            plain code) {
    table_.put_if_absent({atom(module), atom(function), arity},
                         [code](self, std::vector<term> args) -> awaitable<term> {
                             return [](plain f, std::vector<term> given) -> awaitable<term> {
                                 co_return f(given);
                             }(code, std::move(args));
                         });
}

void builtin_functions::add(std::string_view module, std::string_view function, unsigned arity,
                            waiting code) {
    table_.put_if_absent({atom(module), atom(function), arity}, code);
}

void add_builtin_functions() {
    builtin_functions to(this_process().node());
    add_erlang_functions(to);
    add_process_functions(to);
    add_system_functions(to);
    add_module_functions(to);
    add_observer_functions(to);
    add_sys_functions(to);
    add_table_functions(to);
    add_appmon_functions(to);
    add_global_functions(to);
    add_group_functions(to);
}

}  // namespace beam::dist::detail
