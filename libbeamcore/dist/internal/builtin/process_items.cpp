#include "libbeamcore/dist/internal/builtin/process_items.hpp"

#include <algorithm>
#include <optional>
#include <string>

#include "libbeamcore/base/symbol.hpp"
#include "libbeamcore/dist/internal/builtin/arguments.hpp"
#include "libbeamcore/dist/internal/builtin/builtin.hpp"

namespace beam::dist::detail {

namespace {

constexpr std::uint64_t bytes_per_word = sizeof(void*);

// Names of types and functions may be longer than an atom.
atom name_atom(std::string_view text) {
    const auto made = try_atom(text.substr(0, 200));
    return made ? *made : atoms::undefined;
}

term priority_name(priority p) {
    switch (p) {
        case priority::low:
            return atoms::low;
        case priority::normal:
            return atoms::normal;
        case priority::high:
            return atoms::high;
        case priority::max:
            return atoms::max;
    }
    return atoms::normal;
}

term status_name(process_status s) {
    switch (s) {
        case process_status::waiting:
            return atoms::waiting;
        case process_status::runnable:
            return atoms::runnable;
        case process_status::running:
            return atoms::running;
        case process_status::suspended:
            return atoms::suspended;
        case process_status::exiting:
            return atoms::exiting;
    }
    return atoms::waiting;
}

std::string_view last_part(std::string_view name) {
    const auto colons = name.rfind("::");
    return colons == std::string_view::npos ? name : name.substr(colons + 2);
}

// `chat::room::handle_call` as `{room, handle_call, Arity}`. One without namespace is a class: `otherwise` is the
// function.
term as_call(std::string_view name, atom otherwise, int arity) {
    const auto colons = name.rfind("::");
    if (colons == std::string_view::npos) return tuple(name_atom(name), otherwise, arity);
    return tuple(name_atom(last_part(name.substr(0, colons))), name_atom(name.substr(colons + 2)),
                 arity);
}

term function_at(const void* address) {
    const std::string name = symbol_of(address);
    return as_call(name, atoms::undefined, 0);
}

term stack_of(const process_details& d) {
    std::vector<term> frames;
    for (const void* at : d.stack) {
        const term f = function_at(at);
        const auto e = f.elements();
        frames.push_back(tuple(e[0], e[1], e[2], nil));
    }
    return list_of(std::move(frames));
}

term monitors_of(const process_details& d) {
    std::vector<term> list;
    for (const term& object : d.monitors) list.push_back(tuple(atoms::process, object));
    return list_of(std::move(list));
}

term dictionary_of(const process_details& d) {
    std::vector<term> list;
    for (const auto& [key, value] : d.dictionary) list.push_back(tuple(key, value));
    return list_of(std::move(list));
}

// None is kept apart for a process, and none is collected.
term no_collections() {
    return list({tuple(atom("min_heap_size"), 0), tuple(atom("fullsweep_after"), 0),
                 tuple(atom("minor_gcs"), 0)});
}

// What everybody may see at any time. None: another item.
std::optional<term> summary_item(const process_summary& s, std::string_view item) {
    if (item == "registered_name") return s.registered_name ? term(*s.registered_name) : term(nil);
    if (item == "initial_call") return initial_call_of(s);
    if (item == "status") return status_name(s.status);
    if (item == "message_queue_len") return term(s.message_queue_len);
    if (item == "memory") return term(s.memory);
    if (item == "reductions") return term(s.reductions);
    if (item == "priority") return priority_name(s.priority);
    if (item == "heap_size" || item == "total_heap_size") return term(s.memory / bytes_per_word);
    if (item == "parent") return s.parent ? term(s.parent) : term(atoms::undefined);
    if (item == "label") return s.label;
    if (item == "stack_size" || item == "catchlevel" || item == "trace") return term(0);
    if (item == "binary" || item == "sequential_trace_token" || item == "suspending") return nil;
    if (item == "error_handler") return term(atom("error_handler"));
    if (item == "last_calls") return term(false);
    if (item == "message_queue_data") return term(atom("off_heap"));
    if (item == "garbage_collection" || item == "garbage_collection_info") return no_collections();
    return {};
}

bool is_told_by_itself(std::string_view item) {
    static constexpr std::string_view known[] = {
        "current_function", "current_location", "current_stacktrace", "links",    "monitors",
        "monitored_by",     "trap_exit",        "group_leader",       "messages", "dictionary"};
    return std::find(std::begin(known), std::end(known), item) != std::end(known);
}

term detail_item(const process_details& d, std::string_view item) {
    const term at = d.stack.empty() ? current_call_of(d.summary) : function_at(d.stack[0]);
    if (item == "current_function") return at;
    if (item == "current_location") {
        const auto e = at.elements();
        return tuple(e[0], e[1], e[2], nil);
    }
    if (item == "current_stacktrace") return stack_of(d);
    if (item == "links") return pid_list(d.links);
    if (item == "monitors") return monitors_of(d);
    if (item == "monitored_by") return pid_list(d.monitored_by);
    if (item == "trap_exit") return d.trap_exit;
    if (item == "group_leader") return d.group_leader ? term(d.group_leader) : term(d.summary.pid);
    if (item == "messages") return list_of(d.messages);
    return dictionary_of(d);
}

// `{Item, Value}` for each, in their order; none if the process is dead.
awaitable<std::optional<std::vector<term>>> read_items(pid target, std::vector<term> items) {
    std::vector<std::string_view> names;
    bool asks = false;
    for (const term& t : items) {
        names.push_back(atom_argument(t).name());
        asks = asks || is_told_by_itself(names.back());
    }
    std::optional<process_details> details;
    if (asks) {
        auto asking = process_info_details(target);
        details = co_await asking;
        if (!details) co_return std::nullopt;
    }
    const auto summary =
        details ? std::optional<process_summary>(details->summary) : process_info(target);
    if (!summary) co_return std::nullopt;
    std::vector<term> read;
    for (std::size_t i = 0; i < items.size(); ++i) {
        auto value = summary_item(*summary, names[i]);
        if (!value && !is_told_by_itself(names[i])) raise(atoms::badarg);
        if (!value) value = detail_item(*details, names[i]);
        read.push_back(tuple(items[i], *std::move(value)));
    }
    co_return read;
}

awaitable<term> some_items(self, std::vector<term> args) {
    const pid target = local_pid_argument(args[0]);
    const bool one = args[1].is_atom();
    std::vector<term> items = one ? std::vector<term>{args[1]} : list_argument(args[1]);
    auto reading = read_items(target, std::move(items));
    auto read = co_await reading;
    if (!read) co_return term(atoms::undefined);
    if (!one) co_return list_of(*std::move(read));
    // A process without a name has no such item, where it is asked for alone.
    if (args[1] == atoms::registered_name && (*read)[0].elements()[1].is_nil()) co_return term(nil);
    co_return read->front();
}

awaitable<term> usual_items(self, std::vector<term> args) {
    static constexpr const char* usual[] = {"registered_name",   "current_function",
                                            "initial_call",      "status",
                                            "message_queue_len", "links",
                                            "dictionary",        "trap_exit",
                                            "error_handler",     "priority",
                                            "group_leader",      "total_heap_size",
                                            "heap_size",         "stack_size",
                                            "reductions",        "garbage_collection",
                                            "suspending"};
    std::vector<term> items;
    for (const char* name : usual) items.push_back(atom(name));
    auto reading = read_items(local_pid_argument(args[0]), std::move(items));
    auto read = co_await reading;
    if (!read) co_return term(atoms::undefined);
    if (read->front().elements()[1].is_nil()) read->erase(read->begin());
    co_return list_of(*std::move(read));
}

}  // namespace

term initial_call_of(const process_summary& s) {
    return as_call(s.initial_call, atoms::init, 1);
}

term current_call_of(const process_summary& s) {
    const atom at = s.doing.empty() ? atom("run") : name_atom(last_part(s.doing));
    return as_call(s.initial_call, at, 1);
}

term shown_name_of(const process_summary& s) {
    return s.registered_name ? term(*s.registered_name) : initial_call_of(s);
}

void add_process_functions(builtin_functions& to) {
    to.add("erlang", "processes", 0,
           [](std::span<const term>) -> term { return pid_list(processes()); });
    to.add("erlang", "process_info", 1, usual_items);
    to.add("erlang", "process_info", 2, some_items);
}

}  // namespace beam::dist::detail
