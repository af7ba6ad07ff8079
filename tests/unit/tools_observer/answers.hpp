// Answers as a node gives them.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace test {

using nlohmann::json;

inline json system_answer() {
    return {{"node", "beam"},
            {"state", "ready"},
            {"version", "0.1.0"},
            {"os_pid", 4711},
            {"uptime_ms", 130'000},
            {"restarts", 0},
            {"started_by", "chatctl (pid 1)"},
            {"start_reason", "started"},
            {"applications", {{{"name", "chat"}, {"version", "1"}}}},
            {"processes", 300},
            {"processes_max", 1000},
            {"spawned", 320},
            {"exited", 20},
            {"schedulers", 2},
            {"schedulers_busy", 1},
            {"run_queues", {1, 0}},
            {"hand_overs", 0},
            {"hog_threads", 0},
            {"reductions", 5000},
            {"atoms", 10},
            {"atoms_max", 100},
            {"memory_resident_bytes", 12 << 20},
            {"cpu_user_ms", 12},
            {"cpu_system_ms", 3},
            {"clients", 1}};
}

inline json process(int id, const json& name = nullptr) {
    return {{"pid", "<0." + std::to_string(id) + ".0>"},
            {"name", name},
            {"initial_call", "room"},
            {"doing", "chat::say"},
            {"status", "waiting"},
            {"message_queue_len", id % 10},
            {"message_bytes", 0},
            {"memory_bytes", 224 + id},
            {"reductions", 10 * id}};
}

/// The processes number `first` and following of `total`.
inline json processes_answer(int first, int shown, int total) {
    json list = json::array();
    for (int i = 0; i < shown; ++i) list.push_back(process(first + i));
    return {{"total", total},
            {"matching", total},
            {"shown", shown},
            {"offset", first},
            {"processes", list}};
}

inline json tree_answer() {
    const json room = {{"id", nullptr},    {"pid", "<0.9.0>"},       {"name", nullptr},
                       {"type", "worker"}, {"initial_call", "room"}, {"message_queue_len", 3}};
    const json rooms = {{"id", "room_sup"},     {"pid", "<0.8.0>"},    {"name", "chat_room_sup"},
                        {"type", "supervisor"}, {"children_count", 1}, {"children", {room}}};
    const json many = {{"id", "many"},           {"pid", "<0.7.0>"},
                       {"name", nullptr},        {"type", "supervisor"},
                       {"children_count", 2000}, {"children", json::array()}};
    const json stopped = {
        {"id", "late"}, {"pid", nullptr}, {"type", "worker"}, {"state", "restarting"}};
    const json chat = {{"id", "chat"},        {"pid", "<0.6.0>"},
                       {"name", "chat_sup"},  {"type", "supervisor"},
                       {"children_count", 3}, {"children", {rooms, many, stopped}}};
    return {{"trees", {chat}}};
}

}  // namespace test
