// What the methods for observers share.
#pragma once

#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "libbeamcore/release/method.hpp"
#include "libbeamcore/runtime/process_info.hpp"
#include "libbeamcore/term/term.hpp"

namespace beam::control {

using method_table = std::unordered_map<std::string_view, method_handler>;

template <class F>
void add_method(method_table& table, const char* name, F f) {
    table[name] = detail::handler_function<F>::make(f);
}

/// `node.processes`, `node.process_info`, and what changes processes.
void add_process_methods(method_table& table);
/// `node.peers` and what is asked of other nodes.
void add_dist_methods(method_table& table);
/// `node.supervision_tree`.
void add_tree_method(method_table& table);

template <class T>
map_entry entry(const char* key, T value) {
    return {term(key), term(std::move(value))};
}

/// A child's id or a process's label, as people read it: text and atoms as they are.
[[nodiscard]] term readable(const term& t);
[[nodiscard]] term label_of(const process_summary& s);  ///< or null
[[nodiscard]] std::vector<map_entry> summary_entries(const process_summary& s);

/// A living or dead process from what a person types: `<0.215.0>`, `0.215.0` or a registered name.
[[nodiscard]] std::optional<pid> pid_of(std::string_view text);

}  // namespace beam::control
