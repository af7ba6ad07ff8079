// The commands of kv: each asks the node and prints.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tools/common/tool.hpp"

namespace kv::client {

/// What a write may say besides key and value, as it was typed.
struct change_words {
    std::string key, value;
    std::string ttl;
    std::int64_t by = 1;
    bool if_absent = false;
    std::optional<std::string> expect;
    std::optional<std::uint64_t> expect_version;
};
struct get_words {
    std::string key;
    bool primary = false, stale = false, raw = false;
};
struct init_words {
    std::vector<std::string> nodes;
    std::uint32_t shards = 64, copies = 2, min_isr = 1;
    std::string out_after = "10s";
};

/// `op`: put, cas, delete, incr or expire. A value `-` is what stdin holds, byte for byte.
beam::tool::exit_code change(beam::client& node, const std::string& op, change_words words);
beam::tool::exit_code get(beam::client& node, const get_words& words);
beam::tool::exit_code ttl(beam::client& node, const std::string& key);
/// Lines of stdin, a JSON object each: what change() takes. All or nothing.
beam::tool::exit_code transaction(beam::client& node);
beam::tool::exit_code locate(beam::client& node, const std::string& key);

struct scan_words {
    std::string prefix;
    std::optional<std::string> cursor;
    std::uint64_t limit = 0;  // 0: all
    bool keys_only = false;
};

beam::tool::exit_code scan(beam::client& node, const scan_words& words);
beam::tool::exit_code count(beam::client& node, const std::string& prefix);
beam::tool::exit_code watch(beam::client& node, const std::string& prefix,
                            std::optional<std::string> cursor,
                            const beam::tool::stream_limits& limits);
/// JSON lines: key, value, and when it expires.
beam::tool::exit_code export_keys(beam::client& node, const std::string& prefix);
/// Of stdin, from that line on.
beam::tool::exit_code import_keys(beam::client& node, std::uint64_t from_line);

beam::tool::exit_code backup(beam::client& node, const std::string& folder);
/// Into a cluster without keys.
beam::tool::exit_code restore(beam::client& node, const std::string& folder);

beam::tool::exit_code cluster_init(beam::client& node, const init_words& words);
beam::tool::exit_code cluster_status(beam::client& node);
beam::tool::exit_code cluster_health(beam::client& node);
beam::tool::exit_code cluster_nodes(beam::client& node);
/// Without `accepts_data_loss` it only says what would be lost.
beam::tool::exit_code cluster_recover(beam::client& node, bool accepts_data_loss);
/// The coordinator's data, from what the nodes' stores hold.
beam::tool::exit_code cluster_recover_coordinator(beam::client& node, bool accepts_data_loss);
/// From the file of this host to the etcd at these endpoints.
beam::tool::exit_code cluster_migrate(beam::client& node, const std::string& to);
/// What is still to be moved, or would be: nodes do it by themselves. `waits`: until that is nothing, or --timeout is over.
beam::tool::exit_code cluster_rebalance(beam::client& node, bool waits);
/// Waits until others have what the node that answers has, as long as --timeout says (for ever).
beam::tool::exit_code cluster_leave(beam::client& node);
/// `how`: join, drain, remove or rejoin. `waits` as above.
beam::tool::exit_code cluster_change(beam::client& node, const std::string& how,
                                     const std::string& name, bool waits);

}  // namespace kv::client
