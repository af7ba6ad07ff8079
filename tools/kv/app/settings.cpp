#include "tools/kv/app/settings.hpp"

#include <cstdlib>
#include <utility>
#include <variant>
#include <vector>

#include "libbeamcore/base/duration.hpp"
#include "libbeamcore/base/size.hpp"
#include "libbeamcore/release/node_facts.hpp"
#include "tools/kv/app/encoding.hpp"
#include "tools/kv/comma_list.hpp"
#include "tools/kv/shard/config.hpp"
#include "tools/kv/sync_words.hpp"

namespace kv {

namespace {

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value ? value : "";
}

/// In their order on the disk, behind the endpoints. Of the password it is only where it lies.
constexpr struct {
    const char* variable;
    std::string etcd_options::*part;
} etcd_parts[] = {{"BEAM_KV_CLUSTER", &etcd_options::cluster},
                  {"BEAM_KV_COORDINATOR_CA", &etcd_options::ca_file},
                  {"BEAM_KV_COORDINATOR_CERT", &etcd_options::certificate_file},
                  {"BEAM_KV_COORDINATOR_KEY", &etcd_options::key_file},
                  {"BEAM_KV_COORDINATOR_PASSWORD_FILE", &etcd_options::password_file}};

void take_from_environment(etcd_options& o) {
    for (const auto& [name, part] : etcd_parts)
        if (std::string said = variable(name); !said.empty()) o.*part = std::move(said);
}

etcd_options kept_etcd(const std::string& bytes) {
    byte_reader r(unsealed(bytes));
    etcd_options o;
    o.endpoints = words_of(r.text());
    for (const auto& [name, part] : etcd_parts) o.*part = r.text();
    return o;
}

}  // namespace

beam::result<std::optional<beam::store::engine_type>> engine_setting() {
    const std::string said = variable("BEAM_KV_ENGINE");
    if (said.empty()) return std::optional<beam::store::engine_type>();
    const auto engine = beam::store::parse_engine(said);
    if (!engine)
        return beam::fail("bad_engine", "BEAM_KV_ENGINE is " + said + "; it is lmdb or rocksdb");
    return engine;
}

beam::result<std::optional<std::chrono::milliseconds>> sync_setting() {
    const std::string said = variable("BEAM_KV_SYNC");
    const auto sync = parse_sync(said.empty() ? sync_always : std::string_view(said));
    if (!sync) return beam::fail("bad_sync", "BEAM_KV_SYNC is " + said + "; " + sync_usage);
    return sync->interval;
}

std::string sync_of(const beam::store::statistics& store) {
    const auto sync = sync_setting();
    if (!sync || !*sync ||
        beam::store::parse_engine(store.engine) != beam::store::engine_type::rocksdb)
        return {};
    return sync_words{*sync}.text();
}

beam::result<std::uint64_t> copy_limit_setting() {
    // Less than a piece in some seconds would look like a copy that gets nowhere.
    constexpr std::uint64_t least = 1'000'000, otherwise = 64'000'000;
    const std::string said = variable("BEAM_KV_COPY_LIMIT");
    if (said.empty()) return otherwise;
    const auto bytes = beam::parse_size(said);
    if (!bytes || (*bytes > 0 && *bytes < least))
        return beam::fail("bad_copy_limit", "BEAM_KV_COPY_LIMIT is " + said +
                                                "; it is bytes a second, at least 1MB, or 0");
    return *bytes;
}

beam::result<std::chrono::milliseconds> erase_after_setting() {
    using namespace std::chrono_literals;
    const std::string said = variable("BEAM_KV_ERASE_AFTER");
    if (said.empty()) return config{}.erase_after;
    const auto d = beam::parse_duration(said);
    if (!d || *d < 0s || *d > 30 * 24h)
        return beam::fail("bad_erase_after",
                          "BEAM_KV_ERASE_AFTER is " + said + "; it is 0s to 30d, such as 5m");
    return std::chrono::duration_cast<std::chrono::milliseconds>(*d);
}

etcd_options etcd_setting(const std::string& endpoints, const std::string& uuid) {
    etcd_options o;
    o.endpoints = words_of(endpoints);
    o.uuid = uuid;
    take_from_environment(o);
    return o;
}

coordinator_options coordinator_setting(const std::string& node, const std::string& uuid,
                                        const std::string& before) {
    const std::string said = variable("BEAM_KV_COORDINATOR");
    if (said != local_coordinator && !before.empty()) {
        etcd_options o = kept_etcd(before);
        if (said.empty() || words_of(said) == o.endpoints) {
            o.uuid = uuid;
            take_from_environment(o);
            return o;
        }
    }
    if (!said.empty() && said != local_coordinator) return etcd_setting(said, uuid);
    const beam::node_facts facts = beam::this_node_facts();
    local_options o;
    o.folder = (facts.store_folder.parent_path() / "kv.cluster").string();
    o.runtime_folder = facts.socket.parent_path().string();
    o.node = node;
    o.uuid = uuid;
    return o;
}

std::string to_keep(const coordinator_options& options) {
    const auto* etcd = std::get_if<etcd_options>(&options);
    if (!etcd) return {};
    byte_writer w;
    w.text(joined(etcd->endpoints));
    for (const auto& [name, part] : etcd_parts) w.text((*etcd).*part);
    return sealed(w.bytes());
}

std::string place_of(const std::string& kept) {
    if (kept.empty()) return std::string(local_coordinator);
    const etcd_options o = kept_etcd(kept);
    return joined(o.endpoints) + " as " + o.cluster;
}

std::string name_of(const coordinator_options& options) {
    const auto* etcd = std::get_if<etcd_options>(&options);
    return etcd ? joined(etcd->endpoints) : std::string(local_coordinator);
}

}  // namespace kv
