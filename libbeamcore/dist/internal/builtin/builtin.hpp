// What every node lets others call, and the servers that they expect: functions of erlang, code, application, ...;
// observer_backend and appmon_info for Erlang's observer and etop; global and pg; rex, user and logger_proxy.
//
// Each file adds the functions of one kind. Where a number has no counterpart here (a process
// has no heap, nothing is collected) the answer is 0, or an empty list.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "libbeamcore/dist/distribution.hpp"
#include "libbeamcore/dist/functions.hpp"
#include "libbeamcore/dist/internal/function_table.hpp"
#include "libbeamcore/otp/start_result.hpp"

namespace beam::dist::detail {

/// Puts functions in; those that an application has put there already stay.
class builtin_functions {
public:
    explicit builtin_functions(runtime& node) : table_(function_table::of(node)) {}

    using plain = term (*)(std::span<const term>);
    using waiting = awaitable<term> (*)(self, std::vector<term>);
    void add(std::string_view module, std::string_view function, unsigned arity, plain code);
    void add(std::string_view module, std::string_view function, unsigned arity, waiting code);

private:
    function_table& table_;
};

/// All of them, in the calling process's runtime.
void add_builtin_functions();

void add_erlang_functions(builtin_functions& to);
void add_process_functions(builtin_functions& to);
void add_system_functions(builtin_functions& to);
void add_module_functions(builtin_functions& to);
void add_observer_functions(builtin_functions& to);
void add_sys_functions(builtin_functions& to);
void add_table_functions(builtin_functions& to);
void add_appmon_functions(builtin_functions& to);
void add_global_functions(builtin_functions& to);
void add_group_functions(builtin_functions& to);

/// rex, user, logger_proxy, global_name_server and pg's default scope under a supervisor, linked to the calling process.
[[nodiscard]] awaitable<start_result> start_builtin_servers(const options& o);

}  // namespace beam::dist::detail
