#include "tools/kv/node_settings.hpp"

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "tools/kv/comma_list.hpp"
#include "tools/kv/sync_words.hpp"

namespace kv::client {

namespace {

using beam::tool::exit_code;
using beam::tool::failure;

/// A node has another folder to look from.
std::string as_seen_from_anywhere(const std::string& path) {
    return std::filesystem::absolute(path).lexically_normal();
}

void give(const char* variable, const std::string& value) {
    if (!value.empty()) ::setenv(variable, value.c_str(), 1);
}
void give_file(const char* variable, const std::string& path) {
    if (!path.empty()) give(variable, as_seen_from_anywhere(path));
}

}  // namespace

void add_node_settings(CLI::App& command, node_settings& typed) {
    command.add_option("--engine", typed.engine, "Of the node's store, if it is new (lmdb)")
        ->type_name("{lmdb,rocksdb}");
    command
        .add_option("--sync", typed.sync,
                    "When writes are on the disk: always, before they are acknowledged, or "
                    "interval=20ms, so long after that (always)")
        ->option_text("always|interval=TIME");
    command
        .add_option("--coordinator", typed.coordinator,
                    "etcd, as http://h1:2379,http://h2:2379, or local, this host (local)")
        ->option_text("ENDPOINTS");
    command.add_option("--coordinator-ca", typed.ca_file, "Whose certificates etcd may have")
        ->option_text("FILE");
    command.add_option("--coordinator-cert", typed.certificate_file, "The node's own, for etcd")
        ->option_text("FILE");
    command.add_option("--coordinator-key", typed.key_file, "Its key")->option_text("FILE");
    command
        .add_option("--coordinator-password-file", typed.password_file,
                    "Two lines, user and password; mode 0600")
        ->option_text("FILE");
}

void give_to_started_nodes(const node_settings& typed) {
    if (!typed.engine.empty() && typed.engine != "lmdb" && typed.engine != "rocksdb") {
        failure error(exit_code::usage, "it is lmdb or rocksdb");
        error.what_failed = "--engine " + typed.engine;
        throw error;
    }
    const auto sync = parse_sync(typed.sync);
    if (!typed.sync.empty() && !sync) {
        failure error(exit_code::usage, sync_usage);
        error.what_failed = "--sync " + typed.sync;
        throw error;
    }
    if (typed.engine == "lmdb" && sync && sync->interval) {
        failure error(exit_code::usage, "lmdb syncs every write", "--engine rocksdb");
        error.what_failed = "--sync " + typed.sync;
        throw error;
    }
    give("BEAM_KV_ENGINE", typed.engine);
    give("BEAM_KV_SYNC", typed.sync);
    give("BEAM_KV_COORDINATOR", typed.coordinator);
    give_file("BEAM_KV_COORDINATOR_CA", typed.ca_file);
    give_file("BEAM_KV_COORDINATOR_CERT", typed.certificate_file);
    give_file("BEAM_KV_COORDINATOR_KEY", typed.key_file);
    give_file("BEAM_KV_COORDINATOR_PASSWORD_FILE", typed.password_file);
}

void expect_of_node(beam::client& node, const node_settings& typed) {
    if (typed.engine.empty() && typed.sync.empty() && typed.coordinator.empty()) return;
    const nlohmann::json is = node.ask("kv.settings");
    const std::string name = node.common()->node;
    if (const auto& engine = is.at("engine").get_ref<const std::string&>();
        !typed.engine.empty() && engine != typed.engine)
        throw failure(exit_code::no,
                      "the node \"" + name + "\" has a store already, of " + engine +
                          ", which it keeps: the engine is chosen as a store is made",
                      "another node, with --node");
    if (const auto& sync = is.at("sync").get_ref<const std::string&>();
        !typed.sync.empty() && sync != parse_sync(typed.sync)->text()) {
        const bool is_lmdb = is.at("engine") == "lmdb";
        throw failure(exit_code::no,
                      "the node \"" + name + "\" " +
                          (is_lmdb ? std::string("has a store of lmdb, which syncs every write")
                                   : "was started with --sync " + sync),
                      is_lmdb ? "another node, with --node"
                              : "beamd stop --node " + name + ", then the same again");
    }
    if (const auto& coordinator = is.at("coordinator").get_ref<const std::string&>();
        !typed.coordinator.empty() && coordinator != joined(words_of(typed.coordinator)))
        throw failure(exit_code::no,
                      "the node \"" + name + "\" was started with the coordinator " + coordinator,
                      "beamd stop --node " + name + ", then the same again");
}

}  // namespace kv::client
