#include "libbeamcore/otp/report.hpp"

#include <string>

#include "libbeamcore/base/log.hpp"
#include "libbeamcore/otp/proc_lib.hpp"
#include "libbeamcore/runtime/exit.hpp"
#include "libbeamcore/runtime/process_info.hpp"
#include "libbeamcore/term/syntax.hpp"

namespace beam {

namespace {

constexpr std::string_view domain = "otp";

std::string shown(const term& t) {
    print_options o;
    o.max_bytes = 4096;
    return to_string(t, o);
}

std::string_view message_of(supervisor_event what) {
    switch (what) {
        case supervisor_event::child_terminated:
            return "child terminated";
        case supervisor_event::start_error:
            return "start error";
        case supervisor_event::shutdown:
            return "shutdown";
        case supervisor_event::shutdown_error:
            return "shutdown error";
    }
    return "";
}

std::string name_of(const std::optional<process_summary>& p) {
    return p && p->registered_name ? to_string(*p->registered_name) : std::string("[]");
}

}  // namespace

void report_supervisor(const term& supervisor, supervisor_event what, const term& reason,
                       const term& child) {
    if (!log_enabled(log_level::error)) return;
    log(log_level::error, domain, message_of(what),
        {{"supervisor", shown(supervisor)}, {"reason", shown(reason)}, {"child", shown(child)}});
}

void report_progress(const term& supervisor, const term& child) {
    if (!log_enabled(log_level::debug)) return;
    log(log_level::debug, domain, "progress",
        {{"supervisor", shown(supervisor)}, {"child", shown(child)}});
}

void report_crash(self process, const term& reason) {
    if (is_orderly(reason) || !log_enabled(log_level::error)) return;
    auto info = process_info(process.id());
    log(log_level::error, domain, "process crashed",
        {{"pid", to_string(process.id())},
         {"name", name_of(info)},
         {"label", shown(info ? info->label : term(atoms::undefined))},
         {"initial_call", shown(proc_lib::initial_call())},
         {"reason", shown(reason)},
         {"ancestors", shown(proc_lib::ancestors())},
         {"message_queue_len", std::to_string(info ? info->message_queue_len : 0)}});
}

void report_server_terminated(self process, atom class_name, const term& reason, const term& state,
                              std::string_view last_message) {
    if (is_orderly(reason) || !log_enabled(log_level::error)) return;
    log(log_level::error, domain, "server terminated",
        {{"pid", to_string(process.id())},
         {"name", name_of(process_info(process.id()))},
         {"class", to_string(class_name)},
         {"reason", shown(reason)},
         {"state", shown(state)},
         {"last_message", last_message}});
}

void report_handler_terminated(const term& handler, const term& reason, const term& state,
                               std::string_view last_message) {
    if (!log_enabled(log_level::error)) return;
    const pid manager = this_process().id();
    log(log_level::error, domain, "event handler crashed",
        {{"pid", to_string(manager)},
         {"name", name_of(process_info(manager))},
         {"handler", shown(handler)},
         {"reason", shown(reason)},
         {"state", shown(state)},
         {"last_message", last_message}});
}

term shown_name(self process) {
    auto info = process_info(process.id());
    if (info && info->registered_name) return *info->registered_name;
    return process.id();
}

}  // namespace beam
