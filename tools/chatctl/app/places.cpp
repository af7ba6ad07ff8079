#include "tools/chatctl/app/places.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "libbeamcore/ets/rows.hpp"
#include "libbeamcore/ets/select.hpp"
#include "libbeamcore/otp/registry.hpp"
#include "libbeamcore/runtime/exit.hpp"
#include "libbeamcore/runtime/groups.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/nodes.hpp"
#include "libbeamcore/runtime/send.hpp"
#include "tools/chatctl/app/application.hpp"
#include "tools/chatctl/app/copies.hpp"
#include "tools/chatctl/app/directory.hpp"
#include "tools/chatctl/app/history.hpp"

namespace chat {

namespace {

bool contains(const std::vector<beam::atom>& nodes, beam::atom node) {
    return std::find(nodes.begin(), nodes.end(), node) != nodes.end();
}

}  // namespace

beam::term room_key(medium kept, const std::string& name) {
    return beam::tuple(beam::to_term(kept), name);
}

std::optional<beam::pid> find_local_room(medium kept, const std::string& name) {
    try {
        return beam::registry::whereis(rooms_registry(), room_key(kept, name));
    } catch (const beam::error_exception&) {  // there is no registry just now
        return {};
    }
}

std::optional<beam::pid> find_local_room(const std::string& name) {
    if (auto in_kv = find_local_room(medium::kv, name)) return in_kv;
    return find_local_room(medium::disk, name);
}

std::optional<beam::pid> find_room(const std::string& name) {
    if (auto here = find_local_room(name)) return here;
    const auto table = beam::ets::whereis(directory_name());
    if (!table) return {};
    const beam::ets::rows found = beam::ets::lookup(*table, name);
    if (!found) return {};
    const auto pid = found.front().element(2).as_pid();
    if (!pid || !is_connected(beam::node(*pid))) return {};
    return pid;
}

bool has_room(const std::string& name) {
    if (name.empty()) return false;
    if (const auto table = beam::ets::whereis(directory_name()))
        if (beam::ets::member(*table, name)) return true;
    return history::record_of(name).has_value();
}

bool may_have_room(const std::string& name) {
    try {
        if (has_room(name)) return true;
        (void)beam::registry::whereis(rooms_registry(), room_key(medium::disk, name));
        return false;
    } catch (const beam::error_exception&) {  // there is no registry just now
        return true;
    } catch (const beam::exit_exception& e) {
        const auto parts =
            e.reason.is_tuple() ? e.reason.elements() : decltype(e.reason.elements())();
        if (parts.size() < 2 || parts[1] != beam::atom("noproc")) throw;
        return true;  // nor a store
    }
}

std::vector<std::string> local_room_names() {
    std::vector<std::string> names;
    // [{{{'_', '$1'}, '_', '_'}, [], ['$1']}]: the names of the keys.
    const beam::term found = beam::atom("$1"), any = beam::atom("_");
    const beam::term key = beam::tuple(any, found);
    const beam::term spec =
        beam::list({beam::tuple(beam::tuple(key, any, any), beam::list({}), beam::list({found}))});
    std::vector<beam::term> all;
    try {
        all = beam::registry::select(rooms_registry(), spec);
    } catch (const beam::error_exception&) {  // there is no registry just now
    }
    for (const beam::term& name : all)
        if (auto text = name.as_text()) names.emplace_back(*text);
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return names;
}

std::vector<std::string> room_names() {
    std::vector<std::string> names = local_room_names();
    const auto table = beam::ets::whereis(directory_name());
    if (!table) return names;
    for (const beam::term& row : beam::ets::tab2list(*table)) {
        const auto text = row.elements()[0].as_text();
        if (text && find_room(std::string(*text))) names.emplace_back(*text);
    }
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return names;
}

std::vector<beam::atom> other_nodes() {
    std::vector<beam::atom> nodes;
    const auto table = beam::ets::whereis(directory_name());
    if (!table) return nodes;
    const beam::ets::rows found = beam::ets::lookup(*table, beam::atom("nodes"));
    if (!found) return nodes;
    const beam::term list = found.front().element(2);
    for (const beam::term& node : list.list_elements()) nodes.push_back(*node.as_atom());
    return nodes;
}

beam::awaitable<void> meet_others() {
    if (!is_distributed()) co_return;
    const std::vector<beam::atom> known = other_nodes();
    std::vector<std::pair<beam::atom, beam::future<bool>>> asked;
    for (beam::atom node : beam::nodes(beam::node_kind::connected))
        if (!contains(known, node)) asked.emplace_back(node, copies::is_there(node));
    std::vector<beam::atom> met;
    for (auto& [node, there] : asked) {
        beam::outcome<bool> answer = co_await there.outcome();
        if (answer) met.push_back(node);
    }
    if (met.empty()) co_return;
    auto waiting = directory::wait_for(met);
    (void)co_await waiting.outcome();
}

void watch_room(const std::string& name) {
    beam::pg::join(watchers_scope(), name, beam::this_process().id());
}

void tell_watchers_up(const std::string& name, beam::pid room) {
    for (const beam::pid& p : beam::pg::get_members(watchers_scope(), name))
        beam::send(p, room_up{name, room});
}

void tell_watchers_deleted(const std::string& name) {
    for (const beam::pid& p : beam::pg::get_members(watchers_scope(), name))
        beam::send(p, room_deleted{name});
}

}  // namespace chat
