#include "libbeamcore/dist/functions.hpp"

#include <algorithm>
#include <mutex>
#include <utility>

#include "libbeamcore/dist/internal/function_table.hpp"
#include "libbeamcore/runtime/detail/local.hpp"
#include "libbeamcore/runtime/exit.hpp"

namespace beam::dist {

namespace detail {

namespace {
const char table_key = 0;
}  // namespace

function_table& function_table::of(runtime& node) {
    return *static_cast<function_table*>(beam::detail::runtime_local(
        node, &table_key, [](runtime&) -> void* { return new function_table; },
        [](void* t) noexcept { delete static_cast<function_table*>(t); }));
}

void function_table::put(const key& k, remote_function code) {
    std::unique_lock lock(mutex_);
    functions_[k] = std::make_shared<remote_function>(std::move(code));
}

void function_table::put_if_absent(const key& k, remote_function code) {
    std::unique_lock lock(mutex_);
    functions_.try_emplace(k, std::make_shared<remote_function>(std::move(code)));
}

void function_table::remove(const key& k) {
    std::unique_lock lock(mutex_);
    functions_.erase(k);
}

std::shared_ptr<remote_function> function_table::find(const key& k) const {
    std::shared_lock lock(mutex_);
    auto at = functions_.find(k);
    return at == functions_.end() ? nullptr : at->second;
}

std::vector<std::pair<atom, unsigned>> function_table::of_module(atom module) const {
    std::vector<std::pair<atom, unsigned>> found;
    std::shared_lock lock(mutex_);
    for (const auto& [k, code] : functions_)
        if (k.module == module) found.emplace_back(k.function, k.arity);
    std::sort(found.begin(), found.end());
    return found;
}

term undefined_function(atom module, atom function, const std::vector<term>& args) {
    return tuple(atoms::undef, list({tuple(module, function, list_of(args), nil)}));
}

}  // namespace detail

using detail::function_table;

void export_function(atom module, atom function, unsigned arity, remote_function code) {
    function_table::of(this_process().node()).put({module, function, arity}, std::move(code));
}

namespace {

awaitable<term> run_plain(std::shared_ptr<callback<term(std::span<const term>)>> code,
                          std::vector<term> args) {
    co_return (*code)(args);
}

}  // namespace

void export_plain_function(atom module, atom function, unsigned arity,
                           callback<term(std::span<const term>)> code) {
    auto kept = std::make_shared<callback<term(std::span<const term>)>>(std::move(code));
    export_function(module, function, arity, [kept](self, std::vector<term> args) {
        return run_plain(kept, std::move(args));
    });
}

void withdraw_function(atom module, atom function, unsigned arity) {
    function_table::of(this_process().node()).remove({module, function, arity});
}

bool is_function_exported(atom module, atom function, unsigned arity) {
    return function_table::of(this_process().node()).find({module, function, arity}) != nullptr;
}

std::vector<std::pair<atom, unsigned>> exported_functions(atom module) {
    return function_table::of(this_process().node()).of_module(module);
}

awaitable<term> apply(self me, atom module, atom function, std::vector<term> arguments) {
    auto code = function_table::of(me.node()).find({module, function, unsigned(arguments.size())});
    if (!code) exit(detail::undefined_function(module, function, arguments));
    auto work = (*code)(me, std::move(arguments));
    co_return co_await work;
}

}  // namespace beam::dist
