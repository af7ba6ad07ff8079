#include "tools/observer/ask.hpp"

#include <algorithm>

namespace observer {

using beam::client;
using beam::tool::exit_code;
using beam::tool::failure;
using nlohmann::json;

namespace {

constexpr std::uint64_t page_max = 200;  // what one answer of a node holds at most

json params_of(const process_query& q) {
    json params = {{"sort", q.sort}, {"ascending", is_ascending(q.sort) != q.reverse}};
    if (!q.filter.empty()) params["match"] = q.filter;
    if (!q.parent.empty()) params["parent"] = q.parent;
    if (q.sample_ms > 0 && q.sort == "rate") params["sample_ms"] = q.sample_ms;
    return params;
}

const char* member_of(std::string_view sort) {
    if (sort == "memory") return "memory_bytes";
    if (sort == "queue") return "message_queue_len";
    if (sort == "name") return "name";
    return "reductions";
}

// As the node orders them; pages come in the order of pids.
void sort_and_cut(std::vector<json>& list, const process_query& q) {
    const bool ascending = is_ascending(q.sort) != q.reverse;
    if (q.sort != "pid") {
        const char* key = member_of(q.sort);
        std::stable_sort(list.begin(), list.end(), [&](const json& a, const json& b) {
            const json &x = a.at(key), &y = b.at(key);
            if (x.is_null() || y.is_null()) return !x.is_null() && y.is_null();
            return ascending ? x < y : y < x;
        });
    } else if (!ascending) {
        std::reverse(list.begin(), list.end());
    }
    if (q.limit > 0 && list.size() > q.limit) list.resize(q.limit);
}

json ask_all_pages(client& node, const process_query& q) {
    if (q.sort == "rate")
        throw failure(exit_code::usage,
                      "by rate at most " + std::to_string(page_max) + " processes are listed",
                      "observer processes --sort rate --limit " + std::to_string(page_max));
    json params = params_of(q);
    params["limit"] = page_max;
    params["from"] = 1;
    std::vector<json> list;
    json total, matching = 0;
    while (!params["from"].is_null()) {
        json answer = ask(node, "node.processes", params);
        for (json& p : answer.at("processes")) list.push_back(std::move(p));
        total = answer.at("total");
        params["from"] = answer.value("next", json());
        matching = matching.get<std::uint64_t>() + answer.at("shown").get<std::uint64_t>();
        if (q.limit > 0 && list.size() > 4 * q.limit + page_max) sort_and_cut(list, q);
    }
    sort_and_cut(list, q);
    const auto shown = list.size();
    return {
        {"total", total}, {"matching", matching}, {"shown", shown}, {"processes", std::move(list)}};
}

}  // namespace

bool is_ascending(std::string_view sort) {
    return sort == "name" || sort == "pid";
}

json ask(client& node, std::string_view method, const json& params) {
    try {
        return node.ask(method, params);
    } catch (const failure& error) {
        if (error.kind != "node_ended") throw;
    }
    node.disconnect();
    return node.ask(method, params);
}

json ask_system(client& node) {
    json system = ask(node, "node.status");
    system.update(ask(node, "node.system"));
    return system;
}

json ask_processes(client& node, const process_query& query) {
    if (query.limit == 0 || query.limit > page_max) return ask_all_pages(node, query);
    json params = params_of(query);
    params["limit"] = query.limit;
    if (query.offset > 0) params["offset"] = query.offset;
    return ask(node, "node.processes", params);
}

json ask_tree(client& node, const std::string& root) {
    json params = json::object();
    if (!root.empty()) params["root"] = root;
    return ask(node, "node.supervision_tree", params);
}

json ask_applications(client& node, bool installed) {
    return ask(node, "node.applications", {{"installed", installed}});
}

json ask_info(client& node, const std::string& pid, bool with_state) {
    return ask(node, "node.process_info", {{"pid", pid}, {"state", with_state}});
}

}  // namespace observer
