// Well-known atoms: the words of the runtime, the behaviours and the protocols, as constants.
//
// Their indices are fixed at compile time (the order of the list below), so comparing with one is
// comparing with a number. A C++ keyword has a trailing underscore: `atoms::true_` is `true`.
#pragma once

#include "libbeamcore/term/atom.hpp"

// clang-format off
// X(identifier, text). Append only within a release: modules have the indices compiled in.
#define BEAM_WELL_KNOWN_ATOMS(X)                                                                   \
    X(undefined, "undefined")                                                                      \
    X(ok, "ok") X(error, "error") X(true_, "true") X(false_, "false") X(nil, "nil")                \
    X(null, "null") X(normal, "normal") X(shutdown, "shutdown") X(kill, "kill")                    \
    X(killed, "killed") X(noproc, "noproc") X(noconnection, "noconnection")                        \
    X(timeout, "timeout") X(infinity, "infinity") X(neg_infinity, "-infinity") X(nan, "nan")       \
    X(EXIT, "EXIT") X(DOWN, "DOWN") X(badarg, "badarg") X(badarith, "badarith")                    \
    X(badmatch, "badmatch") X(function_clause, "function_clause") X(case_clause, "case_clause")    \
    X(if_clause, "if_clause") X(undef, "undef") X(badfun, "badfun") X(badarity, "badarity")        \
    X(timeout_value, "timeout_value") X(nocatch, "nocatch") X(system_limit, "system_limit")        \
    X(badkey, "badkey") X(badmap, "badmap") X(badrecord, "badrecord") X(notsup, "notsup")          \
    X(process, "process") X(port, "port") X(time_offset, "time_offset") X(exit, "exit")            \
    X(throw_, "throw") X(nonode_at_nohost, "nonode@nohost")                                        \
    X(nodeup, "nodeup") X(nodedown, "nodedown") X(noreply, "noreply") X(reply, "reply")            \
    X(stop, "stop") X(ignore, "ignore") X(hibernate, "hibernate") X(continue_, "continue")         \
    X(init, "init") X(terminate, "terminate") X(handle_call, "handle_call")                        \
    X(handle_cast, "handle_cast") X(handle_info, "handle_info")                                    \
    X(handle_continue, "handle_continue") X(code_change, "code_change")                            \
    X(format_status, "format_status") X(gen_call, "$gen_call") X(gen_cast, "$gen_cast")            \
    X(gen_event, "gen_event") X(gen_server, "gen_server") X(gen_statem, "gen_statem")              \
    X(supervisor, "supervisor") X(application, "application") X(application_master,                \
                                                                "application_master")              \
    X(ancestors, "$ancestors") X(initial_call, "$initial_call") X(system, "system")                \
    X(get_state, "get_state") X(get_status, "get_status") X(replace_state, "replace_state")        \
    X(change_code, "change_code") X(suspend, "suspend") X(resume, "resume")                        \
    X(suspended, "suspended") X(running, "running") X(status, "status") X(trace, "trace")          \
    X(log, "log") X(statistics, "statistics") X(debug, "debug") X(data, "data")                    \
    X(state, "state") X(event, "event") X(info, "info") X(call, "call") X(cast, "cast")            \
    X(enter, "enter") X(internal, "internal") X(keep_state, "keep_state")                          \
    X(next_state, "next_state") X(postpone, "postpone") X(state_timeout, "state_timeout")          \
    X(permanent, "permanent") X(transient, "transient") X(temporary, "temporary")                  \
    X(brutal_kill, "brutal_kill") X(worker, "worker") X(one_for_one, "one_for_one")                \
    X(one_for_all, "one_for_all") X(rest_for_one, "rest_for_one")                                  \
    X(simple_one_for_one, "simple_one_for_one") X(never, "never")                                  \
    X(any_significant, "any_significant") X(all_significant, "all_significant") X(id, "id")        \
    X(start, "start") X(restart, "restart") X(type, "type") X(modules, "modules")                  \
    X(significant, "significant") X(strategy, "strategy") X(intensity, "intensity")                \
    X(period, "period") X(auto_shutdown, "auto_shutdown") X(restarting, "restarting")              \
    X(already_started, "already_started") X(already_present, "already_present")                    \
    X(already_loaded, "already_loaded") X(not_started, "not_started") X(not_found, "not_found")    \
    X(running_already, "running_already") X(failed_to_start_child, "failed_to_start_child")        \
    X(failed_to_terminate_child, "failed_to_terminate_child") X(child_spec, "child_spec")          \
    X(specs, "specs") X(active, "active") X(supervisors, "supervisors") X(workers, "workers")      \
    X(bad_return, "bad_return") X(bad_return_value, "bad_return_value")                            \
    X(bad_start_spec, "bad_start_spec") X(invalid_child_spec, "invalid_child_spec")                \
    X(max_children, "max_children") X(badname, "badname") X(yes, "yes") X(no, "no")                \
    X(badrpc, "badrpc") X(via, "via") X(global, "global") X(local, "local") X(name, "name")        \
    X(node, "node") X(pid, "pid") X(ref, "reference") X(alias, "alias") X(tag, "tag")              \
    X(monitor, "monitor") X(link, "link") X(spawn, "spawn") X(unlink, "unlink")                    \
    X(demonitor, "demonitor") X(flush, "flush") X(down, "down") X(max, "max") X(high, "high")      \
    X(low, "low") X(waiting, "waiting") X(exiting, "exiting") X(runnable, "runnable")              \
    X(garbage_collecting, "garbage_collecting") X(registered_name, "registered_name")              \
    X(message_queue_len, "message_queue_len") X(messages, "messages") X(links, "links")            \
    X(monitors, "monitors") X(monitored_by, "monitored_by") X(dictionary, "dictionary")            \
    X(trap_exit, "trap_exit") X(reductions, "reductions") X(memory, "memory")                      \
    X(priority, "priority") X(current_function, "current_function") X(parent, "parent")            \
    X(set, "set") X(ordered_set, "ordered_set") X(bag, "bag") X(duplicate_bag, "duplicate_bag")    \
    X(private_, "private") X(protected_, "protected") X(public_, "public") X(keypos, "keypos")     \
    X(heir, "heir") X(none, "none") X(named_table, "named_table") X(owner, "owner")                \
    X(size, "size") X(ets_transfer, "ETS-TRANSFER") X(end_of_table, "$end_of_table")               \
    X(underscore, "_") X(whole, "$_") X(bindings, "$$") X(const_, "const") X(and_, "and")          \
    X(or_, "or") X(not_, "not") X(xor_, "xor") X(andalso, "andalso") X(orelse, "orelse")           \
    X(plus, "+") X(minus, "-") X(times, "*") X(slash, "/") X(div, "div") X(rem, "rem")             \
    X(band, "band") X(bor, "bor") X(bxor, "bxor") X(bnot, "bnot") X(bsl, "bsl") X(bsr, "bsr")      \
    X(less, "<") X(less_equal, "=<") X(greater, ">") X(greater_equal, ">=") X(equal, "==")         \
    X(not_equal, "/=") X(exactly_equal, "=:=") X(exactly_not_equal, "=/=") X(abs, "abs")           \
    X(element, "element") X(hd, "hd") X(tl, "tl") X(length, "length") X(map_get, "map_get")        \
    X(map_size, "map_size") X(tuple_size, "tuple_size") X(byte_size, "byte_size")                  \
    X(bit_size, "bit_size") X(round, "round") X(trunc, "trunc") X(self, "self")                    \
    X(is_atom, "is_atom") X(is_float, "is_float") X(is_integer, "is_integer")                      \
    X(is_list, "is_list") X(is_number, "is_number") X(is_pid, "is_pid") X(is_port, "is_port")      \
    X(is_reference, "is_reference") X(is_tuple, "is_tuple") X(is_map, "is_map")                    \
    X(is_map_key, "is_map_key") X(is_binary, "is_binary") X(is_bitstring, "is_bitstring")          \
    X(is_boolean, "is_boolean") X(is_function, "is_function") X(is_record, "is_record")            \
    X(float_, "float") X(ceil, "ceil") X(floor, "floor") X(min, "min")                             \
    X(reason, "reason") X(message, "message") X(code, "code") X(detail, "detail") X(key, "key")    \
    X(value, "value") X(time, "time") X(level, "level") X(warning, "warning") X(notice, "notice")  \
    X(critical, "critical") X(alert, "alert") X(emergency, "emergency") X(busy, "busy")            \
    X(closed, "closed") X(tcp, "tcp") X(tcp_closed, "tcp_closed") X(tcp_error, "tcp_error")        \
    X(udp, "udp") X(once, "once") X(eof, "eof") X(exit_status, "exit_status")                      \
    X(connection, "connection") X(crashed, "crashed") X(exception, "exception")                    \
    X(subscribe, "subscribe") X(subscribed, "subscribed") X(unsubscribe, "unsubscribe")            \
    X(ask, "ask") X(cancel, "cancel") X(demand, "demand") X(producer, "$gen_producer")             \
    X(consumer, "$gen_consumer") X(up, "up") X(old_vsn, "old_vsn") X(vsn, "vsn")                   \
    X(update, "update") X(soft, "soft") X(advanced, "advanced") X(unpacked, "unpacked")            \
    X(current, "current") X(old, "old") X(release, "release") X(module_, "module")                 \
    X(function, "function") X(arity, "arity") X(file, "file") X(line, "line")                      \
    X(delete_, "delete") X(new_, "new") X(default_, "default") X(register_, "register")            \
    X(unregister, "unregister") X(join, "join") X(leave, "leave") X(group, "group")                \
    X(hidden, "hidden") X(visible, "visible") X(net_kernel, "net_kernel") X(rex, "rex")            \
    X(already_registered, "already_registered") X(unregistered_name, "unregistered_name")          \
    X(nodistribution, "nodistribution") X(not_owner, "not_owner")
// clang-format on

namespace beam {

namespace detail {
enum class well_known_atom : std::uint32_t {
#define BEAM_X(identifier, text) identifier,
    BEAM_WELL_KNOWN_ATOMS(BEAM_X)
#undef BEAM_X
        count
};
}  // namespace detail

namespace atoms {
#define BEAM_X(identifier, text) \
    inline constexpr atom identifier = atom::at(std::uint32_t(detail::well_known_atom::identifier));
BEAM_WELL_KNOWN_ATOMS(BEAM_X)
#undef BEAM_X
}  // namespace atoms

}  // namespace beam
