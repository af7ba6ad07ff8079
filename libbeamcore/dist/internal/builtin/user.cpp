// The io server `user`, and logger_proxy.
#include <string>

#include "libbeamcore/base/log.hpp"
#include "libbeamcore/dist/internal/builtin/erlang_format.hpp"
#include "libbeamcore/dist/internal/builtin/servers.hpp"
#include "libbeamcore/term/syntax.hpp"

namespace beam::dist::detail {

namespace {

term failed_with(const char* why) {
    return tuple(atoms::error, atom(why));
}

void write_text(std::string text, const pid& from) {
    while (!text.empty() && text.back() == '\n') text.pop_back();
    if (text.empty()) return;
    log(log_level::info, "user", "written by a process whose group leader is here",
        {{"text", text}, {"from", to_string(from)}});
}

// `{put_chars, Chars}` or `{put_chars, Module, Function, Args}`, with an encoding in front or without.
term put_chars(std::span<const term> e, const pid& from) {
    if (e.size() == 3 || e.size() == 5) e = e.subspan(1);
    if (e.size() == 2) {
        const auto text = chardata_text(e[1]);
        if (!text) return failed_with("put_chars");
        write_text(*text, from);
        return atoms::ok;
    }
    const auto args = e.size() == 4 ? e[3].as_list() : std::nullopt;
    if (!args) return failed_with("request");
    if (e[1] != atom("io_lib") || args->size() != 2) return failed_with("put_chars");
    write_text(format_text((*args)[0], (*args)[1]), from);
    return atoms::ok;
}

term answer_io(const term& request, const pid& from) {
    if (request == atom("getopts")) return failed_with("enotsup");
    const auto e = request.elements();
    const auto what = e.empty() ? std::nullopt : e[0].as_atom();
    if (!what) return failed_with("request");
    const std::string_view name = what->name();
    if (name == "put_chars") return put_chars(e, from);
    if (name == "get_line" || name == "get_chars" || name == "get_until" || name == "get_password")
        return atoms::eof;
    if (name == "setopts" || name == "get_geometry") return failed_with("enotsup");
    if (name != "requests" || e.size() != 2) return failed_with("request");
    // Several: up to the first that fails; the last one's answer.
    term answer = atoms::ok;
    for (const term& one : e[1].as_list().value_or(std::vector<term>{})) {
        if (one.is_tagged(atom("requests"), 2)) return failed_with("request");
        answer = answer_io(one, from);
        if (answer.is_tagged(atoms::error, 2)) break;
    }
    return answer;
}

log_level level_of(const term& level) {
    if (level == atoms::debug) return log_level::debug;
    if (level == atoms::info) return log_level::info;
    if (level == atoms::notice) return log_level::notice;
    if (level == atoms::warning) return log_level::warning;
    if (level == atoms::error) return log_level::error;
    return log_level::critical;  // and `alert`, `emergency`
}

// `{log, Level, Format, Args, Meta}` or `{log, Level, TextOrReport, Meta}`.
std::string logged_text(std::span<const term> e) {
    if (e.size() == 5) return format_text(e[2], e[3]);
    return text_or_term(e[2]);
}

}  // namespace

void user::handle_info(const term& t) {
    const auto e = t.elements();
    if (!t.is_tagged(atom("io_request"), 4)) return;
    const auto asker = e[1].as_pid();
    if (!asker) return;
    send(*asker, tuple(atom("io_reply"), e[2], answer_io(e[3], *asker)));
}

void logger_proxy::handle_info(const term& t) {
    const auto e = t.elements();
    if (!t.is_tagged(atoms::log, 5) && !t.is_tagged(atoms::log, 4)) return;
    const term* pid_there = e.back().map_find(atoms::pid);
    log(level_of(e[1]), "erlang", "logged by another node",
        {{"text", logged_text(e)}, {"pid", pid_there ? to_string(*pid_there) : std::string("?")}});
}

}  // namespace beam::dist::detail
