// What survives a node: rules, usages that are durable, and what people set on breakers. In the node's store; in a
// runtime without a folder for one (tests) nothing is kept, and nothing fails.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "libbeamcore/base/result.hpp"
#include "libbeamcore/otp/child_start.hpp"
#include "libbeamcore/otp/gen_server.hpp"
#include "libbeamcore/runtime/process.hpp"
#include "libbeamcore/term/outcome.hpp"
#include "tools/ratelimit/app/counting.hpp"
#include "tools/ratelimit/app/rules.hpp"

namespace ratelimit::kept {

/// The store's process, as a child of the application's supervisor.
[[nodiscard]] beam::child_start store_child();

/// A moment on every clock there is. A node's own clock means nothing to the next one; that of the machine
/// does until it is booted again, and only the wall clock after that.
struct moment {
    std::int64_t node_ns = 0;
    std::int64_t boot_ns = 0;
    std::int64_t wall_ns = 0;
    std::string boot_id;
    BEAM_FIELDS(moment, node_ns, boot_ns, wall_ns, boot_id)
};
/// Which moment of this node's clock the former node's `at` was, its clocks having stood at `then`. The wall
/// clock counts only across a boot, and never takes anything back.
[[nodiscard]] std::int64_t moved(std::int64_t at, const moment& then, const moment& now);

[[nodiscard]] std::vector<rule> rules();
[[nodiscard]] beam::awaitable<beam::outcome<void>> save_rule(rule r);
[[nodiscard]] beam::awaitable<beam::outcome<void>> erase_rule(std::string name);

/// The durable usages, moved on to this node's clock by the time that has passed since they were saved: exactly,
/// as long as the machine was not booted; across a boot by the wall clock, which never moves them back.
[[nodiscard]] std::vector<usage_row> usages();

/// Terms by name, for breakers.
[[nodiscard]] std::vector<std::pair<std::string, beam::term>> breakers();
[[nodiscard]] std::optional<beam::term> breaker(const std::string& name);
[[nodiscard]] beam::awaitable<beam::outcome<void>> save_breaker(std::string name, beam::term what);
[[nodiscard]] beam::awaitable<beam::outcome<void>> erase_breaker(std::string name);

/// Saves durable usages. What is written is what the row holds at that moment, so the last of several that are
/// under way is what stays; all that wait are written in one commit.
class writer : public beam::gen_server<writer> {
    struct save_row {
        using reply = beam::outcome<bool>;
        std::string name;
    };
    struct flush {};

public:
    /// On disk when it is answered. A row that is gone is forgotten. Error: the store's reason.
    static beam::future<beam::outcome<bool>> save(std::string row_name);
    /// The same, and nobody waits.
    static void save_soon(std::string row_name);

    using arguments = std::tuple<>;
    using calls = beam::messages<save_row>;
    using casts = beam::messages<save_row, flush>;

    static beam::init_result<writer> init();
    beam::call_result<beam::outcome<bool>> handle_call(save_row m, beam::from caller);
    void handle_cast(save_row m);
    beam::awaitable<void> handle_cast(flush);

private:
    void add(std::string name);

    std::vector<std::string> names_;
    std::vector<beam::from> callers_;
    bool flushing_ = false;
};

}  // namespace ratelimit::kept
