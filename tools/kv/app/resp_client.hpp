// One client that speaks RESP: what its commands see of it, the table of commands, and how they ask the store.
//
// A command of the store runs in a process of its own, on a client of its own that has the connection's settings; one
// about the connection runs on the connection's.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "libbeamcore/runtime/call.hpp"
#include "libbeamcore/runtime/process.hpp"
#include "tools/kv/app/change_requests.hpp"
#include "tools/kv/app/router.hpp"
#include "tools/resp/commands.hpp"
#include "tools/resp/options.hpp"

namespace kv {

using resp::arguments;
/// Of a command that runs in a process of its own.
using words = std::vector<std::string>;

struct resp_client : resp::client {
    bool takes_replicas = false;  ///< READONLY was said: this node's copy may answer reads
};

using resp_command = resp::command<resp_client>;

[[nodiscard]] const resp::command_index<resp_client>& all_resp_commands();

// Where they are defined.
[[nodiscard]] std::span<const resp_command> value_commands();
[[nodiscard]] std::span<const resp_command> key_commands();
[[nodiscard]] std::span<const resp_command> scan_commands();
[[nodiscard]] std::span<const resp_command> server_commands();

// -- asking the store -----------------------------------------------------------------------------

/// How long the store is asked, at most.
inline constexpr std::chrono::milliseconds resp_patience(patience_default_ms);

using store_answer = beam::outcome<routed_answer>;

[[nodiscard]] beam::future<routed_answer> read_key(const resp_client& c, const std::string& key);
[[nodiscard]] beam::future<routed_answer> read_at_primary(const std::string& key);
/// All but the bytes of what is there: they stay where they are.
[[nodiscard]] beam::future<routed_answer> look_at_key(const resp_client& c, const std::string& key);
[[nodiscard]] beam::future<routed_answer> look_at_primary(const std::string& key);
[[nodiscard]] beam::future<routed_answer> write_one(operation o);

[[nodiscard]] bool is_read(const store_answer& a);
[[nodiscard]] bool is_done(const store_answer& a);
/// An expectation did not hold.
[[nodiscard]] bool is_refused(const store_answer& a);

/// What a command makes of what there is under its key, without its bytes if it does not want them; nothing: nothing is written.
using chooser = std::function<std::optional<operation>(const std::optional<value>& there)>;
/// Reads the key at its primary and writes what `choose` makes of it, if no other has changed it meanwhile; else again.
/// False: it failed, and that was said.
[[nodiscard]] beam::awaitable<bool> change_key(resp_client& c, std::string key, chooser choose,
                                               bool wants_bytes = true);

[[nodiscard]] operation put_of(std::string key, std::string bytes, std::int64_t expires_ms = 0);

// -- what is said ---------------------------------------------------------------------------------

/// Of a request that came to nothing. The first word says what is known: TRYAGAIN, CLUSTERDOWN, NOREPLICAS and CROSSSLOT:
/// nothing was written; UNKNOWN: it may have been.
[[nodiscard]] beam::awaitable<void> say_failure(resp_client& c, store_answer a, std::string key,
                                                bool is_write);
/// A key or value that is none is refused. True: it was said.
[[nodiscard]] bool refuse_key(resp_client& c, const std::string& key);
[[nodiscard]] bool refuse_entry(resp_client& c, const std::string& key, const std::string& bytes);
/// More keys than one command may have.
[[nodiscard]] bool refuse_count(resp_client& c, std::size_t keys);

/// When something expires, by the wall clock.
[[nodiscard]] std::optional<std::int64_t> expiry_of(resp::time_unit unit, std::int64_t amount);

}  // namespace kv
