// Functions of sys that others call by rpc: observer's window of a process asks for its status so.
#include "libbeamcore/otp/sys.hpp"

#include <chrono>
#include <cstdint>
#include <vector>

#include "libbeamcore/dist/internal/builtin/arguments.hpp"
#include "libbeamcore/dist/internal/builtin/builtin.hpp"

namespace beam::dist::detail {

namespace {

// A pid, a name, or `{Name, Node}`.
server_ref server_argument(const term& t) {
    if (const auto p = t.as_pid()) return server_ref(*p);
    if (const auto name = t.as_atom()) return server_ref(*name);
    const auto parts = t.elements();
    if (parts.size() != 2) raise(atoms::badarg);
    return server_ref(atom_argument(parts[0]), atom_argument(parts[1]));
}

// The last one, if it was given.
timeout limit_argument(const std::vector<term>& args) {
    if (args.size() < 2) return sys::default_limit;
    if (args[1] == atoms::infinity) return infinity{};
    const auto ms = args[1].as_int<std::int32_t>();
    if (!ms || *ms < 0) raise(atoms::badarg);
    return std::chrono::milliseconds(*ms);
}

awaitable<term> get_status(self, std::vector<term> args) {
    auto asking = sys::get_status(server_argument(args[0]), limit_argument(args));
    co_return co_await asking;
}

awaitable<term> get_state(self, std::vector<term> args) {
    auto asking = sys::get_state(server_argument(args[0]), limit_argument(args));
    co_return co_await asking;
}

awaitable<term> suspend(self, std::vector<term> args) {
    auto asking = sys::suspend(server_argument(args[0]), limit_argument(args));
    co_await asking;
    co_return atoms::ok;
}

awaitable<term> resume(self, std::vector<term> args) {
    auto asking = sys::resume(server_argument(args[0]), limit_argument(args));
    co_await asking;
    co_return atoms::ok;
}

}  // namespace

void add_sys_functions(builtin_functions& to) {
    for (const unsigned arity : {1U, 2U}) {
        to.add("sys", "get_status", arity, get_status);
        to.add("sys", "get_state", arity, get_state);
        to.add("sys", "suspend", arity, suspend);
        to.add("sys", "resume", arity, resume);
    }
}

}  // namespace beam::dist::detail
